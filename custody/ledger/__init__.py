"""The ledger: entries as exact bytes in an RFC 6962 log, its signed heads, witnesses of other ledgers (pure)."""

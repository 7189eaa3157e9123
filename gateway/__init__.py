"""The gateway: intake, journal, decide, stores, delivery, HTTP and command line."""

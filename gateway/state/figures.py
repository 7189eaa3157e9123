"""The tables of what is worked out from readings for charts, and of the credentials that brokers know devices by."""

from __future__ import annotations

import sqlalchemy as sa

from gateway.state.meta import metadata

#: Five-minute windows (from ``start`` to ``until``) whose figures have to be worked out (again); the store writes them
#: with its cursor. ``device`` ``*`` = all devices of the kind. ``cursor`` grows whenever the row is written: who worked
#: windows out takes them from the row with the cursor that it had before.
periods_stale = sa.Table(
    "periods_stale",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("start", sa.BigInteger, primary_key=True, autoincrement=False),  # ms since 1970 UTC
    sa.Column("device", sa.Text, primary_key=True),
    sa.Column("until", sa.BigInteger, nullable=False),
    sa.Column("due", sa.Boolean, nullable=False),  # what was due has to be worked out again as well
    sa.Column("cursor", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

#: How far each follower that works by time has come: windows that end at or before ``upto`` (ms) are done.
period_marks = sa.Table(
    "period_marks",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("upto", sa.BigInteger, nullable=False),
)

#: Passwords and certificates that were given out, as digests; erasable, and read by no decision (DESIGN 1, 10).
#: ``name`` is the user name at the broker: the device's id, or ``source-ID`` of foreign devices that share one.
#: The version is in the ledger. One row a version; in force = the highest version with ``revoked_at`` NULL.
credentials = sa.Table(
    "credentials",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("digest", sa.Text, nullable=False),  # Mosquitto's: $7$rounds$salt$hash; empty = certificate only
    sa.Column("serial", sa.Text, nullable=False, server_default=""),  # hex, of the client certificate
    sa.Column("issued_at", sa.BigInteger, nullable=False),
    sa.Column("expires_at", sa.BigInteger),  # of the certificate
    sa.Column("revoked_at", sa.BigInteger),
)

"""The tables of custody: events with what they name, containers and manifests as they stand, and the ledger."""

from __future__ import annotations

import sqlalchemy as sa

from gateway.state.meta import metadata

custody_events = sa.Table(
    "custody_events",
    metadata,
    sa.Column("offset", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("terminal", sa.Text, nullable=False),
    sa.Column("event_id", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),  # SHA-256 of the RFC 8785 form
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("ts", sa.BigInteger, nullable=False),
    sa.Column("received_at", sa.BigInteger, nullable=False),
    sa.Column("flags", sa.Text, nullable=False),  # JSON list
    sa.Column("copy", sa.Text, nullable=False),
    sa.Column("decided", sa.BigInteger, nullable=False, server_default="-1"),  # record that accepted it; -1 = offset
    sa.Column("of", sa.Text),  # the id of the event that it speaks of
    sa.Column("unit", sa.Text, nullable=False, server_default=""),  # of the place where it happened
    sa.Column("place", sa.Text, nullable=False, server_default=""),
    sa.Column("fact", sa.LargeBinary, nullable=False, server_default=sa.text("x''")),  # msgpack of custody.fact.Fact
    sa.Index("custody_events_identity", "terminal", "event_id"),
    sa.Index("custody_events_ts", "ts"),
    sa.Index("custody_events_unit", "unit", "ts"),
    sa.Index("custody_events_id", "event_id"),
    sa.Index("custody_events_of", "of"),
)

#: What each custody event names (``custody.fact.entities``): id texts, ``manifest:M``, ``vehicle:V``. An event with
#: ``of`` stands under what the other event names as well. ``decided`` is the record that made the row known.
custody_links = sa.Table(
    "custody_links",
    metadata,
    sa.Column("entity", sa.Text, primary_key=True),
    sa.Column("ts", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("offset", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("decided", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

#: The containers as they stand, one row each; ``id`` is the leading one of its ids (``custody.container``).
containers = sa.Table(
    "containers",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("offset", sa.BigInteger, nullable=False),  # of the first event by record
    sa.Column("ids", sa.Text, nullable=False, server_default="[]"),  # JSON: [{"k", "v", "uri"}]
    sa.Column("category", sa.Text, nullable=False, server_default=""),
    sa.Column("state", sa.Text, nullable=False, server_default=""),
    sa.Column("holder", sa.Text, nullable=False, server_default=""),
    sa.Column("place", sa.Text, nullable=False, server_default=""),
    sa.Column("unit", sa.Text, nullable=False, server_default=""),  # that produced it
    sa.Column("grid", sa.Text, nullable=False, server_default=""),
    sa.Column("department", sa.Text, nullable=False, server_default=""),
    sa.Column("net_g", sa.BigInteger),
    sa.Column("sealed_at", sa.BigInteger),
    sa.Column("stored_at", sa.BigInteger),
    sa.Column("parent", sa.Text, nullable=False, server_default=""),
    sa.Column("manifest", sa.Text, nullable=False, server_default=""),
    sa.Column("cycle", sa.Integer, nullable=False, server_default="0"),
    sa.Column("handover", sa.BigInteger),  # offset of the event whose hand-over nobody confirmed
    sa.Column("open", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("first_ts", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("changed", sa.BigInteger, nullable=False, server_default="-1"),  # record that last changed it
    sa.Index("containers_state", "state", "offset"),
    sa.Index("containers_unit", "unit", "first_ts"),
    sa.Index("containers_place", "place", "open"),
    sa.Index("containers_offset", "offset"),
)

#: Manifests as they stand (``custody.manifest``).
manifests = sa.Table(
    "manifests",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("offset", sa.BigInteger, nullable=False),
    sa.Column("state", sa.Text, nullable=False),  # open | departed | received | confirmed | refused_in_part
    sa.Column("consignor", sa.Text, nullable=False),  # units
    sa.Column("carrier", sa.Text, nullable=False),
    sa.Column("receiver", sa.Text, nullable=False),
    sa.Column("grid", sa.Text, nullable=False),
    sa.Column("vehicle", sa.Text, nullable=False),
    sa.Column("opened_at", sa.BigInteger),
    sa.Column("departed_at", sa.BigInteger),
    sa.Column("received_at", sa.BigInteger),
    sa.Column("confirmed_at", sa.BigInteger),
    sa.Column("loaded", sa.Integer, nullable=False),  # containers
    sa.Column("received", sa.Integer, nullable=False),
    sa.Column("net_g", sa.BigInteger),
    sa.Column("changed", sa.BigInteger, nullable=False),
    sa.Index("manifests_consignor", "consignor", "opened_at"),
)

#: The ledger (``custody.ledger``): entry ``idx`` is exactly ``bytes``; ``leaf`` its RFC 6962 leaf hash.
ledger_entries = sa.Table(
    "ledger_entries",
    metadata,
    sa.Column("idx", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("offset", sa.BigInteger, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("bytes", sa.LargeBinary, nullable=False),
    sa.Column("leaf", sa.LargeBinary, nullable=False),
    sa.Index("ledger_entries_offset", "offset"),
    sa.Index("ledger_entries_at", "at"),
)

#: The entries of each entity, numbered from 0 without a gap.
ledger_links = sa.Table(
    "ledger_links",
    metadata,
    sa.Column("entity", sa.Text, primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("idx", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

#: Hashes of complete subtrees of two entries and more: (level, idx) is over entries [idx << level, (idx + 1) << level).
ledger_nodes = sa.Table(
    "ledger_nodes",
    metadata,
    sa.Column("level", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("idx", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

#: Signed heads (C2SP notes), written by the notary after the commit; not an output of decide.
ledger_checkpoints = sa.Table(
    "ledger_checkpoints",
    metadata,
    sa.Column("origin", sa.Text, primary_key=True),
    sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
)

#: What this gateway co-signed of the ledgers of others, as their witness.
ledger_witnessed = sa.Table(
    "ledger_witnessed",
    metadata,
    sa.Column("origin", sa.Text, primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("root", sa.LargeBinary, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
)

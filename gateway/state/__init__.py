"""The tables of the state (SQLite through SQLAlchemy Core). Facts are only added; ``*_now`` columns say so.

Written by decide in one transaction with its cursor: outcomes, copies, registry, alerts, transitions, findings,
sessions, links, custody_events, custody_links, containers, manifests, ledger_entries, ledger_links, ledger_nodes,
outbox, told, answers, counters. Written by others under cursors of their own: store_cursors and store_parked (a store),
periods_stale, period_marks (figures of periods), attempts (delivery), ledger_checkpoints and ledger_witnessed (notary,
HTTP), people_private, accounts, tokens, credentials (HTTP), which no decision reads.
"""

from __future__ import annotations

import sqlalchemy as sa

from gateway.state.custody import (
    containers,
    custody_events,
    custody_links,
    ledger_checkpoints,
    ledger_entries,
    ledger_links,
    ledger_nodes,
    ledger_witnessed,
    manifests,
)
from gateway.state.figures import credentials, period_marks, periods_stale
from gateway.state.meta import metadata

__all__ = [
    "accounts",
    "alerts",
    "answers",
    "attempts",
    "containers",
    "copies",
    "counters",
    "credentials",
    "cursors",
    "custody_events",
    "custody_links",
    "findings",
    "ledger_checkpoints",
    "ledger_entries",
    "ledger_links",
    "ledger_nodes",
    "ledger_witnessed",
    "links",
    "manifests",
    "metadata",
    "outbox",
    "outcomes",
    "people_private",
    "period_marks",
    "periods_stale",
    "registry",
    "sessions",
    "settings",
    "store_cursors",
    "store_parked",
    "tokens",
    "told",
    "transitions",
]

settings = sa.Table(
    "settings", metadata, sa.Column("name", sa.Text, primary_key=True), sa.Column("value", sa.Text, nullable=False)
)

cursors = sa.Table(
    "cursors",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("offset", sa.BigInteger, nullable=False),
)

#: Fates of messages that are not plainly accepted: no row = accepted with every value new and in order.
#: ``detail`` is JSON: {"refusals": [...], "late": [...], "known": [...], "words": ...}.
outcomes = sa.Table(
    "outcomes",
    metadata,
    sa.Column("offset", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("fate", sa.Text, nullable=False),  # accepted | parked | repeated
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("device", sa.Text, nullable=False),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("received_at", sa.BigInteger, nullable=False),
    sa.Column("qos", sa.Integer, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("copy", sa.Text),  # sha256 of the raw bytes in copies
    sa.Column("redriven_by", sa.BigInteger),  # offset of the redrive that took it back
    # What the newest redrive said that did not take it back; ``reason`` and ``detail`` stay what they were.
    sa.Column("reason_now", sa.Text),
    sa.Column("detail_now", sa.Text),
    sa.Index("outcomes_fate", "fate", "offset"),
)

#: Bytes that an alert, a custody event or a parked message rests on, by SHA-256 (hex).
copies = sa.Table(
    "copies",
    metadata,
    sa.Column("sha256", sa.Text, primary_key=True),
    sa.Column("bytes", sa.LargeBinary, nullable=False),
)

#: Every version of every registry entry; the newest ``offset`` at or below a record's is in force for it.
registry = sa.Table(
    "registry",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("offset", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("body", sa.LargeBinary),  # JSON; NULL = removed
)

#: Erasable: what must not stand in journal or ledger (DESIGN 1, invariant 10).
people_private = sa.Table(
    "people_private",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("body", sa.Text, nullable=False),  # JSON: name, phone, email, ...
)

alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("offset", sa.BigInteger, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("pack", sa.Text, nullable=False),
    sa.Column("severity", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("unit", sa.Text, nullable=False),
    sa.Column("place", sa.Text, nullable=False),
    sa.Column("grid", sa.Text, nullable=False),
    sa.Column("device", sa.Text, nullable=False),
    sa.Column("point", sa.Text, nullable=False),
    sa.Column("parameter", sa.Text, nullable=False),
    sa.Column("value", sa.Float),
    sa.Column("limit_value", sa.Float),
    sa.Column("parameter_unit", sa.Text, nullable=False),
    sa.Column("since", sa.BigInteger, nullable=False),
    sa.Column("fired_at", sa.BigInteger),
    sa.Column("cleared_at", sa.BigInteger),
    sa.Column("acknowledged_by", sa.Text),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("pack_digest", sa.Text, nullable=False),
    sa.Column("registry_version", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.Text, nullable=False, server_default=""),  # of its condition: limit, absent, ...
    sa.Column("acknowledged_at", sa.BigInteger),
    sa.Column("closed_at", sa.BigInteger),
    sa.Column("assigned_to", sa.Text),
    sa.Column("shelved_until", sa.BigInteger),
    sa.Column("held_by", sa.Text, nullable=False, server_default=""),
    sa.Column("condition", sa.Boolean, nullable=False, server_default=sa.true()),  # whether its cause stands
    sa.Index("alerts_state", "state", "offset"),
    sa.Index("alerts_fired", "fired_at"),
    sa.Index("alerts_point", "point"),
)

#: Append-only history of alerts: (offset, n) is the journal record and the place among its outputs.
transitions = sa.Table(
    "transitions",
    metadata,
    sa.Column("offset", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("n", sa.Integer, primary_key=True),
    sa.Column("alert", sa.Text, nullable=False, index=True),
    sa.Column("event", sa.Text, nullable=False),  # fired | cleared | acknowledged | closed | ...
    sa.Column("from_state", sa.Text, nullable=False),
    sa.Column("to_state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),  # journal time
    sa.Column("ts", sa.BigInteger, nullable=False),  # device time of the reading that moved it
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("value", sa.Float),
    sa.Column("limit_value", sa.Float),
    sa.Column("copy", sa.Text),
    sa.Column("comment", sa.Text, nullable=False, server_default=""),
    sa.Column("file", sa.Text, nullable=False, server_default=""),  # SHA-256 of a file handed in with it
)

#: Late readings that break a limit: for compliance and the next digest (DESIGN 3).
findings = sa.Table(
    "findings",
    metadata,
    sa.Column("offset", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("n", sa.Integer, primary_key=True),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("pack", sa.Text, nullable=False),
    sa.Column("severity", sa.Text, nullable=False),
    sa.Column("unit", sa.Text, nullable=False),
    sa.Column("place", sa.Text, nullable=False),
    sa.Column("grid", sa.Text, nullable=False),
    sa.Column("device", sa.Text, nullable=False),
    sa.Column("point", sa.Text, nullable=False),
    sa.Column("parameter", sa.Text, nullable=False),
    sa.Column("value", sa.Float, nullable=False),
    sa.Column("limit_value", sa.Float, nullable=False),
    sa.Column("ts", sa.BigInteger, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Index("findings_device", "device", "ts"),
)

#: Maintenance sessions: readings of the device between ``opened_at`` and ``closed_at`` count as flag M or C.
sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("device", sa.Text, primary_key=True),
    sa.Column("offset", sa.BigInteger, primary_key=True, autoincrement=False),  # of the command that opened it
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("opened_at", sa.BigInteger, nullable=False),
    sa.Column("until", sa.BigInteger, nullable=False),
    sa.Column("opened_by", sa.Text, nullable=False),
    sa.Column("closed_at", sa.BigInteger),
    sa.Column("closed_by", sa.Text),  # a person, or ``time``
    sa.Column("comment", sa.Text, nullable=False, server_default=""),
)

#: Acknowledge links that were used: the outbox row that carried it.
links = sa.Table(
    "links",
    metadata,
    sa.Column("offset", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("n", sa.Integer, primary_key=True),
    sa.Column("used_by", sa.BigInteger, nullable=False),  # offset of the command
)

#: What is to be told to whom; ``state_now``: waiting | delivered | dead | refused.
outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("offset", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("n", sa.Integer, primary_key=True),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("state_now", sa.Text, nullable=False),
    sa.Column("settled_by", sa.BigInteger),  # offset of the delivery record
    sa.Column("person", sa.Text, nullable=False, server_default=""),  # whose address; empty = the channel's own
    sa.Column("context", sa.Text, nullable=False, server_default="{}"),  # JSON of alerts.notify.Context
    sa.Column("next_channels", sa.Text, nullable=False, server_default="[]"),  # JSON: tried when this one fails
    sa.Column("max_age_s", sa.Integer, nullable=False, server_default="0"),  # given up after; 0 = deliver.max_age_h
    sa.Index("outbox_state", "state_now", "offset"),
)

#: Which alerts a row of the outbox is about: who was told of an alert, and when.
told = sa.Table(
    "told",
    metadata,
    sa.Column("alert", sa.Text, primary_key=True),
    sa.Column("offset", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("n", sa.Integer, primary_key=True),
)

#: Delivery's own memory of attempts; not an output of decide.
attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("offset", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("n", sa.Integer, primary_key=True),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("next_at", sa.BigInteger, nullable=False),
    sa.Column("last_error", sa.Text, nullable=False),
    sa.Column("done", sa.Boolean, nullable=False),
)

#: Answers of commands, by the offset of the command: JSON {"status": 200|409|422, ...}.
answers = sa.Table(
    "answers",
    metadata,
    sa.Column("offset", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("body", sa.Text, nullable=False),
)

counters = sa.Table(
    "counters",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)

#: A store without transactions of its own (InfluxDB) keeps cursor, totals and undecided late values here.
store_cursors = sa.Table(
    "store_cursors",
    metadata,
    sa.Column("store", sa.Text, primary_key=True),
    sa.Column("body", sa.Text, nullable=False),  # JSON: StoreStats and what the store needs to repeat a batch
)

#: What a store refused of accepted messages; the store's follower writes it with the cursor or again after a crash.
store_parked = sa.Table(
    "store_parked",
    metadata,
    sa.Column("store", sa.Text, primary_key=True),
    sa.Column("offset", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("whole", sa.Boolean, nullable=False),
    sa.Column("redriven_by", sa.BigInteger),
)

accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("password", sa.Text, nullable=False),  # argon2
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("unit", sa.Text),  # scope of a unit user
    sa.Column("grid", sa.Text),  # scope by grid path
    sa.Column("must_change", sa.Boolean, nullable=False),
    sa.Column("disabled", sa.Boolean, nullable=False),
)

tokens = sa.Table(
    "tokens",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),  # SHA-256 of the token
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),  # session | api
    sa.Column("expires_at", sa.BigInteger),
)

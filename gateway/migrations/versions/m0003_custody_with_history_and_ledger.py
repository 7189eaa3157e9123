"""Custody with the history of each container, manifests, and the ledger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go from the revision before to this one."""
    op.create_table(
        "custody_links",
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("ts", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("offset", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("decided", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("entity", "ts", "offset"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ledger_checkpoints",
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("origin", "size"),
    )
    op.create_table(
        "ledger_entries",
        sa.Column("idx", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("idx"),
    )
    with op.batch_alter_table("ledger_entries", schema=None) as batch_op:
        batch_op.create_index("ledger_entries_at", ["at"], unique=False)
        batch_op.create_index("ledger_entries_offset", ["offset"], unique=False)

    op.create_table(
        "ledger_links",
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("idx", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("entity", "seq"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ledger_nodes",
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("idx", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "idx"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ledger_witnessed",
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("origin"),
    )
    op.create_table(
        "manifests",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("consignor", sa.Text(), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=False),
        sa.Column("receiver", sa.Text(), nullable=False),
        sa.Column("grid", sa.Text(), nullable=False),
        sa.Column("vehicle", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=True),
        sa.Column("departed_at", sa.BigInteger(), nullable=True),
        sa.Column("received_at", sa.BigInteger(), nullable=True),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=True),
        sa.Column("loaded", sa.Integer(), nullable=False),
        sa.Column("received", sa.Integer(), nullable=False),
        sa.Column("net_g", sa.BigInteger(), nullable=True),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("manifests", schema=None) as batch_op:
        batch_op.create_index("manifests_consignor", ["consignor", "opened_at"], unique=False)

    with op.batch_alter_table("alerts", schema=None) as batch_op:
        batch_op.create_index("alerts_point", ["point"], unique=False)

    with op.batch_alter_table("containers", schema=None) as batch_op:
        batch_op.add_column(sa.Column("ids", sa.Text(), server_default="[]", nullable=False))
        batch_op.add_column(sa.Column("category", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("state", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("holder", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("place", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("unit", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("grid", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("department", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("net_g", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("sealed_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("stored_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("parent", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("manifest", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("handover", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("cycle", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("open", sa.Boolean(), server_default=sa.text("1"), nullable=False))
        batch_op.add_column(sa.Column("first_ts", sa.BigInteger(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("changed", sa.BigInteger(), server_default="-1", nullable=False))
        batch_op.create_index("containers_offset", ["offset"], unique=False)
        batch_op.create_index("containers_place", ["place", "open"], unique=False)
        batch_op.create_index("containers_state", ["state", "offset"], unique=False)
        batch_op.create_index("containers_unit", ["unit", "first_ts"], unique=False)

    with op.batch_alter_table("custody_events", schema=None) as batch_op:
        batch_op.add_column(sa.Column("decided", sa.BigInteger(), server_default="-1", nullable=False))
        batch_op.add_column(sa.Column("unit", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("place", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("fact", sa.LargeBinary(), server_default=sa.text("x''"), nullable=False))
        batch_op.add_column(sa.Column("of", sa.Text(), nullable=True))
        batch_op.create_index("custody_events_id", ["event_id"], unique=False)
        batch_op.create_index("custody_events_of", ["of"], unique=False)
        batch_op.create_index("custody_events_ts", ["ts"], unique=False)
        batch_op.create_index("custody_events_unit", ["unit", "ts"], unique=False)


def downgrade() -> None:
    """Go back to the revision before."""
    with op.batch_alter_table("alerts", schema=None) as batch_op:
        batch_op.drop_index("alerts_point")

    with op.batch_alter_table("custody_events", schema=None) as batch_op:
        batch_op.drop_index("custody_events_unit")
        batch_op.drop_index("custody_events_ts")
        batch_op.drop_index("custody_events_of")
        batch_op.drop_index("custody_events_id")
        batch_op.drop_column("of")
        batch_op.drop_column("fact")
        batch_op.drop_column("place")
        batch_op.drop_column("unit")
        batch_op.drop_column("decided")

    with op.batch_alter_table("containers", schema=None) as batch_op:
        batch_op.drop_index("containers_unit")
        batch_op.drop_index("containers_state")
        batch_op.drop_index("containers_place")
        batch_op.drop_index("containers_offset")
        batch_op.drop_column("changed")
        batch_op.drop_column("first_ts")
        batch_op.drop_column("open")
        batch_op.drop_column("cycle")
        batch_op.drop_column("handover")
        batch_op.drop_column("manifest")
        batch_op.drop_column("parent")
        batch_op.drop_column("stored_at")
        batch_op.drop_column("sealed_at")
        batch_op.drop_column("net_g")
        batch_op.drop_column("department")
        batch_op.drop_column("grid")
        batch_op.drop_column("unit")
        batch_op.drop_column("place")
        batch_op.drop_column("holder")
        batch_op.drop_column("state")
        batch_op.drop_column("category")
        batch_op.drop_column("ids")

    with op.batch_alter_table("manifests", schema=None) as batch_op:
        batch_op.drop_index("manifests_consignor")

    op.drop_table("manifests")
    op.drop_table("ledger_witnessed")
    op.drop_table("ledger_nodes")
    op.drop_table("ledger_links")
    with op.batch_alter_table("ledger_entries", schema=None) as batch_op:
        batch_op.drop_index("ledger_entries_offset")
        batch_op.drop_index("ledger_entries_at")

    op.drop_table("ledger_entries")
    op.drop_table("ledger_checkpoints")
    op.drop_table("custody_links")

"""Operators act on alerts: who took one, who is told how, maintenance sessions, late findings, links used once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go from the revision before to this one."""
    op.create_table(
        "findings",
        sa.Column("offset", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("pack", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("grid", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("point", sa.Text(), nullable=False),
        sa.Column("parameter", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("limit_value", sa.Float(), nullable=False),
        sa.Column("ts", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("offset", "n"),
    )
    with op.batch_alter_table("findings", schema=None) as batch_op:
        batch_op.create_index("findings_device", ["device", "ts"], unique=False)

    op.create_table(
        "links",
        sa.Column("offset", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("used_by", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("offset", "n"),
    )
    op.create_table(
        "told",
        sa.Column("alert", sa.Text(), nullable=False),
        sa.Column("offset", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("alert", "offset", "n"),
    )
    op.create_table(
        "sessions",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("offset", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.Column("comment", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("device", "offset"),
    )
    with op.batch_alter_table("alerts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("kind", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("acknowledged_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("closed_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("assigned_to", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("shelved_until", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("held_by", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("condition", sa.Boolean(), server_default=sa.text("1"), nullable=False))
        batch_op.create_index("alerts_fired", ["fired_at"], unique=False)

    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.add_column(sa.Column("person", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("context", sa.Text(), server_default="{}", nullable=False))
        batch_op.add_column(sa.Column("next_channels", sa.Text(), server_default="[]", nullable=False))
        batch_op.add_column(sa.Column("max_age_s", sa.Integer(), server_default="0", nullable=False))

    with op.batch_alter_table("transitions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("comment", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("file", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    """Go back to the revision before."""
    with op.batch_alter_table("transitions", schema=None) as batch_op:
        batch_op.drop_column("file")
        batch_op.drop_column("comment")

    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_column("max_age_s")
        batch_op.drop_column("next_channels")
        batch_op.drop_column("context")
        batch_op.drop_column("person")

    with op.batch_alter_table("alerts", schema=None) as batch_op:
        batch_op.drop_index("alerts_fired")
        batch_op.drop_column("condition")
        batch_op.drop_column("held_by")
        batch_op.drop_column("shelved_until")
        batch_op.drop_column("assigned_to")
        batch_op.drop_column("closed_at")
        batch_op.drop_column("acknowledged_at")
        batch_op.drop_column("kind")

    op.drop_table("sessions")
    op.drop_table("told")
    op.drop_table("links")
    with op.batch_alter_table("findings", schema=None) as batch_op:
        batch_op.drop_index("findings_device")

    op.drop_table("findings")

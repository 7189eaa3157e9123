"""Stale windows are stretches, and say whether what was due is stale as well."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go from the revision before to this one."""
    op.rename_table("periods_stale", "periods_stale_before")
    op.create_table(
        "periods_stale",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("start", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.Boolean(), nullable=False),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "start", "device"),
        sqlite_with_rowid=False,
    )
    # So far a row stood for one window of five minutes.
    op.execute(
        'INSERT INTO periods_stale (kind, start, device, until, due, "cursor") '
        'SELECT kind, start, device, start + 300000, 1, "cursor" FROM periods_stale_before'
    )
    op.drop_table("periods_stale_before")


def downgrade() -> None:
    """Go back to the revision before; of a stretch only its first window stays stale."""
    op.drop_column("periods_stale", "due")
    op.drop_column("periods_stale", "until")

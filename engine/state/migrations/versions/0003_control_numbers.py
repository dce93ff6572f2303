"""Files have control numbers of their own and are acknowledged; those of partners are remembered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    for name in ("series", "made_at", "answer"):
        op.add_column("outbox", sa.Column(name, sa.Text(), server_default="", nullable=False))
    op.add_column("outbox", sa.Column("control", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.create_index("ix_outbox_tenant_series_control", "outbox", ["tenant", "series", "control"])
    op.create_table(
        "interchange",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("control", sa.Text(), nullable=False),
        sa.Column("flow", sa.Text(), server_default="", nullable=False),
        sa.Column("sha256", sa.Text(), server_default="", nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("seen_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "scope", "sender", "control", name=op.f("pk_interchange")),
    )
    op.create_index("ix_interchange_tenant_flow", "interchange", ["tenant", "flow"])

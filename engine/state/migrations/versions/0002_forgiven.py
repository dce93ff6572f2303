"""What a person's release forgives is counted apart, so that `tries` stays the truth about how often a document was sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("document", sa.Column("forgiven", sa.BigInteger(), server_default=sa.text("0"), nullable=False))

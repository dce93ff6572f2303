"""The service: what is due and what was started, who is told, who may look, what was counted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "schedule",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("flow", sa.Text(), nullable=False),
        sa.Column("plan", sa.Text(), server_default="", nullable=False),
        sa.Column("next_at", sa.Text(), nullable=True),
        sa.Column("last_at", sa.Text(), nullable=True),
        sa.Column("paused", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("said_by", sa.Text(), server_default="", nullable=False),
        sa.Column("updated_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "flow", name=op.f("pk_schedule")),
    )
    op.create_index("ix_schedule_tenant_next_at", "schedule", ["tenant", "next_at"])
    op.create_table(
        "firing",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("flow", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), server_default="", nullable=False),
        sa.Column("priority", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("attempt", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("tries", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("owner", sa.Text(), server_default="", nullable=False),
        sa.Column("by", sa.Text(), server_default="", nullable=False),
        sa.Column("options", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("run", sa.Text(), server_default="", nullable=False),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("queued_at", sa.Text(), nullable=False),
        sa.Column("not_before", sa.Text(), nullable=True),
        sa.Column("started_at", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_firing")),
    )
    op.create_index("ix_firing_tenant_flow_queued_at", "firing", ["tenant", "flow", "queued_at"])
    op.create_index("ix_firing_tenant_state_priority_queued_at", "firing", ["tenant", "state", "priority", "queued_at"])
    op.create_index("ux_firing_due", "firing", ["tenant", "flow", "cause", "at"], unique=True)
    op.create_index(
        "ux_firing_queued",
        "firing",
        ["tenant", "flow"],
        unique=True,
        sqlite_where=sa.text("state = 'queued'"),
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_table(
        "worker",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), server_default="", nullable=False),
        sa.Column("doing", sa.Text(), server_default="", nullable=False),
        sa.Column("started_at", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "owner", name=op.f("pk_worker")),
    )
    op.create_table(
        "alert",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("integration", sa.Text(), server_default="", nullable=False),
        sa.Column("flow", sa.Text(), server_default="", nullable=False),
        sa.Column("kind", sa.Text(), server_default="", nullable=False),
        sa.Column("subject", sa.Text(), server_default="", nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), server_default="", nullable=False),
        sa.Column("said", sa.Text(), server_default="", nullable=False),
        sa.Column("next_step", sa.Text(), server_default="", nullable=False),
        sa.Column("heals", sa.Text(), server_default="", nullable=False),
        sa.Column("times", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("amount", sa.Text(), server_default="", nullable=False),
        sa.Column("since", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.Text(), nullable=False),
        sa.Column("told_at", sa.Text(), nullable=True),
        sa.Column("closed_at", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_alert")),
    )
    op.create_index("ix_alert_tenant_state_since", "alert", ["tenant", "state", "since"])
    op.create_table(
        "message",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("integration", sa.Text(), server_default="", nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("address", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("subject", sa.Text(), server_default="", nullable=False),
        sa.Column("body", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), server_default="", nullable=False),
        sa.Column("tries", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("not_before", sa.Text(), nullable=True),
        sa.Column("sent_at", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_message")),
    )
    op.create_index("ix_message_tenant_state_created_at", "message", ["tenant", "state", "created_at"])
    op.create_table(
        "approval",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("by", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("asked_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "key", "version", name=op.f("pk_approval")),
    )
    op.create_table(
        "promise",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("flow", sa.Text(), nullable=False),
        sa.Column("guarantee", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("tenant", "flow", name=op.f("pk_promise")),
    )
    op.create_table(
        "person",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), server_default="", nullable=False),
        sa.Column("password", sa.Text(), server_default="", nullable=False),
        sa.Column("failures", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("locked_until", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "name", name=op.f("pk_person")),
    )
    op.create_table(
        "login",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("token_sha256", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), server_default="", nullable=False),
        sa.Column("form_token", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "token_sha256", name=op.f("pk_login")),
    )
    op.create_index("ix_login_tenant_person", "login", ["tenant", "person"])
    op.create_table(
        "tally",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("flow", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("documents", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("amount", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("tenant", "flow", "day", "state", name=op.f("pk_tally")),
    )
    op.create_table(
        "tally_hour",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("flow", sa.Text(), nullable=False),
        sa.Column("hour", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("documents", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("amount", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("tenant", "flow", "hour", "state", name=op.f("pk_tally_hour")),
    )
    op.create_index("ix_run_tenant_started_at", "run", ["tenant", "started_at"])
    op.create_index("ix_outbox_tenant_built_at", "outbox", ["tenant", "built_at"])
    file = sa.text("kind = 'file'")
    op.create_index(
        "ix_parcel_file",
        "parcel",
        ["tenant", "seen_at", "flow", "id"],
        sqlite_where=file,
        postgresql_where=file,
    )
    stopped = sa.text("state IN ('held', 'conflict', 'quarantined', 'rejected', 'in_doubt', 'waiting')")
    op.create_index(
        "ix_document_stopped",
        "document",
        ["tenant", "updated_at", "seq", "flow", "state", "amount"],
        sqlite_where=stopped,
        postgresql_where=stopped,
    )
    for name, there in (("reference", "reference != ''"), ("amount", "amount IS NOT NULL")):
        op.create_index(
            f"ix_document_{name}",
            "document",
            ["tenant", name],
            sqlite_where=sa.text(there),
            postgresql_where=sa.text(there),
        )
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("identifier", "value", type_=sa.Text(collation="C"))

"""The service's own tables, of the same database and by the same rules as the ledger's."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, PrimaryKeyConstraint, Table, Text, text

from engine.state.columns import moment, number, words
from engine.state.tables import document, metadata

__all__ = [
    "alert",
    "approval",
    "firing",
    "login",
    "message",
    "metadata",
    "person",
    "promise",
    "schedule",
    "tally",
    "tally_hour",
    "worker",
]


schedule = Table(
    "schedule",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("flow", Text, nullable=False),
    words("plan"),
    Column("next_at", Text, nullable=True),
    Column("last_at", Text, nullable=True),
    Column("paused", Boolean, nullable=False, server_default=text("false")),
    words("said_by"),
    moment("updated_at"),
    PrimaryKeyConstraint("tenant", "flow"),
    Index(None, "tenant", "next_at"),
)
"""When each flow is due. `plan` is its schedule as the spec says it.

`paused`: by a person, named in `said_by`."""

firing = Table(
    "firing",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("id", Text, nullable=False),
    words("flow"),
    moment("at"),
    words("cause"),
    words("state"),
    number("priority"),
    number("attempt"),
    number("tries"),
    words("owner"),
    words("by"),
    words("options"),
    words("reason"),
    words("run"),
    Column("exit_code", Integer, nullable=True),
    moment("queued_at"),
    moment("not_before", required=False),
    moment("started_at", required=False),
    moment("ended_at", required=False),
    PrimaryKeyConstraint("tenant", "id"),
    Index(None, "tenant", "state", "priority", "queued_at"),
    Index(None, "tenant", "flow", "queued_at"),
)
"""One start of a flow: why (`cause`: schedule, webhook, person, again), when it was due (`at`), what became of it."""

Index("ux_firing_due", firing.c.tenant, firing.c.flow, firing.c.cause, firing.c.at, unique=True)
Index(
    "ux_firing_queued",
    firing.c.tenant,
    firing.c.flow,
    unique=True,
    sqlite_where=firing.c.state == "queued",
    postgresql_where=firing.c.state == "queued",
)

worker = Table(
    "worker",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("owner", Text, nullable=False),
    words("kind"),
    words("doing"),
    moment("started_at"),
    moment("seen_at"),
    PrimaryKeyConstraint("tenant", "owner"),
)
"""Processes that serve or work, for people to see; nothing is decided by it."""

alert = Table(
    "alert",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("id", Text, nullable=False),
    words("integration"),
    words("flow"),
    words("kind"),
    words("subject"),
    words("name"),
    words("state"),
    words("said"),
    words("next_step"),
    words("heals"),
    number("times"),
    words("amount"),
    moment("since"),
    moment("opened_at"),
    moment("seen_at"),
    moment("told_at", required=False),
    moment("closed_at", required=False),
    PrimaryKeyConstraint("tenant", "id"),
    Index(None, "tenant", "state", "since"),
)
"""What is wrong: `open` until it is right again, then `solved` until that is told too, then `closed`. `name`: the one of `alerts`
who is told, empty where nobody is. `times`: how many documents, files or runs; `since`: when it began, `opened_at`: when it was noticed."""

message = Table(
    "message",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("id", Text, nullable=False),
    words("integration"),
    words("name"),
    number("address"),
    words("subject"),
    words("body"),
    words("state"),
    number("tries"),
    words("error"),
    moment("created_at"),
    moment("not_before", required=False),
    moment("sent_at", required=False),
    PrimaryKeyConstraint("tenant", "id"),
    Index(None, "tenant", "state", "created_at"),
)
"""A digest on its way to one address of one of `alerts`, the first being 0; `state`: waiting, sent, failed.

Whoever raises `tries` sends it; until `not_before` nobody else does."""

approval = Table(
    "approval",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("version", Integer, nullable=False),
    number("epoch"),
    words("by"),
    words("reason"),
    moment("asked_at"),
    PrimaryKeyConstraint("tenant", "key", "version"),
)
"""A decision that needs a second person, asked for by the first; void as soon as the document's `epoch` is another."""

promise = Table(
    "promise",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("flow", Text, nullable=False),
    words("guarantee"),
    PrimaryKeyConstraint("tenant", "flow"),
)
"""What each flow's target allows to promise, as its last run knew it: what a person may do alone depends on it."""

for _column, _where in (("reference", document.c.reference != ""), ("amount", document.c.amount.is_not(None))):
    Index(
        f"ix_document_{_column}",
        document.c.tenant,
        document.c[_column],
        sqlite_where=_where,
        postgresql_where=_where,
    )

person = Table(
    "person",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("name", Text, nullable=False),
    words("role"),
    words("password"),
    number("failures"),
    moment("locked_until", required=False),
    moment("created_at"),
    moment("updated_at"),
    PrimaryKeyConstraint("tenant", "name"),
)
"""Who may use the console. `role`: viewer, operator, admin; `password` is its Argon2 hash."""

login = Table(
    "login",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("token_sha256", Text, nullable=False),
    words("person"),
    words("form_token"),
    moment("created_at"),
    moment("seen_at"),
    PrimaryKeyConstraint("tenant", "token_sha256"),
    Index(None, "tenant", "person"),
)
"""A person's open session in the console; the token itself is with the browser only."""

tally = Table(
    "tally",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("flow", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("state", Text, nullable=False),
    number("documents"),
    words("amount"),
    PrimaryKeyConstraint("tenant", "flow", "day", "state"),
)
"""How many documents of a flow came to a state on a day (UTC), counted on from the trail; where it stands is the counter `tally`."""

tally_hour = Table(
    "tally_hour",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("flow", Text, nullable=False),
    Column("hour", Text, nullable=False),
    Column("state", Text, nullable=False),
    number("documents"),
    words("amount"),
    PrimaryKeyConstraint("tenant", "flow", "hour", "state"),
)
"""The same by the hour (`2026-11-21T06`), kept for two days: what was posted in the last 24 hours."""

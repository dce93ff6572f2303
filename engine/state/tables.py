"""The tables. Every one has `tenant`; times are UTC text of one width, so they sort; `*_sealed` is ciphertext."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

from engine.state.columns import moment, number, words

metadata = MetaData(naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s"})

STOPPED = "state IN ('held', 'conflict', 'quarantined', 'rejected', 'in_doubt', 'waiting')"
"""Documents that don't go on by themselves, or not at once."""


document = Table(
    "document",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("seq", BigInteger, nullable=False),
    words("flow"),
    words("kind"),
    words("number"),
    words("party"),
    words("state"),
    words("content_hash"),
    Column("source_sealed", LargeBinary, nullable=False),
    Column("payload_sealed", LargeBinary, nullable=True),
    words("parcel_id"),
    words("place"),
    words("amount", None),
    Column("identifiers", Text, nullable=False, server_default="{}"),
    number("epoch"),
    words("owner"),
    words("step"),
    number("tries"),
    number("forgiven"),
    number("crashes"),
    words("reference"),
    words("reason"),
    moment("not_before", required=False),
    number("settle"),
    words("boot_host"),
    words("boot_id"),
    Column("boot_due", Float, nullable=False, server_default=text("0")),
    moment("waits_since", required=False),
    words("spec_sha"),
    words("run"),
    Column("batch", BigInteger, nullable=True),
    Column("batch_place", BigInteger, nullable=True),
    moment("created_at"),
    moment("updated_at"),
    PrimaryKeyConstraint("tenant", "key", "version"),
    Index(None, "tenant", "flow", "state", "seq"),
    Index(None, "tenant", "parcel_id"),
)
"""`tries`: how often it was sent; `forgiven` of them count no more, for a person let it go on. `settle` in microseconds;
`boot_due` in seconds of the machine's own clock; `seq` is the order of arrival."""

Index(
    "ix_document_batch",
    document.c.tenant,
    document.c.flow,
    document.c.batch,
    document.c.batch_place,
    sqlite_where=document.c.batch.is_not(None),
    postgresql_where=document.c.batch.is_not(None),
)

Index(
    "ix_document_stopped",
    *(document.c[name] for name in ("tenant", "updated_at", "seq", "flow", "state", "amount")),
    sqlite_where=text(STOPPED),
    postgresql_where=text(STOPPED),
)
"""The work queue: of a million documents a few thousand."""

_BYTEWISE = Text().with_variant(Text(collation="C"), "postgresql")
"""Sorted by its bytes, so that what begins alike stands together."""

identifier = Table(
    "identifier",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("value", _BYTEWISE, nullable=False),
    Column("name", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("version", Integer, nullable=False),
    PrimaryKeyConstraint("tenant", "value", "name", "key", "version"),
    Index(None, "tenant", "key", "version"),
)
"""What people search by; `value` is normalised."""

attempt = Table(
    "attempt",
    metadata,
    Column("n", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("tenant", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("version", Integer, nullable=False),
    words("step"),
    number("epoch"),
    number("number"),
    words("spec_sha"),
    words("request_sha"),
    Column("request_sealed", LargeBinary, nullable=False),
    moment("started_at"),
    moment("deadline_at"),
    words("outcome"),
    Column("status", Integer, nullable=True),
    Column("response_sealed", LargeBinary, nullable=True),
    moment("finished_at", required=False),
    Index(None, "tenant", "key", "version"),
)
"""Never deleted; the last five columns are filled in once, when it ends."""

parcel = Table(
    "parcel",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("flow", Text, nullable=False),
    Column("id", Text, nullable=False),
    words("kind"),
    words("name"),
    words("sha256"),
    number("size"),
    words("state"),
    words("reason"),
    Column("counts", Text, nullable=False, server_default="{}"),
    words("run"),
    moment("seen_at"),
    moment("settled_at", required=False),
    PrimaryKeyConstraint("tenant", "flow", "id"),
    Index(None, "tenant", "sha256"),
    Index(None, "tenant", "flow", "seen_at"),
)

Index(
    "ix_parcel_file",
    *(parcel.c[name] for name in ("tenant", "seen_at", "flow", "id")),
    sqlite_where=parcel.c.kind == "file",
    postgresql_where=parcel.c.kind == "file",
)

parcel_name = Table(
    "parcel_name",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("flow", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    moment("seen_at"),
    PrimaryKeyConstraint("tenant", "flow", "name", "sha256"),
)

sighting = Table(
    "sighting",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("name", LargeBinary, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("modified", BigInteger, nullable=False),
    moment("first_seen"),
    words("sha256"),
    PrimaryKeyConstraint("tenant", "source", "name"),
)
"""Names as bytes: a server may send what is no text. `sha256` once a file of this size and time was read."""

cursor = Table(
    "cursor",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("flow", Text, nullable=False),
    Column("source", Text, nullable=False),
    words("value"),
    words("cap"),
    words("pass_id"),
    moment("updated_at"),
    PrimaryKeyConstraint("tenant", "flow", "source"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("flow", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    words("folder"),
    words("name"),
    words("sha256"),
    number("size"),
    number("documents"),
    words("state"),
    words("spec_sha"),
    words("run"),
    moment("built_at"),
    moment("done_at", required=False),
    words("series"),
    number("control"),
    words("made_at"),
    words("answer"),
    PrimaryKeyConstraint("tenant", "flow", "number"),
    Index(None, "tenant", "series", "control"),
    Index(None, "tenant", "built_at"),
)
"""`control` is the file's number in its `series`, which many flows may share; `made_at` is the time that stands in it.
`answer`: `due` where the partner acknowledges it, then `accepted` or `rejected`; `overdue` once people were told that none came."""

interchange = Table(
    "interchange",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("control", Text, nullable=False),
    words("flow"),
    words("sha256"),
    words("name"),
    moment("seen_at"),
    PrimaryKeyConstraint("tenant", "scope", "sender", "control"),
    Index(None, "tenant", "flow"),
)
"""Control numbers a partner has used up, and the file each came in."""

inbox = Table(
    "inbox",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("event", Text, nullable=False),
    number("n"),
    words("type"),
    words("hint"),
    words("sha256"),
    moment("received_at"),
    PrimaryKeyConstraint("tenant", "source", "event"),
    Index(None, "tenant", "source", "n"),
)
"""Webhook events by the id their sender gave them, and what each is about; their bodies are no data and not kept."""

counter = Table(
    "counter",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("name", Text, nullable=False),
    number("value"),
    PrimaryKeyConstraint("tenant", "name"),
)

run = Table(
    "run",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("id", Text, nullable=False),
    words("flow"),
    words("mode"),
    words("spec_sha"),
    moment("started_at"),
    moment("ended_at", required=False),
    words("outcome"),
    Column("ok", Boolean, nullable=False, server_default=text("false")),
    Column("summary", Text, nullable=False, server_default="{}"),
    PrimaryKeyConstraint("tenant", "id"),
    Index(None, "tenant", "flow", "started_at"),
    Index(None, "tenant", "started_at"),
)

trail = Table(
    "trail",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("n", BigInteger, nullable=False),
    moment("at"),
    words("actor"),
    words("event"),
    words("key"),
    words("parcel"),
    words("flow"),
    words("run"),
    words("detail"),
    words("key_id"),
    words("hash"),
    PrimaryKeyConstraint("tenant", "n"),
)
"""Who did what, when. `hash` covers the line and the one before it."""

for _column in ("key", "parcel", "run"):
    Index(
        f"ix_trail_{_column}",
        trail.c.tenant,
        trail.c[_column],
        sqlite_where=trail.c[_column] != "",
        postgresql_where=trail.c[_column] != "",
    )

chain = Table(
    "chain",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("n", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
    PrimaryKeyConstraint("tenant"),
)
"""The trail's last line: the row everybody who adds lines locks."""

secret = Table(
    "secret",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    moment("expires_at", required=False),
    moment("updated_at"),
    PrimaryKeyConstraint("tenant", "kind", "name"),
)
"""`kind`: `secret` of a person, `token` of a login, `audit` key of an earlier master key, `check` that the key fits."""

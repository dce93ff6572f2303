"""Taking a parcel in: its row and all its documents, or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, and_, or_, select, update
from sqlalchemy.exc import IntegrityError

from engine.contracts import Document, Parcel, State
from engine.errors import TransientError
from engine.state import tables
from engine.state.bulk import insert_rows
from engine.state.facts import AlreadyTaken, IllegalTransition, Known
from engine.state.ledger_desk import Desk, identifier_rows, no_nul, now_text
from engine.state.ledger_parcels import put_name, put_parcel, was_taken
from engine.state.ledger_runs import take_numbers
from engine.state.spool import Spool
from engine.state.trail import Line, Work
from engine.state.transitions import FIRST, REPLACEABLE

_BATCH = 500
_REPLACEABLE = [state.value for state in REPLACEABLE]
_ROW = tables.document.c


class Intake:
    """An open parcel. Use as a context manager and call `finish` last: leaving without it, or by an error, writes nothing."""

    def __init__(self, desk: Desk, flow: str, parcel: Parcel, run_id: str) -> None:
        self._desk = desk
        self._flow = flow
        self._parcel = parcel
        self._run = run_id
        self._counts: Mapping[str, int] | None = None
        self._state = "ingested"
        self._spool = Spool()
        self._reason = ""
        self._envelopes: list[dict[str, str]] = []
        self.replaces_held = False
        """Whether a newer version also replaces one that is held after it was sent, for it brings the same record up to date."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                if self._counts is None:
                    raise RuntimeError(f"the intake of `{self._parcel.name}` was left without `finish`")
                self._write(self._counts)
        finally:
            self._spool.close()

    def known(self, keys: Sequence[str]) -> dict[str, Known]:
        """The latest version of each key the ledger or this parcel has; new keys are left out."""
        found: dict[str, Known] = {}
        for start in range(0, len(keys), _BATCH):
            some = list(keys[start : start + _BATCH])
            with self._desk.database.look() as connection:
                rows = _look_up(connection, self._desk.tenant, some)
            if self._spool.rows:
                rows = [*rows, *((*row, 0) for row in self._spool.known(some))]
            for key, version, content_hash, state, tries in rows:
                if key not in found or found[key].version < version:
                    found[key] = Known(version=version, content_hash=content_hash, state=State(state), tries=tries)
        return found

    def add(self, documents: Sequence[Document]) -> None:
        """Adds documents in their order. A READY one above version 0 replaces older versions that were never sent."""
        for document in documents:
            if document.state not in FIRST:
                raise IllegalTransition(f"a document can't be taken in as `{document.state}`")
        now = now_text(self._desk)
        self._spool.put("document", [self._desk.new_row(document, self._run, now) for document in documents])
        self._spool.remember([(d.key, d.version, d.content_hash, d.state.value) for d in documents])

    def seen(self, key: str, place: str) -> None:
        """A document that is known and unchanged came again; a file's trail tells it, a page pass's would drown in it."""
        if self._parcel.kind == "file":
            self._spool.put("seen", [self._line("seen", key, {"place": place})])

    def finish(self, counts: Mapping[str, int], *, partial: bool = False) -> None:
        """Says what was in the parcel. A `partial` one was not read to its end and is read again."""
        self._counts = dict(counts)
        self._state = "partial" if partial else "ingested"

    def spoil(self, reason: str) -> None:
        """Ends it instead of `finish` for a parcel that can't be used: what was added then answers its sender."""
        self._counts, self._state, self._reason = {}, "bad", self._desk.clean(reason)

    def use_up(self, scope: str, numbers: Iterable[tuple[str, str]]) -> None:
        """Control numbers of this file, with who sent them: nobody may use one again within `scope`."""
        self._envelopes = [
            {"tenant": self._desk.tenant, "scope": scope, "sender": sender, "control": control,
             "flow": self._flow, "sha256": self._parcel.sha256, "name": no_nul(self._parcel.name), "seen_at": now_text(self._desk)}
            for sender, control in numbers
        ]  # fmt: skip

    def _write(self, counts: Mapping[str, int]) -> None:
        desk = self._desk
        try:
            with desk.trail.writing() as work:
                take_numbers(desk, work, "document", 0)  # before the trail's end, as every intake: none waits in a ring
                if not self._parcel.again and was_taken(desk, work, self._flow, self._parcel):
                    raise AlreadyTaken(f"`{self._parcel.name}` was taken in by another run")  # rolls back
                put_parcel(desk, work, self._flow, self._parcel, self._state, self._reason, counts, self._run)
                insert_rows(work.connection, tables.interchange, self._envelopes)
                if self._parcel.kind == "file":
                    put_name(desk, work.connection, self._flow, self._parcel.sha256, self._parcel.name)
                for piece in self._spool.pieces():
                    self._write_documents(work, [item for kind, item in piece if kind == "document"])
                    work.lines.extend(Line(*item) for kind, item in piece if kind == "seen")
                    work.write_lines()
        except IntegrityError as error:
            raise TransientError(
                f"`{self._parcel.name}` was read by another process at the same time; nothing was written, it is read again"
            ) from error

    def _write_documents(self, work: Work, rows: list[dict[str, Any]]) -> None:
        if not rows:
            return
        last = take_numbers(self._desk, work, "document", len(rows))
        for seq, row in enumerate(rows, start=last - len(rows) + 1):
            row["seq"] = seq
        for row in rows:
            if row["version"] and row["state"] == State.READY:
                self._replace_older(work, row)
        replaced = list(self._replaced_at_once(rows))
        insert_rows(work.connection, tables.document, rows)
        found = [
            identifier
            for row in rows
            if row["identifiers"] != "{}"
            for identifier in identifier_rows(self._desk.tenant, row["key"], row["version"], _plain(row["identifiers"]))
        ]
        insert_rows(work.connection, tables.identifier, found)
        work.lines.extend(self._received(row) for row in rows)
        work.lines.extend(replaced)

    def _replace_older(self, work: Work, row: dict[str, Any]) -> None:
        held = _ROW.state == State.HELD.value
        replaced = (
            update(tables.document)
            .where(_ROW.tenant == self._desk.tenant, _ROW.key == row["key"], _ROW.version < row["version"])
            .where(or_(_ROW.state.in_(_REPLACEABLE), held if self.replaces_held else and_(held, _ROW.tries == 0)))
            .values(state=State.CANCELLED.value, reason=f"replaced by version {row['version']}", owner="")
            .values(epoch=_ROW.epoch + 1, not_before=None, updated_at=row["updated_at"])
            .returning(_ROW.version)
        )
        for version in work.connection.execute(replaced).scalars().all():
            work.lines.append(self._line("replaced", row["key"], {"version": version, "by": row["version"]}))

    def _replaced_at_once(self, rows: Sequence[dict[str, Any]]) -> Iterator[Line]:
        """Versions that are replaced before they are written, for their parcel has a newer one: two at once could end in any order."""
        newer: dict[str, int] = {}
        for row in reversed(rows):
            by = newer.get(row["key"])
            if by is not None and (row["state"] in _REPLACEABLE or row["state"] == State.HELD):
                row |= {"state": State.CANCELLED.value, "reason": f"replaced by version {by}"}
                yield self._line("replaced", row["key"], {"version": row["version"], "by": by})
            elif row["version"] and row["state"] == State.READY:
                newer[row["key"]] = row["version"]

    def _received(self, row: dict[str, Any]) -> Line:
        detail: dict[str, Any] = {"version": row["version"], "state": row["state"], "place": row["place"]}
        if row["reason"]:
            detail["reason"] = row["reason"]
        return self._line("received", row["key"], detail, row["flow"])

    def _line(self, event: str, key: str, detail: Mapping[str, Any], flow: str = "") -> Line:
        return self._desk.trail.line(event, key, self._parcel.id, flow or self._flow, self._run, detail, "")


def _plain(text: str) -> dict[str, str]:
    from engine.state.codec import decode_plain

    return decode_plain(text)


def _look_up(connection: Connection, tenant: str, keys: list[str]) -> Sequence[Any]:
    if connection.dialect.name == "sqlite":
        # the statement cache of Core costs 2.5 times the look-up itself here, measured on 250,000 documents
        marks = ",".join("?" * len(keys))
        asked = f"SELECT key, version, content_hash, state, tries FROM document WHERE tenant = ? AND key IN ({marks})"  # noqa: S608
        return connection.exec_driver_sql(asked, (tenant, *keys)).all()
    columns = (_ROW.key, _ROW.version, _ROW.content_hash, _ROW.state, _ROW.tries)
    return connection.execute(select(*columns).where(_ROW.tenant == tenant, _ROW.key.in_(keys))).all()

"""A whole integration out of one ledger and into another, so that it can move without anything being posted twice.

The file is JSON Lines: a header, then a line a row. What is sealed in the ledger stays sealed in the file, with the same
key; the header carries an HMAC over everything, made of that key. Secrets, tokens and the trail are not in it: the trail
stays where it was written, and the header names its head.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import msgspec
from sqlalchemy import Column, Connection, LargeBinary, Select, Table, exists, insert, select, update

from engine.errors import SetupError, UsageError
from engine.state import tables
from engine.state.codec import decode_plain, stamp
from engine.state.ledger_desk import Desk, identifier_rows, no_nul
from engine.state.ledger_runs import take_numbers
from engine.state.private import write_private_from
from engine.state.schema import VERSIONS
from engine.state.tables_service import promise
from engine.state.trail import Work

FORMAT = 1
LONGEST_LINE = 64 * 1024 * 1024
_PURPOSE = b"mlconnector state file 1"
_PIECE = 500
_BY_FLOW = (
    tables.run, tables.parcel, tables.parcel_name, tables.cursor, tables.outbox, tables.interchange,
    tables.document, promise,
)  # fmt: skip
_LEFT_OUT = {"tenant", "n"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Moved:
    """What is in a state file, or was taken from one."""

    integration: str
    exported_at: str
    flows: tuple[str, ...]
    rows: Mapping[str, int]


def export_state(desk: Desk, integration: str, flows: Iterable[str], file: Path) -> Moved:
    """Writes the file, readable by its owner alone. Raises UsageError when there is one of that name, or it can't be written."""
    chosen = sorted(flows)
    digest = _digest(desk.vault.audit_key()[1])
    rows: dict[str, int] = {}
    with TemporaryFile() as body:
        for name, line in _lines(desk, chosen):
            rows[name] = rows.get(name, 0) + 1
            digest.update(line)
            body.write(line)
        head = desk.trail.head()
        header = {
            "format": FORMAT,
            "schema": VERSIONS[-1],
            "tenant": desk.tenant,
            "integration": integration,
            "exported_at": stamp(desk.clock()),
            "flows": chosen,
            "rows": rows,
            "trail": f"{head.n}:{head.hash}",
            "keys": [key.id for key in desk.vault.keyring.keys],
        }
        header["hmac"] = _sealed(digest, header)
        body.seek(0)
        try:
            write_private_from(file, msgspec.json.encode(header) + b"\n", body)
        except FileExistsError:
            raise UsageError(f"`{file}` is there already: name another file") from None
        except OSError as error:
            raise UsageError(f"`{file}` can't be written ({error.strerror}): check its folder") from error
    with desk.trail.writing() as work:
        work.tell(
            "state exported", detail={"integration": integration, "file": file.name, "by": "person", "rows": rows}
        )
    return Moved(integration=integration, exported_at=str(header["exported_at"]), flows=tuple(chosen), rows=rows)


def _lines(desk: Desk, flows: list[str]) -> Iterator[tuple[str, bytes]]:
    """Every row as a line, documents in the order they came in; of one look at the ledger."""
    with desk.database.look() as connection:
        for table in _BY_FLOW:
            asked = select(table).where(table.c.tenant == desk.tenant, table.c.flow.in_(flows))
            yield from _of(connection, table, asked.order_by(*_order(table)))
        sighting, counter = tables.sighting, tables.counter
        seen = select(sighting).where(sighting.c.tenant == desk.tenant, sighting.c.source.in_(flows))
        yield from _of(connection, sighting, seen.order_by(*_order(sighting)))
        box = tables.outbox.c
        shared = select(box.series).where(box.tenant == desk.tenant, box.flow.in_(flows), box.series != "").distinct()
        series = connection.execute(shared).scalars().all()
        named = [*(f"named outbox/{flow}" for flow in flows), *(f"named control/{name}" for name in series)]
        counted = select(counter).where(counter.c.tenant == desk.tenant, counter.c.name.in_(named))
        yield from _of(connection, counter, counted.order_by(counter.c.name))
        yield from _of(connection, tables.attempt, _attempts(desk, flows))


def _order(table: Table) -> list[Column[Any]]:
    return [table.c.seq] if table is tables.document else list(table.primary_key)


def _attempts(desk: Desk, flows: list[str]) -> Select[Any]:
    row, attempt = tables.document.c, tables.attempt
    of_ours = exists().where(
        row.tenant == attempt.c.tenant, row.key == attempt.c.key, row.version == attempt.c.version, row.flow.in_(flows)
    )
    return select(attempt).where(attempt.c.tenant == desk.tenant, of_ours).order_by(attempt.c.n)


def _of(connection: Connection, table: Table, asked: Select[Any]) -> Iterator[tuple[str, bytes]]:
    names = [str(column.name) for column in table.columns if column.name not in _LEFT_OUT]
    for row in connection.execute(asked.execution_options(yield_per=_PIECE)).mappings():
        values = {name: _written(row[name]) for name in names}
        yield str(table.name), msgspec.json.encode({"table": str(table.name), **values}) + b"\n"


def _written(value: Any) -> Any:
    return base64.b64encode(value).decode() if isinstance(value, bytes | memoryview) else value


def read_header(desk: Desk, file: Path) -> Moved:
    """What the file says of itself, once it is shown to be whole and unchanged. Raises UsageError, SetupError for its key."""
    try:
        with file.open("rb") as lines:
            header = _header(lines)
            _check_header(desk, header)
            _check_whole(desk, header, lines)
    except OSError as error:
        raise UsageError(f"`{file}` can't be read ({error.strerror})") from error
    return Moved(
        integration=str(header["integration"]), exported_at=str(header["exported_at"]), flows=tuple(header["flows"]),
        rows=dict(header["rows"]),
    )  # fmt: skip


def _header(lines: IO[bytes]) -> dict[str, Any]:
    try:
        header = msgspec.json.decode(lines.readline(LONGEST_LINE))
    except ValueError:
        header = None
    if not isinstance(header, dict) or not isinstance(header.get("format"), int):
        raise UsageError("This is no state file: `mlconnector state export FILE` writes one")
    return header


def _check_header(desk: Desk, header: Mapping[str, Any]) -> None:
    if header["format"] > FORMAT or header.get("schema") not in VERSIONS:
        raise UsageError(
            f"The file was made by a newer mlconnector (format {header['format']}, tables {header.get('schema')}): "
            "upgrade mlconnector; nothing was changed"
        )
    if header.get("tenant") != desk.tenant:
        raise UsageError(
            f"The file is of the tenant `{header.get('tenant')}`, and this is `{desk.tenant}`: name it with --tenant"
        )
    keys = header.get("keys") or [""]
    missing = next((str(key) for key in keys if desk.vault.keyring.find(str(key)) is None), None)
    if missing is not None:
        raise SetupError(
            f"The file was sealed with key `{missing}`, which this workspace does not have: "
            "add it as a second line of the key file; nothing was changed"
        )


def _check_whole(desk: Desk, header: Mapping[str, Any], lines: Iterable[bytes]) -> None:
    digest = _digest(desk.vault.audit_key(str(header["keys"][0]))[1])
    for line in lines:
        digest.update(line)
    if not hmac.compare_digest(_sealed(digest, header).encode(), str(header.get("hmac")).encode()):
        raise UsageError("The file was changed or cut since it was exported: export it again; nothing was changed")


def import_state(desk: Desk, file: Path, *, reason: str) -> Moved:
    """Takes the file in, all of it or nothing. Raises UsageError when a flow of it is known here, SetupError."""
    told = read_header(desk, file)
    with file.open("rb") as lines, desk.trail.writing() as work:
        header = _header(lines)
        _refuse_known(desk, work, told.flows)
        digest = _digest(desk.vault.audit_key(str(header["keys"][0]))[1])
        _Taking(desk, work).take(_counted(lines, digest))
        if _sealed(digest, header) != header["hmac"]:
            raise UsageError("The file was changed while it was read; nothing was taken")
        detail = {"integration": told.integration, "exported_at": told.exported_at, "trail there": header.get("trail"),
                  "by": "person", "reason": no_nul(reason), "rows": dict(told.rows)}  # fmt: skip
        for flow in told.flows:
            work.tell("state imported", flow=flow, detail=detail)
    return told


def _refuse_known(desk: Desk, work: Work, flows: Iterable[str]) -> None:
    for table in _BY_FLOW:
        known = select(table.c.flow).where(table.c.tenant == desk.tenant, table.c.flow.in_(list(flows))).limit(1)
        flow = work.connection.execute(known).scalar_one_or_none()
        if flow is not None:
            raise UsageError(
                f"This ledger knows `{flow}` already: what it did since can't be joined with the file; "
                "import into a workspace that never ran it. Nothing was changed"
            )


def _counted(lines: Iterable[bytes], digest: hmac.HMAC) -> Iterator[dict[str, Any]]:
    for line in lines:
        digest.update(line)
        yield msgspec.json.decode(line)


@dataclass(frozen=True, slots=True)
class _Taking:
    """Rows on their way in, some at a time."""

    desk: Desk
    work: Work

    def take(self, rows: Iterable[dict[str, Any]]) -> None:
        """Writes them table by table as they come."""
        name, some = "", list[dict[str, Any]]()
        for row in rows:
            table = row.pop("table")
            if table != name or len(some) == _PIECE:
                self._write(name, some)
                name, some = table, []
            some.append(row)
        self._write(name, some)

    def _write(self, name: str, rows: list[dict[str, Any]]) -> None:
        if not rows:
            return
        table = tables.metadata.tables[name]
        sealed = [column.name for column in table.columns if isinstance(column.type, LargeBinary)]
        for row in rows:
            row["tenant"] = self.desk.tenant
            for column in sealed:
                row[column] = None if row.get(column) is None else base64.b64decode(row[column])
        if table is tables.counter:
            self._count(rows)
            return
        if table is tables.document:
            self._number(rows)
        self.work.connection.execute(insert(table), rows)

    def _number(self, rows: list[dict[str, Any]]) -> None:
        """Documents get numbers of this ledger in the order they had, and are findable again."""
        last = take_numbers(self.desk, self.work, "document", len(rows))
        for seq, row in enumerate(rows, start=last - len(rows) + 1):
            row["seq"] = seq
        words = [
            word
            for row in rows
            for word in identifier_rows(self.desk.tenant, row["key"], row["version"], decode_plain(row["identifiers"]))
        ]
        if words:
            self.work.connection.execute(insert(tables.identifier), words)

    def _count(self, rows: list[dict[str, Any]]) -> None:
        """A counter never falls back: a number given once is never given again."""
        column = tables.counter.c
        for row in rows:
            at_least = max(take_numbers(self.desk, self.work, row["name"], 1), row["value"])
            place = (column.tenant == self.desk.tenant, column.name == row["name"])
            self.work.connection.execute(update(tables.counter).where(*place).values(value=at_least))


def _digest(key: bytes) -> hmac.HMAC:
    return hmac.new(hmac.digest(key, _PURPOSE, hashlib.sha256), digestmod=hashlib.sha256)


def _sealed(digest: hmac.HMAC, header: Mapping[str, Any]) -> str:
    """The HMAC over the rows and the header's other members."""
    whole = digest.copy()
    whole.update(msgspec.json.encode([(name, header[name]) for name in sorted(header) if name != "hmac"]))
    return whole.hexdigest()

"""A desk to work at: a partner's folder, an integration that turns invoices in it into ledger files, and time that is set by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.contracts import Document, Parcel, Row, State
from engine.redaction import Redactor
from engine.run.model import Flow
from engine.run.running import Options, run_spec
from engine.run.seams import Seams, quiet
from engine.run.session import Session, open_session
from engine.run.workspace import Workspace, open_workspace

SYSTEM = """
mlconnector: 1
system: partner
title: Partner files
needs:
  path: {type: string, title: Folder}
books: [path]
folder: {path: {need: path}}
objects:
  invoices:
    title: Invoices
    key: [vendor, number]
    pickup: {folder: /in, match: "*.csv", after: {done: /done, bad: /bad}}
    csv: {}
    document:
      key: [vendor, number]
      header:
        vendor: {column: vendor, type: string}
        number: {column: number, type: string}
        total: {column: total, type: decimal}
        kind: {column: kind, type: string}
  ledger:
    title: Ledger
    key: [number]
    fields: {vendor: string(20)!, number: string(20)!, total: "decimal(18,2)"}
    drop: {folder: /out, name: {text: "ledger_{{ batch }}.csv"}}
    csv: {newline: lf}
"""

SPEC = """
mlconnector: 1
integration: books
title: Books
systems:
  partner: {use: partner, with: {path: {env: PARTNER_PATH}}}
flows:
  invoices:
    title: Invoices
    read: {object: partner.invoices}
    when: kind != 'DRAFT'
    key: [vendor, number]
    amount: total
    check:
      - {that: "total != `13`", say: Thirteen is unlucky, else: hold}
    map: {vendor: vendor, number: number, total: total}
    write: {object: partner.ledger, pattern: append, on_changed: hold}
"""

HEAD = "vendor,number,total,kind\n"


class Time:
    """A clock that moves when told, and sleeps by moving."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 9, tzinfo=UTC)
        self.slept: list[float] = []

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)

    def pass_by(self, **delta: float) -> None:
        self.now += timedelta(**delta)


@dataclass
class Desk:
    """A workspace with the spec in it, and the partner's folder beside."""

    folder: Path
    time: Time
    workspace: Workspace
    seams: Seams
    stack: ExitStack
    shown: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    @property
    def spec(self) -> Path:
        return self.folder / "books.yaml"

    @property
    def box(self) -> Path:
        return self.folder / "box"

    def write_spec(self, change: Callable[[str], str] = lambda text: text) -> None:
        text = change(SPEC)
        self.spec.write_text(text, encoding="utf-8")

    def place(self, name: str, *rows: str) -> None:
        (self.box / "in" / name).write_text(HEAD + "".join(f"{row}\n" for row in rows), encoding="utf-8")

    def run(self, **options: Any) -> Any:
        def note(event: str, detail: Any) -> None:
            self.shown.append((event, dict(detail)))

        self.time.pass_by(seconds=1)
        return run_spec(self.spec, self.workspace, self.seams, Options(**options), note)

    def counts(self, **options: Any) -> dict[str, int]:
        """A run of the one flow, and what became of its records."""
        return dict(self.run(**options).flows[0].counts)

    def session(self) -> Session:
        return self.stack.enter_context(open_session(self.spec, self.workspace, self.seams, quiet))

    def flow(self) -> Flow:
        return next(iter(self.session().integration.flows.values()))

    def document(self, number: str) -> Document:
        return self.workspace.ledger.find_documents(identifier=number, limit=9)[0]

    def states(self) -> dict[str, str]:
        return {d.number: d.state.value for d in self.workspace.ledger.find_documents(limit=999)}

    def out(self) -> dict[str, str]:
        return {file.name: file.read_text() for file in sorted((self.box / "out").iterdir())}


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def desk(tmp_path: Path, time: Time) -> Iterator[Desk]:
    for name in ("in", "out", "done", "bad"):
        (tmp_path / "box" / name).mkdir(parents=True)
    (tmp_path / "systems").mkdir()
    (tmp_path / "systems" / "partner.yaml").write_text(SYSTEM, encoding="utf-8")
    (tmp_path / "books.yaml").write_text(SPEC, encoding="utf-8")
    seams = Seams(clock=time, sleep=time.sleep, random=lambda: 0.5, environ={"PARTNER_PATH": str(tmp_path / "box")})
    with ExitStack() as stack:
        workspace = stack.enter_context(open_workspace(tmp_path, seams=seams, redactor=Redactor(), actor="tess"))
        yield Desk(folder=tmp_path, time=time, workspace=workspace, seams=seams, stack=stack)


def parcel_of(*rows: Row, name: str = "pass") -> Parcel:
    return Parcel(id=f"p-{name}", kind="pass", name=name, read=lambda: iter(rows))


def a_document(number: str = "1", state: State = State.READY, **fields: Any) -> Document:
    base: dict[str, Any] = {
        "key": f"key/{number}",
        "version": 0,
        "flow": "books/invoices",
        "kind": "ledger",
        "number": number,
        "party": "ACME",
        "content_hash": "h",
        "source": {"vendor": "ACME", "number": number},
        "payload": {"vendor": "ACME", "number": number},
        "identifiers": {"number": number},
    }
    return Document(**base | {"state": state} | fields)


def take_in(workspace: Workspace, *documents: Document, flow: str = "books/invoices", name: str = "pass") -> None:
    """Documents straight into the ledger, in order."""
    with workspace.ledger.intake(flow, parcel_of(name=name), "run") as intake:
        intake.add(list(documents))
        intake.finish({"read": len(documents)})

"""Files in and out of one integration: picked up, dropped, and what goes between partners about them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import kinds
from engine.contracts import Files, Source
from engine.errors import SetupError
from engine.formats.layouts import Format
from engine.formats.x12 import X12
from engine.mapping.documents import DocumentShape
from engine.run.connections import Connections
from engine.run.dropping import Dropping
from engine.run.exchanging import Acknowledging, Answers
from engine.run.memory import FileMemory
from engine.run.model import Flow, System
from engine.run.reception import Reception
from engine.run.seams import Progress, Seams
from engine.run.settings import books
from engine.run.work import Exchange
from engine.run.workspace import Workspace
from engine.sources.answers import Acknowledged
from engine.sources.pickup import Pickup, PickupSource
from engine.sources.pickup_guard import read_limits
from engine.sources.pickup_read import Note, Reader, compile_reader
from engine.state.database import FOLDER
from engine.state.private import private_folder
from engine.targets.acknowledging import AcknowledgementForm
from engine.targets.drop import Drop
from engine.targets.forms import Form, form_of

log = logging.getLogger(__name__)

FORMATS = ", ".join(f"`{name}`" for name in kinds.FORMATS)
Noticing = tuple[Reader, Note]
"""Reads files, and where what it notices goes."""
NOT_PUT_AWAY, STUCK = "not put away yet", "stuck"
TOLD = {
    "unsettled": "left for the next run",
    "skipped": "passed over",
    "same_content": "same content as before",
    "replaced": "replaced while it was read",
    "finding": "noticed",
    "finalise_failed": NOT_PUT_AWAY,
    "stuck": STUCK,
}
"""Events about files that the run's account tells, and how."""
ALERTING = frozenset({"stuck", "finalise_failed"})
"""Events about files that somebody should look at although the run goes on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Filing:
    """The files of one integration during one command. `settings` by system, `scope` what names may hold."""

    workspace: Workspace
    connections: Connections
    settings: Mapping[str, Mapping[str, Any]]
    scope: Mapping[str, Any]
    seams: Seams
    progress: Progress

    def source(self, flow: Flow, kind: Pickup, notes: list[str], *, rehearsal: bool) -> Source:
        """The files a flow reads. Raises SetupError for an object without a format."""
        format_, readers = flow.source.kind.format, tuple(f"{flow.integration}/{name}" for name in flow.readers)
        if format_ is None:
            raise SetupError(f"`{flow.source.address}` has no file format: add {FORMATS}")
        reader = self._reader(flow, format_, flow.source.kind.document, notes)
        files = self.connections.files(flow.source.system)
        return self._files_of(flow.id, kind, files, reader, readers, rehearsal=rehearsal)

    def _reader(self, flow: Flow, format_: Format, shape: DocumentShape | None, notes: list[str]) -> Noticing:
        def note(event: str, detail: dict[str, Any]) -> None:
            self.workspace.trail.note(event, flow=flow.id, detail=detail)
            if event in TOLD:
                notes.append(f"{TOLD[event]}: {_said(detail)}")
            if event in ALERTING:
                log.warning("alert: %s: %s", flow.name, _said(detail))

        limits = read_limits(self.seams.environ)
        return compile_reader(format_, shape, spool=self.spool, note=note, limits=limits), note

    def _files_of(
        self,
        name: str,
        kind: Pickup,
        files: Files,
        reader: Noticing,
        readers: tuple[str, ...],
        *,
        rehearsal: bool = False,
    ) -> Source:
        """Files of a folder, remembered under that name."""
        return PickupSource(
            kind,
            files,
            reader[0],
            FileMemory(ledger=self.workspace.ledger, clock=self.seams.clock, rehearsal=rehearsal),
            flow=name,
            readers=readers,
            spool=self.spool / "rehearsal" if rehearsal else self.spool,
            clock=self.seams.clock,
            sleep=self.seams.sleep,
            note=reader[1],
        )

    @property
    def spool(self) -> Path:
        """Where files lie while they are read or built; private, emptied as they are done."""
        return private_folder(self.workspace.folder / FOLDER / "spool")

    def dropping(self, flow: Flow, still_ours: Callable[[], None] = lambda: None) -> Dropping:
        """The files a flow writes. Raises SetupError for an object without a format or an envelope."""
        kind, system = flow.target.kind, flow.target.system
        if kind.drop is None or kind.format is None:
            raise SetupError(f"`{flow.target.address}` has no file format: add {FORMATS}")
        form = form_of(kind.format, tuple(kind.fields), self.settings[system.alias], name=system.alias)
        answered = kind.acknowledged is not None
        return self._drops(flow, flow.id, (system, kind.drop, form), still_ours, answered=answered)

    def _drops(
        self, flow: Flow, name: str, to: tuple[System, Drop, Form], still_ours: Callable[[], None], *, answered: bool
    ) -> Dropping:
        return Dropping(
            flow=name,
            ledger=self.workspace.ledger,
            files=self.connections.files(to[0]),
            kind=to[1],
            form=to[2],
            scope=self.scope,
            spool=self.spool / "out",
            spec_sha=flow.spec_sha,
            seams=self.seams,
            progress=self.progress,
            answered=answered,
            still_ours=still_ours,
        )

    def reception(self, flow: Flow) -> Reception | None:
        """What is kept and said of the flow's files besides their documents, where they are interchanges."""
        use, x12 = flow.source, flow.source.kind.x12
        if x12 is None or use.kind.pickup is None:
            return None
        return Reception(
            desk=self.workspace.desk,
            flow=f"{flow.id}.acks",
            scope=(use.system.name, *books(use.system, self.settings[use.system.alias])),
            kind=use.kind.acknowledge,
            refuses_duplicates=x12.duplicates == "refuse",
        )

    def exchange(self, flow: Flow, notes: list[str], trouble: list[str], still_ours: Callable[[], None]) -> Exchange:
        """What we and the partners of a flow tell one another about its files."""
        said, awaited = flow.source.kind.acknowledge, flow.target.kind.acknowledged
        told: list[Exchange] = []
        if said is not None:
            drop = Drop(folder=said.folder, name=said.name, max_records=1)
            to = (flow.source.system, drop, AcknowledgementForm())
            dropping = self._drops(flow, f"{flow.id}.acks", to, still_ours, answered=False)
            told.append(Acknowledging(dropping=dropping, notes=notes, trouble=trouble).run)
        if awaited is not None and flow.target.system.answers is not None:
            told.append(self._answers(flow, awaited, flow.target.system.answers, notes, trouble).run)

        def exchange(run_id: str, stopping: Callable[[], bool]) -> None:
            for each in told:
                each(run_id, stopping)

        return exchange

    def _answers(self, flow: Flow, kind: Acknowledged, format_: X12, notes: list[str], trouble: list[str]) -> Answers:
        name = f"{flow.id}.answers"
        files = self.connections.files(flow.target.system)
        return Answers(
            flow=flow.id,
            memory=name,
            source=self._files_of(name, kind.pickup, files, self._reader(flow, format_, None, notes), (name,)),
            ledger=self.workspace.ledger,
            desk=self.workspace.desk,
            within=kind.within,
            clock=self.seams.clock,
            notes=notes,
            trouble=trouble,
        )


def _said(detail: Mapping[str, Any]) -> str:
    """An event about a file for the run's account: its name, then what there is to know."""
    known = [
        str(value) if name in {"reason", "text"} else f"{name} {value}"
        for name, value in detail.items()
        if name != "name"
    ]
    return ": ".join(filter(None, [str(detail.get("name", "")), ", ".join(known)]))

"""What partners and we tell one another about files, besides their documents: acknowledgements out, acknowledgements in."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from engine.contracts import BadRow, Clock, Parcel, ParcelOutcome, Source, State
from engine.errors import ParcelError
from engine.run.dropping import Dropping
from engine.run.show import span
from engine.sources.answers import Said, said_in
from engine.state import exchange
from engine.state.ledger import Ledger
from engine.state.ledger_desk import Desk

log = logging.getLogger(__name__)

Stopping = Callable[[], bool]


@dataclass(frozen=True, kw_only=True, slots=True)
class Acknowledging:
    """Drops the acknowledgements of one flow's files, those of earlier runs first."""

    dropping: Dropping
    notes: list[str]
    trouble: list[str]

    def run(self, run_id: str, stopping: Stopping) -> None:
        """Raises TransientError, SetupError; what is not out yet goes at the next run."""
        ledger, flow = self.dropping.ledger, self.dropping.flow
        for _ in ledger.abandoned(flow, lambda _owner: False, settle=timedelta(0)):
            pass
        moved = self.dropping.run(run_id, stopping)
        if moved[State.POSTED.value]:
            self.notes.append(f"acknowledged: {moved[State.POSTED.value]} in {self.dropping.kind.folder}")
        if moved[State.HELD.value]:
            self.trouble.append(f"acknowledgements held: {moved[State.HELD.value]}; see `mlconnector held list`")
            log.warning("alert: %s: acknowledgements are held", flow)


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """Takes in what a partner says of one flow's files, and tells people what is missing."""

    flow: str
    """The sent files' flow."""
    memory: str
    """The name under which files of answers are remembered."""
    source: Source
    ledger: Ledger
    desk: Desk
    within: timedelta
    clock: Clock
    notes: list[str]
    trouble: list[str]

    def run(self, run_id: str, stopping: Stopping) -> None:
        """Raises TransientError, SetupError. What it did before that stays, and does no harm when it is done again."""
        for parcel in self.source.parcels():
            if stopping():
                return
            try:
                self._take(parcel, run_id)
            except ParcelError as error:
                self.ledger.bad_parcel(self.memory, parcel, str(error), run_id)
                self.source.settle(parcel, ParcelOutcome(ok=False, reason=str(error)))
                self._alert(f"acknowledgement {parcel.name} can't be used: {error}")
        for file in exchange.overdue(self.desk, self.flow, self.clock() - self.within):
            self._alert(
                f"{file.place} was not acknowledged within {span(self.within)}: ask the partner whether it arrived"
            )
        if waiting := exchange.waited_for(self.desk, self.flow):
            self.notes.append(f"sent and not acknowledged yet: {waiting} {'file' if waiting == 1 else 'files'}")

    def _take(self, parcel: Parcel, run_id: str) -> None:
        count = 0
        for row in parcel.read():
            if isinstance(row, BadRow):
                self._alert(f"acknowledgement {parcel.name}, {row.place}: {row.error}")
                continue
            said = said_in(row.values)
            if said is not None:
                self._keep(said, parcel.name)
                count += 1
        with self.ledger.intake(self.memory, parcel, run_id) as intake:
            intake.finish({"answers": count})
        self.source.settle(parcel, ParcelOutcome(ok=True, counts={"answers": count}))

    def _keep(self, said: Said, name: str) -> None:
        file = exchange.file_of(self.desk, said.series, said.control)
        if file is None:
            self._alert(f"{name} acknowledges the control number {said.control}, which no file of ours has")
            return
        answer = exchange.Answer(accepted=said.accepted, rejected=said.rejected, reason=f"{name}: {said.reason}")
        held = exchange.answered(self.desk, file, answer)
        if said.accepted and not said.rejected:
            self.notes.append(f"the partner accepted {file.name}")
        else:
            self._alert(f"the partner rejected {file.place}, {held} documents are held: {said.reason}")

    def _alert(self, text: str) -> None:
        self.trouble.append(text)
        self.desk.trail.note("alert", flow=self.flow, detail={"text": text})
        log.warning("alert: %s: %s", self.flow, text)

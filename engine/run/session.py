"""One integration, open: its systems, its memory, and the parts of each flow's run put together.

The only place that knows which source and target a flow's objects stand for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from engine.contracts import Guarantee, Lookups, Source
from engine.errors import SetupError
from engine.redaction import Secret
from engine.run.connections import Connections
from engine.run.deliver import Delivery
from engine.run.filing import Filing
from engine.run.load import load
from engine.run.memory import FlowCursor
from engine.run.model import Flow, Integration
from engine.run.prepare import Edges, Preparer
from engine.run.seams import Progress, Seams
from engine.run.settings import books, fill
from engine.run.watching import Watching
from engine.run.work import Deliver, Work
from engine.run.workspace import Workspace
from engine.run.writing import Writing
from engine.sources.hinted import HintedSource
from engine.sources.listing import ListRead, ListSource
from engine.sources.lookup import LookupObject, ObjectLookups
from engine.sources.outcomes import OutcomeSource
from engine.state.approvals import remember_guarantee
from engine.state.endings import endings
from engine.state.inbox import events_after
from engine.state.locks import writer_lock
from engine.targets.steps import StepTarget

WRITER_WAIT = 60.0
"""Seconds to wait for another flow that is writing to the same target."""


class Session:
    """One integration during one command."""

    def __init__(
        self,
        integration: Integration,
        workspace: Workspace,
        seams: Seams,
        progress: Progress,
        *,
        read_only: bool,
    ) -> None:
        self.integration = integration
        self.workspace = workspace
        self.seams = seams
        self.progress = progress
        self.started = seams.clock()
        self.settings = fill(integration, workspace.vault, seams.environ)
        self.watching = Watching(workspace.trail, seams.watch)
        self.connections = Connections(integration, self.settings, workspace, seams, self.watching, read_only=read_only)

    @cached_property
    def scope(self) -> Mapping[str, Any]:
        """What a flow's mapping may name besides the record; secrets go to their own system only, never into a document."""
        shown = {
            alias: {name: value for name, value in given.items() if not isinstance(value, Secret)}
            for alias, given in self.settings.items()
        }
        return {"run": {"started": self.started}, "need": shown}

    @cached_property
    def filing(self) -> Filing:
        """The files that go in and out."""
        return Filing(
            workspace=self.workspace,
            connections=self.connections,
            settings=self.settings,
            scope=self.scope,
            seams=self.seams,
            progress=self.progress,
        )

    @cached_property
    def lookups(self) -> Lookups:
        """Every object of the integration that can be looked up, cached for this session."""
        return ObjectLookups(
            {
                f"{alias}.{name}": LookupObject(
                    kind=kind.lookup, http=self.connections.http(system), fields=kind.fields
                )
                for alias, system in self.integration.systems.items()
                for name, kind in system.objects.items()
                if kind.lookup is not None
            }
        )

    def preparer(self, flow: Flow) -> Preparer:
        """Prepares documents of a flow."""
        return Preparer(
            flow,
            self.lookups,
            self.scope,
            tenant=self.workspace.tenant,
            books=self._books(flow),
            edges=self._edges(flow),
        )

    def _edges(self, flow: Flow) -> Edges | None:
        after = flow.kind.after
        other = self.integration.flows.get(after.flow) if after is not None else None
        if after is None or other is None:
            return None
        prefix = [self.workspace.tenant, *self._books(other), other.target.name]
        return Edges(after, prefix, self.workspace.ledger.states)

    def _books(self, flow: Flow) -> tuple[str, ...]:
        return books(flow.target.system, self.settings[flow.target.system.alias])

    def source(
        self,
        flow: Flow,
        notes: list[str],
        *,
        full: bool = False,
        since: str | None = None,
        rehearsal: bool = False,
    ) -> Source:
        """Where the flow's records come from. Raises SetupError for an object that can't be read."""
        if flow.source.kind.pickup is not None:
            return self.filing.source(flow, flow.source.kind.pickup, notes, rehearsal=rehearsal)
        cursor = FlowCursor(ledger=self.workspace.ledger, flow=flow.id, source=flow.source.address, rehearsal=rehearsal)
        if flow.kind.read.outcomes:
            outcomes = partial(endings, self.workspace.desk, f"{flow.integration}/{flow.kind.read.outcomes}")
            return OutcomeSource(outcomes, cursor, name=flow.source.address, clock=self.seams.clock, full=full)
        if flow.source.kind.list is not None:
            return self._listed(flow, flow.source.kind.list, cursor, full=full, since=since, rehearsal=rehearsal)
        raise SetupError(f"`{flow.source.address}` can't be read: it has neither `list` nor `pickup`")

    def _listed(
        self, flow: Flow, kind: ListRead, cursor: FlowCursor, *, full: bool, since: str | None, rehearsal: bool
    ) -> Source:
        """A pass over the object's list, behind what webhooks have announced of it."""
        system, address, http = flow.source.system, flow.source.address, self.connections.http(flow.source.system)
        fields, hinted = flow.source.kind.fields, flow.source.kind.hinted
        listed = ListSource(
            kind,
            http,
            fields,
            cursor,
            flow.kind.read.changed_since,
            name=address,
            clock=self.seams.clock,
            full=full,
            since=since,
        )
        if hinted is None:
            return listed
        place = FlowCursor(ledger=self.workspace.ledger, flow=flow.id, source=f"webhook {address}", rehearsal=rehearsal)
        events = partial(events_after, self.workspace.desk, f"{self.integration.name}/{system.alias}")
        need = self.settings[system.alias]
        return HintedSource(hinted, listed, http, fields, kind.records, events, place, name=address, need=need)

    def target(self, flow: Flow) -> StepTarget:
        """Where the flow's documents go, one by one. Raises SetupError for an object that can't be created."""
        system = flow.target.system
        if flow.by_file:
            raise SetupError(f"`{flow.target.address}` takes files, not single documents")
        return StepTarget(
            flow.ways,
            self.connections.http(system),
            self.settings[system.alias],
            clock=self.seams.clock,
            sleep=self.seams.sleep,
            at_once=system.kind.http.at_once if system.kind.http is not None else 1,
        )

    def delivering(self, flow: Flow, still_ours: Callable[[], None] = lambda: None) -> Deliver:
        """The flow's delivery; while it runs, alone at what the target lets only one writer touch.

        `still_ours` raises when the flow's own lock was lost; both locks are checked before each send.
        """
        if flow.by_file:
            return self.filing.dropping(flow, still_ours).run
        target = self.target(flow)
        name = "/".join((*self._books(flow), target.one_at_a_time or flow.target.name))

        def deliver(run_id: str, stopping: Callable[[], bool], key: str | None) -> Counter[str]:
            with writer_lock(self.workspace.database, name, wait=WRITER_WAIT, sleep=self.seams.sleep) as lock:

                def both_ours() -> None:
                    still_ours()
                    lock.check()

                delivery = Delivery(
                    ledger=self.workspace.ledger,
                    target=target,
                    if_exists=flow.kind.write.if_exists,
                    amends=flow.ways.update is not None,
                    clock=self.seams.clock,
                    random=self.seams.random,
                    still_ours=both_ours,
                    answer=self.watching.answer,
                )
                writing = Writing(
                    flow.id,
                    self.workspace.ledger,
                    delivery,
                    target.at_once,
                    self.seams,
                    self.progress,
                    target.under_way,
                )
                return writing.run(run_id, stopping, key)

        return deliver

    def work(
        self,
        flow: Flow,
        *,
        full: bool = False,
        since: str | None = None,
        still_ours: Callable[[], None] = lambda: None,
    ) -> Work:
        """Everything one run of a flow works with."""
        notes: list[str] = []
        trouble: list[str] = []
        remember_guarantee(self.workspace.desk, flow.id, Guarantee.FILE if flow.by_file else flow.ways.guarantee)
        return Work(
            flow=flow,
            ledger=self.workspace.ledger,
            trail=self.workspace.trail,
            source=self.source(flow, notes, full=full, since=since),
            notes=notes,
            trouble=trouble,
            begin=lambda run_id: self.watching.now_in(flow.id, run_id),
            preparer=self.preparer(flow),
            reception=self.filing.reception(flow),
            exchange=self.filing.exchange(flow, notes, trouble, still_ours),
            deliver=self.delivering(flow, still_ours),
            settle=timedelta(0) if flow.by_file else flow.ways.settle,
            seams=self.seams,
            progress=self.progress,
        )


@contextmanager
def open_session(
    spec: Path | Integration, workspace: Workspace, seams: Seams, progress: Progress, *, read_only: bool = False
) -> Iterator[Session]:
    """Loads (unless it is loaded already), fills in and opens an integration. Raises SpecError, SetupError."""
    integration = spec if isinstance(spec, Integration) else load(spec)
    session = Session(integration, workspace, seams, progress, read_only=read_only)
    try:
        yield session
    finally:
        session.connections.close()

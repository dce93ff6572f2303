"""Writing documents by a chain of calls that a system file describes, and looking for them in the same system."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from engine.contracts import Clock, Document, Found, Guarantee, Intend, Receipt, Sleep
from engine.errors import InDoubt, RecordError, Refused, SetupError
from engine.redaction import exposed
from engine.targets.gathering import Gatherer
from engine.targets.looks import Look, judge, look
from engine.targets.steps_kinds import Create, Loop, Poll, Promise, Step, Undo, Update, every_step, faults_in_steps
from engine.targets.steps_preview import Request, preview
from engine.targets.steps_run import Chain
from engine.targets.steps_scope import document_scope, holds

if TYPE_CHECKING:
    from engine.connections.http import Http

__all__ = [
    "Create",
    "Look",
    "Loop",
    "Poll",
    "Promise",
    "Request",
    "Step",
    "StepTarget",
    "Undo",
    "Update",
    "Ways",
    "faults_in_target",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ways:
    """What a flow may do with an object: write a new one, bring one up to date, or (neither) only compare."""

    create: Create | None = None
    update: Update | None = None
    look: Look | None = None
    compare: tuple[str, ...] | None = ()

    @property
    def guarantee(self) -> Guarantee:
        """What may be promised: what creating allows; anything else finds the document and may be repeated."""
        return Guarantee(self.create.guarantee.class_) if self.create is not None else Guarantee.LOOKUP

    @property
    def settle(self) -> timedelta:
        """How long a request may still land after its answer was lost."""
        times = [self.create.guarantee.settle] if self.create is not None else []
        return max([*times, *([self.update.settle] if self.update is not None else [])], default=timedelta(0))


def faults_in_target(ways: Ways) -> list[str]:
    """What can't work in an object that is written, one sentence each: for `validate`, and refused at run time."""
    create, look = ways.create, ways.look
    faults = [fault for part in (create, ways.update) if part is not None for fault in faults_in_steps(part.steps)]
    if look is None and ways.update is not None:
        faults.append("`update` needs `find`, which tells what there is to bring up to date")
    elif look is None and (create is None or create.guarantee.class_ != "blind"):
        faults.append("A guarantee other than `blind` needs `find`, or a lost answer could never be settled")
    if look is None and create is not None and create.undo is not None:
        faults.append("`undo` needs `find`, which shows whether the document is ours")
    if look is not None and create is not None and create.undo is not None and look.ours is None:
        faults.append("`undo` needs `find` to say `ours`, or it could remove somebody else's document")
    shown = look.show if look is not None else {}
    if ways.compare is None and not shown:
        faults.append("`find` shows nothing to compare, so whether anything changed can't be told; give it `show`")
    faults += [
        f"`{name}` can't be compared: `find` does not `show` it" for name in ways.compare or () if name not in shown
    ]
    return faults


class StepTarget:
    """A Target behind an HTTP connection. `need` are the system's settings."""

    def __init__(
        self, ways: Ways, http: Http, need: Mapping[str, Any], *, clock: Clock, sleep: Sleep, at_once: int = 1
    ) -> None:
        faults = faults_in_target(ways)
        if faults:
            raise SetupError("; ".join(faults))
        self._ways = ways
        self._http = http
        self._need = need
        self._clock = clock
        self._sleep = sleep
        self.guarantee = ways.guarantee
        self.settle: timedelta = ways.settle
        self.one_at_a_time: str | None = _serialised(ways, need)
        most = most_together(ways)
        self._gatherer = Gatherer(most)
        self.at_once = most if most > 1 else 1 if self.one_at_a_time is not None else at_once
        self.can_undo = ways.create is not None and ways.create.undo is not None

    def under_way(self) -> AbstractContextManager[None]:
        """While a document is delivered: those that share a call wait for one another."""
        return self._gatherer.under_way()

    def find(self, document: Document) -> Found:
        """Looks for it. Raises TransientError, SetupError; Refused when what is found, or the look itself, needs a person."""
        try:
            return self._seen(document)[0]
        except Refused:
            raise
        except RecordError as error:
            raise Refused(f"It can't be looked for: {error}") from error

    def send(self, document: Document, intend: Intend) -> Receipt:
        """Writes it. Raises Refused, InDoubt, TransientError, SetupError; RecordError when it can't be put into a request."""
        create = self._ways.create
        if create is None:
            raise Refused("The target has no such document")
        return self._write(create, document_scope(document, self._need), intend)

    def amend(self, document: Document, found: Found, intend: Intend) -> Receipt:
        """Brings the record found up to date. Raises what `send` raises."""
        update = self._ways.update
        if update is None:
            raise Refused("The target has another document of this key: " + "; ".join(found.differences))
        return self._write(update, {**document_scope(document, self._need), "found": found.record}, intend)

    def _write(self, way: Create | Update, scope: Mapping[str, Any], intend: Intend) -> Receipt:
        chain = self._chain(scope, intend)
        chain.run(way.steps)
        try:
            reference = way.reference(chain.scope) if way.reference is not None else None
        except RecordError as error:
            raise InDoubt(f"It was saved, and its reference can't be told: {error}") from error
        ids = {name: value for name, value in chain.kept.items() if isinstance(value, str | int)}
        return Receipt(reference="" if reference is None else str(exposed(reference)), detail=ids)

    def undo(self, document: Document, found: Found) -> None:
        """Removes it, after a look of its own: only what is one document, ours, and still removable. Gone already is fine."""
        undo = self._ways.create.undo if self._ways.create is not None else None
        if undo is None:
            raise Refused("The system file doesn't say how to undo a document")
        now, records = self._seen(document)
        if now.matches == 0:
            return
        if now.matches > 1 or not now.ours or not found.ours:
            raise Refused("It is not removed, for it can't be shown to be ours alone")
        scope = {**document_scope(document, self._need), "found": records[0]}
        if undo.when is not None and not holds(undo.when(scope)):
            raise Refused(f"It can't be removed any more: `{undo.when.text}` does not hold for it")
        self._chain(scope, _unasked, every_write_commits=True).run(undo.steps)

    def requests(self, document: Document, found: Found | None = None) -> list[Request]:
        """What `send` (or, for one found, `amend`) would put on the wire, as far as it can be told without calling."""
        way = self._ways.update if found is not None else self._ways.create
        scope = document_scope(document, self._need)
        return (
            preview(way.steps, scope if found is None else {**scope, "found": found.record}) if way is not None else []
        )

    def _seen(self, document: Document) -> tuple[Found, list[dict[str, Any]]]:
        kind = self._ways.look
        if kind is None:
            raise SetupError("This object has no `find`, so a document can't be looked for")
        scope = document_scope(document, self._need)
        records = look(self._http, kind, scope)
        return judge(kind, records, scope, self._ways.compare), records

    def _chain(self, scope: Mapping[str, Any], intend: Intend, *, every_write_commits: bool = False) -> Chain:
        return Chain(
            self._http,
            scope,
            intend,
            clock=self._clock,
            sleep=self._sleep,
            every_write_commits=every_write_commits,
            gatherer=self._gatherer,
        )


def most_together(ways: Ways) -> int:
    """How many documents may share a call."""
    parts = [part for part in (ways.create, ways.update) if part is not None]
    return max((s.batch.most for part in parts for s in every_step(part.steps) if s.batch is not None), default=1)


def _serialised(ways: Ways, need: Mapping[str, Any]) -> str | None:
    """The name writers of this object queue behind: a group, an operator. None when they need not."""
    tree = next(
        (part.one_at_a_time for part in (ways.create, ways.update) if part is not None and part.one_at_a_time), None
    )
    value = tree({"need": need}) if tree is not None else None
    return None if value is None else str(exposed(value))


def _unasked(step: str) -> None:
    """Undoing has its intent made durable before it starts."""

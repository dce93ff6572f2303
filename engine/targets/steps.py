"""Writing documents by a chain of calls that a system file describes, and looking for them in the same system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from engine.contracts import Clock, Document, Found, Guarantee, Intend, Receipt, Sleep
from engine.errors import InDoubt, RecordError, Refused, SetupError
from engine.redaction import exposed
from engine.targets.looks import Look, judge, look
from engine.targets.steps_kinds import Create, Loop, Poll, Promise, Step, Undo, faults_in_steps
from engine.targets.steps_preview import Request, preview
from engine.targets.steps_run import Chain
from engine.targets.steps_scope import document_scope, holds

if TYPE_CHECKING:
    from engine.connections.http import Http

__all__ = ["Create", "Look", "Loop", "Poll", "Promise", "Request", "Step", "StepTarget", "Undo", "faults_in_target"]


def faults_in_target(create: Create, look: Look | None, compare: Sequence[str] = ()) -> list[str]:
    """What can't work in an object that is written, one sentence each: for `validate`, and refused at run time."""
    faults = list(faults_in_steps(create))
    if look is None and create.guarantee.class_ != "blind":
        faults.append("A guarantee other than `blind` needs `find`, or a lost answer could never be settled")
    if look is None and create.undo is not None:
        faults.append("`undo` needs `find`, which shows whether the document is ours")
    if look is not None and create.undo is not None and look.ours is None:
        faults.append("`undo` needs `find` to say `ours`, or it could remove somebody else's document")
    shown = look.show if look is not None else {}
    faults += [f"`{name}` can't be compared: `find` does not `show` it" for name in compare if name not in shown]
    return faults


class StepTarget:
    """A Target behind an HTTP connection. `need` are the system's settings, `compare` the fields a document found must share."""

    def __init__(
        self,
        create: Create,
        look: Look | None,
        http: Http,
        need: Mapping[str, Any],
        compare: Sequence[str] = (),
        *,
        clock: Clock,
        sleep: Sleep,
        at_once: int = 1,
    ) -> None:
        faults = faults_in_target(create, look, compare)
        if faults:
            raise SetupError("; ".join(faults))
        self._create = create
        self._look = look
        self._http = http
        self._need = need
        self._compare = tuple(compare)
        self._clock = clock
        self._sleep = sleep
        self.guarantee = Guarantee(create.guarantee.class_)
        self.settle: timedelta = create.guarantee.settle
        self.one_at_a_time: str | None = _serialised(create, need)
        self.at_once = 1 if self.one_at_a_time is not None else at_once
        self.can_undo = create.undo is not None

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
        chain = self._chain(document_scope(document, self._need), intend)
        chain.run(self._create.steps)
        try:
            reference = self._create.reference(chain.scope) if self._create.reference is not None else None
        except RecordError as error:
            raise InDoubt(f"It was saved, and its reference can't be told: {error}") from error
        ids = {name: value for name, value in chain.kept.items() if isinstance(value, str | int)}
        return Receipt(reference="" if reference is None else str(exposed(reference)), detail=ids)

    def undo(self, document: Document, found: Found) -> None:
        """Removes it, after a look of its own: only what is one document, ours, and still removable. Gone already is fine."""
        undo = self._create.undo
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

    def requests(self, document: Document) -> list[Request]:
        """What `send` would put on the wire, as far as it can be told without calling."""
        return preview(self._create.steps, document_scope(document, self._need))

    def _seen(self, document: Document) -> tuple[Found, list[dict[str, Any]]]:
        if self._look is None:
            raise SetupError("This object has no `find`, so a document can't be looked for")
        scope = document_scope(document, self._need)
        records = look(self._http, self._look, scope)
        return judge(self._look, records, scope, self._compare), records

    def _chain(self, scope: Mapping[str, Any], intend: Intend, *, every_write_commits: bool = False) -> Chain:
        return Chain(
            self._http,
            scope,
            intend,
            clock=self._clock,
            sleep=self._sleep,
            every_write_commits=every_write_commits,
        )


def _serialised(create: Create, need: Mapping[str, Any]) -> str | None:
    """The name writers of this object queue behind: a group, an operator. None when they need not."""
    if create.one_at_a_time is None:
        return None
    value = create.one_at_a_time({"need": need})
    return None if value is None else str(exposed(value))


def _unasked(step: str) -> None:
    """Undoing has its intent made durable before it starts."""

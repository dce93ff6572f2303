"""Where a fault strikes: the name of a step in a spec, as the operation and the hit of it that a stand-in counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.connections.exchange import Exchange
from engine.errors import RecordError, UsageError
from engine.run.model import Flow, Integration, ObjectKind
from engine.targets.steps_kinds import Loop, Step


def place(at: str, nth: int, integration: Integration, flows: Sequence[str]) -> list[tuple[str, str, int]]:
    """Alias, operation and hit for each system the fault is for.

    A step of a target the flows write to: its call in the first document (`nth` counts the items of a loop), for several
    steps may share an address. Anything else is an operation, and for every system: the last part of an address, as it
    is. Raises UsageError for a hit that can't be told.
    """
    known = [integration.flows[name] for name in dict.fromkeys(flows) if name in integration.flows]
    for flow in known:
        found = _in_flow(at, nth, flow)
        if found is not None:
            return [(flow.target.system.alias, *found)]
    return [(alias, at, nth) for alias in integration.systems]


def _in_flow(at: str, nth: int, flow: Flow) -> tuple[str, int] | None:
    create, update = flow.target.kind.create, flow.target.kind.update
    if at == "find" and flow.target.kind.find is not None:
        return _told_apart(flow.target.kind.find, flow.target.kind), nth
    undo = create.undo.steps if create is not None and create.undo is not None else ()
    chains = (create.steps if create is not None else (), undo, update.steps if update is not None else ())
    return next(filter(None, (_in_chain(at, nth, chain, flow.target.kind) for chain in chains)), None)


def _told_apart(exchange: Exchange, kind: ObjectKind) -> str:
    """Its address, with its method where something else of the object goes there by another: `PUT Bill` beside a read."""
    path = _address(exchange)
    chains = [chain.steps for chain in (kind.create, kind.update) if chain is not None]
    reads = [other for other in (kind.list, kind.lookup, kind.find) if other is not None]
    others = [*reads, *(step for chain in chains for step, _ in _calls(chain, 1))]
    if path == "*" or all(other.method == exchange.method for other in others if _address(other) == path):
        return path
    head, slash, last = path.rstrip("/").rpartition("/")
    return f"{head}{slash}{exchange.method} {last}"


def _in_chain(at: str, nth: int, items: Sequence[Loop | Step], kind: ObjectKind) -> tuple[str, int] | None:
    calls = list(_calls(items, max(nth, 1)))
    step = next((step for step, _ in calls if step.name == at), None)
    if step is None:
        return None
    path = _told_apart(step, kind)
    sharing = [(other, turn) for other, turn in calls if _told_apart(other, kind) == path]
    if nth == 0 or all(other.name == at for other, _ in sharing):
        return path, nth
    wanted = next((n for n, (other, turn) in enumerate(sharing, 1) if other.name == at and turn == nth), None)
    if wanted is None:
        raise UsageError(
            f"Which call of `{path}` is call {nth} of the step `{at}` can't be told, for other steps make it too: "
            "name the operation, and count its calls"
        )
    return path, wanted


def _address(exchange: Exchange) -> str:
    """Where it goes; what is only known at run time stands for anything."""
    try:
        return str(exchange.path({}))
    except RecordError:
        return "*"


def _calls(items: Sequence[Loop | Step], turns: int, turn: int = 1) -> Iterator[tuple[Step, int]]:
    """The calls one document makes, loops gone through that often; a step with a condition counts as made."""
    for item in items:
        if isinstance(item, Loop):
            for number in range(1, turns + 1):
                yield from _calls(item.steps, turns, number)
        else:
            yield item, turn

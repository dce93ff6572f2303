"""Rules between flows: who waits for whom."""

from __future__ import annotations

from engine.spec.nodes import Mark, Node, step
from engine.spec.problems import Problems, did_you_mean
from engine.spec.tree import SpecTree
from engine.spec.walk import text_of


def check_order(tree: SpecTree, problems: Problems) -> None:
    """Flows named in `needs`, `after` and `outcomes` exist, and no flow waits for itself."""
    flows = tree.integration.get("flows")
    if flows is None:
        return
    waits: dict[str, dict[str, tuple[Mark, str]]] = {name: {} for name, _ in flows.items()}
    for name, flow in flows.items():
        needs, after = flow.get("needs"), text_of(flow, "after", "flow")
        for other in needs.keys if needs else ():
            assert needs is not None
            _known(other, needs.key_mark(other), step(needs.path, other), flows, problems)
            waits[name][other] = (needs.key_mark(other), step(needs.path, other))
        told = text_of(flow, "read", "outcomes")
        if told is not None:
            _known(told.value, told.mark, told.path, flows, problems)
            _reads_an_object(told, flow, flows.get(told.value), problems)
            waits[name].setdefault(told.value, (told.mark, told.path))
        if after is not None:
            _known(after.value, after.mark, after.path, flows, problems)
            _keys_agree(flow, flows.get(after.value), problems)
            waits[name].setdefault(after.value, (after.mark, after.path))
    _no_cycle(waits, problems)


def _known(name: str, mark: Mark, path: str, flows: Node, problems: Problems) -> None:
    if name not in flows:
        problems.add("E310", mark, f"there is no flow `{name}`", suggestion=did_you_mean(name, flows.keys), path=path)


def _reads_an_object(told: Node, flow: Node, other: Node | None, problems: Problems) -> None:
    read = flow.get("read")
    if read is not None and "changed_since" in read:
        mark, path = read.key_mark("changed_since"), step(read.path, "changed_since")
        problems.add("E311", mark, "outcomes are always read since the last run", suggestion="remove it", path=path)
    if other is not None and text_of(other, "read", "outcomes") is not None:
        message = f"`{told.value}` reads outcomes itself: outcomes are told of flows that read an object"
        problems.add("E311", told, message)


def _keys_agree(flow: Node, other: Node | None, problems: Problems) -> None:
    after = flow.get("after")
    mine = after.get("key") if after else None
    theirs = other.get("key") if other else None
    if mine is None or theirs is None or len(mine.children()) == len(theirs.children()):
        return
    message = f"the other flow's key has {len(theirs.children())} parts, this one {len(mine.children())}"
    parts = ", ".join(str(part.value) for part in theirs.children())
    problems.add("E317", mine, message, suggestion=f"one expression for each of {parts}")


def _no_cycle(waits: dict[str, dict[str, tuple[Mark, str]]], problems: Problems) -> None:
    told: set[frozenset[str]] = set()
    for start in waits:
        cycle = _way_back(start, waits)
        if cycle and frozenset(cycle) not in told:
            told.add(frozenset(cycle))
            mark, path = waits[start][cycle[1] if len(cycle) > 1 else start]
            shown = " → ".join([*cycle, start])
            problems.add("E309", mark, f"these flows wait for one another: {shown}", suggestion="remove one", path=path)


def _way_back(start: str, waits: dict[str, dict[str, tuple[Mark, str]]]) -> list[str]:
    """The shortest way from a flow to itself, or nothing."""
    ways, seen = [[start]], {start}
    while ways:
        way = ways.pop(0)
        for other in waits.get(way[-1], {}):
            if other == start:
                return way
            if other not in seen:
                seen.add(other)
                ways.append([*way, other])
    return []

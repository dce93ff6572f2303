"""The delivery protocol, small enough to try every interleaving of it.

One document, two workers, a target that takes it in two calls (header, lines). Between any two durable or wire actions a
worker may die, or stand still while the other takes its claim; an answer may be lost before or after the effect, or the
request may land late; looks may fail, or show a stale absence once. `dropped` leaves one step of the protocol out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

STEPS = {
    "settle": "I1",
    "second look": "I1",
    "look before send": "I1",
    "failed is not absent": "I1",
    "intent before send": "I1",
    "doubt is not retry": "I1",
    "epoch check": "I1",
    "deadline check": "I1",
    "undo before resend": "I1",
    "completeness check": "I2",
    "answer before posted": "I2",
    "commit before archive": "I3",
    "recovery": "P",
    "most sends": "P",
}
"""What may be left out, and the invariant that must break then."""


class Worker(NamedTuple):
    """What a worker is about to do, and what it knows: whether it claimed a doubt. `ours`: its epoch is the document's."""

    at: str = "idle"
    ours: bool = False
    doubt: bool = False
    late: bool = False  # it stood still beyond its deadline


class World(NamedTuple):
    """Everything there is. `state` is the ledger's; `wire` holds requests that will still land."""

    source: str = "offered"
    state: str = ""
    owned: bool = False
    settled: bool = True
    absent: bool = False
    tries: int = 0
    headers: int = 0
    lines: int = 0
    wire: str = ""
    deaths: int = 1
    faults: int = 2
    takeovers: int = 1
    stale: int = 1
    restores: int = 1
    workers: tuple[Worker, Worker] = (Worker(), Worker())


MAX_SENDS = 2
OVER = {"posted", "adopted", "held"}
ON_THE_WIRE = {"header", "lines", "undo"}


class Protocol:
    """`keyed`: the target refuses a second header. Without `dropped` it is the protocol as written."""

    def __init__(self, dropped: str = "", *, keyed: bool = False) -> None:
        assert dropped in {"", *STEPS}
        self._dropped = dropped
        self._keyed = keyed

    def violations(self) -> set[str]:
        """Tries everything; the invariants that break."""
        first = World()
        seen: dict[World, list[World]] = {}
        waiting = deque([first])
        broken: set[str] = set()
        while waiting:
            world = waiting.popleft()
            if world in seen:
                continue
            broken |= self._broken(world)
            if broken:
                return broken
            seen[world] = list(self._next(world))
            waiting.extend(seen[world])
        return broken | _stuck(seen)

    def _broken(self, w: World) -> set[str]:
        broken = set()
        if w.headers > 1 or w.lines > 1:
            broken.add("I1")
        if w.state in {"posted", "adopted"} and (w.headers, w.lines) != (1, 1) and not w.wire:
            broken.add("I2")
        if w.source == "archived" and not w.state:
            broken.add("I3")
        return broken

    def _keeps(self, step: str) -> bool:
        return self._dropped != step

    def _next(self, w: World) -> Iterator[World]:
        yield from self._time(w)
        for i in (0, 1):
            me = w.workers[i]
            if me.at != "idle" and w.deaths:
                yield _put(w, i, Worker(), deaths=w.deaths - 1)
            yield from getattr(self, "_" + me.at.replace(" ", "_"))(w, i, me)

    def _time(self, w: World) -> Iterator[World]:
        """Late requests land at any time, but before settle is over; so is whoever stands still with one in hand."""
        for request in set(w.wire):
            yield self._land(w._replace(wire=w.wire.replace(request, "", 1)), request)
        if w.state == "in_doubt" and not w.settled and not w.wire:
            slow = tuple(x._replace(late=True) if x.at in ON_THE_WIRE else x for x in w.workers)
            yield w._replace(settled=True, workers=slow)
        if w.restores and w.state == "posted" and not w.wire:  # yesterday's database comes back
            yield w._replace(state="ready", owned=False, tries=0, restores=0, workers=(Worker(), Worker()))

    def _land(self, w: World, request: str) -> World:
        if request == "h":
            return w if self._keyed and w.headers else w._replace(headers=w.headers + 1)
        if request == "l":
            return w._replace(lines=w.lines + 1) if w.headers else w
        return w._replace(headers=0, lines=0)

    # What a worker does next

    def _idle(self, w: World, i: int, me: Worker) -> Iterator[World]:
        if w.source == "offered":
            yield _put(w, i, Worker("ingest"))
        if not w.owned and w.state == "ready":
            yield _put(_fenced(w), i, Worker("look", ours=True), state="probing", owned=True)
        if not w.owned and w.state == "in_doubt" and (w.settled or not self._keeps("settle")):
            yield _put(_fenced(w), i, Worker("look", ours=True, doubt=True), owned=True)
        if w.owned and self._keeps("recovery"):  # taken for dead, rightly or not
            alive = any(other.ours for other in w.workers)
            if alive and not w.takeovers:
                return
            w = _fenced(w._replace(takeovers=w.takeovers - alive, owned=False))
            if w.state == "sending":
                yield w._replace(state="in_doubt", settled=False, absent=False)
            else:
                yield w._replace(state="ready" if w.state == "probing" else w.state)

    def _ingest(self, w: World, i: int, me: Worker) -> Iterator[World]:
        if not self._keeps("commit before archive"):
            yield _put(w, i, Worker("ingest late"), source="archived")
        else:
            yield _put(w, i, Worker("archive"), state=w.state or "ready")

    def _ingest_late(self, w: World, i: int, me: Worker) -> Iterator[World]:
        yield _put(w, i, Worker(), state=w.state or "ready")

    def _archive(self, w: World, i: int, me: Worker) -> Iterator[World]:
        yield _put(w, i, Worker(), source="archived")

    def _look(self, w: World, i: int, me: Worker) -> Iterator[World]:
        if not me.doubt and not self._keeps("look before send"):
            yield _put(w, i, me._replace(at="intend"))
            return
        if w.faults:
            failed = _put(w, i, me._replace(at="back off"), faults=w.faults - 1)
            yield failed if self._keeps("failed is not absent") else self._absent(failed, i, me)
        if me.doubt and w.stale and w.headers:
            yield self._absent(w._replace(stale=0), i, me)
        if not w.headers:
            yield self._absent(w, i, me)
        elif w.headers > 1:
            yield _put(w, i, me._replace(at="hold"))
        elif w.lines == 1 or not self._keeps("completeness check"):
            yield _put(w, i, me._replace(at="found"))
        elif self._keeps("undo before resend"):
            yield _put(w, i, me._replace(at="intend undo" if w.tries < MAX_SENDS else "hold"))
        else:
            yield _put(w, i, me._replace(at="intend"))

    def _absent(self, w: World, i: int, me: Worker) -> World:
        if me.doubt and not w.absent and self._keeps("second look"):
            return _put(w, i, me._replace(at="look twice"))
        if w.tries >= MAX_SENDS and self._keeps("most sends"):
            return _put(w, i, me._replace(at="hold"))
        return _put(w, i, me._replace(at="intend"))

    def _look_twice(self, w: World, i: int, me: Worker) -> Iterator[World]:
        yield self._swap(w, i, me, "in_doubt", absent=True)

    def _back_off(self, w: World, i: int, me: Worker) -> Iterator[World]:
        yield self._swap(w, i, me, "in_doubt" if me.doubt else "ready")

    def _found(self, w: World, i: int, me: Worker) -> Iterator[World]:
        yield self._swap(w, i, me, "posted" if me.doubt else "adopted")

    def _hold(self, w: World, i: int, me: Worker) -> Iterator[World]:
        yield self._swap(w, i, me, "held")

    def _doubt(self, w: World, i: int, me: Worker) -> Iterator[World]:
        if self._keeps("doubt is not retry"):
            yield self._swap(w, i, me, "in_doubt", settled=False, absent=False)
        else:
            yield self._swap(w, i, me, "ready")

    def _intend(self, w: World, i: int, me: Worker) -> Iterator[World]:
        if not self._keeps("intent before send"):
            yield _put(w, i, me._replace(at="header"))
        else:
            yield self._swap(w, i, me, "sending", then="header", tries=min(w.tries + 1, MAX_SENDS + 1))

    def _intend_undo(self, w: World, i: int, me: Worker) -> Iterator[World]:
        yield self._swap(w, i, me, "sending", then="undo", tries=w.tries + 1)

    def _intend_lines(self, w: World, i: int, me: Worker) -> Iterator[World]:
        yield self._swap(w, i, me, w.state, then="lines")

    def _intend_again(self, w: World, i: int, me: Worker) -> Iterator[World]:
        yield self._swap(w, i, me, "sending", then="header")

    def _header(self, w: World, i: int, me: Worker) -> Iterator[World]:
        yield from self._call(w, i, me, "h", then="intend lines")

    def _lines(self, w: World, i: int, me: Worker) -> Iterator[World]:
        yield from self._call(w, i, me, "l", then="receipt")

    def _undo(self, w: World, i: int, me: Worker) -> Iterator[World]:
        yield from self._call(w, i, me, "u", then="intend again")

    def _receipt(self, w: World, i: int, me: Worker) -> Iterator[World]:
        yield self._swap(w, i, me, "posted")

    def _call(self, w: World, i: int, me: Worker, request: str, *, then: str) -> Iterator[World]:
        """On the wire: done, lost before, lost after, or still to land."""
        if me.late and self._keeps("deadline check"):
            yield _put(w, i, me._replace(at="doubt"))
            return
        taken = not (request == "h" and self._keyed and w.headers)
        done = self._land(w, request)
        yield _put(done, i, me._replace(at=then if taken else "doubt"))
        if not w.faults:
            return
        lost = "doubt" if self._keeps("answer before posted") or request != "l" else "receipt"
        yield _put(w, i, me._replace(at=lost), faults=w.faults - 1)
        yield _put(done, i, me._replace(at=lost), faults=w.faults - 1)
        if not me.late:
            yield _put(w, i, me._replace(at=lost), faults=w.faults - 1, wire="".join(sorted(w.wire + request)))

    def _swap(self, w: World, i: int, me: Worker, to: str, *, then: str = "", **fields: object) -> World:
        """One durable change, if the claim is still ours; else the worker lets go and nothing is written."""
        if self._keeps("epoch check") and not me.ours:
            return _put(w, i, Worker())
        after = me._replace(at=then) if then else Worker()
        return _put(w, i, after, state=to, owned=bool(then), **fields)


def _put(w: World, i: int, worker: Worker, **fields: object) -> World:
    workers = (worker, w.workers[1]) if i == 0 else (w.workers[0], worker)
    return w._replace(workers=workers, **fields)


def _fenced(w: World) -> World:
    """A new epoch: whoever held the claim no longer does."""
    first, second = w.workers
    return w._replace(workers=(first._replace(ours=False), second._replace(ours=False)))


def _stuck(seen: dict[World, list[World]]) -> set[str]:
    """P: from everywhere there is a way to an end; and without faults no way goes round for ever (sends are counted)."""
    before: dict[World, list[World]] = {}
    for world, following in seen.items():
        for other in following:
            before.setdefault(other, []).append(world)
    good = {world for world in seen if world.state in OVER}
    waiting = list(good)
    while waiting:
        for world in before.get(waiting.pop(), ()):
            if world not in good:
                good.add(world)
                waiting.append(world)
    endless = any(world.tries > MAX_SENDS for world in seen)
    return {"P"} if len(good) < len(seen) or endless else set()

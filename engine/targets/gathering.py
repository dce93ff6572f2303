"""Documents that go out in one call: they meet, each writes down its own intent, and one of them sends for all.

A document waits for others only while some are on their way to the same call, so one that is alone never waits. The protocol
stays what it is: each document has its intent before the call, and its own answer or doubt after it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from engine.connections.deadline import Deadline
from engine.errors import RecordError, Refused, TransientError

Scope = Mapping[str, Any]
Call = Callable[[Sequence[Scope]], Any]
"""Sends for the documents of these scopes, and returns what came back."""


@dataclass(eq=False, slots=True)
class _Group:
    """Those of one call: so many are `expected` to say whether they come along, `members` are those that do."""

    expected: int
    members: list[tuple[Scope, Deadline]] = field(default_factory=list)
    said: int = 0
    led: bool = False
    done: bool = False
    answer: Any = None
    error: BaseException | None = None


@dataclass(eq=False, slots=True)
class _Arrival:
    group: _Group | None = None


class Gatherer:
    """Brings the documents of several threads together, at most so many in a call."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._under_way = 0
        self._sending = 0
        self._waiting: list[_Arrival] = []
        self._alone: set[str] = set()
        self._changed = threading.Condition()

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """A document that may come to the call: others wait for it until it has come, or is done another way."""
        with self._changed:
            self._under_way += 1
        try:
            yield
        finally:
            with self._changed:
                self._under_way -= 1
                self._let_go()

    def send(self, scope: Scope, deadline: Deadline, intend: Callable[[], None], call: Call) -> Any:
        """Sends it with others; what `intend` raises takes this one out and no other. Raises what the call raised, to all of them.

        Refused as a whole, or too much for one request, nothing of it happened: each then goes alone, so that one does not
        spoil the others' turn for ever.
        Raises TransientError for that.
        """
        group = self._meet(str(scope.get("key", "")))
        try:
            came = False
            try:
                intend()
                came = True
            finally:
                self._say(group, (scope, deadline) if came else None)
            self._take_part(group, call)
        finally:
            with self._changed:
                self._sending -= 1
                self._let_go()
        if group.error is None:
            return group.answer
        if isinstance(group.error, Refused | RecordError) and len(group.members) > 1:
            self._alone |= {str(each.get("key", "")) for each, _ in group.members}
            raise TransientError(f"refused together with others, so it goes alone next: {group.error}") from group.error
        raise group.error

    def _meet(self, key: str) -> _Group:
        arrival = _Arrival()
        with self._changed:
            if key in self._alone:
                self._sending += 1
                return _Group(expected=1)
            self._waiting.append(arrival)
            self._let_go()
            self._changed.wait_for(lambda: arrival.group is not None)
        assert arrival.group is not None
        return arrival.group

    def _let_go(self) -> None:
        """Those that wait go, once as many as fit are there, or nobody else can join them."""
        while self._waiting and len(self._waiting) >= min(self._most, self._under_way - self._sending):
            some, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            group = _Group(expected=len(some))
            self._sending += len(some)
            for arrival in some:
                arrival.group = group
        self._changed.notify_all()

    def _say(self, group: _Group, member: tuple[Scope, Deadline] | None) -> None:
        with self._changed:
            group.said += 1
            if member is not None:
                group.members.append(member)
            self._changed.notify_all()

    def _take_part(self, group: _Group, call: Call) -> None:
        with self._changed:
            self._changed.wait_for(lambda: group.said == group.expected)
            leads, group.led = not group.led, True
            if not leads:
                self._changed.wait_for(lambda: group.done)
                return
        try:
            with Deadline(min(deadline.left for _, deadline in group.members)):
                group.answer = call([scope for scope, _ in group.members])
        except BaseException as error:  # noqa: BLE001  # it is everybody's
            group.error = error
        finally:
            with self._changed:
                group.done = True
                self._changed.notify_all()

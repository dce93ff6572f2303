"""The work queue by cause, kept up to date: what was grouped once is not read again until it changes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from weakref import WeakKeyDictionary

from engine.contracts import State
from engine.desk.causes import cause_text, hint_text, id_of
from engine.state import worklist
from engine.state.codec import stamp
from engine.state.database import Database
from engine.state.facts import Listed
from engine.state.ledger_desk import Desk
from engine.state.worklist import Mark, Stopped

MOST = 200_000
"""Documents that are grouped; of more the newest."""
BUDGET, COLD = 0.05, 1.0
"""Seconds one page spends on grouping what is new, the first one more; the rest is left to the next, and the page says so."""
PATIENCE = 5.0
"""Seconds for finding a cause that is not grouped yet."""
PIECE = 200
MANY, LIFE = 20_000, 5.0
"""With so many stopped the groups may be so many seconds old."""
_CAME = 3000


@dataclass(slots=True)
class Group:
    """Documents that stopped for one reason. `first`, `last`: when they did, as stored; `arrivals`: first and last place of arrival."""

    id: str
    flow: str
    state: State
    text: str
    newest: Mark
    first: str
    last: str
    arrivals: tuple[int, int]
    documents: int = 0
    amount: Decimal = field(default_factory=Decimal)


@dataclass(frozen=True, slots=True)
class Picture:
    """The groups, the largest first; `read` of `many` documents are in them."""

    groups: tuple[Group, ...]
    read: int
    many: int


@dataclass(frozen=True, slots=True)
class _Entry:
    changed: str
    since: str
    cause: str
    amount: Decimal


class Board:
    """The groups of one ledger. Safe from every thread; one at a time brings it up to date."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: dict[int, _Entry] = {}
        self._causes: dict[str, tuple[str, State, str]] = {}
        self._seen: tuple[int, str] = (-1, "")
        self._looked = 0.0
        self._picture = Picture((), 0, 0)
        self._lock = threading.Lock()

    def look(self, desk: Desk, budget: float | None = None) -> Picture:
        """The groups as they are now, as far as the budget reaches."""
        with self._lock:
            now = worklist.fingerprint(desk)
            whole = self._picture.read >= min(self._picture.many, MOST)
            large = now[0] > MANY
            young = budget is None and large and bool(self._entries) and self._clock() - self._looked < LIFE
            if young or (whole and now == self._seen):
                return self._picture
            self._catch_up(desk, budget or (BUDGET if self._entries and not large else COLD))
            self._seen, self._looked = now, self._clock()
            self._picture = self._grouped(now[0])
            return self._picture

    def _catch_up(self, desk: Desk, budget: float) -> None:
        marks = worklist.marks(desk, MOST)
        end = self._clock() + budget
        now = {mark.seq: mark.updated_at for mark in marks}
        self._entries = {n: each for n, each in self._entries.items() if now.get(n) == each.changed}
        new = [mark for mark in marks if mark.seq not in self._entries]
        for start in range(0, len(new), PIECE):
            if start and self._clock() >= end:
                break
            self._add(worklist.at_marks(desk, new[start : start + PIECE]))

    def _add(self, found: Iterable[Stopped]) -> None:
        for each in found:
            document = each.document
            text = cause_text(document)
            cause = id_of(document, text)
            self._causes.setdefault(cause, (document.flow, document.state, text))
            changed = stamp(document.updated_at)
            self._entries[each.seq] = _Entry(changed, stamp(each.since), cause, _amount(document))

    def _grouped(self, many: int) -> Picture:
        groups: dict[str, Group] = {}
        for seq, entry in self._entries.items():
            group = groups.get(entry.cause)
            if group is None:
                flow, state, text = self._causes[entry.cause]
                mark = Mark(seq, entry.changed)
                group = groups[entry.cause] = Group(
                    entry.cause, flow, state, text, mark, entry.since, entry.since, (seq, seq)
                )
            _count(group, seq, entry)
        self._causes = {cause: self._causes[cause] for cause in groups}
        found = sorted(groups.values(), key=lambda group: (-group.documents, group.flow, group.id))
        return Picture(tuple(found), len(self._entries), many)


def _count(group: Group, seq: int, entry: _Entry) -> None:
    group.documents += 1
    group.amount += entry.amount
    low, high = group.arrivals
    group.arrivals = (min(low, seq), max(high, seq))
    group.first = min(group.first, entry.since)
    group.last = max(group.last, entry.since)
    if (entry.changed, seq) >= (group.newest.updated_at, group.newest.seq):
        group.newest = Mark(seq, entry.changed)


def _amount(document: Listed) -> Decimal:
    try:
        amount = Decimal(document.amount or "0")
    except InvalidOperation:
        return Decimal()
    return amount if amount.is_finite() else Decimal()


_BOARDS: WeakKeyDictionary[Database, dict[str, Board]] = WeakKeyDictionary()
_MAKING = threading.Lock()


def board_of(desk: Desk) -> Board:
    """The one of this ledger."""
    with _MAKING:
        return _BOARDS.setdefault(desk.database, {}).setdefault(desk.tenant, Board())


def group_of(desk: Desk, cause: str) -> Group | None:
    """One cause, if need be after grouping all there is: soon after a start of the process that is not done yet."""
    for budget in (None, PATIENCE):
        picture = board_of(desk).look(desk, budget)
        found = next((group for group in picture.groups if group.id == cause), None)
        if found is not None or picture.read >= picture.many:
            return found
    return None


def examples(desk: Desk, groups: Sequence[Group]) -> dict[str, Listed]:
    """Group to the document in it that stopped last; without those that went on meanwhile."""
    found = {each.seq: each.document for each in worklist.at_marks(desk, [group.newest for group in groups])}
    return {group.id: found[group.newest.seq] for group in groups if group.newest.seq in found}


def hint(desk: Desk, group: Group) -> str:
    """Where its fault lies, as far as figures tell."""
    came = worklist.arrived(desk, group.flow, *group.arrivals, _CAME)
    return hint_text(group.documents, min(came, _CAME), more=came > _CAME)

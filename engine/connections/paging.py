"""Walking through a list page by page, without losing a row when rows move meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from engine.connections.exchange import Answer, Exchange, Expression, Fixed
from engine.contracts import Record
from engine.errors import SetupError, TransientError

if TYPE_CHECKING:
    from engine.connections.http import Http

MOST_PAGES = 20_000
"""A list longer than that is a server going round in circles."""

_RECORDS = frozenset({dict})
T = TypeVar("T")


class RowsMoved(TransientError):
    """Rows changed their places between two pages: the pass has to start again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OffsetPager:
    """`limit` and `skip` name query parameters; `size` rows (at least 2) are asked for at once."""

    limit: str
    skip: str
    size: int = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class NextPager:
    """The answer holds the address of the next page at `link`; nothing there ends the list."""

    link: Expression


@dataclass(frozen=True, kw_only=True, slots=True)
class CursorPager:
    """The answer holds a value at `next` for the next call; nothing there ends the list.

    It goes into query parameter `as`, or without one stands as `cursor` where the call's own trees see it.
    """

    next: Expression
    as_: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class NoPager:
    """One answer holds it all."""


Pager = OffsetPager | NextPager | CursorPager | NoPager


@dataclass(frozen=True, slots=True)
class _List:
    """One list to walk through."""

    http: Http
    exchange: Exchange
    scope: Mapping[str, Any]
    records: Expression
    order_by: Sequence[str]
    step: str

    def read(self, *, cursor: Any = None, **query: Any) -> Answer:
        parameters = {name: Fixed(value) for name, value in query.items()}
        scope = self.scope if cursor is None else {**self.scope, "cursor": cursor}
        return self.http.read(
            replace(self.exchange, query={**self.exchange.query, **parameters}), scope, step=self.step
        )

    def rows(self, answer: Answer) -> list[Record]:
        """An answer without a list is an error, never `no records`."""
        found = None if answer.absent or answer.body is None else self.records(answer.body)
        if not isinstance(found, list) or not _RECORDS.issuperset(map(type, found)):
            raise SetupError(f"step `{self.step}`: the answer holds no list of records where `records` looks for one")
        return found

    def place(self, row: Record) -> tuple[Any, ...]:
        """What the list is sorted by; the whole row where nothing is said."""
        if not self.order_by:
            return (row,)
        missing = [name for name in self.order_by if name not in row]
        if missing:
            raise SetupError(f"step `{self.step}`: the rows hold no `{missing[0]}`, which the list is ordered by")
        return tuple(row[name] for name in self.order_by)


def pages(
    http: Http,
    exchange: Exchange,
    scope: Mapping[str, Any],
    pager: Pager | None,
    records: Expression,
    order_by: Sequence[str],
    *,
    step: str,
    restarts: int = 3,
    prefetch: bool = True,
) -> Iterator[list[Record]]:
    """The rows, page by page, the next page read while the caller works on this one.

    When rows moved the pass starts again at the first page, `restarts` times, so rows may come twice: keys absorb that.
    Raises RowsMoved after the last restart, SetupError for answers that are no list and for links that never end, and as `Http.read`.
    """
    rows = _List(http, exchange, scope, records, tuple(order_by), step)
    for restart in range(restarts + 1):
        walk = _walk(rows, pager)
        try:
            yield from _ahead(walk) if prefetch else walk
        except RowsMoved:
            if restart == restarts:
                raise
        else:
            return


def _walk(rows: _List, pager: Pager | None) -> Iterator[list[Record]]:
    if isinstance(pager, OffsetPager):
        return _by_offset(rows, pager)
    if isinstance(pager, NextPager):
        return _by_link(rows, pager)
    if isinstance(pager, CursorPager):
        return _by_cursor(rows, pager)
    return iter([rows.rows(rows.read())])


def _by_offset(rows: _List, pager: OffsetPager) -> Iterator[list[Record]]:
    """Each page is asked for from one row earlier: its first row must be the last one seen, else a row may have slipped by.

    Plain skipping loses a row after a single update (measured). A page ends the list when it is shorter than the fullest one so
    far; a first page shorter than asked is looked at once more, because a server may cap pages below what it was asked for.
    """
    if pager.size < 2:
        raise SetupError(f"step `{rows.step}`: a page `size` of at least 2 is needed to see whether rows moved")
    page = rows.rows(rows.read(**{pager.limit: pager.size, pager.skip: 0}))
    seen, fullest = 0, len(page)
    for _ in range(MOST_PAGES):
        if not page:
            return
        yield page
        seen, last = seen + len(page), rows.place(page[-1])
        whole = rows.rows(rows.read(**{pager.limit: pager.size, pager.skip: seen - 1}))
        if not whole or rows.place(whole[0]) != last:
            raise RowsMoved(f"step `{rows.step}`: rows moved while the list was read (after {seen} rows)")
        page = whole[1:]
        if len(whole) < fullest:
            if page:
                yield page
            return
        fullest = max(fullest, len(whole))
    raise _endless(rows)


def _by_link(rows: _List, pager: NextPager) -> Iterator[list[Record]]:
    answer, seen = rows.read(), set[str]()
    for _ in range(MOST_PAGES):
        yield rows.rows(answer)
        link = pager.link(answer.body)
        if not link:
            return
        if not isinstance(link, str) or link in seen:
            raise _endless(rows)
        seen.add(link)
        answer = rows.http.follow(link, step=rows.step)
    raise _endless(rows)


def _by_cursor(rows: _List, pager: CursorPager) -> Iterator[list[Record]]:
    answer, seen = rows.read(), set[str]()
    for _ in range(MOST_PAGES):
        yield rows.rows(answer)
        cursor = pager.next(answer.body)
        if cursor is None or cursor is False or cursor == "":
            return
        if str(cursor) in seen:
            raise _endless(rows)
        seen.add(str(cursor))
        answer = rows.read(**{pager.as_: cursor}) if pager.as_ else rows.read(cursor=cursor)
    raise _endless(rows)


def _endless(rows: _List) -> SetupError:
    return SetupError(f"step `{rows.step}`: the list never ends: the system leads back to a page that was read already")


def _ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items, the next one fetched in a thread while the caller works on this one."""
    done = object()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="page") as thread:
        waiting = thread.submit(next, items, done)
        while (item := waiting.result()) is not done:
            waiting = thread.submit(next, items, done)
            yield item  # type: ignore[misc]

"""Rows of one document that do not stand together: found by a first pass, brought together by a sort that needs no memory."""

from __future__ import annotations

import heapq
import os
import tempfile
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from pathlib import Path
from typing import IO, Any

import msgspec

from engine.contracts import BadRow, Block
from engine.errors import ParcelError
from engine.mapping.documents_pack import marked_row, unmark

Item = tuple[int, Sequence[Any]] | BadRow
Key = tuple[str, ...]
Open = Callable[[int], Iterable[Item]]
"""Starts the rows from the first one, each with that many of its values: the first pass needs the key only."""

MOST_KEYS = 500_000
MOST_BAD = 10_000
ORDERED_KEYS = 100_000
_RUN = 20_000
_BLOCK = 128
_DECODE = msgspec.msgpack.Decoder(list[tuple[Any, int, tuple[Any, ...]]], ext_hook=unmark).decode


NO_KEY = "a part of its key is empty"


@dataclass(slots=True)
class Scan:
    """What the first pass saw. `spoiled` are documents that may lack a row, each with the reason.

    `placed` are the bad rows whose document is known to be the one beside them: nothing else is said of those.
    """

    together: bool = True
    spoiled: dict[Key, str] = field(default_factory=dict)
    placed: set[str] = field(default_factory=set)


def key_of(values: Sequence[Any], size: int) -> Key:
    """The key as it is compared: text without blanks around it. An empty part is an empty text."""
    return tuple("" if value is None else str(value).strip() for value in values[:size])


def scan(
    rows: Iterable[Item], size: int, make_key: Callable[[Sequence[Any]], Key], key_of_bad: Callable[[BadRow], Key]
) -> Scan:
    """Whether all rows of each key stand together, and which documents a bad row spoils. `rows` hold the key's values only.

    A row whose key can't be trusted may belong to the document before it or behind it: both are spoiled, unless its key is that of
    one of them.
    """
    found = Scan()
    seen: set[int] = set()
    last: Sequence[Any] | None = None
    key: Key = ()
    pending: list[BadRow] = []
    for item in rows:
        if item.__class__ is tuple:
            line, values = item  # not a BadRow
            if values == last and not pending:
                continue
            try:
                fresh = make_key(values)
            except AttributeError:
                fresh = key_of(values, size)
            if all(fresh):
                last = values
                if pending:
                    _spoil(found, pending, key_of_bad, key, fresh)
                if fresh != key and found.together:
                    mark = hash(fresh)
                    found.together = mark not in seen and len(seen) < MOST_KEYS
                    seen.add(mark)
                key = fresh
                continue
            pending.append(BadRow(place=f"row {line}", values={}, error=NO_KEY))
        else:
            assert isinstance(item, BadRow)
            pending.append(item)
        if len(pending) + len(found.spoiled) > MOST_BAD:
            raise too_many_bad()
    _spoil(found, pending, key_of_bad, key, key)
    return found


def _spoil(found: Scan, pending: list[BadRow], key_of_bad: Callable[[BadRow], Key], before: Key, behind: Key) -> None:
    for bad in pending:
        if spoil(found.spoiled, bad, key_of_bad(bad), before, behind):
            found.placed.add(bad.place)
    pending.clear()


def spoil(spoiled: dict[Key, str], bad: BadRow, key: Key, before: Key, behind: Key) -> bool:
    """Notes which documents lack a bad row: the one beside it whose `key` it shows (then True), else all it may belong to."""
    if key and key in {before, behind}:
        spoiled.setdefault(key, f"{bad.place}: {bad.error}")
        return True
    for each in filter(None, (before, behind, key)):
        spoiled.setdefault(each, f"{bad.place} can't be used and may belong to this document: {bad.error}")
    return False


def too_many_bad() -> ParcelError:
    """Past so many the file is of another layout, and its reasons would fill the memory."""
    return ParcelError(
        f"more than {MOST_BAD} rows can't be used: has the layout changed? Nothing of this file was taken"
    )


def in_blocks(items: Iterable[Item]) -> Iterator[Block | BadRow]:
    """Single rows put together to blocks; around bad rows each is one of its own."""
    iterator = iter(items)
    while some := list(islice(iterator, _BLOCK)):
        if any(item.__class__ is BadRow for item in some):
            for item in some:
                yield item if isinstance(item, BadRow) else ((item[0],), (item[1],))
        else:
            lines, rows = zip(*some, strict=True)
            yield lines, rows


def bring_together(
    open_rows: Open, width: int, size: int, spool: Path | None, most: int = ORDERED_KEYS
) -> Iterator[Item]:
    """The same rows with those of one key next to each other, in the order the keys first appear (beyond `most` keys: sorted by key)."""
    with tempfile.TemporaryFile(dir=spool, prefix="sort-") as file:
        runs = _Runs(file)
        bad = _write_by_appearance(runs, open_rows(width), size, most)
        if bad is None:
            runs.clear()
            bad = _write(runs, open_rows(width), key_of, size)
        yield from bad
        for _rank, line, values in runs.merged():
            yield line, values


def _write_by_appearance(runs: _Runs, rows: Iterable[Item], size: int, most: int) -> list[BadRow] | None:
    """None when there are too many keys to remember their order."""
    try:
        return _write(runs, rows, _by_appearance(most), size)
    except _TooManyKeys:
        return None


def _write(runs: _Runs, rows: Iterable[Item], rank_of: Callable[[Sequence[Any], int], Any], size: int) -> list[BadRow]:
    """Writes all rows as sorted runs; returns those that have no key to be sorted by."""
    bad: list[BadRow] = []
    run: list[tuple[Any, int, Sequence[Any]]] = []
    for item in rows:
        if isinstance(item, BadRow):
            bad.append(item)
            continue
        run.append((rank_of(item[1], size), item[0], item[1]))
        if len(run) >= _RUN:
            runs.add(run)
            run = []
    runs.add(run)
    return bad


class _TooManyKeys(Exception):
    pass


def _by_appearance(most: int) -> Callable[[Sequence[Any], int], int]:
    order: dict[Key, int] = {}

    def rank(values: Sequence[Any], size: int) -> int:
        found = order.setdefault(key_of(values, size), len(order))
        if found >= most:
            raise _TooManyKeys
        return found

    return rank


class _Runs:
    """Sorted runs in one unnamed file: blocks of rows, read back block by block."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._runs: list[array[int]] = []

    def add(self, run: list[tuple[Any, int, Sequence[Any]]]) -> None:
        """Writes one run. Rows keep their order within a rank: the line number is part of what is sorted by."""
        run.sort(key=_rank_and_line)
        ends = array("q", [self._file.tell()])
        for start in range(0, len(run), _BLOCK):
            block = [(rank, line, marked_row(values)) for rank, line, values in run[start : start + _BLOCK]]
            self._file.write(msgspec.msgpack.encode(block))
            ends.append(self._file.tell())
        self._runs.append(ends)

    def merged(self) -> Iterator[tuple[Any, int, Sequence[Any]]]:
        """All rows in order."""
        self._file.flush()
        return heapq.merge(*map(self._read, self._runs), key=_rank_and_line)

    def clear(self) -> None:
        """Forgets everything."""
        self._runs.clear()
        self._file.seek(0)
        self._file.truncate()

    def _read(self, ends: array[int]) -> Iterator[tuple[Any, int, Sequence[Any]]]:
        for start, end in pairwise(ends):
            block = os.pread(self._file.fileno(), end - start, start)
            yield from _DECODE(block)


def _rank_and_line(row: Sequence[Any]) -> tuple[Any, int]:
    return row[0], row[1]

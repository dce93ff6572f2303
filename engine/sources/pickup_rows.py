"""A file's rows as records: format and document shape put together."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from engine.contracts import BadRow, Row
from engine.formats.csv import Csv
from engine.formats.csv_whereabouts import Whereabouts
from engine.formats.json import Json
from engine.formats.layouts import Format, Whole, comes_whole
from engine.formats.nesting import Nesting
from engine.formats.reading import Decoding, Wanted
from engine.mapping.documents import Documents, DocumentShape

_WRONG = re.compile(r"rows? ([0-9]+)")
"""The first row an error is about, or else the first of the document."""
Tell = Callable[[str], None]
Report = Callable[[dict[str, Any]], None]
"""Told of every interchange of a file, as plain data."""


def nobody(_received: dict[str, Any]) -> None:
    """Where no sender is to be told anything."""


class FileRows:
    """Reads files of one layout. Without a shape every row is a record of its own, untyped."""

    def __init__(self, format_: Format, shape: DocumentShape | None, spool: Path | None = None) -> None:
        """Raises ValueError when the shape does not hold together."""
        self.documents = Documents(shape) if shape is not None else None
        self._format = format_
        self._spool = spool
        wanted = self.documents.wanted if self.documents is not None else ()
        self._wanted = [Wanted(names=names, required=required) for names, required in wanted]
        self._each = shape.each if shape is not None else None
        self._whole = comes_whole(format_, self._each)

    def read(self, path: Path, tell: Tell, report: Report = nobody, *, rush: bool = False) -> Iterator[Row | BadRow]:
        """The records; `tell` is given what is worth noticing, each once. Raises ParcelError, and ReadAgain when in a `rush`."""
        with closing(self._records(path, tell, report, rush=rush)) as found:
            yield from _placed(self._format, path, found) if isinstance(self._format, Csv) else found

    def _records(self, path: Path, tell: Tell, report: Report, *, rush: bool) -> Generator[Row | BadRow, None, None]:
        with path.open("rb") as stream:
            if self.documents is None:
                yield from self._plain(stream)
            elif self._whole is not None:
                yield from self._nested(self._whole, self.documents, stream, tell, report)
            elif rush:
                decoding = self._flat.decode(stream, self._wanted)
                yield from self.documents.at_once(decoding.table())
                _tell_new(decoding, set(), tell)
            else:
                yield from self.documents.group(self._opener(stream, tell), spool=self._spool)

    def _nested(
        self, format_: Whole, documents: Documents, stream: BinaryIO, tell: Tell, report: Report
    ) -> Iterator[Row | BadRow]:
        head = len(documents.header)
        nesting = format_.nest(stream, self._wanted[:head], self._wanted[head:], self._each)
        try:
            yield from documents.nested(nesting)
        finally:  # a file that is refused is answered too
            for each in nesting.received:
                report(each)
        _tell_new(nesting, set(), tell)

    @property
    def _flat(self) -> Csv | Json:
        """The format, of which rows are read."""
        assert isinstance(self._format, Csv | Json)
        return self._format

    def _plain(self, stream: BinaryIO) -> Iterator[Row | BadRow]:
        for item in self._format.records_of(stream):
            yield item if isinstance(item, BadRow) else Row(place=f"row {item[0]}", values=item[1])

    def _opener(self, stream: BinaryIO, tell: Tell) -> Callable[[int], Iterator[Any]]:
        said: set[str] = set()

        def open_rows(count: int) -> Iterator[Any]:
            stream.seek(0)
            decoding = self._flat.decode(stream, self._wanted, count=count)
            yield from decoding
            _tell_new(decoding, said, tell)

        return open_rows


def _placed(format_: Csv, path: Path, found: Iterator[Row | BadRow]) -> Iterator[Row | BadRow]:
    """The same; what is wrong with a row is told with its record and byte. The file is opened for that where a row is bad."""
    with ExitStack() as opened:
        places: Whereabouts | None = None
        for item in found:
            if item.__class__ is not BadRow:
                yield item
                continue
            if places is None:
                places = format_.whereabouts(opened.enter_context(path.open("rb")))
            line = _WRONG.match(item.error) or _WRONG.match(item.place)
            yield replace(item, error=f"{item.error} ({places.of(int(line[1]))})") if line is not None else item


def _tell_new(decoding: Decoding | Nesting, said: set[str], tell: Tell) -> None:
    for finding in decoding.findings:
        if finding not in said:
            said.add(finding)
            tell(finding)

"""A fetched file as the records of a parcel: format and document shape put together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from engine.contracts import BadRow, Row
from engine.formats.csv import Csv
from engine.formats.json import Json
from engine.formats.reading import Wanted
from engine.mapping.documents import Documents, DocumentShape

Note = Callable[[str, dict[str, Any]], None]
Reader = Callable[[Path], Iterator[Row | BadRow]]


def compile_reader(
    format_: Csv | Json, shape: DocumentShape | None, *, spool: Path | None = None, note: Note
) -> Reader:
    """A function that reads a local copy from its start, every time it is called.

    Without a shape every row is a record of its own, untyped. Raises ValueError when the shape does not hold together;
    what it returns raises ParcelError when the file's structure breaks.
    """
    if shape is None:
        return lambda path: _plain(format_, path)
    documents = Documents(shape)
    wanted = [Wanted(names=names, required=required) for names, required in documents.wanted]

    def read(path: Path) -> Iterator[Row | BadRow]:
        said: set[str] = set()
        with path.open("rb") as stream:

            def open_rows(count: int) -> Iterator[Any]:
                stream.seek(0)
                decoding = format_.decode(stream, wanted, count=count)
                yield from decoding
                for finding in decoding.findings:
                    if finding not in said:
                        said.add(finding)
                        note("finding", {"text": finding})

            yield from documents.group(open_rows, spool=spool)

    return read


def _plain(format_: Csv | Json, path: Path) -> Iterator[Row | BadRow]:
    with path.open("rb") as stream:
        for item in format_.records_of(stream):
            yield item if isinstance(item, BadRow) else Row(place=f"row {item[0]}", values=item[1])

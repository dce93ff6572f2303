"""Which record of a CSV file a line belongs to, and the byte it begins at: for people who look into the file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from engine.errors import ParcelError
from engine.formats.csv_keys import CsvKeys
from engine.formats.csv_read import numbered_rows
from engine.formats.lines import codec_of, read_lines

_RECENT = 1024
"""Records that can be asked for again: bad rows are told nearly in their order."""
_AGAIN = 16
"""How often the file is gone through once more for a line further back; then lines stand alone, so that no file takes long."""


class Whereabouts:
    """Goes through the file once for any number of lines, as long as they are asked for nearly in their order."""

    def __init__(self, kind: CsvKeys, stream: BinaryIO) -> None:
        self._kind, self._stream, self._start = kind, stream, stream.tell()
        self._left = _AGAIN
        self._begin()

    def _begin(self) -> None:
        self._stream.seek(self._start)
        self._pulled: list[int] = []
        self._first, self._line = 1, 0
        self._recent: dict[int, str] = {}
        self._rows = numbered_rows(self._kind, self._lines())

    def _lines(self) -> Iterator[str]:
        codec, byte = codec_of(self._stream, self._kind.encoding)
        for text in read_lines(self._stream, self._kind.encoding):
            self._pulled.append(byte)
            byte += len(text) if codec == "utf-8" and text.isascii() else len(text.encode(codec))
            yield text

    def of(self, line: int) -> str:
        """`line 7, record 5, byte 210`, of the record that begins at that line; the line alone where there is none."""
        alone = f"line {line}"
        if line < self._line and line not in self._recent and self._left:
            self._left -= 1
            self._begin()
        try:
            while self._line < line:
                self._step()
        except (StopIteration, ParcelError):
            return alone
        return self._recent.get(line, alone)

    def _step(self) -> None:
        self._line, number = next(self._rows)
        byte = self._pulled[self._line - self._first]
        self._first += len(self._pulled)
        self._pulled.clear()
        if len(self._recent) >= _RECENT:
            del self._recent[next(iter(self._recent))]
        self._recent[self._line] = f"line {self._line}, record {number}, byte {byte}"

"""Where in a CSV file something is wrong: found by going through the file once more, and only when it is asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

from engine.errors import ParcelError
from engine.formats.lines import Encoding, byte_of_line, place_of_end

RecordAt = Callable[[int], tuple[int, int]]
"""The header's line, and the number of the record at a line; 0 where there is none."""
_LINE = re.compile(r"line (\d+)")
_END = "end of file"


@contextmanager
def told(stream: BinaryIO, start: int, encoding: Encoding, record_at: RecordAt) -> Iterator[None]:
    """Adds record and byte to the line a ParcelError names."""
    try:
        yield
    except ParcelError as error:
        raise _exactly(error, stream, start, encoding, record_at) from error


def _exactly(error: ParcelError, stream: BinaryIO, start: int, encoding: Encoding, record_at: RecordAt) -> ParcelError:
    place = error.place
    message = str(error).removeprefix(f"{place}: ")
    stream.seek(start)
    if place in {"", _END}:
        return ParcelError(message, place=place_of_end(stream))
    named = _LINE.fullmatch(place)
    if named is None and place != "header":
        return error  # it tells the byte already
    header, record = record_at(int(named[1]) if named else 0)
    line = int(named[1]) if named else max(header, 1)
    stream.seek(start)
    try:
        byte = byte_of_line(stream, encoding, line)
    except ParcelError:
        return error
    shown = [place if named else f"header, line {line}", f"record {record}" if record else "", f"byte {byte}"]
    return ParcelError(message, place=", ".join(filter(None, shown)))

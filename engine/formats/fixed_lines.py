"""Bytes to the records of a fixed-width file, each with its line, its number and the byte it begins at."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from typing import BinaryIO, cast

from engine.errors import ParcelError
from engine.formats.fixed_keys import FixedKeys
from engine.formats.lines import Encoding, read_lines

_PIECE = 256 * 1024
_END_OF_DOS = "\x1a"


Raw = tuple[str, int, int, int]
"""One record: its text, its physical line (0 where the file has none), its number from 1, its first byte from 0."""


def place_of(kind: FixedKeys, raw: Raw, position: int = 0) -> str:
    """Where a record stands, or the character at a position from 0 of it."""
    text, line, number, byte = raw
    if position:
        byte += len(text[:position].encode()) if kind.encoding == "utf-8" else position
    return f"line {line}, record {number}, byte {byte}" if line else f"record {number}, byte {byte}"


def raw_records(kind: FixedKeys, stream: BinaryIO) -> Iterator[Raw]:
    """Every record in the file's order, empty lines left out. Raises ParcelError."""
    found = _lines(kind, stream) if kind.newline == "required" else _blocks(kind, stream)
    if kind.max_rows is None:
        return found
    return _limited(kind, found, kind.max_rows)


def _lines(kind: FixedKeys, stream: BinaryIO) -> Iterator[Raw]:
    wide, length, number = kind.encoding == "utf-8", kind.record_length, 0
    byte = _mark(kind, stream)
    for line, whole in enumerate(read_lines(stream, cast("Encoding", kind.encoding)), 1):
        text = whole.rstrip("\r\n")
        if text and text != _END_OF_DOS:
            number += 1
            if length is not None and len(text) != length:
                raise ParcelError(
                    f"the record has {len(text)} characters and `record_length` is {length}: was it cut, or is the layout"
                    " another one?",
                    place=f"line {line}, record {number}, byte {byte}",
                )
            yield text, line, number, byte
        byte += len(whole.encode()) if wide and not whole.isascii() else len(whole)


def _blocks(kind: FixedKeys, stream: BinaryIO) -> Iterator[Raw]:
    length, wide = kind.record_length or 0, kind.encoding == "utf-8"
    byte, number, carry = _mark(kind, stream), 0, ""
    for text in _texts(kind, stream):
        carry += text
        whole = len(carry) - len(carry) % length
        for at in range(0, whole, length):
            record = carry[at : at + length]
            number += 1
            if "\n" in record or "\r" in record or "\0" in record:
                what = "a NUL character" if "\0" in record else "a line break: is `newline: required` meant?"
                raise ParcelError(f"the record holds {what}", place=f"record {number}, byte {byte}")
            yield record, 0, number, byte
            byte += len(record.encode()) if wide and not record.isascii() else length
        carry = carry[whole:]
    if carry.strip("\r\n" + _END_OF_DOS):
        raise ParcelError(
            f"the file ends after {len(carry)} of {length} characters: the upload is incomplete",
            place=f"record {number + 1}, byte {byte}",
        )


def _mark(kind: FixedKeys, stream: BinaryIO) -> int:
    """How many bytes a byte order mark takes."""
    start = stream.tell()
    first = stream.read(3)
    stream.seek(start)
    return 3 if kind.encoding == "utf-8" and first == codecs.BOM_UTF8 else 0


def _texts(kind: FixedKeys, stream: BinaryIO) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8-sig" if kind.encoding == "utf-8" else kind.encoding)("strict")
    read: Callable[[], bytes] = lambda: stream.read(_PIECE)  # noqa: E731
    offset, piece = 0, read()
    while True:
        offset += len(piece)
        try:
            yield decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            at = offset - len(error.object) + error.start
            said = error.object[error.start : error.end][:4].hex(" ")
            raise ParcelError(f"hex {said} is not {kind.encoding}: {error.reason}", place=f"byte {at}") from error
        if not piece:
            return
        piece = read()


def _limited(kind: FixedKeys, found: Iterator[Raw], most: int) -> Iterator[Raw]:
    for raw in found:
        if raw[2] > most:
            raise ParcelError(f"the file has more than {most} records (`max_rows`)", place=place_of(kind, raw))
        yield raw

"""Bytes to lines of text: streaming, strict, and an error names the byte and the line where it broke."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from itertools import chain, islice
from typing import BinaryIO, Literal

from engine.errors import ParcelError

Encoding = Literal["utf-8-sig", "utf-8", "utf-16", "cp1252", "latin-1"]

_PIECE = 256 * 1024
LONGEST_LINE = 16 * 1024 * 1024
_UNICODE = frozenset({"utf-8-sig", "utf-8", "utf-16"})


def read_lines(stream: BinaryIO, encoding: Encoding, *, ends_with_newline: bool = False) -> Iterator[str]:
    """Lines with their ends (LF, CR or CRLF, kept). Raises ParcelError; with `ends_with_newline` also for a cut last line."""
    return chain.from_iterable(_pieces(stream, encoding, ends_with_newline=ends_with_newline))


def _pieces(stream: BinaryIO, encoding: Encoding, *, ends_with_newline: bool) -> Iterator[list[str]]:
    """A list of whole lines for each piece read: the consumer then pays nothing per line in Python."""
    first = stream.read(_PIECE)
    name, mark = _by_mark(first, encoding)
    decoder = codecs.getincrementaldecoder(name)("strict")
    offset, lines, carry = mark, 0, ""
    for piece in chain((first[mark:],), iter(lambda: stream.read(_PIECE), b"")):
        offset += len(piece)
        text = carry + _decode(decoder, piece, final=False, offset=offset, lines=lines, name=name)
        if "\0" in text:
            raise _binary(text, lines, offset - len(decoder.getstate()[0]), name)
        whole = io.StringIO(text, newline="").readlines()
        # The last line goes on in the next piece; one that ends in CR may get its LF there.
        carry = whole.pop() if whole and not whole[-1].endswith("\n") else ""
        lines += len(whole)
        if len(carry) > LONGEST_LINE:
            begun = offset - len(decoder.getstate()[0]) - len(carry.encode(name))
            message = f"the line is longer than {LONGEST_LINE} characters"
            raise ParcelError(message, place=f"line {lines + 1}, byte {begun}")
        yield whole
    _decode(decoder, b"", final=True, offset=offset, lines=lines, name=name)
    if carry:
        if ends_with_newline and not carry.endswith("\r"):
            raise ParcelError(
                "the file does not end with a line break: the upload is incomplete",
                place=f"line {lines + 1}, byte {offset - len(carry.encode(name))}",
            )
        yield [carry]


def _binary(text: str, lines: int, end: int, name: str) -> ParcelError:
    """`end` is the byte behind the text, `lines` those before it."""
    at = text.index("\0")
    return ParcelError(
        "the text holds NUL characters: it is binary, damaged, or UTF-16 without a byte order mark",
        place=f"line {lines + 1 + _count_breaks(text[:at])}, byte {end - len(text[at:].encode(name))}",
    )


def _decode(
    decoder: codecs.IncrementalDecoder, piece: bytes, *, final: bool, offset: int, lines: int, name: str
) -> str:
    """`offset` counts the bytes read so far, this piece included."""
    try:
        return decoder.decode(piece, final=final)
    except UnicodeDecodeError as error:
        at = offset - len(error.object) + error.start
        line = lines + 1 + _count_breaks(error.object[: error.start].decode(name, "replace"))
        shown = error.object[error.start : error.end][:4].hex(" ")
        advice = "; declare `encoding: cp1252` if it comes from Windows" if name == "utf-8" else ""
        raise ParcelError(
            f"hex {shown} is not {name}: {error.reason}{advice}", place=f"line {line}, byte {at}"
        ) from error


def _by_mark(first: bytes, encoding: Encoding) -> tuple[str, int]:
    """The decoder's name and the length of the byte order mark. Raises ParcelError where mark and declaration disagree."""
    marks = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
    for mark, name in marks.items():
        if first.startswith(mark):
            if encoding not in _UNICODE:
                raise ParcelError(
                    f"the file starts with the mark of {name} and `encoding: {encoding}` is declared",
                    place="line 1, byte 0",
                )
            return name, len(mark)
    if encoding == "utf-16":
        raise ParcelError("`encoding: utf-16` is declared and the file has no byte order mark", place="line 1, byte 0")
    return ("utf-8" if encoding == "utf-8-sig" else encoding), 0


def codec_of(stream: BinaryIO, encoding: Encoding) -> tuple[str, int]:
    """The name of what the text that follows is written in, and the length of its mark; the stream stands where it stood."""
    start = stream.tell()
    found = _by_mark(stream.read(4), encoding)
    stream.seek(start)
    return found


def byte_of_line(stream: BinaryIO, encoding: Encoding, line: int) -> int:
    """Where a line begins, counted from where the stream stands. Raises ParcelError for text that can't be decoded up to there."""
    name, mark = codec_of(stream, encoding)
    return mark + sum(len(text.encode(name)) for text in islice(read_lines(stream, encoding), line - 1))


def place_of_end(stream: BinaryIO) -> str:
    """Where the file ends: its last line and how many bytes lie before. Reads what is left of the stream."""
    size, lines, ended = stream.tell(), 1, False
    for piece in iter(lambda: stream.read(_PIECE), b""):
        size, lines, ended = size + len(piece), lines + piece.count(b"\n"), piece.endswith(b"\n")
    return f"line {lines - ended}, byte {size}"


def _count_breaks(text: str) -> int:
    return text.count("\n") + text.count("\r") - text.count("\r\n")

"""Bytes of an X12 file to segments: delimiters from the ISA, whatever shape senders give it, streaming."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, NoReturn

from engine.errors import ParcelError
from engine.formats.x12_block import Block, Blocks
from engine.formats.x12_findings import At, Notes, shown
from engine.formats.x12_keys import Leniency

Segment = tuple[bytes, At]
"""A segment without its terminator and without blanks around it, and where it begins."""

_PIECE = 256 * 1024
_LONGEST = 64 * 1024
_HEAD = 1024
_FIXED = 106
_BLANK = b" \t\r\n\x00\x1a"
_WIDTHS = (2, 10, 2, 10, 2, 15, 2, 15, 6, 4, 1, 5, 9, 1, 1)
_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
_SPACE, _NEW_LINE, _LETTER_I = b" \nI"
_BLANKS_END = b" "
_USUAL_LEADS = (b"\n", b"\r\n", b"\r")


@dataclass(frozen=True, kw_only=True, slots=True)
class Delimiters:
    """Single characters; `component` and `repetition` are empty where an interchange has none."""

    element: str = "*"
    segment: str = "~"
    component: str = ">"
    repetition: str = "^"


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """An ISA: its sixteen elements without the blanks that fill them, and the delimiters it declares."""

    elements: tuple[str, ...]
    delimiters: Delimiters
    at: At


class Segments:
    """One pass over a file: `head` finds the next ISA, `rest` the segments up to its IEA, to the next ISA or to the end."""

    def __init__(self, stream: BinaryIO, notes: Notes, leniency: Leniency) -> None:
        self._stream, self._notes, self._leniency = stream, notes, leniency
        self._data = b""
        self._offset, self._line, self._number = 0, 1, 0
        self._data_at = 0
        self._mark, self._end = b"*", b"~"
        self.closed, self._another = False, False

    def head(self) -> Head | None:
        """The next ISA, None at the end of the file. Raises ParcelError for what is no X12."""
        if not self._skip_to_head():
            return None
        self._number += 1
        at = (self._number, self._line, self._offset)
        head, size = read_head(self._data, at)
        usual = size == _FIXED and all(len(e) == w for e, w in zip(_raw_elements(self._data), _WIDTHS, strict=False))
        if not usual:
            if self._leniency == "strict":
                raise ParcelError("the ISA's elements have not their fixed widths", place=shown(at))
            self._notes.add("the ISA's elements have not their fixed widths", at)
        self._take(size)
        self._mark, self._end = head.delimiters.element.encode(), head.delimiters.segment.encode()
        self.closed, self._another = False, False
        return head

    def rest(self) -> Iterator[Segment | Block]:
        """Segments after the ISA, plain sets whole; `closed` tells that the last was the IEA. Raises ParcelError for one too long."""
        blocks = Blocks.of(self._mark, self._end, self._data, _LONGEST)
        while True:
            cut = -1
            if blocks is not None:
                yield from self._plain(blocks)
                cut = self._data.find(blocks.another)
            self._data_at = self._offset
            pieces = (self._data if cut < 0 else self._data[: cut + len(self._end)]).split(self._end)
            tail = pieces.pop()
            yield from self._whole(pieces)
            if self.closed or self._another:
                return
            if cut >= 0:
                self._data = self._data[cut + len(self._end) :]
                continue
            if len(tail) > _LONGEST:
                self._refuse_long(self._offset)
            more = self._stream.read(_PIECE)
            if not more:
                self._data = tail
                yield from self._last(tail)
                return
            self._data = tail + more

    def _plain(self, blocks: Blocks) -> Iterator[Block]:
        """The plain sets the data begins with."""
        data, place = self._data, 0
        while (found := blocks.next(data, place, (self._number, self._line, self._offset))) is not None:
            block, behind = found
            self._number, self._line = block.end_at[:2]
            self._offset += behind - place
            place = behind
            yield block
        self._data = data[place:]

    def _whole(self, pieces: list[bytes]) -> Iterator[Segment]:
        """Most segments begin right behind the terminator or on the next line: they take the short way."""
        new_line = self._end == b"\n"
        number, line, offset = self._number, self._line, self._offset
        for piece in pieces:
            first = piece[0] if piece else 0
            if first > _SPACE:
                body = piece
                number += 1
                at = (number, line, offset)
            elif first == _NEW_LINE and piece[1:2] > _BLANKS_END:
                body = piece[1:]
                number += 1
                line += 1
                at = (number, line, offset + 1)
            else:
                body = piece.lstrip(_BLANK)
                self._number, self._line, self._offset = number, line, offset
                at = self._place(piece, body)
                number, line = self._number, self._line
            if not body or body[0] == _LETTER_I:
                if body.startswith(b"ISA"):
                    self._another = True
                    self._stop(offset, number - 1, line - piece[: len(piece) - len(body)].count(b"\n"))
                    return
                if body.startswith(b"IEA"):
                    self.closed = True
                    self._stop(offset + len(piece) + 1, number, line + body.count(b"\n") + new_line)
                    yield body.rstrip(_BLANK), at
                    return
                if not body:
                    self._notes.add("an empty segment or a blank line", at)
                    number -= 1
                    line += new_line
                    offset += len(piece) + 1
                    continue
            size = len(piece) + 1
            if size > _LONGEST:
                self._refuse_long(offset)
            offset += size
            if new_line or b"\n" in body:
                line += body.count(b"\n") + new_line
            yield (body if body[-1] > _SPACE else body.rstrip(_BLANK)), at
        self._number, self._line, self._offset = number, line, offset

    def _refuse_long(self, offset: int) -> NoReturn:
        raise ParcelError(f"a segment is longer than {_LONGEST} bytes", place=f"byte {offset}")

    def _stop(self, offset: int, number: int, line: int) -> None:
        """Ends inside the data at hand: what follows belongs to the next interchange."""
        self._data = self._data[offset - self._data_at :]
        self._offset, self._number, self._line = offset, number, line

    def _place(self, piece: bytes, body: bytes) -> At:
        """Where a segment begins, after the blanks before it."""
        self._number += 1
        lead = len(piece) - len(body)
        if lead:
            blanks = piece[:lead]
            self._line += blanks.count(b"\n")
            if body and blanks not in _USUAL_LEADS:
                what = "blanks" if b" " in blanks or b"\t" in blanks else "blank lines"
                self._notes.add(f"{what} before a segment", (self._number, self._line, self._offset + lead))
        return self._number, self._line, self._offset + lead

    def _last(self, tail: bytes) -> Iterator[Segment]:
        """What stands behind the last terminator."""
        body = tail.lstrip(_BLANK)
        if body and not body.startswith(b"ISA"):
            at = self._place(tail, body)
            self._offset += len(tail)
            self._data = b""
            self._notes.add("the last segment has no terminator", at)
            self.closed = body.startswith(b"IEA")
            yield body.rstrip(_BLANK), at

    def _skip_to_head(self) -> bool:
        """Whether there is a next ISA; it then stands at the start of the data."""
        self._fill()
        if self._offset == 0:
            self._skip_mark()
        while True:
            body = self._data.lstrip(_BLANK)
            if self._number == 0 and len(body) != len(self._data):
                self._notes.add("blanks or blank lines before the first segment", (1, self._line, self._offset))
            self._take(len(self._data) - len(body))
            if body:
                break
            self._fill()
            if not self._data:
                return False
        self._fill()
        if self._data.startswith(b"ISA"):
            return True
        return self._refuse_strangers()

    def _refuse_strangers(self) -> bool:
        start = self._data[:12].decode("ascii", "backslashreplace")
        if self._number == 0:
            raise ParcelError(f"this is no X12 file: it begins with `{start}`, not with `ISA`", place="byte 0")
        at = (self._number, self._line, self._offset)
        if self._leniency != "lenient":
            raise ParcelError(f"`{start}` stands after the end of the interchange (IEA)", place=shown(at))
        self._notes.add("what stands after the end of the last interchange was passed over", at)
        return False

    def _skip_mark(self) -> None:
        if self._data.startswith(b"\xef\xbb\xbf"):
            self._notes.add("a byte order mark before the ISA", (1, 1, 0))
            self._take(3)
        elif self._data[:2] in _MARKS:
            raise ParcelError(f"the file is {_MARKS[self._data[:2]]}; X12 has one byte a character", place="byte 0")

    def _fill(self) -> None:
        while len(self._data) < _HEAD and (more := self._stream.read(_PIECE)):
            self._data += more

    def _take(self, size: int) -> None:
        self._line += self._data.count(b"\n", 0, size)
        self._offset += size
        self._data = self._data[size:]


def read_head(data: bytes, at: At) -> tuple[Head, int]:
    """The ISA at the start of `data` and how many bytes it has, terminator included. Raises ParcelError."""
    mark = data[3:4]
    if not _may_delimit(mark):
        raise ParcelError("the ISA is cut short or has no delimiter behind it", place=shown(at))
    place = 3
    for count in range(1, 16):
        place = data.find(mark, place + 1, _HEAD)
        if place < 0:
            raise ParcelError(f"the ISA has {count} elements, not 16: it is cut short or damaged", place=shown(at))
    component, end, size = _tail(data, place + 1, mark, at)
    texts = [_clean(element) for element in (*_raw_elements(data), component)]
    if mark in {component, end}:
        raise ParcelError(f"the ISA declares `{mark.decode()}` for two delimiters", place=shown(at))
    repetition = texts[10] if _may_delimit(texts[10].encode()) and texts[11] >= "00402" else ""
    delimiters = Delimiters(
        element=mark.decode(),
        segment=end.decode(),
        component="" if component == end else component.decode("ascii", "replace"),
        repetition=repetition,
    )
    return Head(elements=tuple(texts), delimiters=delimiters, at=at), size


def _tail(data: bytes, place: int, mark: bytes, at: At) -> tuple[bytes, bytes, int]:
    """ISA16, the terminator, and where the ISA ends. `place` is that of ISA16."""
    component, end = data[place : place + 1], data[place + 1 : place + 2]
    if component in {b"\r", b"\n"} or (
        _may_delimit(component) and data[place + 1 : place + 3] in {b"GS", b"TA", b"IE"}
    ):
        return b"", component, place + 1  # ISA16 is left out
    if end in {b"\r", b"\n"} and _may_delimit(component):
        following = data[place + 1 : place + 1 + _HEAD].lstrip(_BLANK).replace(b"\r", b"\n").partition(b"\n")[0]
        if following.rstrip(_BLANK).endswith(component) and following.count(component) == 1:
            return b"", component, place + 1  # so is it here: the next segment ends with the same character
    while end == b" ":
        place += 1
        end = data[place + 1 : place + 2]
    if not _may_delimit(end):
        raise ParcelError("what follows the ISA's last element can't be a segment terminator", place=shown(at))
    return component if component.isascii() else b"", end, place + 2


def _raw_elements(data: bytes) -> list[bytes]:
    return data[:_HEAD].split(data[3:4], 16)[1:16]


def _clean(element: bytes) -> str:
    """ISA texts are shown, compared and answered with: no control characters, no blanks around."""
    text = element.decode("ascii", "replace").strip(" \t\r\n\0")
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:80]


def _may_delimit(mark: bytes) -> bool:
    return len(mark) == 1 and mark.isascii() and not mark.isalnum() and mark not in {b" ", b"\0"}

"""Sets that stand in a file as nearly all do, found whole: ST to SE, one segment right behind the other, nothing special between them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from engine.formats.x12_findings import At

_LEADS = (b"\n", b"\r\n", b"")
_BLANK = b" \t\r\n\x00\x1a"
_SPACE = 32


@dataclass(frozen=True, slots=True)
class Block:
    """One set. `body` are the segments between ST and SE, each with `gap` (terminator and line break) behind it; `size` counts all."""

    start: bytes
    body: bytes
    end: bytes
    gap: bytes
    size: int
    at: At
    end_at: At

    def __iter__(self) -> Iterator[tuple[bytes, At]]:
        """Each segment between ST and SE, and where it begins."""
        number, line, byte = self.at
        gap, breaks = len(self.gap), self.gap.count(b"\n")
        byte += len(self.start) + gap
        pieces = self.body.split(self.gap)
        pieces.pop()
        for piece in pieces:
            number += 1
            line += breaks
            yield (piece if piece[-1] > _SPACE else piece.rstrip(_BLANK)), (number, line, byte)
            byte += len(piece) + gap


class Blocks:
    """Finds them behind an ISA with these delimiters. `lead` is what stands before the segments of the file: nothing, or a line break."""

    def __init__(self, mark: bytes, end: bytes, lead: bytes, longest: int) -> None:
        self._start, self._end, self._lead, self._longest = b"ST" + mark, end, lead, longest
        self._gap, self._stop = end + lead, end + lead + b"SE" + mark
        self.another = end + lead + self._start
        behind, element = re.escape(lead), re.escape(mark)
        # Where the short way ends: at a segment of the envelope, and at one that does not follow at once or has no elements.
        plain, envelope = rb"[A-Z][A-Z0-9]{1,2}" + element, rb"(?:S[TE]|G[SE]|I[SE]A|TA1)" + element
        halt = re.escape(end) + b"(?:" + behind + envelope + b"|(?!" + behind + plain + b"))"
        self._halt = re.compile(halt).search
        self._breaks = lead.count(b"\n")

    @classmethod
    def of(cls, mark: bytes, end: bytes, data: bytes, longest: int) -> Blocks | None:
        """For a file that goes on with this data behind its ISA; None where its first group does not begin there as usual."""
        if end in b"\r\n":
            return None
        return next((cls(mark, end, lead, longest) for lead in _LEADS if data.startswith(lead + b"GS" + mark)), None)

    def next(self, data: bytes, place: int, before: At) -> tuple[Block, int] | None:
        """The set that begins at `place` and where what follows begins; None where it is not that plain, or not all of it is there.

        `before`: the number and line of the segment before it, and the byte that stands at `place`.
        """
        first = place + len(self._lead)
        if not data.startswith(self._start, first) or not data.startswith(self._lead, place):
            return None
        halt = self._halt(data, first)
        if halt is None or not data.startswith(self._stop, halt.start()):
            return None
        last, gap = halt.start(), len(self._gap)
        behind = data.find(self._end, last + gap, last + self._longest)
        between = data.find(self._end, first)
        if behind < 0 or between >= last:
            return None
        body = data[between + gap : last + gap]
        many = body.count(self._end) + 2
        if data.count(b"\n", first, behind) != (many - 1) * self._breaks or not self._short(body):
            return None
        number, line, byte = before
        number, line = number + 1, line + self._breaks
        inside = (many - 1) * self._breaks
        block = Block(
            data[first:between],
            body,
            data[last + gap : behind],
            self._gap,
            many,
            (number, line, byte + len(self._lead)),
            (number + many - 1, line + inside, byte + last + gap - place),
        )
        return block, behind + len(self._end)

    def _short(self, body: bytes) -> bool:
        return len(body) < self._longest or max(map(len, body.split(self._end))) < self._longest - len(self._gap)

"""Sets like one that was read before: the same segments with the same elements, of which only texts, amounts and dates are others.

Nearly all sets of a file are of a few forms. A form is learned from a set in which nothing was to be noted, and becomes one regular
expression with the checks of all its elements; a set it matches is what the long way would have made of it. All others go the long way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from engine.contracts import Nested
from engine.formats.x12_block import Block
from engine.formats.x12_elements import ElementType, Fault
from engine.formats.x12_envelope import RawSet
from engine.formats.x12_findings import shown
from engine.formats.x12_paths import ENVELOPE_NAMES
from engine.formats.x12_read import Delimiters
from engine.formats.x12_records import Parsed, SetReader
from engine.formats.x12_set import ENVELOPE, Loop

_MOST_SEGMENTS = 80
_MOST_FORMS = 64
_MOST_TRIED = 12
_MOST_MET = 1000
"""Forms that were met; one is learned when it is met again."""

Pick = Callable[[Parsed, str], Nested]
Make = Callable[[re.Match[str], str, tuple[int, int, int], Mapping[str, str]], Nested | None]
Key = tuple[int, str, Delimiters, bytes]


class _Code(str):
    """Stands in a record for what a set will have there: an expression of the code that makes its document."""

    __slots__ = ()


class Alike:
    """The forms of one file's sets, for one way to pick from them."""

    def __init__(self, reader: SetReader, pick: Pick) -> None:
        self._reader, self._pick = reader, pick
        self._forms: dict[Key, list[tuple[Callable[[str], re.Match[str] | None], Make]]] = {}
        self._met: set[str] = set()
        self._learned = 0
        self._telling: dict[str, frozenset[tuple[str, int]]] = {}

    def take(self, raw: RawSet, version: str, envelope: Callable[[], Mapping[str, str]]) -> Nested | None:
        """The document of a set of a known form; None for any other."""
        block = raw.segments
        if not isinstance(block, Block) or not block.body.isascii():
            return None
        forms = self._forms.get((block.size, version, raw.delimiters, block.gap))
        if forms is None:
            return None
        text = block.body.decode("ascii")
        for at, (fits, make) in enumerate(forms):
            found = fits(text)
            if found is not None:
                if at:
                    forms.insert(0, forms.pop(at))
                number, line, byte = block.at
                behind = (number, line, byte + len(block.start) + len(block.gap))
                try:
                    return make(found, f"{raw.key}, {shown(raw.at)}", behind, envelope())
                except Fault:
                    return None
        return None

    def learn(self, raw: RawSet, version: str, parsed: Parsed) -> None:
        """Learns the form of a set in which nothing was to be noted; its record can't be used any more afterwards."""
        block = raw.segments
        if not isinstance(block, Block) or block.size > _MOST_SEGMENTS or not block.body.isascii():
            return
        if self._learned >= _MOST_FORMS or len(self._met) >= _MOST_MET:
            return
        names: dict[str, Any] = {"D": Decimal}
        pattern = self._pattern(raw, block, version, parsed, names)
        forms = self._forms.setdefault((block.size, version, raw.delimiters, block.gap), [])
        if pattern is None or len(forms) >= _MOST_TRIED:
            return
        if pattern not in self._met:
            self._met.add(pattern)
            return
        make = self._maker(raw, block, parsed, names)
        if make is not None:
            forms.insert(0, (re.compile(pattern, re.ASCII).fullmatch, make))
            self._learned += 1

    def _pattern(self, raw: RawSet, block: Block, version: str, parsed: Parsed, names: dict[str, Any]) -> str | None:
        """The form as a regular expression; the record's values become the code that reads its groups. None where there is none."""
        if version not in self._telling:
            self._telling[version] = frozenset(_telling(self._reader.description.version(version)))
        telling, marks = self._telling[version], raw.delimiters
        plain, group, found = _letters(marks), 0, list[str]()
        segments = [piece.decode("ascii").split(marks.element) for piece, _ in block]
        if len(segments) != len(parsed.order):
            return None
        for parts, (part, row) in zip(segments, parsed.order, strict=True):
            group += 1  # an empty one: where the segment begins
            texts = ["()" + re.escape(parts[0])]
            for element, text in zip(part.segment.elements, parts[1:], strict=False):
                if not text:
                    texts.append("")
                    continue
                if element is None or element.type is None:
                    return None
                if element.type.kind == "ID" or (part.segment.id, element.at) in telling:
                    texts.append(re.escape(text))
                    continue
                group += 1
                texts.append(f"({_expression(element.type, plain)})")
                row[element.name] = _Code(_reading(element.type, group, names))
            if len(texts) != len(parts):
                return None
            found.append(re.escape(marks.element).join(texts) + re.escape(block.gap.decode("ascii")))
        parsed.record[ENVELOPE] = {name: _Code(f"e.get({name!r})") for name in ENVELOPE_NAMES}
        return "".join(found)

    def _maker(self, raw: RawSet, block: Block, parsed: Parsed, names: dict[str, Any]) -> Make | None:
        """A function from a match to the document, made by picking from the record that holds code."""
        document = self._pick(parsed, "")
        groups = self._beginnings(parsed)
        at_of = {shown(at): count for count, (_, at) in enumerate(block)}
        breaks = block.gap.count(b"\n")
        lines: list[str] = []
        for place, values in document.lines:
            count = at_of.get(place)
            if count is None or not all(map(_is_plain, values)):
                return None
            ahead = f"segment {{n + {count + 1}}} (line {{l + {(count + 1) * breaks}}}, byte {{b + m.start({groups[count]})}})"
            lines.append(f'(f"{ahead}", [{", ".join(map(_coded, values))}])')
        if not all(map(_is_plain, document.header)):
            return None
        header = ", ".join(map(_coded, document.header))
        total, parts = self._reader.amounts(parsed.record)
        balance = "False"
        if total:
            added = "".join(f" + D({_coded(amount)})" for amount in parts)
            balance = f"D({_coded(total[0])}) != D(0){added}"
        # All that a pattern does not tell is checked, whether anyone picks it or not.
        numbers = [name.removeprefix("check") for name in names if name.startswith("check")]
        checked = "".join(f"    v{number} = check{number}(g({number}))\n" for number in numbers)
        source = (
            f"def make(m, place, at, e):\n    g = m.group\n    n, l, b = at\n{checked}"
            f"    if {balance}:\n        return None\n"
            f"    return Nested(place=place, header=[{header}], lines=[{', '.join(lines)}])\n"
        )
        names["Nested"] = Nested
        exec(source, names)  # noqa: S102  # built of positions, and of texts by their repr
        made: Make = names["make"]
        return made

    def _beginnings(self, parsed: Parsed) -> list[int]:
        """The number of each segment's empty group."""
        found, group = list[int](), 1
        for _, row in parsed.order:
            found.append(group)
            group += 1 + sum(isinstance(value, _Code) for value in row.values())
        return found


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _coded(value: Any) -> str:
    return str(value) if isinstance(value, _Code) else repr(value)


def _reading(type_: ElementType, group: int, names: dict[str, Any]) -> str:
    """The value of a group: text and plain amounts as they stand, the rest as its check reads it."""
    if type_.kind in {"AN", "R"}:
        return f"g({group})"
    names[f"check{group}"] = type_.check
    return f"v{group}"


def _letters(marks: Delimiters) -> str:
    """A class of what may stand anywhere in a text: visible ASCII that is no delimiter."""
    taken = {marks.element, marks.segment, marks.component, marks.repetition}
    return "".join(re.escape(chr(code)) for code in range(33, 127) if chr(code) not in taken)


def _expression(type_: ElementType, plain: str) -> str:
    """Exactly what the type's check hands back as it stands, or a part of that; where it reads more, whatever it may read."""
    low, high = type_.low, type_.high
    if type_.kind == "R" and low <= 1:
        return rf"(?=[-.0-9]{{1,{high}}}(?![-.0-9]))(?:-?[1-9][0-9]*|0)(?:\.[0-9]+)?"
    if type_.kind == "R":
        return "(?!)"
    if type_.kind != "AN":
        return f"[{plain}]+"
    if high == 1:
        return f"[{plain}]"
    inner = f"[{plain} ]{{{max(low - 2, 0)},{high - 2}}}[{plain}]"
    return f"[{plain}]{inner}" if low > 1 else f"[{plain}](?:{inner})?"


def _telling(loop: Loop) -> Iterator[tuple[str, int]]:
    """Segment and position of the elements that tell parts apart: they are part of the form."""
    for part in loop.parts:
        for at, _ in part.when:
            yield part.segment.id, at
        named = part.segment.named(part.by) if part.by else None
        if named is not None:
            yield part.segment.id, named.at
        if part.loop is not None:
            yield from _telling(part.loop)

"""The record types of a fixed-width file, told by how its lines begin, and where fields seem to stand in each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from engine.desk.sniffed import Sniffed
from engine.formats.fixed import Fixed, FixedField, FixedRecord
from engine.formats.fixed_keys import Stand

_LINES = 2_000
_MOST_TYPES = 12
_LONGEST_CODE = 3
_SHORTEST = 8
_LONGEST = 10_000
_MOST_FIELDS = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordType:
    """Lines that begin with the same `code` (all lines where it is empty): how long they are, and their guessed fields."""

    code: str
    lengths: tuple[int, ...]
    count: int
    stands: Stand
    fields: tuple[tuple[int, int], ...]

    @property
    def name(self) -> str:
        """A name for it: what it is to the file, for nothing in it says more."""
        kind = {"first": "file_header", "last": "file_trailer", "opens": "document"}.get(self.stands, "line")
        if not self.code:
            return "record"
        return (
            kind
            if kind.startswith("file")
            else f"{kind}_{''.join(c if c.isalnum() else '_' for c in self.code).lower()}"
        )


def looks_fixed(text: str) -> bool:
    """Whether lines are equally long, each or each of its type."""
    lines = _uncut(_taken(text))
    if len(lines) < 2 or max(map(len, lines)) < _SHORTEST or any("\t" in line for line in lines):
        return False
    if len(set(map(len, lines))) == 1:
        return True
    groups = _grouped(lines, 1)
    fits = sum(len(group) for group in groups.values() if len(set(map(len, group))) == 1 and len(group) > 1)
    alone = sum(len(group) == 1 for group in groups.values())
    return len(groups) <= _MOST_TYPES and fits + alone == len(lines) and alone <= 2 and fits > 0


def types_of(sniffed: Sniffed) -> tuple[RecordType, ...]:
    """The record types in the order they come; one without a code where lines do not tell themselves apart."""
    taken = _taken(sniffed.text)
    lines = _uncut(taken)
    size = _code_size(lines)
    groups = _grouped(lines, size) if size else {"": lines}
    last = lines[-1][:size] if lines and sniffed.whole and len(lines) == len(taken) else None
    stands = _stands(groups, lines[0][:size] if lines else "", last)
    return tuple(
        RecordType(
            code=code,
            lengths=tuple(sorted(set(map(len, group)))),
            count=len(group),
            stands=stands[code],
            fields=_fields(group, size),
        )
        for code, group in groups.items()
    )


def format_of(sniffed: Sniffed, types: Sequence[RecordType]) -> Fixed:
    """The format that reads it."""
    return Fixed(
        records={
            one.name: FixedRecord(
                at=(1, len(one.code)) if one.code else (),
                is_=one.code or None,
                stands=one.stands if one.code else None,
                fields={_field_name(first): FixedField(slice=(first, last)) for first, last in one.fields},
            )
            for one in types
        },
        **_text_keys(sniffed),
    )


def keys_of(sniffed: Sniffed, types: Sequence[RecordType]) -> dict[str, Any]:
    """The keys of `fixed:`."""
    records: dict[str, Any] = {}
    for one in types:
        told: dict[str, Any] = {"at": [1, len(one.code)], "is": one.code, "stands": one.stands} if one.code else {}
        fields = {_field_name(first): {"slice": [first, last]} for first, last in one.fields}
        records[one.name] = {**told, **({"fields": fields} if fields else {})}
    return {**_text_keys(sniffed), "records": records}


def _text_keys(sniffed: Sniffed) -> dict[str, Any]:
    if sniffed.encoding in {"cp1252", "latin-1"}:
        return {"encoding": sniffed.encoding}
    wide = not sniffed.ascii or bool(sniffed.mark)
    return {"encoding": "utf-8", "positions": "characters"} if wide else {"encoding": "ascii"}


def _field_name(first: int) -> str:
    return f"at_{first}"


def _taken(text: str) -> list[str]:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [line for line in lines[: _LINES + 1] if line and line != "\x1a"][:_LINES]


def _uncut(lines: list[str]) -> list[str]:
    """Without a last line that is shorter than all others: it was cut off, and says nothing of the layout."""
    cut = len(lines) > 2 and len(lines[-1]) < min(map(len, lines[:-1]))
    return lines[:-1] if cut else lines


def _grouped(lines: Iterable[str], size: int) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for line in lines:
        groups.setdefault(line[:size], []).append(line)
    return groups


def _code_size(lines: Sequence[str]) -> int:
    """How many characters tell the types apart; 0 where the lines are all of one type."""
    if len(lines) < 2:
        return 0
    for size in range(1, _LONGEST_CODE + 1):
        groups = _grouped(lines, size)
        if not 1 < len(groups) <= _MOST_TYPES or any(" " in code for code in groups):
            continue
        if any(len(set(map(len, group))) > 1 for group in groups.values()):
            continue
        if _unlike(list(groups.values()), size):
            return _whole_code(groups, size)
    return 0


def _whole_code(groups: dict[str, list[str]], size: int) -> int:
    """A code of letters is taken as long as it goes on as letters: `HDR`, `DTL`."""
    while size < _LONGEST_CODE and all(code.isalpha() for code in groups):
        longer = _grouped((line for group in groups.values() for line in group), size + 1)
        if len(longer) != len(groups) or not all(code.isalpha() and code.isupper() for code in longer):
            break
        if max(map(len, groups.values())) < 2:
            break
        groups, size = longer, size + 1
    return size


def _unlike(groups: Sequence[Sequence[str]], size: int) -> bool:
    """Whether the groups differ in length, or in what kind of character stands at many places."""
    if len({len(group[0]) for group in groups}) > 1:
        return True
    looks = [_look(group[:200])[size:] for group in groups]
    width = max(1, min(map(len, looks)))
    first = max(range(len(groups)), key=lambda n: len(groups[n]))
    differing = [sum(a != b for a, b in zip(looks[first], look, strict=False)) / width for look in looks]
    return sum(share > 0.15 for share in differing) * 2 >= len(groups) - 1 and max(differing) > 0.15


def _look(lines: Sequence[str]) -> str:
    """For each position: ` ` always blank, `9` digits, `A` anything."""
    found = []
    for column in zip(*lines, strict=False):
        there = set(column) - {" "}
        found.append(" " if not there else "9" if all(c.isdigit() for c in there) else "A")
    return "".join(found)


def _stands(groups: dict[str, list[str]], first: str, last: str | None) -> dict[str, Stand]:
    """Where each type may stand, as far as the order and the number of its lines tell."""
    found: dict[str, Stand] = {}
    codes = list(groups)
    if last is not None and len(codes) > 1 and len(groups[last]) == 1 and last != first:
        found[last] = "last"
    between = [code for code in codes if code not in found]
    if len(between) > 1 and len(groups[first]) == 1 and (found or len(between) > 2):
        found[first] = "first"
    opening = [code for code in codes if code not in found]
    within: Literal["within"] = "within"
    return {**found, **{code: "opens" if n == 0 else within for n, code in enumerate(opening)}}


def _fields(lines: Sequence[str], size: int) -> tuple[tuple[int, int], ...]:
    """First and last positions, from 1: a field ends where every line has blanks, or where digits and letters change places."""
    look = _look(lines[:_LINES])[:_LONGEST]
    width = min(*map(len, lines), _LONGEST)
    starts = [size]
    for at in range(size + 1, width):
        before, here = look[at - 1], look[at]
        if here != " " and (before == " " or before != here) and _begins(lines, at, few=len(lines) < 3):
            starts.append(at)
    ends = [*starts[1:], width]
    found = [(start + 1, end) for start, end in zip(starts, ends, strict=True) if end > start]
    if len(found) > _MOST_FIELDS:
        return ((size + 1, width),)
    return tuple(found)


def _begins(lines: Sequence[str], at: int, *, few: bool) -> bool:
    """Whether a field may begin there: behind blanks in all lines, or digits against letters; of few lines two blanks are asked for."""
    before = {line[at - 1 : at] for line in lines}
    if before == {" "}:
        return not few or all(line[max(0, at - 2) : at] in {"  ", " "} for line in lines)
    pairs = {_kind(line[at - 1 : at]) + _kind(line[at : at + 1]) for line in lines}
    return pairs in ({"9A"}, {"A9"})


def _kind(letter: str) -> str:
    return "9" if letter.isdigit() else "A" if letter.isalpha() else "-"


def total_length(types: Sequence[RecordType]) -> int | None:
    """The one length all records have, if they have."""
    lengths = {length for one in types for length in one.lengths}
    return lengths.pop() if len(lengths) == 1 else None


def count_codes(codes: Iterable[str]) -> Counter[str]:
    """How often each code comes; of a file that is no fixed-width one only so many."""
    found: Counter[str] = Counter()
    for code in codes:
        if code in found or len(found) < _MOST_TYPES * 4:
            found[code] += 1
    return found

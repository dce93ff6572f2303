"""The order of a file's records, checked from end to end before any of them is handed over."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import BinaryIO, cast

from engine.errors import ParcelError
from engine.formats.fixed_keys import FixedKeys
from engine.formats.fixed_lines import Raw, place_of, raw_records
from engine.formats.fixed_text import shown, value_of
from engine.formats.fixed_totals import Totals, cut_of

Typed = tuple[str, Raw]
_LONGEST = sys.maxsize


def typed_records(kind: FixedKeys, stream: BinaryIO) -> Iterator[Typed]:
    """Every record with its type; records of filling behind the end left out. Raises ParcelError."""
    type_of, found = _recogniser(kind), raw_records(kind, stream)
    for raw in found if kind.block_factor is None else _unfilled(kind, found):
        name = type_of(raw[0])
        if name is None:
            raise _unknown(kind, raw)
        yield name, raw


def _unfilled(kind: FixedKeys, found: Iterator[Raw]) -> Iterator[Raw]:
    filling = False
    for raw in found:
        if len(raw[0]) > 1 and not raw[0].strip(kind.fill):
            filling = True
        elif filling:
            raise ParcelError("a record stands behind the filling of the last block", place=place_of(kind, raw))
        else:
            yield raw


def _recogniser(kind: FixedKeys) -> Callable[[str], str | None]:
    told = [(one.at[0] - 1, one.at[1], one.is_, name) for name, one in kind.records.items() if one.at]
    rest = next((name for name, one in kind.records.items() if not one.at), None)
    if not told:
        return lambda _text: rest
    if len({(first, last) for first, last, _, _ in told}) == 1:
        first, last = told[0][:2]
        names = {code: name for _, _, code, name in told}
        return lambda text: names.get(text[first:last], rest)

    def look(text: str) -> str | None:
        return next((name for first, last, code, name in told if text[first:last] == code), rest)

    return look


def _unknown(kind: FixedKeys, raw: Raw) -> ParcelError:
    places = {one.at for one in kind.records.values() if one.at}
    at = min(places)
    found = raw[0][at[0] - 1 : at[1]]
    known = ", ".join(f"`{one.is_}` ({name})" for name, one in kind.records.items() if one.at)
    return ParcelError(
        f"`{shown(found)}` at {at[0]}-{at[1]} is no record type; known are {known}",
        place=place_of(kind, raw, at[0] - 1),
    )


def check_structure(kind: FixedKeys, stream: BinaryIO, findings: list[str]) -> None:
    """Raises ParcelError for records out of order, missing ones and totals that do not add up; the stream stands where it stood."""
    start = stream.tell()
    order, last = _Order(kind, findings), cast("Raw | None", None)
    for name, raw in typed_records(kind, stream):
        order.follow(name, raw)
        last = raw
    order.end("line 1, byte 0" if last is None else f"behind {place_of(kind, last)}")
    stream.seek(start)


class _Order:
    """Follows the records: which may come next, and what they add up to."""

    def __init__(self, kind: FixedKeys, findings: list[str]) -> None:
        self._kind, self._findings = kind, findings
        self._first, self._closes, self._last = (
            next(iter(kind.standing(stand)), None) for stand in ("first", "closes", "last")
        )
        self._moves = self._allowed()
        self._state = "begin"
        self._totals = {name: Totals(kind, name) for name, one in kind.records.items() if one.totals}
        self._parts = {
            name: [part.add for totals in self._totals.values() for part in totals.parts_of(name)]
            for name in kind.records
        }
        # Text behind what is described is looked at where no length is declared, and once for each type.
        self._widths = {name: one.width for name, one in kind.records.items() if kind.record_length is None}
        self._framing = {*kind.standing("first", "closes", "last")}

    def _allowed(self) -> dict[str, dict[str, str]]:
        """State, record type, next state."""
        kind = self._kind
        outside = {**dict.fromkeys(kind.standing("opens"), "open"), **dict.fromkeys(kind.standing("last"), "ended")}
        inside = dict.fromkeys(kind.standing("within"), "open") | dict.fromkeys(kind.standing("closes"), "outside")
        if self._closes is None:
            inside |= outside
        begin = outside if self._first is None else {self._first: "outside"}
        return {"begin": begin, "outside": outside, "open": inside, "ended": {}}

    def follow(self, name: str, raw: Raw) -> None:
        state = self._moves[self._state].get(name)
        if state is None:
            raise self._misplaced(name, raw)
        self._state = state
        if len(raw[0]) > self._widths.get(name, _LONGEST):
            self._look_behind(name, raw)
        if name in self._framing:
            self._check_fields(name, raw)
        for add in self._parts[name]:
            add(raw)
        if name in self._totals:
            self._totals[name].check(raw)
            self._totals[name].clear()

    def _misplaced(self, name: str, raw: Raw) -> ParcelError:
        place = place_of(self._kind, raw)
        if self._state == "ended":
            return ParcelError(f"a `{name}` record stands behind the `{self._last}`, which is the last", place=place)
        if name == self._first or (self._first is not None and self._state == "begin"):
            what = "a" if self._state == "begin" else "a second"
            return ParcelError(
                f"{what} `{name}` record stands where no other may: the file begins with one `{self._first}`",
                place=place,
            )
        if self._state == "open":
            return ParcelError(f"the `{self._closes}` record of the document before is missing", place=place)
        return ParcelError(f"a `{name}` record stands outside of any document", place=place)

    def _look_behind(self, name: str, raw: Raw) -> None:
        width = self._widths[name]
        if raw[0][width:].strip(" "):
            del self._widths[name]
            place = place_of(self._kind, raw)
            self._findings.append(
                f"a `{name}` record has text behind position {width}, the last one described ({place})"
            )

    def _check_fields(self, name: str, raw: Raw) -> None:
        for title, field in self._kind.records[name].fields.items():
            try:
                value_of(field, raw[0][cut_of(field)])
            except ValueError as error:
                place = place_of(self._kind, raw, field.slice[0] - 1)
                raise ParcelError(f"`{name}.{title}`: {error}", place=place) from None

    def end(self, place: str) -> None:
        """Raises ParcelError when the file may not end here."""
        if self._state == "begin":
            if self._first or self._last:
                raise ParcelError(f"the file has no records, not even its `{self._first or self._last}`", place=place)
            return
        if self._last is not None and self._state != "ended":
            raise ParcelError(f"the file ends without its `{self._last}` record: the upload is incomplete", place=place)
        if self._closes is not None and self._state == "open":
            raise ParcelError(f"the file ends without the `{self._closes}` record of its last document", place=place)

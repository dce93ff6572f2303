"""The order of a file's records, checked from end to end before any of them is handed over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

from engine.errors import ParcelError
from engine.formats.fixed_keys import FixedKeys
from engine.formats.fixed_lines import Raw, raw_records
from engine.formats.fixed_text import shown, value_of
from engine.formats.fixed_totals import Totals

Typed = tuple[str, Raw]


def typed_records(kind: FixedKeys, stream: BinaryIO) -> Iterator[Typed]:
    """Every record with its type; records of filling behind the end left out. Raises ParcelError."""
    type_of, has_fill = _recogniser(kind), kind.block_factor is not None
    filling = 0
    for raw in raw_records(kind, stream):
        if has_fill and not raw.text.strip(kind.fill) and len(raw.text) > 1:
            filling += 1
            continue
        if filling:
            raise ParcelError("a record stands behind the filling of the last block", place=raw.place)
        name = type_of(raw.text)
        if name is None:
            raise _unknown(kind, raw)
        yield name, raw


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
    found = raw.text[at[0] - 1 : at[1]]
    known = ", ".join(f"`{one.is_}` ({name})" for name, one in kind.records.items() if one.at)
    return ParcelError(
        f"`{shown(found)}` at {at[0]}-{at[1]} is no record type; known are {known}", place=raw.place_of(at[0] - 1)
    )


def check_structure(kind: FixedKeys, stream: BinaryIO, findings: list[str]) -> None:
    """Raises ParcelError for records out of order, missing ones and totals that do not add up; the stream stands where it stood."""
    start = stream.tell()
    order = _Order(kind, findings)
    for name, raw in typed_records(kind, stream):
        order.follow(name, raw)
    order.end()
    stream.seek(start)


class _Order:
    """Follows the records: which may come next, and what they add up to."""

    def __init__(self, kind: FixedKeys, findings: list[str]) -> None:
        self._kind, self._findings = kind, findings
        self._stands = {name: kind.stand(name) for name in kind.records}
        self._first, self._closes, self._last = (
            next(iter(kind.standing(stand)), None) for stand in ("first", "closes", "last")
        )
        self._totals = [(name, Totals(kind, name)) for name, one in kind.records.items() if one.totals]
        self._open = self._ended = False
        self._longer: set[str] = set()
        self._seen: Raw | None = None

    def follow(self, name: str, raw: Raw) -> None:
        stand = self._stands[name]
        if self._ended:
            raise ParcelError(f"a `{name}` record stands behind the `{self._last}`, which is the last", place=raw.place)
        if (self._seen is None) != (stand == "first") and self._first is not None:
            what = f"a second `{name}`" if self._seen is not None else f"a `{name}`"
            raise ParcelError(
                f"{what} record stands where no other may: the file begins with one `{self._first}`", place=raw.place
            )
        self._seen = raw
        if stand in {"opens", "last"} and self._open and self._closes is not None:
            raise ParcelError(f"the `{self._closes}` record of the document before is missing", place=raw.place)
        if stand in {"within", "closes"} and not self._open:
            raise ParcelError(f"a `{name}` record stands outside of any document", place=raw.place)
        self._open = stand == "opens" or (stand == "within" and self._open)
        self._ended = stand == "last"
        self._check_record(name, stand, raw)
        for _, totals in self._totals:
            totals.add(name, raw)
        for closing, totals in self._totals:
            if closing == name:
                totals.check(raw)
                totals.clear()

    def _check_record(self, name: str, stand: str, raw: Raw) -> None:
        record = self._kind.records[name]
        if len(raw.text) > record.width and name not in self._longer and raw.text[record.width :].strip(" "):
            self._longer.add(name)
            if self._kind.record_length is None:
                self._findings.append(
                    f"a `{name}` record has text behind position {record.width}, the last one described ({raw.place})"
                )
        if stand in {"first", "closes", "last"}:
            for title, field in record.fields.items():
                try:
                    value_of(field, raw.text[field.slice[0] - 1 : field.slice[1]])
                except ValueError as error:
                    place = raw.place_of(field.slice[0] - 1)
                    raise ParcelError(f"`{name}.{title}`: {error}", place=place) from None

    def end(self) -> None:
        """Raises ParcelError when the file may not end here."""
        place = "end of file"
        if self._seen is None:
            if self._first or self._last:
                raise ParcelError(f"the file has no records, not even its `{self._first or self._last}`", place=place)
            return
        if self._last is not None and not self._ended:
            raise ParcelError(f"the file ends without its `{self._last}` record: the upload is incomplete", place=place)
        if self._open and self._closes is not None:
            raise ParcelError(f"the file ends without the `{self._closes}` record of its last document", place=place)

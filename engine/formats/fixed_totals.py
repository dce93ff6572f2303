"""Control totals: what the records of a file or of a document add up to, against what their closing record states."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Context, Decimal

from engine.errors import ParcelError
from engine.formats.fixed_keys import FixedField, FixedKeys, FixedRecord, FixedTotal
from engine.formats.fixed_lines import Raw, place_of
from engine.formats.fixed_text import shown, value_of

_EXACT = Context(prec=200)
_NUMBER = re.compile(r"-?[0-9]{1,76}(?:\.[0-9]{1,76})?")
_NOTHING = Decimal(0)


class _Part:
    """What one field, or one record type, adds to one total."""

    def __init__(self, kind: FixedKeys, total: FixedTotal, owner: str, name: str | None) -> None:
        self._kind, self._title = kind, f"{owner}.{name}"
        fields = kind.records[owner].fields
        self._field = fields[name] if name is not None else None
        self._cut = cut_of(self._field) if self._field is not None else slice(0)
        self._plain = self._field.width if self._field is not None and self._field.implied is not None else 0
        self._only = [
            (cut_of(fields[kind.split(path)[1]]), frozenset(wanted))
            for path, wanted in total.only.items()
            if kind.split(path)[0] == owner
        ]
        self._whole, self._sum = 0, _NOTHING

    def clear(self) -> None:
        self._whole, self._sum = 0, _NOTHING

    def add(self, raw: Raw) -> None:
        """Raises ParcelError when what the record adds is no number."""
        for cut, wanted in self._only:
            if raw[0][cut].strip(" ") not in wanted:
                return
        if self._field is None:
            self._whole += 1
            return
        text = raw[0][self._cut]
        if len(text) == self._plain and text.isascii() and text.isdigit():
            self._whole += int(text)  # of the field's last decimal: exact, and a third of the time
        else:
            self._sum = _EXACT.add(self._sum, number_of(self._kind, self._field, self._title, raw))

    def value(self) -> Decimal:
        implied = (self._field.implied if self._field is not None else None) or 0
        return _EXACT.add(self._sum, Decimal(self._whole).scaleb(-implied, _EXACT))


class Totals:
    """Adds up what goes by, for the totals of one closing record type."""

    def __init__(self, kind: FixedKeys, closing: str) -> None:
        self._kind = kind
        self._record: FixedRecord = kind.records[closing]
        self._stated: list[tuple[FixedTotal, list[_Part]]] = []
        self._parts: dict[str, list[_Part]] = {}
        for total in self._record.totals:
            found = [(name, None) for name in total.count] + [kind.split(path) for path in total.sum]
            parts = [(owner, _Part(kind, total, owner, name)) for owner, name in found]
            self._stated.append((total, [part for _, part in parts]))
            for owner, part in parts:
                self._parts.setdefault(owner, []).append(part)

    def parts_of(self, name: str) -> Sequence[_Part]:
        """What to add each record of that type to."""
        return self._parts.get(name, ())

    def clear(self) -> None:
        """Begins again."""
        for _, parts in self._stated:
            for part in parts:
                part.clear()

    def values(self) -> Mapping[str, Decimal]:
        """The totals so far, by the field that states each."""
        values: dict[str, Decimal] = {}
        for total, parts in self._stated:
            found = _NOTHING
            for part in parts:
                found = _EXACT.add(found, part.value())
            values[total.field] = found if total.modulo is None else _EXACT.remainder(found, Decimal(total.modulo))
        return values

    def check(self, raw: Raw) -> None:
        """Raises ParcelError when the closing record states anything else."""
        for name, found in self.values().items():
            field = self._record.fields[name]
            stated = number_of(self._kind, field, name, raw)
            if stated != found:
                raise ParcelError(
                    f"`{name}` states {stated} and the file has {found}: records are missing, doubled or changed",
                    place=place_of(self._kind, raw, field.slice[0] - 1),
                )


def cut_of(field: FixedField) -> slice:
    """Where it stands in the record's text."""
    return slice(field.slice[0] - 1, field.slice[1])


def number_of(kind: FixedKeys, field: FixedField, name: str, raw: Raw) -> Decimal:
    """The field as a number. Raises ParcelError."""
    try:
        return _counted(value_of(field, raw[0][cut_of(field)]))
    except ValueError as error:
        place = place_of(kind, raw, field.slice[0] - 1)
        raise ParcelError(f"`{name}`: {error}: the control total can't be checked", place=place) from None


def _counted(text: str) -> Decimal:
    """Nothing counts as 0, a text field by its digits: the account numbers of a hash total. Raises ValueError."""
    if text and not _NUMBER.fullmatch(text):
        raise ValueError(f"`{shown(text)}` is no number")
    return Decimal(text or "0")

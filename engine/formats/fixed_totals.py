"""Control totals: what the records of a file or of a document add up to, against what their closing record states."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal

from engine.errors import ParcelError
from engine.formats.fixed_keys import FixedField, FixedKeys, FixedRecord, FixedTotal
from engine.formats.fixed_lines import Raw
from engine.formats.fixed_text import shown, value_of

_EXACT = Context(prec=200)
_NUMBER = re.compile(r"-?[0-9]{1,76}(?:\.[0-9]{1,76})?")
_NOTHING = Decimal(0)
_ONE = Decimal(1)

Amount = Callable[[Raw], Decimal]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Part:
    """What one record type adds to one total; `only` are places and the texts wanted there."""

    total: int
    amount: Amount | None
    only: tuple[tuple[Callable[[Raw], str], frozenset[str]], ...]


class Totals:
    """Adds up what goes by, for the totals of one closing record type."""

    def __init__(self, kind: FixedKeys, closing: str) -> None:
        self._record: FixedRecord = kind.records[closing]
        self._stated: Sequence[FixedTotal] = self._record.totals
        self._parts: dict[str, list[_Part]] = {}
        for place, total in enumerate(self._stated):
            for name in total.count:
                self._add_part(kind, place, name, None, total)
            for path in total.sum:
                owner, field = kind.split(path)
                self._add_part(kind, place, owner, _amount(kind, owner, field), total)
        self._sums: list[Decimal] = []
        self.clear()

    def _add_part(self, kind: FixedKeys, place: int, owner: str, amount: Amount | None, total: FixedTotal) -> None:
        only = [
            (_text(kind, *kind.split(path)), frozenset(wanted))
            for path, wanted in total.only.items()
            if kind.split(path)[0] == owner
        ]
        self._parts.setdefault(owner, []).append(_Part(total=place, amount=amount, only=tuple(only)))

    def clear(self) -> None:
        """Begins again."""
        self._sums = [_NOTHING] * len(self._stated)

    def add(self, name: str, raw: Raw) -> None:
        """A record of that type went by. Raises ParcelError when what it adds is no number."""
        for part in self._parts.get(name, ()):
            if all(text(raw) in wanted for text, wanted in part.only):
                more = _ONE if part.amount is None else part.amount(raw)
                self._sums[part.total] = _EXACT.add(self._sums[part.total], more)

    def values(self) -> Mapping[str, Decimal]:
        """The totals so far, by the field that states each."""
        return {
            total.field: found if total.modulo is None else _EXACT.remainder(found, Decimal(total.modulo))
            for total, found in zip(self._stated, self._sums, strict=True)
        }

    def check(self, raw: Raw) -> None:
        """Raises ParcelError when the closing record states anything else."""
        for name, found in self.values().items():
            field = self._record.fields[name]
            stated = _decimal(field, name, raw)
            if stated != found:
                raise ParcelError(
                    f"`{name}` states {stated} and the file has {found}: records are missing, doubled or changed",
                    place=raw.place_of(field.slice[0] - 1),
                )


def _cut(raw: Raw, positions: tuple[int, ...]) -> str:
    return raw.text[positions[0] - 1 : positions[1]]


def _amount(kind: FixedKeys, owner: str, name: str) -> Amount:
    field = kind.records[owner].fields[name]
    return lambda raw: _decimal(field, f"{owner}.{name}", raw)


def _text(kind: FixedKeys, owner: str, name: str) -> Callable[[Raw], str]:
    field = kind.records[owner].fields[name]
    return lambda raw: _cut(raw, field.slice).strip(" ")


def _decimal(field: FixedField, name: str, raw: Raw) -> Decimal:
    """The field as a number. Raises ParcelError."""
    try:
        return _counted(value_of(field, _cut(raw, field.slice)))
    except ValueError as error:
        place = raw.place_of(field.slice[0] - 1)
        raise ParcelError(f"`{name}`: {error}: the control total can't be checked", place=place) from None


def _counted(text: str) -> Decimal:
    """Nothing counts as 0, a text field by its digits: the account numbers of a hash total. Raises ValueError."""
    if text and not _NUMBER.fullmatch(text):
        raise ValueError(f"`{shown(text)}` is no number")
    return Decimal(text or "0")

"""One column's text (or JSON value) as a typed value: a strict reader that explains, and an expression of generated code that is fast."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from operator import itemgetter
from typing import Any

from engine.errors import RecordError
from engine.mapping.convert import convert_value, format_error, number_format
from engine.mapping.types import FieldType, fit, parse_type

# What this matches needs no second look; everything else goes through the strict reader, a negative zero too.
_AMOUNT = re.compile(r"(?:[0-9]{1,18}|-[1-9][0-9]{0,17})(?:\.[0-9]{1,10})?").fullmatch
_MEMO_SIZE = 20_000
_NOTHING = '""'


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """The keys of one field of `document:`. `column` is a CSV column, `path` a dotted JSON path; the field's own name is the default."""

    type: str
    column: str | None = None
    path: str | None = None
    aliases: tuple[str, ...] = ()
    format: str | None = None
    required: bool = False
    trim: bool = True
    default: str | None = None
    null_values: tuple[str, ...] = ()
    decimal: str | None = None
    thousands: str | None = None


class Field:
    """A column compiled. `place` is its position among the values of a row."""

    def __init__(self, name: str, column: Column, place: int) -> None:
        self.name = name
        self.place = place
        self.title = column.column or column.path or name
        self.names = (self.title, *column.aliases)
        self.type: FieldType = parse_type(column.type)
        self.required = column.required or self.type.required
        self._trim = column.trim
        self._nulls = frozenset(column.null_values)
        self._format = _format_of(name, column, self.type)
        self._memo: dict[str, date | int] = {}
        self._default: Any = None
        if column.default is not None:
            try:
                self._default = self._convert(column.default)
            except RecordError as error:
                raise ValueError(f"`default` of `{name}`: {error}") from error

    @property
    def must_be_there(self) -> bool:
        """Whether a file without the column is unusable."""
        return self.required and self._default is None

    def read(self, value: Any) -> Any:
        """The typed value. Raises RecordError that names column, value and the form that was expected."""
        try:
            return self._read(value)
        except RecordError as error:
            form = _FORMS.get(self.type.kind, "") if self._format is None else ""
            raise RecordError(f"column `{self.title}`: {error}{form}", field=self.name) from None

    def code(self, names: dict[str, Any], cell: str, *, texts: bool) -> str:
        """A Python expression over `cell`; what it needs goes into `names`. It may raise instead of explaining. `texts`: never None."""
        slow = f"read{self.place}"
        names[slow] = self.read
        kind, sized = self.type.kind, self.type.length is not None or self.type.digits is not None
        empty = f"{slow}(None)" if self.required or self._default is not None else "None"
        if self._nulls or (kind != "integer" and sized) or (self._format and kind != "date"):
            return f"{slow}({cell})"
        if kind == "string" and self._trim:
            # `strip` fails on what is not text: the row is then read again with explanations.
            return (
                f"({cell}.strip() or {empty})" if texts else f'(("" if {cell} is None else {cell}).strip() or {empty})'
            )
        if kind == "decimal":
            names |= {"is_amount": _AMOUNT, "Decimal": Decimal}
            return f"(Decimal({cell}) if is_amount({cell if texts else f'{cell} or {_NOTHING}'}) else {self._blank(cell, slow)})"
        if kind in {"date", "integer"}:
            memo = f"memo{self.place}"
            names[memo], names[slow] = self._memo.get, self._remembered
            return f"({memo}({cell}) or {self._blank(cell, slow)})"
        return f"{slow}({cell})"

    def _blank(self, cell: str, slow: str) -> str:
        """What is left for the strict reader; empty text is the commonest of it."""
        if self.required or self._default is not None:
            return f"{slow}({cell})"
        return f'(None if {cell} == "" else {slow}({cell}))'

    def _read(self, value: Any) -> Any:
        found = self._convert(value)
        if found is None:
            found = self._default
        if found is None and self.required:
            raise RecordError("is required and is empty")
        return found

    def _convert(self, value: Any) -> Any:
        if value.__class__ is str:
            text = value.strip()
            if not text or text in self._nulls:
                return None
            value = text if self._trim or self.type.kind != "string" else value
        elif value.__class__ is bool and self.type.kind == "string":
            raise RecordError("true or false is not text")
        return fit(convert_value(value, self.type.kind, self._format), self.type)

    def _remembered(self, value: Any) -> Any:
        found = self.read(value)
        if value.__class__ is str and found is not None:
            if len(self._memo) >= _MEMO_SIZE:
                self._memo.clear()
            self._memo[value] = found
        return found


def compile_pick(places: Sequence[int]) -> Callable[[Any], tuple[Any, ...]]:
    """A function that takes the values at these places, as a tuple."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda row: tuple(row[at] for at in places)


def compile_key(places: Sequence[int]) -> Callable[[Any], tuple[str, ...]]:
    """A function that makes the key of a row of texts; it raises AttributeError where a part is none."""
    names: dict[str, Any] = {}
    exec(f"def key(v):\n    return ({' '.join(f'v[{at}].strip(),' for at in places)})", names)  # noqa: S102  # built of positions
    made: Callable[[Any], tuple[str, ...]] = names["key"]
    return made


Make = Callable[[Any], dict[str, Any]]
MakeAll = Callable[[Sequence[Any]], list[dict[str, Any]]]


def compile_rows(fields: Sequence[Field], places: Sequence[int], *, texts: bool) -> tuple[Make, MakeAll]:
    """Functions that make a record of one row and records of many: a single dict literal, without a call for each row or value."""
    names: dict[str, Any] = {}
    members = ", ".join(
        f"{field.name!r}: {field.code(names, f'v[{places[field.place]}]', texts=texts)}" for field in fields
    )
    source = f"def make(v):\n    return {{{members}}}\ndef make_all(rows):\n    return [{{{members}}} for v in rows]"
    exec(source, names)  # noqa: S102  # built of positions and repr of field names only
    return names["make"], names["make_all"]


_FORMS = {
    "decimal": "; expected digits such as `1234.50`",
    "integer": "; expected a whole number such as `12`",
    "date": "; expected a date such as `2026-11-21`",
    "datetime": "; expected a time such as `2026-11-21T10:15:00Z`",
}


def _format_of(name: str, column: Column, type_: FieldType) -> str | None:
    """The format of `convert`; `decimal` and `thousands` are a short way to write one. Raises ValueError."""
    if type_.kind in {"list", "any"}:
        raise ValueError(f"`{name}`: a column can't be of type `{column.type}`")
    found = column.format
    if column.decimal or column.thousands:
        if found or type_.kind not in {"decimal", "integer"}:
            raise ValueError(f"`{name}`: `decimal` and `thousands` are for numbers without a `format`")
        point = column.decimal or ("," if column.thousands == "." else ".")
        found = (f"#{column.thousands}##0" if column.thousands else "0") + f"{point}###"
        number_format(found)
    elif found is not None and (wrong := format_error(type_.kind, found)):
        raise ValueError(f"`{name}`: {wrong}")
    return found

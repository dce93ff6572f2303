"""What type the values of a column have, guessed so that a wrong guess is seen: in doubt it is text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from engine.errors import RecordError
from engine.mapping.convert import convert_value

NOTHING = ("NULL", "null", "N/A", "n/a", "NA", "None", "-", "--")
"""Texts that mean nothing where everything else in the column has a type."""

_DAYS = (
    "%Y-%m-%d", "%Y%m%d", "%Y/%m/%d", "%d.%m.%Y", "%d.%m.%y", "%m/%d/%Y", "%d/%m/%Y", "%m/%d/%y", "%d/%m/%y",
    "%d-%m-%Y", "%m-%d-%Y", "%d-%b-%Y", "%d %b %Y", "%d-%b-%y", "%b %d, %Y", "%B %d, %Y", "%d %B %Y",
)  # fmt: skip
_TIMES = ("%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p")
_SHAPE = {
    "%Y": "(?:19|20)[0-9]{2}", "%y": "[0-9]{2}", "%m": "[0-9]{1,2}", "%d": "[0-9]{1,2}", "%b": "[A-Za-z]{3}", "%B": "[A-Za-z]{4,9}",
    "%H": "[0-9]{1,2}", "%I": "[0-9]{1,2}", "%M": "[0-9]{2}", "%S": "[0-9]{2}", "%p": "[AaPp][Mm]",
}  # fmt: skip
_ISO = re.compile(
    r"(?:19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
)
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,14})")
_LONGEST = 60
_POINT = re.compile(r"([.,])([0-9]+)[^0-9]*$")
_HEAD = r"(?:0|[1-9][0-9]{0,17})"


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """One way to read a column: the keys it takes, and the look its values must have."""

    type: str
    keys: tuple[tuple[str, str], ...] = ()
    look: re.Pattern[str]


def _number(keys: dict[str, str], look: str) -> Choice:
    return Choice(type="decimal", keys=tuple(keys.items()), look=re.compile(look))


def _thousands(mark: str) -> str:
    return rf"(?:{_HEAD}|[1-9][0-9]{{0,2}}(?:{re.escape(mark)}[0-9]{{3}})+)"


_PLAIN = _number({}, rf"-?{_HEAD}(?:\.[0-9]+)?")
_COMMA = _number({"decimal": ","}, rf"-?{_HEAD}(?:,[0-9]+)?")
_NUMBERS = (
    _PLAIN,
    _number({"thousands": ","}, rf"-?{_thousands(',')}(?:\.[0-9]+)?"),
    _COMMA,
    *(_number({"decimal": ",", "thousands": mark}, rf"-?{_thousands(mark)}(?:,[0-9]+)?") for mark in ". "),
    _number({"thousands": "'"}, rf"-?{_thousands(chr(39))}(?:\.[0-9]+)?"),
    _number({"format": "(#,##0.##)"}, rf"\({_thousands(',')}(?:\.[0-9]+)?\)|{_thousands(',')}(?:\.[0-9]+)?"),
    _number({"format": "#,##0.##-"}, rf"{_thousands(',')}(?:\.[0-9]+)?-?"),
    _number({"format": "#.##0,##-"}, rf"{_thousands('.')}(?:,[0-9]+)?-?"),
)


def _pattern_of(format_: str) -> re.Pattern[str]:
    parts = re.split("(%[A-Za-z])", format_)
    compact = format_ == "%Y%m%d"
    return re.compile(
        "".join("[0-9]{2}" if compact and p in {"%m", "%d"} else _SHAPE.get(p) or re.escape(p) for p in parts)
    )


_DATES = tuple(
    Choice(type="date", keys=(("format", day),) if day != "%Y-%m-%d" else (), look=_pattern_of(day)) for day in _DAYS
)
_INSTANTS = (
    Choice(type="datetime", look=_ISO),
    *(
        Choice(type="datetime", keys=(("format", f"{day} {time}"),), look=_pattern_of(f"{day} {time}"))
        for day in _DAYS
        for time in _TIMES
    ),
)
_INTEGER = Choice(type="integer", look=_WHOLE)
_CHOICES = (_INTEGER, *_NUMBERS, *_DATES, *_INSTANTS)


@lru_cache(maxsize=10_000)
def choices_of(text: str) -> tuple[Choice, ...]:
    """Every way to read this text but as text; none for an id with leading zeros."""
    return tuple(choice for choice in _CHOICES if _reads(choice, text))


def is_typed(text: str) -> bool:
    """Whether it is a value (a number, a date) rather than a word."""
    return bool(text) and (text.lstrip("+-").isdigit() or bool(choices_of(text)))


def _reads(choice: Choice, text: str) -> bool:
    if len(text) > _LONGEST or not choice.look.fullmatch(text):
        return False
    keys = dict(choice.keys)
    if choice.type in {"decimal", "integer"} and "format" not in keys:
        return True
    try:
        convert_value(text, choice.type, keys.get("format"))
    except RecordError:
        return False
    return True


@dataclass(slots=True)
class Guess:
    """The values of one column so far. `empty` counts those that are nothing; `note` says what a person must check."""

    seen: int = 0
    empty: int = 0
    longest: int = 0
    note: str = ""
    nothing: set[str] = field(default_factory=set)
    _left: tuple[Choice, ...] | None = None
    _points: set[str] = field(default_factory=set)
    _native: set[str] = field(default_factory=set)
    _example: str = ""

    def see(self, value: Any) -> None:
        """One more value: text, or what JSON has."""
        self.seen += 1
        if isinstance(value, bool | int | Decimal):
            self._native.add(
                "boolean" if value.__class__ is bool else "integer" if isinstance(value, int) else "decimal"
            )
            return
        text = value.strip() if isinstance(value, str) else ""
        if not text:
            self.empty += 1
            return
        self.longest = max(self.longest, len(text))
        self._native.add("text")
        if text in NOTHING:
            self.nothing.add(text)
            return
        if self._left is None:
            self._left, self._example = choices_of(text), text
        elif self._left and not all(_reads(choice, text) for choice in self._left):
            self._left = tuple(choice for choice in self._left if _reads(choice, text))
        if self._left and len(self._points) < 3 and (mark := _POINT.search(text)) is not None:
            self._points.add(mark[1] + str(len(mark[2]) == 3))

    @property
    def filled(self) -> bool:
        """Whether no value was empty."""
        return bool(self.seen) and not self.empty and not (self.nothing and self._left)

    def keys(self, *, identifies: bool, money: bool) -> dict[str, Any]:
        """The keys of the field. An id stays text whatever it looks like, as the next file may have zeros before it."""
        if self._native and "text" not in self._native:
            kinds = self._native
            kind = (
                "string" if len(kinds) > 1 and "boolean" in kinds else "decimal" if "decimal" in kinds else min(kinds)
            )
            return {"type": "decimal" if money and kind == "integer" else kind}
        chosen = None if len(self._native) > 1 else self._chosen(identifies=identifies, money=money)
        if chosen is None:
            return {"type": "string"}
        nothing = {"null_values": sorted(self.nothing)} if self.nothing else {}
        return {"type": chosen.type, **dict(chosen.keys), **nothing}

    def _chosen(self, *, identifies: bool, money: bool) -> Choice | None:
        left = self._left or ()
        days = [choice for choice in left if choice.type in {"date", "datetime"}]
        numbers = [choice for choice in left if choice.type == "decimal"]
        if days and not (numbers and identifies):
            return self._one_day(days)
        if identifies or not left:
            return None
        if _INTEGER in left and not money:
            return _INTEGER
        if not money and not self._points:
            return None  # more digits than anything is counted in
        if _COMMA in left and _PLAIN not in left and "," + str(True) in self._points and self._points <= {",True"}:
            self.note = f"`{self._example}`: thousands or decimals behind the comma? Then it is a decimal"
            return None
        if self._points == {".True"} and len(numbers) > 1:
            self.note = f"`{self._example}`: thousands or decimals behind the point? Then it is a decimal"
            return None
        return numbers[0] if numbers else None

    def _one_day(self, days: list[Choice]) -> Choice | None:
        """A date whose day and month can't be told apart stays text: read the wrong way round it would be a wrong date."""
        if len(days) == 1 or dict(days[0].keys).get("format") in {None, "%Y%m%d"}:
            return days[0]
        formats = [f'"{dict(choice.keys).get("format")}"' for choice in days[:2]]
        self.note = f"`{self._example}`: type {days[0].type} with format {' or '.join(formats)}?"
        return None


def shown_type(value: Any) -> str:
    """The type's name, for whoever lists what JSON holds."""
    if value is None:
        return "null"
    names = {bool: "true or false", int: "integer", Decimal: "decimal", str: "text", dict: "object", list: "list"}
    return names.get(value.__class__, "date" if isinstance(value, date | datetime) else "other")

"""The types of X12's elements: text as it stands in a file to the text the engine works with, and back."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

_NUMBER = re.compile(r"-?(?:\d+\.?\d*|\.\d+)", re.ASCII)
_PLAIN = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?", re.ASCII)
_WHOLE = re.compile(r"-?\d+", re.ASCII)
_TIME = re.compile(r"([01]\d|2[0-3])([0-5]\d)(?:([0-5]\d)(\d{1,2})?)?", re.ASCII)
_ISO_TIME = re.compile(r"(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,2}))?)?", re.ASCII)
_CENTURY = 70
_MOST_DIGITS = 18
_REMEMBERED = 4096


class Fault(Exception):
    """What is wrong with an element: AK4's code (none where only worth a note), in words, and the text that is still usable."""

    def __init__(self, code: str, message: str, value: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.value = code, message, value


Check = Callable[[str], str]
"""An element's text to a value's text. Raises Fault."""
Form = Callable[[Any], str]
"""A value to an element's text. Raises ValueError that names the limit, or TypeError."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ElementType:
    """One type with its lengths: how its text is read and how a value is written."""

    kind: str
    low: int
    high: int
    check: Check
    form: Form


def element_type(kind: str, low: int, high: int, codes: frozenset[str], *, closed: bool) -> ElementType:
    """The type of that name: `AN`, `ID`, `R`, `N0` to `N9`, `DT`, `TM`. `codes` are all there are where `closed`. Raises KeyError."""
    check, form = _check_and_form(kind, low, high, codes, closed=closed)
    return ElementType(kind=kind, low=low, high=high, check=check, form=form)


def _check_and_form(kind: str, low: int, high: int, codes: frozenset[str], *, closed: bool) -> tuple[Check, Form]:
    if kind == "AN":
        return _text_check(low, high), _text_form(low, high)
    if kind == "ID":
        return _code_check(low, high, codes, closed=closed), _code_form(low, high, codes, closed=closed)
    if kind == "R":
        return _decimal_check(low, high), _decimal_form(low, high)
    if kind == "DT":
        return _remembering(_date_check(low)), lambda value: _write_date(value, short=high == 6)
    if kind == "TM":
        return _remembering(_time_check), lambda value: _write_time(value, high)
    places = _implied(kind)
    return _implied_check(low, high, places), _implied_form(low, high, places)


KINDS = ("AN", "ID", "R", "DT", "TM", *(f"N{n}" for n in range(10)))


def _implied(kind: str) -> int:
    if kind not in KINDS:
        raise KeyError(kind)
    return int(kind[1:])


def _text_check(low: int, high: int) -> Check:
    def check(text: str) -> str:
        if low <= len(text) <= high and text.isprintable():
            return text
        raise _wrong_text(text, low, high)

    return check


def _wrong_text(text: str, low: int, high: int) -> Fault:
    if not text.isprintable():
        return Fault("6", "it has a control character", "".join(c if c.isprintable() else " " for c in text).strip())
    if len(text) < low:
        return Fault("4", f"`{text}` is shorter than {low}", text)
    return Fault("5", f"it is longer than {high}: {len(text)} characters", text)


def _code_check(low: int, high: int, codes: frozenset[str], *, closed: bool) -> Check:
    plain = _text_check(low, high)
    if not codes:
        return plain

    def check(text: str) -> str:
        if text in codes:
            return text
        if closed:
            raise Fault("7", f"`{text[:20]}` is none of its codes")
        plain(text)
        raise Fault("", f"`{text[:20]}` is a code the description does not know", text)

    return check


def _decimal_check(low: int, high: int) -> Check:
    def check(text: str) -> str:
        if len(text) <= high and _PLAIN.fullmatch(text) and not text.startswith("-0"):
            if low <= 1:
                return text
        elif not _NUMBER.fullmatch(text):
            raise Fault("6", f"`{_short(text)}` is no number")
        digits = sum(letter.isdigit() for letter in text)
        if digits > max(high, _MOST_DIGITS):
            raise Fault("5", f"it has {digits} digits, more than {high}")
        value = format(Decimal(text), "f")
        value = value if Decimal(value) else value.lstrip("-")
        if not low <= digits <= high:
            raise Fault("5" if digits > high else "4", f"it has {digits} digits, not {low} to {high}", value)
        return value

    return check


def _implied_check(low: int, high: int, places: int) -> Check:
    def check(text: str) -> str:
        if not _WHOLE.fullmatch(text):
            raise Fault("6", f"`{_short(text)}` is no whole number")
        digits = len(text.lstrip("-"))
        if digits > max(high, _MOST_DIGITS):
            raise Fault("5", f"it has {digits} digits, more than {high}")
        number = int(text)
        value = format(Decimal(number).scaleb(-places), "f") if places else str(number)
        if not low <= digits <= high:
            raise Fault("5" if digits > high else "4", f"it has {digits} digits, not {low} to {high}", value)
        return value

    return check


def _date_check(low: int) -> Check:
    def check(text: str) -> str:
        digits = text if text.isdigit() and text.isascii() else ""
        if len(digits) == 8:
            year, rest = digits[:4], digits[4:]
        elif len(digits) == 6:
            year, rest = ("19" if int(digits[:2]) >= _CENTURY else "20") + digits[:2], digits[2:]
        else:
            raise Fault("8", f"`{_short(text)}` is no date (CCYYMMDD)")
        try:
            value = date(int(year), int(rest[:2]), int(rest[2:])).isoformat()
        except ValueError:
            raise Fault("8", f"`{text}` is no day of the calendar") from None
        if len(digits) < low:
            raise Fault("4", f"the date `{text}` has no century; it was read as {value}", value)
        return value

    return check


def _time_check(text: str) -> str:
    match = _TIME.fullmatch(text)
    if match is None:
        raise Fault("9", f"`{_short(text)}` is no time (HHMM)")
    hour, minute, second, parts = match.groups()
    return f"{hour}:{minute}:{second or '00'}" + (f".{parts}" if parts else "")


def _remembering(check: Check) -> Check:
    """The same dates stand in thousands of segments."""
    known: dict[str, str] = {}

    def remembered(text: str) -> str:
        value = known.get(text)
        if value is None:
            value = check(text)
            if len(known) >= _REMEMBERED:
                known.clear()
            known[text] = value
        return value

    return remembered


def _text_form(low: int, high: int) -> Form:
    def form(value: Any) -> str:
        if isinstance(value, bool | dict | list):
            raise TypeError("it is no text")
        text = _shown_value(value).strip()
        if not text.isprintable():
            raise ValueError("it has a control character or a line break")
        if len(text) > high:
            raise ValueError(f"`{text[:30]}…` has {len(text)} characters; X12 allows {high}")
        if text and len(text) < low:
            raise ValueError(f"`{text}` has {len(text)} characters; X12 asks for at least {low}")
        return text

    return form


def _code_form(low: int, high: int, codes: frozenset[str], *, closed: bool) -> Form:
    plain = _text_form(low, high)

    def form(value: Any) -> str:
        text = plain(value)
        if text and closed and text not in codes:
            raise ValueError(f"`{text}` is none of its codes: {', '.join(sorted(codes)[:30])}")
        return text

    return form


def _decimal_form(low: int, high: int) -> Form:
    def form(value: Any) -> str:
        number = _number(value)
        if number is None:
            return ""
        text = format(number, "f")
        if "." in text:
            text = text.rstrip("0").rstrip(".")
        text = text if number else "0"
        digits = sum(letter.isdigit() for letter in text)
        if not low <= digits <= high:
            raise ValueError(f"`{text}` has {digits} digits; X12 allows {low} to {high}")
        return text

    return form


def _implied_form(low: int, high: int, places: int) -> Form:
    def form(value: Any) -> str:
        number = _number(value)
        if number is None:
            return ""
        scaled = number.scaleb(places)
        if scaled != scaled.to_integral_value():
            raise ValueError(f"`{number}` has more than {places} decimals")
        digits = str(abs(int(scaled))).zfill(low)
        if len(digits) > high:
            raise ValueError(f"`{number}` has {len(digits)} digits; X12 allows {high}")
        return ("-" if scaled < 0 else "") + digits

    return form


def _number(value: Any) -> Decimal | None:
    """Raises ValueError for what is no amount; at most 18 digits on either side of the point."""
    if isinstance(value, str):
        value = value.strip()
        if not value:
            return None
        if len(value) > 2 * _MOST_DIGITS or not _NUMBER.fullmatch(value):
            raise ValueError(f"`{_short(value)}` is no number")
    elif isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise TypeError(f"a {type(value).__name__} is no number")
    number = Decimal(value)
    if not number.is_finite() or (number and abs(number.adjusted()) > _MOST_DIGITS):
        raise ValueError(f"`{_short(str(value))}` is no amount X12 can hold")
    return number


def _write_date(value: Any, *, short: bool) -> str:
    if isinstance(value, str):
        if not value.strip():
            return ""
        try:
            value = date.fromisoformat(value.strip())
        except ValueError:
            raise ValueError(f"`{_short(value)}` is no date (2026-11-21)") from None
    if isinstance(value, datetime) or not isinstance(value, date):
        raise TypeError("it is no date")
    text = f"{value.year:04}{value.month:02}{value.day:02}"
    return text[2:] if short else text


def _write_time(value: Any, high: int) -> str:
    match = _ISO_TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        if value == "":
            return ""
        raise ValueError(f"`{_short(str(value))}` is no time (14:30:00)")
    text = "".join(part or "" for part in match.groups())
    if not _TIME.fullmatch(text):
        raise ValueError(f"`{value}` is no time of a day")
    return text[:high]


def _shown_value(value: Any) -> str:
    if isinstance(value, Decimal):
        if not value.is_finite() or abs(value.adjusted()) > 2 * _MOST_DIGITS:
            raise ValueError("it is no amount")
        return format(value, "f")
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def _short(text: str) -> str:
    clean = "".join(letter if letter.isprintable() else "?" for letter in text[:20])
    return clean + ("…" if len(text) > 20 else "")

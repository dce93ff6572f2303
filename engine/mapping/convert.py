"""From text to typed values and back, strictly: nothing is guessed, rounded or shifted.

Number formats are written as the number 0 would look: `0.00`, `#,##0.00` (thousands may be there), `#.##0,00`, `(0.00)` (parentheses are
negative too), `0.00-` (so is a trailing minus), `0V00` (two implied decimals). Dates use strptime's letters, booleans `yes|no`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any

from engine.errors import RecordError
from engine.mapping.text import instant, kind_of, plain, shown, to_text

_PATTERN = re.compile(r"(\()?(?:#([,.' ])##)?(0+)(?:([.,])(0+|#+)|V(0+))?(\))?(-)?")
_DIGITS = 38
_MEMO_SIZE = 20_000
_DIRECTIVES = frozenset("aAbBdHIjmMpSfyYzZ%")


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """A number format taken apart. `decimals` None: as many as there are."""

    point: str = "."
    thousands: str = ""
    width: int = 1
    decimals: int | None = None
    implied: int | None = None
    parentheses: bool = False
    trailing_minus: bool = False


@lru_cache(maxsize=256)
def number_format(text: str) -> NumberFormat:
    """Raises ValueError when the pattern is none."""
    match = _PATTERN.fullmatch(text)
    if match is None or bool(match[1]) != bool(match[7]) or (match[2] and match[2] == match[4]):
        raise ValueError(
            f"`{text}` is no number format; they look like `0.00`, `#,##0.00`, `#.##0,00`, `0.00-` or `0V00`"
        )
    point = match[4] or ("," if match[2] == "." else ".")
    fixed = match[5] if match[5] and match[5][0] == "0" else None
    return NumberFormat(
        point=point,
        thousands=match[2] or "",
        width=len(match[3]),
        decimals=len(fixed) if fixed else (0 if match[5] is None and match[6] is None else None),
        implied=len(match[6]) if match[6] else None,
        parentheses=bool(match[1]),
        trailing_minus=bool(match[8]),
    )


def format_error(kind: str, text: str) -> str | None:
    """What is wrong with a `format` for values of that type, or None."""
    if kind in {"decimal", "integer"}:
        try:
            number_format(text)
        except ValueError as error:
            return str(error)
        return None
    if kind in {"date", "datetime"}:
        return _date_format_error(text)
    if kind == "boolean":
        return (
            None
            if re.fullmatch(r"[^|]+\|[^|]*", text)
            else f"`{text}` is no format for true and false; they look like `yes|no`"
        )
    return f"`format` says nothing about {kind}"


def convert_value(value: Any, kind: str, format_: str | None = None) -> Any:
    """A value of that type, read by `format_` where it is text. Raises RecordError that shows the value."""
    if value is None or kind == "any":
        return value
    if kind != "string" and isinstance(value, str) and not value.strip():
        return None
    return _CONVERTERS[kind](value, format_)


def format_value(value: Any, format_: str) -> str:
    """Text of a date (strftime) or a number (number format, rounded never). Raises RecordError."""
    if value.__class__ is date:
        return shown_date(value, format_)
    if isinstance(value, date):
        return value.strftime(format_)
    if value.__class__ is bool:
        yes, _, no = format_.partition("|")
        return yes if value else no
    if isinstance(value, int | Decimal):
        return write_number(Decimal(value), number_format(format_))
    raise RecordError(
        f"{shown(value)} is {kind_of(value)}; `format` writes dates and numbers, and `type:` says how text is read"
    )


@lru_cache(maxsize=_MEMO_SIZE)
def shown_date(value: date, format_: str) -> str:
    """The same days come again and again; never for times, whose equals may stand in other zones."""
    return value.strftime(format_)


def parse_number(text: str, format_: str | None = None) -> Decimal:
    """Money from text: ASCII digits, one sign, no exponent, no NaN, no underscore. Raises RecordError."""
    rule = number_format(format_) if format_ else _PLAIN
    match = _reader(rule).fullmatch(text.strip())
    if match is None:
        raise RecordError(f"{shown(text)} is not a number" + (f" written as `{format_}`" if format_ else ""))
    opened, sign, whole, fraction, closed, minus = match.groups()
    if bool(opened) != bool(closed) or bool(sign) + bool(opened) + bool(minus) > 1:
        raise RecordError(f"{shown(text)} is not a number: its sign is unclear")
    whole = whole.replace(rule.thousands, "") if rule.thousands else whole
    digits = f"{whole}.{fraction}" if fraction else whole
    if len(whole) + len(fraction or "") > _DIGITS:
        raise RecordError(f"{shown(text)} has more than {_DIGITS} digits")
    number = Decimal(digits)
    if rule.implied is not None:
        number = number.scaleb(-rule.implied)
    return -number if number and (sign == "-" or opened or minus) else number


def write_number(number: Decimal, rule: NumberFormat) -> str:
    """The number by its format. Raises RecordError when it has more decimals than the format shows."""
    if rule.implied is not None:
        number = number.scaleb(rule.implied)
    whole, _, fraction = plain(abs(number)).partition(".")
    decimals = 0 if rule.implied is not None else rule.decimals
    fraction = fraction.rstrip("0")
    if decimals is not None:
        if len(fraction) > decimals:
            raise RecordError(f"{plain(number)} has more decimals than its format shows; `round:` rounds")
        fraction = fraction.ljust(decimals, "0")
    whole = whole.zfill(rule.width)
    if rule.thousands:
        whole = f"{int(whole):,}".replace(",", rule.thousands)
    shown_ = whole + (rule.point + fraction if fraction else "")
    if number >= 0:
        return shown_
    return f"({shown_})" if rule.parentheses else f"{shown_}-" if rule.trailing_minus else f"-{shown_}"


def round_half_up(value: Any, digits: int) -> Any:
    """Commercial rounding: 2.345 to 2 decimals is 2.35. Null stays null. Raises RecordError for what is no number."""
    if value is None or value.__class__ is int:
        return value
    if not isinstance(value, Decimal):
        raise RecordError(f"{shown(value)} is {kind_of(value)}, and only numbers are rounded")
    plain(value)
    return value.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)


_PLAIN = NumberFormat()


@lru_cache(maxsize=256)
def _reader(rule: NumberFormat) -> re.Pattern[str]:
    point = re.escape(rule.point)
    mark = re.escape(rule.thousands)
    whole = rf"[0-9]{{1,3}}(?:{mark}[0-9]{{3}})+|[0-9]+" if rule.thousands else r"[0-9]+"
    fraction = "()" if rule.implied is not None else rf"(?:{point}([0-9]+))?"
    opened, closed = (r"(\()?", r"(\))?") if rule.parentheses else ("()", "()")
    minus = "(-)?" if rule.trailing_minus else "()"
    return re.compile(rf"{opened}([+-])?({whole}){fraction}{closed}{minus}")


def _date_format_error(text: str) -> str | None:
    letters = re.findall(r"%(.?)", text)
    if not letters or "%" not in text:
        return f'`{text}` names no part of a date; formats look like "%Y-%m-%d"'
    unknown = [letter for letter in letters if letter not in _DIRECTIVES]
    if unknown:
        return f"`%{unknown[0]}` is not a part of a date; the parts are %Y %m %d %H %M %S %y %b %j"
    return None


_dates: dict[tuple[str, str | None], date] = {}
_instants: dict[tuple[str, str | None], datetime] = {}


def _to_date(value: Any, format_: str | None) -> date:
    if isinstance(value, datetime):
        return _in_utc(value).date()
    if isinstance(value, date):
        return value
    key = (_ascii(value, "a date"), format_)
    found = _dates.get(key)
    if found is None:
        found = _parse(key[0], format_ or "%Y-%m-%d").date()
        _remember(_dates, key, found)
    return found


def _to_datetime(value: Any, format_: str | None) -> datetime:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    key = (_ascii(value, "a date with a time"), format_)
    found = _instants.get(key)
    if found is None:
        found = _parse(key[0], format_) if format_ else _parse_iso(key[0])
        found = _in_utc(found)
        _remember(_instants, key, found)
    return found


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    except OverflowError:
        raise RecordError(f"{value.isoformat()} has no counterpart in UTC") from None


def _remember(memo: dict[Any, Any], key: Any, value: Any) -> None:
    if len(memo) >= _MEMO_SIZE:
        memo.clear()
    memo[key] = value


def _parse(text: str, format_: str) -> datetime:
    try:
        return datetime.strptime(text, format_)  # noqa: DTZ007  # the caller says which zone a time without one is in
    except ValueError:
        raise RecordError(f"{shown(text)} is not a date written as `{format_}`") from None


def _parse_iso(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise RecordError(f"{shown(text)} is not a date with a time such as `2026-11-21T10:15:00Z`") from None


def _ascii(value: Any, wanted: str) -> str:
    if not isinstance(value, str) or not value.isascii():
        raise RecordError(f"{shown(value)} is not {wanted}")
    return value.strip()


def _to_string(value: Any, format_: str | None) -> str:
    if isinstance(value, datetime) and format_ is None:
        return instant(value)
    return format_value(value, format_) if format_ and not isinstance(value, str) else to_text(value)


def _to_decimal(value: Any, format_: str | None) -> Decimal:
    if isinstance(value, str):
        return parse_number(value, format_)
    if value.__class__ is bool or not isinstance(value, int | Decimal):
        raise RecordError(f"{shown(value)} is not a number")
    number = Decimal(value)
    plain(number)
    return number


def _to_integer(value: Any, format_: str | None) -> int:
    number = _to_decimal(value, format_)
    if number != number.to_integral_value() or (isinstance(value, str) and "." in value and not format_):
        raise RecordError(f"{shown(value)} is not a whole number")
    return int(number)


def _to_boolean(value: Any, format_: str | None) -> bool:
    yes, _, no = (format_ or "true|false").partition("|")
    if value.__class__ is bool:
        return bool(value)
    if value == yes:
        return True
    if value == no:
        return False
    raise RecordError(f"{shown(value)} is neither `{yes}` nor `{no}`")


def _to_list(value: Any, _format: str | None) -> list[Any]:
    if isinstance(value, list):
        return value
    raise RecordError(f"{kind_of(value)} is no list")


_CONVERTERS: dict[str, Callable[[Any, str | None], Any]] = {
    "string": _to_string,
    "decimal": _to_decimal,
    "integer": _to_integer,
    "date": _to_date,
    "datetime": _to_datetime,
    "boolean": _to_boolean,
    "list": _to_list,
}

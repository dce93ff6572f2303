"""Functions on numbers, dates and choices."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from engine.errors import RecordError
from engine.mapping.convert import convert_value, format_error, format_value, parse_number, round_half_up
from engine.mapping.signature import UNGIVEN, Function, function
from engine.mapping.text import plain, to_text

EXPONENTS = {
    **dict.fromkeys(
        (
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(
        (
            "AED",
            "ARS",
            "AUD",
            "BGN",
            "BRL",
            "CAD",
            "CHF",
            "CNY",
            "COP",
            "CRC",
            "CZK",
            "DKK",
            "DOP",
            "EGP",
            "EUR",
            "GBP",
        ),
        2,
    ),
    **dict.fromkeys(
        (
            "GTQ",
            "HKD",
            "HUF",
            "IDR",
            "ILS",
            "INR",
            "JMD",
            "KES",
            "MAD",
            "MXN",
            "MYR",
            "NGN",
            "NOK",
            "NZD",
            "PEN",
            "PHP",
        ),
        2,
    ),
    **dict.fromkeys(
        (
            "PKR",
            "PLN",
            "QAR",
            "RON",
            "RSD",
            "SAR",
            "SEK",
            "SGD",
            "THB",
            "TRY",
            "TTD",
            "TWD",
            "UAH",
            "USD",
            "UYU",
            "ZAR",
        ),
        2,
    ),
}
"""Decimals of the currencies' minor units (ISO 4217 list one)."""


def decimal(value: Any, format_: str | None = None) -> Any:
    return convert_value(value, "decimal", _read_format("decimal", format_))


def integer(value: Any) -> Any:
    return convert_value(value, "integer")


def to_minor(value: Any, currency: str) -> int:
    """Cents of an amount. Raises RecordError when it has parts of a cent: nothing is rounded here."""
    number = parse_number(value) if isinstance(value, str) else Decimal(value)
    plain(number)
    minor = number.scaleb(_exponent(currency))
    if minor != minor.to_integral_value():
        raise RecordError(f"{plain(number)} has more decimals than {currency} has")
    return int(minor)


def from_minor(value: Any, currency: str) -> Decimal:
    """An amount of cents."""
    number = convert_value(value, "integer")
    exponent = _exponent(currency)
    return Decimal(number).scaleb(-exponent).quantize(Decimal(1).scaleb(-exponent))


def round_(value: Any, digits: int = 0) -> Any:
    if digits.__class__ is not int or not 0 <= digits <= 12:
        raise RecordError("digits must be a whole number from 0 to 12")
    return round_half_up(value, digits)


def negate(value: Any) -> Any:
    return -value if value else value


def format_number(value: Any, format_: str) -> str:
    return format_value(value, _read_format("decimal", format_) or "0")


def parse_date(value: Any, format_: str) -> Any:
    return convert_value(value, "date", _read_format("date", format_))


def to_date(value: Any) -> Any:
    return convert_value(value, "date")


def to_datetime(value: Any, format_: str | None = None) -> Any:
    if value.__class__ is date:
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return convert_value(value, "datetime", _read_format("datetime", format_))


def format_date(value: date, format_: str) -> str:
    return format_value(value, _read_format("date", format_) or "")


def stamp(value: date) -> str:
    """Text for file names: 20261121T101500Z, or 20261121 for a date."""
    if isinstance(value, datetime):
        return convert_value(value, "datetime").astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")  # type: ignore[no-any-return]
    return value.strftime("%Y%m%d")


def add_days(value: date, days: int) -> date:
    if days.__class__ is not int or abs(days) > 100_000:
        raise RecordError("days must be a whole number, not more than 100000")
    try:
        return value + timedelta(days=days)
    except OverflowError:
        raise RecordError("there is no such date") from None


def coalesce(*values: Any) -> Any:
    """The first that is neither null nor empty text."""
    return next((value for value in values if value is not None and value != ""), None)


def if_else(condition: Any, yes: Any, no: Any = None) -> Any:
    return yes if is_true(condition) else no


def is_true(value: Any) -> bool:
    """False are null, false, empty text, lists and objects (JMESPath's rule: 0 is true)."""
    return not (value is None or value is False or (isinstance(value, str | list | dict) and not value))


def checked_format(kind: str) -> Any:
    """A compile-time check of the second argument as a format of that kind."""

    def check(arguments: Sequence[Any]) -> str | None:
        given = len(arguments) > 1 and arguments[1] is not UNGIVEN and arguments[1] is not None
        return format_error(kind, arguments[1]) if given else None

    return check


def check_currency(arguments: Sequence[Any]) -> str | None:
    """What is wrong with a constant currency, or None."""
    if len(arguments) < 2 or arguments[1] is UNGIVEN or arguments[1] in EXPONENTS:
        return None
    return f"`{arguments[1]}` is no currency code this library knows"


def _read_format(kind: str, format_: str | None) -> str | None:
    problem = format_error(kind, format_) if format_ is not None else None
    if problem:
        raise RecordError(problem)
    return format_


def _exponent(currency: str) -> int:
    exponent = EXPONENTS.get(currency.upper())
    if exponent is None:
        raise RecordError(f"`{currency}` is no currency code this library knows")
    return exponent


_DAY = date(2026, 11, 21)
_INSTANT = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)

VALUES: tuple[Function, ...] = (
    function(
        "decimal(value: text|number, format?: text) -> number",
        decimal,
        "An exact amount from text; strict: no exponent, no thousands unless the format has them.",
        (("10.30",), Decimal("10.30")),
        (("(1,234.50)", "(#,##0.00)"), Decimal("-1234.50")),
        check=checked_format("decimal"),
    ),
    function("integer(value: text|number) -> number", integer, "A whole number from text.", (("0042",), 42)),
    function(
        "to_minor(value: text|number, currency: text) -> number",
        to_minor,
        "An amount in the currency's smallest unit.",
        ((Decimal("10.30"), "USD"), 1030),
        (("500", "JPY"), 500),
        check=check_currency,
    ),
    function(
        "from_minor(value: text|number, currency: text) -> number",
        from_minor,
        "An amount from the currency's smallest unit.",
        ((1030, "USD"), Decimal("10.30")),
        check=check_currency,
    ),
    function(
        "round(value: number, digits?: number) -> number",
        round_,
        "Rounded commercially: halves away from zero.",
        ((Decimal("2.345"), 2), Decimal("2.35")),
    ),
    function(
        "negate(value: number) -> number",
        negate,
        "The same amount with the other sign.",
        ((Decimal("5.10"),), Decimal("-5.10")),
    ),
    function(
        "format_number(value: number, format: text) -> text",
        format_number,
        "A number as text.",
        ((Decimal("1234.5"), "#,##0.00"), "1,234.50"),
        check=checked_format("decimal"),
    ),
    function(
        "parse_date(value: text|date, format: text) -> date",
        parse_date,
        "A date from text, by strptime's letters.",
        (("11/21/2026", "%m/%d/%Y"), _DAY),
        check=checked_format("date"),
    ),
    function(
        "date(value: text|date|datetime) -> date",
        to_date,
        "A date from ISO text, or the UTC date of an instant.",
        (("2026-11-21",), _DAY),
    ),
    function(
        "datetime(value: text|date|datetime, format?: text) -> datetime",
        to_datetime,
        "An instant from text, UTC where it names no zone.",
        (("2026-11-21T10:15:00Z",), _INSTANT),
        check=checked_format("datetime"),
    ),
    function(
        "format_date(value: date|datetime, format: text) -> text",
        format_date,
        "A date as text, by strftime's letters.",
        ((_DAY, "%d.%m.%Y"), "21.11.2026"),
        check=checked_format("date"),
    ),
    function(
        "stamp(value: date|datetime) -> text",
        stamp,
        "A date or instant as it is good in file names.",
        ((_INSTANT,), "20261121T101500Z"),
        ((_DAY,), "20261121"),
    ),
    function(
        "add_days(value: date|datetime, days: number) -> date",
        add_days,
        "So many days later.",
        ((_DAY, 10), date(2026, 12, 1)),
    ),
    function(
        "text(value: text|number|boolean|date|datetime) -> text",
        to_text,
        "Plain text of a single value.",
        ((Decimal("10.30"),), "10.30"),
        ((True,), "true"),
    ),
    function(
        "coalesce(values*: any) -> any",
        coalesce,
        "The first that is neither null nor empty text.",
        ((None, "", "x"), "x"),
    ),
    function(
        "default(value: any, other: any) -> any",
        coalesce,
        "The value, or the other one when it is null or empty text.",
        ((None, "none"), "none"),
    ),
    function(
        "if_else(condition: any, yes: any, no?: any) -> any",
        if_else,
        "One of two values.",
        ((True, "Y", "N"), "Y"),
        ((None, "Y", "N"), "N"),
    ),
)

"""Amounts of the Ramp stand-in: whole minor units, by the exponent ISO 4217 gives each currency."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

_CODE = re.compile(r"[A-Z]{3}", re.ASCII)
_EXPONENTS: Mapping[str, int] = {
    **dict.fromkeys(
        [
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
        ],
        0,
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
    **dict.fromkeys(["CLF", "UYW"], 4),
}


def exponent(currency: str) -> int:
    """How many decimals a currency has: 0 for JPY, 3 for KWD, mostly 2."""
    return _EXPONENTS.get(currency, 2)


def minor_units(value: Decimal, currency: str) -> int:
    """`120.50` USD as 12050; ValueError for more decimals than the currency has."""
    scaled = value.scaleb(exponent(currency))
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{value} has more decimals than {currency} knows")
    return int(scaled)


def major_units(amount: int, currency: str) -> Decimal:
    """12050 USD as `120.50`: the legacy form of amounts."""
    return Decimal(amount).scaleb(-exponent(currency))


def currency_amount(given: Any, currency: str = "USD") -> dict[str, Any]:
    """The stored amount, of `{amount, currency_code}`, of whole minor units, or of a text such as `120.50`.

    ValueError for anything else, a float among them.
    """
    if isinstance(given, Mapping):
        currency = given.get("currency_code", currency)
        given = given.get("amount")
    if not isinstance(currency, str) or not _CODE.fullmatch(currency):
        raise ValueError(f"`{currency}` is no currency code")
    if isinstance(given, str | Decimal):
        try:
            given = minor_units(Decimal(given), currency)
        except InvalidOperation:
            raise ValueError(f"`{given}` is no amount") from None
    if type(given) is not int:
        raise ValueError(f"`{given}` is no amount: give whole minor units, or a text such as `120.50`")
    return {"amount": given, "currency_code": currency}


def with_rate(amount: Mapping[str, Any]) -> dict[str, Any]:
    """The amount of a header as live answers show it, with its `minor_unit_conversion_rate`."""
    return {**amount, "minor_unit_conversion_rate": 10 ** exponent(amount["currency_code"])}

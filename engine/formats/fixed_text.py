"""The text between two positions as a value, and a value as exactly so many characters."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

from engine.errors import RecordError
from engine.formats.fixed_keys import FixedField
from engine.formats.written import amount, written

_POSITIVE = dict(zip("{ABCDEFGHI", "0123456789", strict=True))
_NEGATIVE = dict(zip("}JKLMNOPQR", "0123456789", strict=True))
_PUNCHED = {"+": "{ABCDEFGHI", "-": "}JKLMNOPQR"}
_DIGITS = re.compile(r"[0-9]{1,76}(?:\.[0-9]{1,76})?")
_GIVEN = re.compile(r"([+-]?)([0-9]{1,76})(?:\.([0-9]{1,76}))?")
_MOST_DIGITS = 76
_UNWRITABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def value_of(field: FixedField, raw: str) -> str:
    """The field's text, a decimal as `-1234.50`; empty where it is blank. Raises ValueError that says what is wrong with it."""
    if field.const is not None and raw.ljust(field.width) != field.const.ljust(field.width):
        raise ValueError(f"`{shown(raw)}` stands where `{field.const}` must be")
    if field.type == "decimal":
        return _number(field, raw)
    if not field.trim:
        return raw
    pad = field.padding
    if pad == " ":
        return raw.strip(" ")
    return (raw.strip(" ").lstrip(pad) if field.right else raw.strip(" ").rstrip(pad)).strip(" ")


def reader_of(field: FixedField) -> Callable[[str], str]:
    """`value_of` for one field; most numbers of most files are nothing but digits."""
    width, implied = field.width, field.implied
    if field.type != "decimal" or implied is None or not implied < width <= _MOST_DIGITS or field.const is not None:
        return partial(value_of, field)
    if not implied:
        return lambda raw: (
            raw.lstrip("0") or "0" if len(raw) == width and raw.isascii() and raw.isdigit() else value_of(field, raw)
        )
    return lambda raw: (
        f"{raw[:-implied].lstrip('0') or '0'}.{raw[-implied:]}"
        if len(raw) == width and raw.isascii() and raw.isdigit()
        else value_of(field, raw)
    )


def _number(field: FixedField, raw: str) -> str:
    text = raw.strip(" ")
    if text and field.padding not in "0 ":
        text = text.lstrip(field.padding) if field.right else text.rstrip(field.padding)
    if not text:
        return ""
    if len(raw) < field.width - (field.sign == "trailing") and field.right:
        raise ValueError(f"the record ends within the number `{shown(raw)}`")
    negative, digits = _signed(field, text)
    match = _DIGITS.fullmatch(digits)
    if match is None or (field.implied is not None and "." in digits):
        raise ValueError(f"`{shown(raw)}` is no number{_expected(field)}")
    whole, point, decimals = digits.partition(".")
    if field.implied:
        whole = whole.rjust(field.implied + 1, "0")
        whole, point, decimals = whole[: -field.implied], ".", whole[-field.implied :]
    sign = "-" if negative and digits.strip("0.") else ""
    return f"{sign}{whole.lstrip('0') or '0'}{point}{decimals}"


def _signed(field: FixedField, text: str) -> tuple[bool, str]:
    """Whether it is negative, and its digits."""
    if field.overpunch:
        last = text[-1]
        if last in _NEGATIVE:
            return True, text[:-1] + _NEGATIVE[last]
        return False, text[:-1] + _POSITIVE.get(last, last)
    at = {"leading": 0, "trailing": -1, "none": None}[field.sign]
    if at is None or text[at] not in "+-":
        return False, text
    rest = text[1:] if at == 0 else text[:-1]
    return text[at] == "-", rest.strip(" ")


def _expected(field: FixedField) -> str:
    if field.overpunch:
        return " (digits, the last one with the sign: `{ABCDEFGHI` or `}JKLMNOPQR`)"
    if field.implied is not None:
        return f" (digits, the last {field.implied} of them decimals, no point)" if field.implied else " (digits)"
    return " (digits, and a point before decimals)"


def text_for(field: FixedField, name: str, value: Any) -> str:
    """Exactly `width` characters. Raises RecordError that names field, width and value; nothing is ever cut."""
    if field.const is not None:
        return field.const.ljust(field.width)
    if value is None:
        return " " * field.width
    if field.type == "decimal":
        sign, text = _digits(field, name, value)
    else:
        sign, text = "", written(value, name, "a fixed-width file")
    found = _UNWRITABLE.search(text)
    if found is not None:
        raise RecordError(f"the text holds {found[0]!a}, which no record can hold", field=name)
    after = sign if sign and field.sign == "trailing" else ""
    before = sign if not after else ""
    if len(before) + len(text) + len(after) > field.width:
        taken = len(before) + len(text) + len(after)
        raise RecordError(f"`{shown(str(value))}` takes {taken} characters and the field has {field.width}", field=name)
    room = field.width - len(before) - len(after)
    if not field.right:
        return (before + text + after).ljust(field.width, field.padding)
    if field.padding == "0":
        return before + text.rjust(room, "0") + after
    return (before + text + after).rjust(field.width, field.padding)


def _digits(field: FixedField, name: str, value: Any) -> tuple[str, str]:
    """Sign (or nothing) and digits, as the field has them."""
    given = amount(value, name) if isinstance(value, Decimal) else written(value, name, "a fixed-width file")
    match = _GIVEN.fullmatch(given)
    if match is None:
        raise RecordError(f"`{shown(given)}` is no number", field=name)
    negative, whole, decimals = match[1] == "-", match[2].lstrip("0") or "0", match[3] or ""
    if field.implied is not None:
        decimals = decimals.rstrip("0").ljust(field.implied, "0")
        if len(decimals) > field.implied:
            raise RecordError(f"`{shown(given)}` has more decimals than the {field.implied} of the field", field=name)
        text = (whole + decimals).lstrip("0") or "0"
    else:
        text = f"{whole}.{decimals}" if decimals else whole
    negative = negative and bool(text.strip("0."))
    if field.overpunch:
        return "", text[:-1] + _PUNCHED["-" if negative else "+"][int(text[-1])]
    if negative and field.sign == "none":
        raise RecordError(f"`{shown(given)}` is negative, and the field has no sign", field=name)
    return ("-" if negative else (" " if field.sign == "trailing" else "")), text


def shown(text: str) -> str:
    """As much of a value as a message shows."""
    return text if len(text) <= 60 else text[:60] + "…"

"""What makes two documents the same: their key, their number, their content."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Context, Decimal
from typing import Any

import msgspec

from engine.contracts import Record
from engine.errors import RecordError
from engine.mapping.text import LARGEST

_HYPHENS = str.maketrans({"\u2010": "-", "\u2011": "-", "\u2013": "-"})
_ENCODE = msgspec.json.Encoder(order="sorted").encode
_EXACT = Context(prec=2 * LARGEST + 2)


def normalise_number(text: str) -> str:
    """A document number as it is compared: NFKC, hyphens alike, blanks collapsed, upper case. Leading zeros and punctuation stay."""
    folded = unicodedata.normalize("NFKC", text).translate(_HYPHENS).upper()
    return " ".join(unicodedata.normalize("NFKC", folded).translate(_HYPHENS).upper().split())


def loose_number(text: str) -> str:
    """A number as people mistype it: letters and digits only, no leading zeros. Equal ones are a suspicion, never a key."""
    return "".join(char for char in normalise_number(text) if char.isalnum()).lstrip("0")


def document_key(parts: Iterable[str]) -> str:
    r"""The parts as one text, different for different parts: joined by `|`, with `\` and `|` inside a part escaped by `\`."""
    return "|".join(part.replace("\\", "\\\\").replace("|", "\\|") for part in parts)


def content_hash(record: Record) -> str:
    """SHA-256 in hex over the record in one canonical form, so that equal content means an equal hash.

    The form is JSON with sorted members: numbers without trailing zeros (10.3 is 10.30), dates in ISO 8601, members that are null left out,
    lists of records (the lines of a document) sorted by their own form. Raises RecordError for a number that is no amount.
    """
    return hashlib.sha256(_ENCODE(_canonical(record))).hexdigest()


def _canonical(value: Any) -> Any:
    kind = value.__class__
    if kind is str or kind is bool:
        return value
    if kind is Decimal or kind is int:
        return msgspec.Raw(_number(value))
    if kind is dict:
        return {
            name: item
            if (sort := item.__class__) is str
            else msgspec.Raw(_number(item))
            if sort is Decimal
            else _canonical(item)
            for name, item in value.items()
            if item is not None
        }
    if kind is list or kind is tuple:
        items = [_canonical(item) for item in value]
        if items and all(item.__class__ is dict for item in items):
            return [msgspec.Raw(text) for text in sorted(map(_ENCODE, items))]
        return items
    if isinstance(value, date):
        shown = value.isoformat()
        return shown[:-6] + "Z" if isinstance(value, datetime) and shown.endswith("+00:00") else shown
    return value


def _number(value: Decimal | int) -> bytes:
    text = str(value)
    if len(text) <= LARGEST and text.isascii() and "E" not in text:
        # Without zeros behind the point it is normal already, unless zeros are left before it; half the cost of every hash.
        short = text.rstrip("0").rstrip(".") if "." in text else text
        if short[-1] in "123456789":
            return short.encode()
    if value.__class__ is int and abs(value) < 10**15:
        value = Decimal(value)
    number = Decimal(value)
    if not number:
        return b"0"
    if not number.is_finite() or abs(number.adjusted()) > LARGEST:
        raise RecordError("a number is no amount")
    return str(number.normalize(_EXACT)).encode()

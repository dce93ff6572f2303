"""Bytes to plain data and back, exactly: JSON with Decimals, forms, query strings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import accumulate
from typing import Any, Literal
from urllib.parse import quote, quote_plus

import msgspec

from engine.connections.wire_shape import Wrap, dressed
from engine.errors import RecordError
from engine.redaction import Secret

DEEPEST = 64
"""Levels of nesting accepted and sent."""

_LARGEST_EXPONENT = 40
_MOST_SHAPES = 1000
_ORDINARY = 30
"""Amounts with fewer characters and without an exponent need no further look at their size."""
_QUERY_SAFE = "$'(),:/@*!"
_STRINGS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_NOT_BRACKETS = re.compile(r"[^\[\]{}]+")
_LEVEL = {"[": 1, "{": 1, "]": -1, "}": -1}


class Broken(ValueError):
    """An answer that is not what it claims to be; the text says how, and never quotes it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wire:
    """How a system writes numbers, dates and members; a date without a time is never shifted, a time is written in UTC.

    `wrap` puts every single value of a JSON body into an object, and takes it out of answers; a login's own calls are not wrapped.
    """

    decimal: Literal["number", "string"] = "number"
    date: str = "%Y-%m-%d"
    datetime: str = "%Y-%m-%dT%H:%M:%SZ"
    wrap: Wrap | None = None
    nulls: Literal["keep", "drop"] = "keep"
    blanks: Literal["keep", "trim"] = "keep"


def encode_json(value: Any, wire: Wire) -> bytes:
    """The value as JSON, digits of a Decimal exactly as they are, secrets opened. Raises RecordError."""
    if wire.wrap is not None or wire.nulls == "drop":
        value = dressed(value, wire.wrap, drop_nulls=wire.nulls == "drop", deepest=DEEPEST)
    return msgspec.json.encode(_plain(value, wire, 0))


def encode_form(value: Any, wire: Wire) -> bytes:
    """A flat mapping as a web form; a list repeats its name, None leaves it out. Raises RecordError."""
    if not isinstance(value, Mapping):
        raise RecordError("a form is made of names and values: `send` must yield an object")
    pairs = _pairs(value, wire)
    return "&".join(f"{quote_plus(name)}={quote_plus(text)}" for name, text in pairs).encode()


def encode_query(values: Mapping[str, Any], wire: Wire) -> str:
    """The query string without `?`; blanks become %20, a list repeats its name, None leaves it out. Raises RecordError."""
    return "&".join(f"{quote(name, safe='$')}={quote(text, safe=_QUERY_SAFE)}" for name, text in _pairs(values, wire))


def text_of(value: Any, wire: Wire) -> str:
    """A single value as text in a query, form or header. Raises RecordError for lists and objects."""
    if isinstance(value, Secret):
        return value.expose()
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        return _digits(value)
    if isinstance(value, date):
        return _dated(value, wire)
    raise RecordError(f"a {type(value).__name__} can't be written as one text")


def decode_json(body: bytes) -> Any:
    """Strict JSON: UTF-8, no repeated names, no NaN, at most 64 levels; fractions become Decimals. Raises Broken."""
    quick = _quick(body)
    if quick is not None:
        return quick
    try:
        text = body.decode("utf-8-sig")
        value = json.loads(text, parse_float=_decimal, parse_constant=_refuse_constant, object_pairs_hook=_unique)
    except Broken:
        raise
    except UnicodeDecodeError:
        raise Broken("it is not UTF-8") from None
    except RecursionError:
        raise Broken(f"it is nested deeper than {DEEPEST} levels") from None
    except json.JSONDecodeError as error:
        raise Broken(f"it is no JSON: {error.msg} at character {error.pos + 1}") from None
    except ValueError:
        raise Broken("it holds a number with too many digits") from None
    if _depth(text) > DEEPEST:
        raise Broken(f"it is nested deeper than {DEEPEST} levels")
    if "\\ud" in text or "\\uD" in text:
        _refuse_half_characters(value)
    return value


def _quick(body: bytes) -> Any:
    """What a fast reader makes of an ordinary answer; None where only the careful one may judge it.

    A name that came twice is gone from what was read, and with it the two quotes it had in the text: the counts differ.
    """
    if b"\\" in body:
        return None
    try:
        value = _FAST.decode(body)
        texts = _texts(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, Broken):
        return None
    return value if texts is not None and body.count(b'"') == 2 * texts else None


def _texts(value: Any) -> int | None:
    """How many texts and names a parsed value holds; None when it is nested too deep."""
    texts, level = 0, [value]
    for _ in range(DEEPEST):
        inner: list[Any] = []
        for each in level:
            if each.__class__ is dict:
                kinds = tuple(map(type, each.values()))
                found, nested = _SHAPES.get(kinds) or _shape(kinds)
                texts += found
                if nested:
                    inner += [
                        member for member in each.values() if member.__class__ is dict or member.__class__ is list
                    ]
            elif each.__class__ is list:
                inner += each
            else:
                texts += each.__class__ is str
        if not inner:
            return texts
        level = inner
    return None


_SHAPES: dict[tuple[type, ...], tuple[int, bool]] = {}
"""Records of a list are alike: by the classes of their members, how many texts and names there are, and whether there is more below."""


def _shape(kinds: tuple[type, ...]) -> tuple[int, bool]:
    if len(_SHAPES) >= _MOST_SHAPES:
        _SHAPES.clear()
    found = _SHAPES[kinds] = len(kinds) + kinds.count(str), dict in kinds or list in kinds
    return found


def _plain(value: Any, wire: Wire, level: int) -> Any:
    if level > DEEPEST:
        raise RecordError(f"the request is nested deeper than {DEEPEST} levels")
    kind = value.__class__
    if kind in _AS_THEY_ARE:
        return value
    if kind is dict:  # what nearly all is; asking for a Mapping costs ten times as much
        return {str(name): _plain(member, wire, level + 1) for name, member in value.items()}
    if isinstance(value, str | int):
        return value
    if isinstance(value, Decimal):
        digits = _digits(value)
        return msgspec.Raw(digits.encode()) if wire.decimal == "number" else digits
    if isinstance(value, Mapping):
        return {str(name): _plain(member, wire, level + 1) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, wire, level + 1) for item in value]
    return text_of(value, wire)


def _pairs(values: Mapping[str, Any], wire: Wire) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        for item in value if isinstance(value, list | tuple) else (value,):
            if item is not None:
                try:
                    yield str(name), text_of(item, wire)
                except RecordError as error:
                    raise RecordError(str(error), field=str(name)) from None


def _digits(value: Decimal) -> str:
    if not value.is_finite() or abs(value.adjusted()) > _LARGEST_EXPONENT:
        raise RecordError("a number that is not finite, or absurdly large or small, can't be sent")
    return format(value, "f")


def _dated(value: date, wire: Wire) -> str:
    if not isinstance(value, datetime):
        return value.strftime(wire.date)
    return (value.astimezone(UTC) if value.tzinfo else value).strftime(wire.datetime)


def _decimal(text: str) -> Decimal:
    value = Decimal(text)
    if len(text) < _ORDINARY and "e" not in text and "E" not in text:
        return value
    if len(text) > 2 * _LARGEST_EXPONENT or abs(value.adjusted()) > _LARGEST_EXPONENT:
        raise Broken("it holds a number with too many digits")
    return value


_AS_THEY_ARE = frozenset({str, int, bool, type(None)})
_FAST = msgspec.json.Decoder(float_hook=_decimal)


def _refuse_constant(name: str) -> Any:
    raise Broken(f"it holds `{name}`, which is no number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Broken("an object in it names the same member twice")
    return members


def _depth(text: str) -> int:
    # Only ever called on text that parsed, so every quote is closed and the pattern runs in linear time.
    brackets = _NOT_BRACKETS.sub("", _STRINGS.sub("", text))
    return max(accumulate(map(_LEVEL.__getitem__, brackets)), default=0)


def _refuse_half_characters(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        raise Broken("a text in it holds half a character") from None

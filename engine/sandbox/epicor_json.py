"""JSON of the Epicor Kinetic stand-in: amounts are exact decimals on the way in and on the way out, never floats."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from engine.sandbox.epicor_columns import written

_encoder = msgspec.json.Encoder(decimal_format="number")


def encode(value: Any) -> bytes:
    """JSON with decimals as numbers, digit for digit, and dates in the vendor's form."""
    return _encoder.encode(_plain(value))


def decode(body: bytes) -> Any:
    """What a client sent; ValueError when it is no JSON, repeats a member, or holds NaN or Infinity."""
    return json.loads(body, parse_float=Decimal, parse_constant=_refuse, object_pairs_hook=_once)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Decimal):
        return Decimal(f"{value:f}")
    return written(value) if isinstance(value, date) else value


def _refuse(text: str) -> Any:
    raise ValueError(f"`{text}` is no JSON number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member comes twice")
    return members

"""JSON of the Ramp stand-in: whole numbers stay whole, decimals stay exact, moments are written with their offset."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

_encoder = msgspec.json.Encoder(decimal_format="number")


def encode(value: Any) -> bytes:
    """JSON with decimals as numbers, digit for digit, and moments such as `2025-01-31T10:00:00.123456+00:00`."""
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
    return value.isoformat() if isinstance(value, datetime) else value


def _refuse(text: str) -> Any:
    raise ValueError(f"`{text}` is no JSON number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member comes twice")
    return members

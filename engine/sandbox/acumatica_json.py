"""JSON of the Acumatica stand-in: amounts are exact decimals both ways, with at least four places on the way out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec

_encoder = msgspec.json.Encoder(decimal_format="number")
_PLACES = -4


def encode(value: Any) -> bytes:
    """JSON with decimals as numbers, digit for digit, and dates in the vendor's form."""
    return _encoder.encode(_plain(value))


def decode(body: bytes) -> Any:
    """What a client sent; ValueError when it is no JSON, repeats a member, or holds NaN or Infinity."""
    return json.loads(body, parse_float=Decimal, parse_constant=_refuse, object_pairs_hook=_once)


def written_date(value: date) -> str:
    """`2023-12-14T00:00:00+00:00`; milliseconds only where there are any."""
    if not isinstance(value, datetime):
        return f"{value.isoformat()}T00:00:00+00:00"
    moment = value.astimezone(UTC)
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Decimal):
        exponent = value.as_tuple().exponent
        short = isinstance(exponent, int) and exponent > _PLACES
        return Decimal(f"{value:.4f}" if short else f"{value:f}")
    return written_date(value) if isinstance(value, date) else value


def _refuse(text: str) -> Any:
    raise ValueError(f"`{text}` is no JSON number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member comes twice")
    return members

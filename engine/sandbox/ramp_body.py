"""Bodies of the Ramp stand-in: declared members, every problem told at once, nothing unknown let through."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.sandbox.ramp_errors import Problems, invalid
from engine.sandbox.ramp_json import decode
from engine.sandbox.ramp_money import currency_amount
from engine.sandbox.ramp_query import one_of, read_moment, read_uuid
from engine.sandbox.web_messages import Request

Read = Callable[[Any], Any]
"""A JSON value as what is stored; ValueError tells what is wrong."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    read: Read
    required: bool = False


def must(read: Read) -> Member:
    return Member(read=read, required=True)


def may(read: Read) -> Member:
    return Member(read=read)


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("Not a valid string.")  # noqa: TRY004  # one kind of refusal for all readers
    return value


def words(value: Any) -> str:
    """A text that says something."""
    if not text(value).strip():
        raise ValueError("Shorter than minimum length 1.")
    return text(value)


def truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("Not a valid boolean.")  # noqa: TRY004  # one kind of refusal for all readers
    return value


def ident(value: Any) -> str:
    return read_uuid(text(value))


def moment(value: Any) -> datetime:
    return read_moment(text(value))


def listed(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("Not a valid list.")  # noqa: TRY004  # one kind of refusal for all readers
    return value


def mapped(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("Not a valid mapping.")  # noqa: TRY004  # one kind of refusal for all readers
    return value


def money(value: Any) -> dict[str, Any]:
    """`{amount, currency_code}` with whole minor units; a decimal is refused."""
    given = mapped(value)
    if type(given.get("amount")) is not int or "currency_code" not in given:
        raise ValueError("Needs a whole `amount` in minor units and a `currency_code`.")
    return currency_amount(given)


def choice(*values: str) -> Read:
    read = one_of(values)
    return lambda value: read(text(value))


def read_body(request: Request) -> dict[str, Any]:
    """The JSON object a client sent; 422 for anything else."""
    if "json" not in request.headers.get("content-type", ""):
        raise invalid({"_schema": ["Send `Content-Type: application/json`."]})
    try:
        found = decode(request.body)
    except ValueError as error:
        raise invalid({"_schema": [f"Not valid JSON: {error}"]}) from None
    if not isinstance(found, dict):
        raise invalid({"_schema": ["Invalid input type."]})
    return found


def take(given: Any, members: Mapping[str, Member], problems: Problems, where: str = "") -> dict[str, Any]:
    """The members read, those that are null or missing left out; what is wrong goes to `problems` below `where`."""
    if not isinstance(given, dict):
        problems[where or "_schema"] = ["Invalid input type."]
        return {}
    found: dict[str, Any] = {}
    prefix = f"{where}." if where else ""
    for name in given:
        if name not in members:
            problems[f"{prefix}{name}"] = ["Unknown field."]
    for name, member in members.items():
        if given.get(name) is None:
            if member.required:
                problems[f"{prefix}{name}"] = ["Missing data for required field."]
            continue
        try:
            found[name] = member.read(given[name])
        except ValueError as error:
            problems[f"{prefix}{name}"] = [str(error)]
    return found


def take_all(request: Request, members: Mapping[str, Member]) -> dict[str, Any]:
    """A flat body; 422 with every problem."""
    problems: Problems = {}
    found = take(read_body(request), members, problems)
    if problems:
        raise invalid(problems)
    return found


def take_items(
    given: Any, members: Mapping[str, Member], problems: Problems, where: str, limit: int
) -> list[dict[str, Any]]:
    """The items of a batch, all or none: one bad item is a problem of the whole."""
    if not isinstance(given, list) or not 1 <= len(given) <= limit:
        problems[where] = [f"Length must be between 1 and {limit}."]
        return []
    return [take(item, members, problems, f"{where}.{number}") for number, item in enumerate(given)]

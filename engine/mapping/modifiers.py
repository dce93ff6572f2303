"""What may be said next to `from`, `const`, `text`, `need`, `join`, `lookup` and friends, and the fixed order it is applied in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from engine.errors import RecordError
from engine.mapping.convert import convert_value, format_value, round_half_up
from engine.mapping.crosswalk import Crosswalk, gap_said
from engine.mapping.text import kind_of, shown, to_text
from engine.mapping.types import FieldType, fit

Scope = Mapping[str, Any]
Run = Callable[[Scope], Any]
Step = Callable[[Any, Scope], Any]
Missing = Literal["hold", "wait", "quarantine", "empty"]

MODIFIERS = (
    "trim",
    "values",
    "else",
    "default",
    "crosswalk",
    "type",
    "format",
    "round",
    "max_length",
    "cut",
    "required",
    "on_missing",
)
"""In the order they are applied; `else`, `cut` and `on_missing` belong to the one they serve."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Modifiers:
    """The modifiers of one value tree."""

    trim: bool = False
    values: Mapping[str, Any] | None = None
    otherwise: Run | None = None
    default: Run | None = None
    crosswalk: Crosswalk | None = None
    type: FieldType | None = None
    format: str | None = None
    round: int | None = None
    max_length: int | None = None
    cut: bool = False
    required: bool = False
    on_missing: Missing = "quarantine"


def missing(message: str, outcome: Missing) -> None:
    """What `on_missing` says: nothing for `empty`, else RecordError with its outcome."""
    if outcome != "empty":
        raise RecordError(message, waits=outcome == "wait", hold=outcome == "hold")


def key_text(value: Any) -> str:
    """The text a value is looked up by in `values` and crosswalks."""
    return value if isinstance(value, str) else to_text(value)


def build_steps(modifiers: Modifiers) -> tuple[tuple[str, Step], ...]:
    """The modifiers as functions with their names, in the fixed order."""
    made: tuple[tuple[str, Step | None], ...] = (
        ("trim", _trim if modifiers.trim else None),
        ("values", _values(modifiers.values, modifiers.otherwise) if modifiers.values is not None else None),
        ("default", _default(modifiers.default) if modifiers.default else None),
        ("crosswalk", _crosswalk(modifiers.crosswalk, modifiers.on_missing) if modifiers.crosswalk else None),
        ("type", _type(modifiers.type, modifiers.format) if modifiers.type else None),
        ("format", _format(modifiers.format) if modifiers.format and modifiers.type is None else None),
        ("round", _round(modifiers.round) if modifiers.round is not None else None),
        (
            "max_length",
            _max_length(modifiers.max_length, cut=modifiers.cut) if modifiers.max_length is not None else None,
        ),
        ("required", _required if modifiers.required else None),
    )
    return tuple((name, step) for name, step in made if step is not None)


def _trim(value: Any, _scope: Scope) -> Any:
    return value.strip() if isinstance(value, str) else value


def _values(pairs: Mapping[str, Any], otherwise: Run | None) -> Step:
    def translate(value: Any, scope: Scope) -> Any:
        if value is None:
            return None
        key = key_text(value)
        if key in pairs:
            return pairs[key]
        if otherwise is None:
            known = ", ".join(f"`{name}`" for name in list(pairs)[:5])
            raise RecordError(f"{shown(value)} is none of its `values` ({known}); add it or an `else`")
        return otherwise(scope)

    return translate


def _default(run: Run) -> Step:
    return lambda value, scope: run(scope) if value is None or value == "" else value


def _crosswalk(crosswalk: Crosswalk, outcome: Missing) -> Step:
    def cross(value: Any, _scope: Scope) -> Any:
        if value is None or value == "":
            return None
        found = crosswalk.find(key_text(value))
        if found is None:
            missing(gap_said(shown(value), crosswalk.name), outcome)
        return found

    return cross


def _type(type_: FieldType, format_: str | None) -> Step:
    kind, sized = type_.kind, type_.length is not None or type_.digits is not None

    def convert(value: Any, _scope: Scope) -> Any:
        converted = convert_value(value, kind, format_)
        return fit(converted, type_) if sized and converted is not None else converted

    return convert


def _format(format_: str) -> Step:
    return lambda value, _scope: value if value is None or value == "" else format_value(value, format_)


def _round(digits: int) -> Step:
    return lambda value, _scope: round_half_up(value, digits)


def _max_length(length: int, *, cut: bool) -> Step:
    def limit(value: Any, _scope: Scope) -> Any:
        if value is None:
            return None
        if not isinstance(value, str):
            raise RecordError(f"{shown(value)} is {kind_of(value)}, and `max_length` is for text")
        if len(value) <= length:
            return value
        if cut:
            return value[:length]
        raise RecordError(
            f"{shown(value)} has {len(value)} characters, and `max_length` is {length}; `cut: true` would cut it"
        )

    return limit


def _required(value: Any, _scope: Scope) -> Any:
    if value is None or value == "":
        raise RecordError("is required and is empty")
    return value

"""Taking kept values apart and putting them together: places, copies with changes, deep merges. Nothing given is ever changed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from engine.errors import RecordError
from engine.mapping.text import kind_of

Steps = tuple[str | int, ...]

_PLACE = re.compile(
    r"(?:[^.\[\]\"']+|\"[^\"]+\")(?:\[-?\d{1,6}\])*(?:\.(?:[^.\[\]\"']+|\"[^\"]+\")(?:\[-?\d{1,6}\])*)*"
)
_STEP = re.compile(r"\[(-?\d+)\]|\"([^\"]+)\"|([^.\[\]\"']+)")


def parse_place(text: str) -> Steps:
    """`rows[-1].y` as ("rows", -1, "y"). Raises ValueError when it is no place."""
    if not _PLACE.fullmatch(text):
        raise ValueError(f"`{text}` is no place; places look like `header.number` or `rows[0].amount`")
    return tuple(int(m[1]) if m[1] else (m[2] or m[3]) for m in _STEP.finditer(text))


def put(base: Any, steps: Steps, value: Any, shown: str = "") -> Any:
    """A copy with one place changed; missing members are made, missing list items are not. Raises RecordError."""
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if isinstance(step, int):
        if not isinstance(base, list) or not -len(base) <= step < len(base):
            raise RecordError(f"there is no item {step} to set `{shown}`")
        return [put(item, rest, value, shown) if index == step % len(base) else item for index, item in enumerate(base)]
    if base is not None and not isinstance(base, dict):
        raise RecordError(f"`{shown}` can't be set: there is {kind_of(base)} where `{step}` would be")
    copied = dict(base or {})
    copied[step] = put(copied.get(step), rest, value, shown)
    return copied


def put_all(base: Any, changes: Iterable[tuple[str, Steps, Any]]) -> Any:
    """A copy with several places changed; a null leaves what is there. Raises RecordError."""
    if not isinstance(base, dict | list):
        raise RecordError(f"there is {kind_of(base)} to set something in; it must be an object or a list")
    for shown, steps, value in changes:
        if value is not None:
            base = put(base, steps, value, shown)
    return base


def merge_two(left: Any, right: Any) -> Any:
    """Objects merge member by member, lists item by item; a null on the right leaves the left."""
    if right is None:
        return left
    if isinstance(left, dict) and isinstance(right, dict):
        merged = dict(left)
        for name, value in right.items():
            merged[name] = merge_two(left.get(name), value)
        return merged
    if isinstance(left, list) and isinstance(right, list):
        longer = left if len(left) > len(right) else right
        both = min(len(left), len(right))
        return [merge_two(left[index], right[index]) for index in range(both)] + list(longer[both:])
    return right


def without(value: Any, keys: Sequence[str]) -> Any:
    """A copy of an object, or of each object of a list, without those members."""
    if isinstance(value, list):
        return [without(item, keys) for item in value]
    if isinstance(value, dict):
        return {name: item for name, item in value.items() if name not in keys}
    return value

"""Lookups of a mapping at run time: the key of one, what was found for it, and all the keys a record needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from engine.errors import RecordError
from engine.mapping.functions_text import bounded
from engine.mapping.modifiers import Missing, Run, missing
from engine.mapping.scope import item_scopes
from engine.mapping.text import kind_of, shown, to_text
from engine.mapping.types import FieldType
from engine.mapping.values import FOUND, LookupUse, Value
from engine.redaction import exposed

Key = tuple[Any, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class LookupObject:
    """An object lookups may read: the fields it is looked up by, in their order (none: unknown), and the types of its fields."""

    by: tuple[str, ...]
    fields: Mapping[str, FieldType]


def lookup_key(use: LookupUse, runs: Sequence[Run], scope: Mapping[str, Any]) -> Key | str:
    """The key, or the name of the field that is empty. Raises RecordError."""
    key = tuple(run(scope) for run in runs)
    for name, part in zip(use.fields, key, strict=True):
        if part is None or part == "":
            return name
        if isinstance(part, Decimal) and not part.is_finite():
            raise RecordError(f"`{use.name}` can't be looked up by `{name}` {shown(part)}")
        if not isinstance(part, str | int | Decimal | date):
            raise RecordError(f"`{use.name}` can't be looked up: `{name}` is {kind_of(part)}")
    return key


def looked_up(use: LookupUse, runs: Sequence[Run], take: Run, outcome: Missing, *, hold: bool) -> Run:
    """The closure of a lookup: one record found is taken from; none is `on_missing`, several are `on_many`."""

    def run(scope: Mapping[str, Any]) -> Any:
        key = lookup_key(use, runs, scope)
        if isinstance(key, str):
            missing(f"`{use.name}` can't be looked up: `{key}` is empty", outcome)
            return None
        hits = scope[FOUND].get(use.name, {}).get(key)
        said = ", ".join(f"{name} {shown(part)}" for name, part in zip(use.fields, key, strict=True))
        if hits is None:
            raise RecordError(f"`{use.name}` was not asked for {said}")
        if len(hits) > 1:
            raise RecordError(f"`{use.name}` has {len(hits)} records with {said}", hold=hold)
        if not hits:
            missing(f"`{use.name}` has no record with {said}", outcome)
            return None
        return take(hits[0])

    return run


def collect_keys(value: Value, scope: Mapping[str, Any], into: dict[tuple[str, Key], None]) -> None:
    """Adds every key the tree looks up in that scope, lines included; keys that can't be made are left to the mapping to report."""
    if not value.looks_up:
        return
    try:
        if value.lookup is not None:
            key = lookup_key(value.lookup, [part.run for part in value.parts.values()], scope)
            if not isinstance(key, str):
                into[value.lookup.name, key] = None
        scopes = item_scopes(value.source, scope) if value.operation == "each" else (scope,)
        for inner in scopes:
            for tree in value.inner:
                collect_keys(tree, inner, into)
    except RecordError:
        return


def joined(values: Sequence[Any], separator: str) -> str | None:
    """The texts with the separator between; null where all are. Raises RecordError when only some are: a gap would shift the rest."""
    if all(value is None for value in values):
        return None
    texts = [to_text(exposed(value)) for value in values]
    bounded(sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)

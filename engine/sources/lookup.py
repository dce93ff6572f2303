"""Finding other objects' records by key while documents are mapped: in batches, each key asked for once in a run."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

from engine.connections.exchange import Exchange
from engine.contracts import Record
from engine.errors import RecordError, SetupError
from engine.mapping.expressions import Expression
from engine.mapping.types import FieldType
from engine.sources.columns import typed_record, typed_value

if TYPE_CHECKING:
    from engine.connections.http import Http

MOST_KEPT = 100_000
"""Keys remembered over all objects; the ones not used for longest are forgotten first."""

Key = tuple[Any, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Lookup(Exchange):
    """Asks for the records of several keys at once: `keys` is a list of objects with the fields of `by`.

    `most` is the number of records an answer can hold, where no whole number in `query` says it.
    """

    by: tuple[str, ...]
    records: Expression
    batch: int = 20
    most: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LookupObject:
    """An object that can be looked up, and the connection it is behind."""

    kind: Lookup
    http: Http
    fields: Mapping[str, FieldType]


class ObjectLookups:
    """The Lookups of a run over several objects, by `alias.object`. Safe to use from several threads."""

    def __init__(self, objects: Mapping[str, LookupObject], *, most_kept: int = MOST_KEPT) -> None:
        for name, item in objects.items():
            missing = [field for field in item.kind.by if field not in item.fields]
            if missing:
                raise SetupError(f"`{name}` is looked up by `{missing[0]}`, which is none of its `fields`")
        self._objects = objects
        self._most_kept = most_kept
        self._kept: OrderedDict[tuple[str, Key], tuple[Record, ...]] = OrderedDict()
        self._lock = Lock()

    def fetch(self, name: str, keys: Sequence[Key]) -> Mapping[Key, Sequence[Record]]:
        """For each key (values in the order of `by`) its records: none, one, several. Raises TransientError, SetupError."""
        item = self._objects.get(name)
        if item is None:
            raise SetupError(f"`{name}` can't be looked up: it has no `lookup`")
        typed = {key: _typed(key, item) for key in keys}
        wanted = {key for key in typed.values() if key is not None}
        found = self._remembered(name, wanted)
        asked = [key for key in typed.values() if key is not None and key not in found]
        for batch in _batches(list(dict.fromkeys(asked)), max(1, item.kind.batch)):
            answered = _grouped(_ask(name, item, batch), batch, item.kind.by)
            self._remember(name, answered)
            found |= answered
        return {key: found[as_typed] if as_typed is not None else () for key, as_typed in typed.items()}

    def _remembered(self, name: str, keys: set[Key]) -> dict[Key, tuple[Record, ...]]:
        with self._lock:
            known = {key: self._kept[name, key] for key in keys if (name, key) in self._kept}
            for key in known:
                self._kept.move_to_end((name, key))
        return known

    def _remember(self, name: str, found: Mapping[Key, tuple[Record, ...]]) -> None:
        with self._lock:
            for key, records in found.items():
                self._kept[name, key] = records
                self._kept.move_to_end((name, key))
            while len(self._kept) > self._most_kept:
                self._kept.popitem(last=False)


def _typed(key: Key, item: LookupObject) -> Key | None:
    """The key as the object's types; None when it can't be the key of any record (empty, or no number where one is needed)."""
    try:
        values = tuple(typed_value(value, item.fields[field]) for field, value in zip(item.kind.by, key, strict=True))
    except RecordError:
        return None
    return None if any(value is None or value == "" for value in values) else values


def _ask(name: str, item: LookupObject, keys: Sequence[Key]) -> list[Record]:
    """The records of these keys. An answer as long as an answer can be may lack some, so its keys are asked for by halves."""
    kind = item.kind
    scope = {"keys": [dict(zip(kind.by, key, strict=True)) for key in keys]}
    try:
        answer = item.http.read(kind, scope, step=f"lookup {name}")
    except RecordError as error:  # the system refuses the question, which is no word on any document
        raise SetupError(f"`{name}` can't be looked up: {error}") from error
    rows = [] if answer.absent else _rows(name, kind, answer.body)
    if len(keys) > 1 and _full(kind, scope, len(rows)):
        half = len(keys) // 2
        return _ask(name, item, keys[:half]) + _ask(name, item, keys[half:])
    try:
        return [typed_record(row, item.fields) for row in rows]
    except RecordError as error:
        raise SetupError(
            f"`{name}` answers what its `fields` don't expect: {error}; mend the type in the system file"
        ) from error


def _rows(name: str, kind: Lookup, body: Any) -> list[Record]:
    try:
        rows = kind.records(body) if body is not None else None
    except RecordError as error:
        raise SetupError(f"The records of `{name}` can't be read from the answer: {error}") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise SetupError(f"The answer about `{name}` holds no records at `{kind.records.text}`")
    return rows


def _full(kind: Lookup, scope: Mapping[str, Any], rows: int) -> bool:
    """Whether an answer of so many rows has reached a limit: `most`, or any whole number the query names."""
    if kind.most is not None:
        return rows >= kind.most
    values = [tree(scope) for tree in kind.query.values()]
    return rows > 0 and rows in {value for value in values if isinstance(value, int) and not isinstance(value, bool)}


def _grouped(rows: Sequence[Record], keys: Sequence[Key], by: Sequence[str]) -> dict[Key, tuple[Record, ...]]:
    """The records of each key asked for, letter case told apart; a key without one is known to have none."""
    groups: dict[Key, list[Record]] = {key: [] for key in keys}
    for row in rows:
        group = groups.get(tuple(row[field] for field in by))
        if group is not None:
            group.append(row)
    return {key: tuple(group) for key, group in groups.items()}


def _batches(keys: Sequence[Key], size: int) -> Iterator[Sequence[Key]]:
    for start in range(0, len(keys), size):
        yield keys[start : start + size]

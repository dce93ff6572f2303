"""Records that a webhook has announced: each is fetched, for the announcement is only a hint. The list is read as ever, and first."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from engine.connections.exchange import Exchange
from engine.contracts import BadRow, Parcel, ParcelOutcome, Row, Source
from engine.errors import RecordError, SetupError
from engine.mapping.expressions import Expression
from engine.mapping.types import FieldType
from engine.sources.columns import compile_record
from engine.sources.stamps import CursorStore

if TYPE_CHECKING:
    from engine.connections.http import Http

STEP = "hinted"
MOST = 500
"""Announcements followed in one run; the list brings what is beyond."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hinted(Exchange):
    """How the record is fetched that a message of these `types` is about (`hint`), and what makes of the answer a page of the list.

    `when` holds for an answer the list would show too; its members are in reach, and `need`.
    """

    types: tuple[str, ...]
    page: Expression
    when: Expression | None = None


class Announced(Protocol):
    """One announcement."""

    @property
    def n(self) -> int:
        """Rises from one to the next."""

    @property
    def hint(self) -> str:
        """The id of the record it is about."""


Events = Callable[[Collection[str], int, int], Sequence[Announced]]
"""Of these types, behind this number, at most so many; oldest first."""


class HintedSource:
    """A Source that hands over what the list brings, then announced records. `records` reads a page of the list.

    The list comes first: an announced record that can't be fetched, today or ever, holds nothing else up.
    """

    def __init__(
        self,
        kind: Hinted,
        listed: Source,
        http: Http,
        fields: Mapping[str, FieldType],
        records: Callable[[Any], Any],
        events: Events,
        cursor: CursorStore,
        *,
        name: str,
        need: Mapping[str, Any],
    ) -> None:
        self._kind = kind
        self._listed = listed
        self._http = http
        self._typed = compile_record(fields)
        self._records = records
        self._events = events
        self._cursor = cursor
        self._name = name
        self._need = need

    def parcels(self) -> Iterator[Parcel]:
        """The list's parcels, and one of what was announced, where anything was. Raises what the list raises."""
        yield from self._listed.parcels()
        events = self._events(self._kind.types, _number(self._cursor.get()), MOST)
        if not events:
            return
        hints = tuple(dict.fromkeys(event.hint for event in events if event.hint))
        yield Parcel(
            id=f"event:{self._name}:{events[0].n}-{events[-1].n}",
            kind="event",
            name=f"{self._name}, announced: {len(hints)}",
            read=lambda: self._read(hints),
            handle=events[-1].n,
        )

    def settle(self, parcel: Parcel, outcome: ParcelOutcome) -> None:
        """What was announced is done with once it is durable; the rest is the list's."""
        if parcel.kind != "event":
            self._listed.settle(parcel, outcome)
        elif outcome.ok:
            self._cursor.set(str(parcel.handle))

    def _read(self, hints: Sequence[str]) -> Iterator[Row | BadRow]:
        for hint in hints:
            try:
                found = self._fetched(hint)
            except RecordError as error:  # refused, or no record: what others sent is no reason to stop
                yield BadRow(place=f"announced {hint}", values={"hint": hint}, error=str(error))
                continue
            for record in found:
                try:
                    values = self._typed(record)
                except RecordError as error:
                    yield BadRow(place=f"announced {hint}", values=record, error=str(error), field=error.field)
                else:
                    yield Row(place=f"announced {hint}", values=values)

    def _fetched(self, hint: str) -> list[dict[str, Any]]:
        """The record as it is now; none where it is gone, or not what the list would show."""
        scope = {"hint": hint, "need": self._need}
        answer = self._http.read(self._kind, scope, step=STEP)
        if answer.absent or not self._wanted(answer.body, scope):
            return []
        found = self._records(self._kind.page(answer.body))
        if not isinstance(found, list) or not all(isinstance(record, dict) for record in found):
            raise SetupError(f"`{self._name}`: `page` makes no page of the list of an announced record")
        return found

    def _wanted(self, body: Any, scope: Mapping[str, Any]) -> bool:
        when = self._kind.when
        return when is None or bool(when({**scope, **(body if isinstance(body, dict) else {})}))


def _number(text: str | None) -> int:
    with suppress(ValueError):
        return int(text or 0)
    return 0

"""From a record as read to a document as the ledger keeps it: selected, identified, mapped, checked.

The same steps serve a fresh parcel, a waiting document and a replay with today's spec.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from engine.contracts import BadRow, Document, Lookups, Record, Row, State
from engine.errors import RecordError
from engine.mapping.documents import content_hash, document_key, loose_number, normalise_number
from engine.mapping.expressions import Expression
from engine.run.model import After, Flow

NEAR = "near"
"""The identifier two documents share when their numbers differ only in zeros and punctuation."""
UNREAD = "unread"
"""The step of a document whose record could not be read whole: what is kept of it must never be mapped."""
ARRIVED = frozenset({State.POSTED, State.ADOPTED, State.CANCELLED})
Found = dict[str, dict[tuple[Any, ...], Sequence[Record]]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """What makes a document this one: its key in the ledger, the number a person calls it by, its party, its content."""

    key: str
    number: str
    party: str
    content_hash: str


class Edges:
    """`after:` of a flow: documents of another flow that must be in the target first, found by their keys in the ledger."""

    def __init__(
        self, after: After, prefix: Sequence[str], states: Callable[[Sequence[str]], Mapping[str, State]]
    ) -> None:
        self._after = after
        self._prefix = prefix
        self._states = states

    def missing(self, drafts: Sequence[Document]) -> dict[str, str]:
        """Document key to the reason it waits. A key the ledger has never seen holds nothing up: the target will say."""
        wanted = {draft.key: list(self._keys(draft.source)) for draft in drafts}
        states = self._states([key for keys in wanted.values() for key, _ in keys])
        return {
            document: f"waits for {self._after.flow} {number}, which is {states[key].value}"
            for document, keys in wanted.items()
            for key, number in keys
            if key in states and states[key] not in ARRIVED
        }

    def _keys(self, record: Record) -> Iterator[tuple[str, str]]:
        each = self._after.each
        for item in (each(record) or []) if each is not None else [record]:
            scope = {**record, **item, "document": record} if isinstance(item, dict) else {**record, "item": item}
            parts = [str(part(scope) or "") for part in self._after.key]
            yield document_key([*self._prefix, *map(normalise_number, parts)]), parts[-1]


class Preparer:
    """Prepares documents of one flow. `scope` holds what mappings may name besides the record: `run` and `need`."""

    def __init__(
        self,
        flow: Flow,
        lookups: Lookups,
        scope: Mapping[str, Any],
        *,
        tenant: str,
        books: Sequence[str],
        edges: Edges | None = None,
    ) -> None:
        self._flow = flow
        self._lookups = lookups
        self._scope = dict(scope)
        self._prefix = [tenant, *books, flow.target.name]
        self._edges = edges

    def wanted(self, row: Row) -> bool:
        """Whether the flow's `when` takes this record."""
        when = self._flow.kind.when
        return when is None or bool(when(row.values))

    def identify(self, values: Record) -> Identity:
        """Raises RecordError when a part of the key is missing: without a key nothing can be delivered once."""
        parts: list[str] = []
        for expression in self._flow.kind.key:
            value = expression(values)
            if value is None or value == "":
                raise RecordError("is part of the key and has no value", field=expression.text)
            parts.append(str(value))
        return Identity(
            key=document_key([*self._prefix, *map(normalise_number, parts)]),
            number=parts[-1],
            party=parts[0] if len(parts) > 1 else "",
            content_hash=content_hash(values),
        )

    def unread(self, row: BadRow, parcel_id: str) -> Document:
        """A record that could not be read: kept with its reason, under a key of its own where it has none."""
        try:
            identity = self.identify(row.values)
        except RecordError:
            key = document_key([*self._prefix, parcel_id, row.place])
            identity = Identity(key=key, number=row.place, party="", content_hash=content_hash(row.values))
        reason = f"`{row.field}`: {row.error}" if row.field else row.error
        blank = self.draft(identity, row.values, parcel_id, row.place)
        return replace(blank, state=State.QUARANTINED, reason=reason, step=UNREAD)

    def draft(self, identity: Identity, values: Record, parcel_id: str, place: str) -> Document:
        """A document before mapping."""
        kind = self._flow.kind
        amount = _ask(kind.amount, values) if kind.amount is not None else None
        return Document(
            key=identity.key,
            version=0,
            flow=self._flow.id,
            kind=self._flow.target.name,
            number=identity.number,
            party=identity.party,
            state=State.READY,
            content_hash=identity.content_hash,
            source=values,
            payload=None,
            parcel_id=parcel_id,
            place=place,
            amount=format(amount, "f") if isinstance(amount, Decimal | int) else None,
            identifiers={
                "number": identity.number,
                **({NEAR: f"{identity.party} {loose_number(identity.number)}"} if self._flow.looks_near else {}),
                **{
                    name: str(found)
                    for name, ask in kind.identifiers.items()
                    if (found := _ask(ask, values)) is not None
                },
            },
            spec_sha=self._flow.spec_sha,
        )

    def finish(self, drafts: Sequence[Document]) -> list[Document]:
        """Maps and checks drafts; lookups of all of them go out together. Raises TransientError, SetupError."""
        found = self._look_up(drafts)
        missing = self._edges.missing(drafts) if self._edges is not None else {}
        return [self._finish_one(draft, found, missing.get(draft.key, "")) for draft in drafts]

    def _finish_one(self, draft: Document, found: Found, missing: str) -> Document:
        doubtful = ""
        try:
            doubtful = self._checked(draft.source)
            payload = self._flow.mapper.map(draft.source, self._scope, found)
        except RecordError as error:
            hold = bool(doubtful) or error.hold  # what a person must look at does not wait for something else first
            state = State.HELD if hold else State.WAITING if error.waits else State.QUARANTINED
            return replace(draft, state=state, reason="; ".join(filter(None, (doubtful, str(error)))), payload=None)
        state = State.HELD if doubtful else State.WAITING if missing else State.READY
        return replace(draft, state=state, reason=doubtful or missing, payload=payload)

    def _checked(self, record: Record) -> str:
        """Why a person must look, where a check says `else: hold`: mapped all the same, it can be released. Raises RecordError."""
        for check in self._flow.checks:
            try:
                check({**self._scope, **record})
            except RecordError as error:
                if not error.hold:
                    raise
                return str(error)
        return ""

    def _look_up(self, drafts: Sequence[Document]) -> Found:
        if not self._flow.mapper.lookups:
            return {}
        needed: dict[str, dict[tuple[Any, ...], None]] = {}
        for draft in drafts:
            for name, key in self._flow.mapper.needed(draft.source, self._scope):
                needed.setdefault(name, {})[key] = None
        return {name: dict(self._lookups.fetch(name, list(keys))) for name, keys in needed.items()}


def _ask(expression: Expression, values: Record) -> Any:
    """What a person searches or sums by, None where the record does not tell: that is the mapping's to complain about."""
    try:
        return expression(values)
    except RecordError:
        return None

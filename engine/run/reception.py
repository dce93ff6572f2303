"""Files that come in interchanges: a sender's number is used once, and what was received is acknowledged.

Acknowledgements are documents of their own, taken into the ledger in the same transaction as what they acknowledge,
so that a crash can neither lose one nor make a second.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from engine.contracts import Document, Parcel, State
from engine.errors import ParcelError
from engine.mapping.documents import content_hash, document_key
from engine.state import exchange
from engine.state.ledger_desk import Desk
from engine.state.ledger_intake import Intake
from engine.targets.acknowledging import Acknowledge, Due, due_for, duplicate_of, sender_of


class Duplicate(ParcelError):
    """A control number of the file came before, in another file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reception:
    """The interchanges of one flow's files. `scope` tells senders of different systems apart; `flow` is its acknowledgements' own."""

    desk: Desk
    flow: str
    scope: tuple[str, ...]
    kind: Acknowledge | None
    refuses_duplicates: bool

    def refuse_duplicates(self, parcel: Parcel) -> None:
        """Raises Duplicate for a control number its sender has used in another file."""
        for plain, before in self._used(parcel):
            if self.refuses_duplicates and before.sha256 != parcel.sha256:
                raise Duplicate(
                    f"its sender {sender_of(plain)} has used this number before, in `{before.name}` on"
                    f" {before.seen_at:%Y-%m-%d %H:%M} UTC: nothing of this file was used",
                    place=f"interchange {plain['control']}",
                )

    def take(self, intake: Intake, parcel: Parcel, unusable: Collection[str]) -> None:
        """Adds what is due for a file that is taken in. `unusable`: the places of its records that can't be used."""
        used = {(sender_of(plain), plain["control"]) for plain, _ in self._used(parcel)}
        numbers = dict.fromkeys((sender_of(plain), plain["control"]) for plain in parcel.received)
        intake.use_up(self._scope, [number for number in numbers if number not in used])
        if self.kind is not None:
            refused = {place.partition(", ")[0] for place in unusable}
            self._add(intake, parcel, due_for(parcel.received, self.kind, refused=refused))

    def refuse(self, intake: Intake, parcel: Parcel, error: ParcelError) -> None:
        """Adds what is due for a file of which nothing is used."""
        if self.kind is None:
            return
        if isinstance(error, Duplicate):
            again = (duplicate_of(plain, self.kind) for plain, _ in self._used(parcel))
            self._add(intake, parcel, filter(None, again), parcel.sha256)
        elif any(plain["verdict"] == "R" for plain in parcel.received):
            # the sender sends all of it again, under the same numbers, so nothing is said of what was sound
            broken = [plain for plain in parcel.received if plain["verdict"] == "R"]
            self._add(intake, parcel, due_for(broken, self.kind), parcel.sha256)
        else:
            self._add(intake, parcel, due_for(parcel.received, self.kind, refused=None))

    def _used(self, parcel: Parcel) -> list[tuple[dict[str, object], exchange.UsedUp]]:
        numbers = {(sender_of(plain), plain["control"]): plain for plain in parcel.received}
        found = exchange.used_up(self.desk, self._scope, numbers)
        return [(numbers[number], before) for number, before in found.items()]

    def _add(self, intake: Intake, parcel: Parcel, due: Iterable[Due], *also: str) -> None:
        documents = [self._document(each, parcel, also) for each in due]
        known = intake.known([document.key for document in documents])
        fresh = {document.key: document for document in documents if document.key not in known}
        intake.add(list(fresh.values()))

    def _document(self, due: Due, parcel: Parcel, also: tuple[str, ...]) -> Document:
        parts = (due.form, due.sender, due.interchange, *((due.group,) if due.group else also))
        where = f"group {due.group} of interchange {due.interchange}" if due.group else f"interchange {due.interchange}"
        return Document(
            key=document_key([self.desk.tenant, *self.scope, *parts]),
            version=0,
            flow=self.flow,
            kind=due.form,
            number=f"{due.form} {due.interchange}" + (f"/{due.group}" if due.group else ""),
            party=due.sender,
            state=State.READY,
            content_hash=content_hash(due.payload),
            source={"answers to": where, "verdict": due.verdict},
            payload=due.payload,
            parcel_id=parcel.id,
            place=where,
            identifiers={"interchange": due.interchange, "group": due.group},
        )

    @property
    def _scope(self) -> str:
        return "|".join(self.scope)

"""A parcel into the ledger: all of it, or nothing of it, in one transaction.

Known and unchanged records go no further than their hash; new ones are mapped in batches. From the commit on,
the ledger is what the engine works from, and the source may archive the file or move its cursor.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import islice

from engine.contracts import BadRow, Document, Parcel, ReadAgain, Row, State
from engine.errors import ParcelError, RecordError
from engine.run.model import Flow
from engine.run.prepare import Preparer
from engine.run.reception import Reception
from engine.state.facts import Known
from engine.state.ledger import Ledger
from engine.state.ledger_intake import Intake

BATCH = 500
Read = Callable[[], Iterator[Row | BadRow]]
UNSETTLED = frozenset({State.PROBING, State.SENDING, State.IN_DOUBT})
"""Nobody knows yet whether the version before is in the target: a newer one sent now could stand there beside it."""
REPLACED = frozenset({State.QUARANTINED, State.CANCELLED, State.HELD, State.WAITING})
"""Never sent in these states, a document gives way to a corrected one of the same key."""


@dataclass(slots=True)
class Intaken:
    """What became of a parcel's records; `read` is the sum of the others. `unusable` are the places of those quarantined."""

    counts: Counter[str] = field(default_factory=Counter)
    amounts: dict[str, Decimal] = field(default_factory=dict)
    first_bad: str = ""
    unusable: list[str] = field(default_factory=list)

    def add(self, outcome: str, amount: str | None) -> None:
        """Counts one record under `outcome`, with its amount where the flow declares one."""
        self.counts[outcome] += 1
        if amount is not None:
            self.amounts[outcome] = self.amounts.get(outcome, Decimal(0)) + Decimal(amount)

    def merge(self, other: Intaken) -> None:
        """Adds another parcel's figures."""
        self.counts += other.counts
        for outcome, amount in other.amounts.items():
            self.amounts[outcome] = self.amounts.get(outcome, Decimal(0)) + amount


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """How much of a parcel is taken: so many records, or the one document of that number or key. A part leaves the parcel open."""

    limit: int | None = None
    only: str | None = None

    @property
    def whole(self) -> bool:
        """Whether that is all of it."""
        return self.limit is None and self.only is None


WHOLE = Part()


def ingest(
    flow: Flow,
    parcel: Parcel,
    *,
    ledger: Ledger,
    preparer: Preparer,
    run_id: str,
    part: Part = WHOLE,
    reception: Reception | None = None,
) -> Intaken:
    """Writes a parcel and its documents to the ledger in one transaction.

    Raises ParcelError when the parcel's structure breaks or too many of its records are bad (then nothing of it is kept),
    TransientError and SetupError when a lookup can't be made (then too).
    """
    taking = _Taking(flow=flow, parcel=parcel, ledger=ledger, preparer=preparer, run_id=run_id, part=part)
    if parcel.rush is not None and part.whole:
        with suppress(ReadAgain):
            return _take(taking, parcel.rush, reception)
    return _take(taking, parcel.read, reception)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Taking:
    flow: Flow
    parcel: Parcel
    ledger: Ledger
    preparer: Preparer
    run_id: str
    part: Part


def _take(taking: _Taking, read: Read, reception: Reception | None) -> Intaken:
    flow, parcel, ledger, preparer, part = taking.flow, taking.parcel, taking.ledger, taking.preparer, taking.part
    taken = Intaken()
    with ledger.intake(flow.id, parcel, taking.run_id) as intake:
        intake.replaces_held = flow.ways.update is not None
        for batch in batches(islice(read(), part.limit)):
            documents = list(_prepared(flow, batch, preparer, intake, parcel, taken, part.only))
            intake.add(documents)
            for document in documents:
                taken.add(document.state.value, document.amount)
                if document.state is State.QUARANTINED:
                    taken.first_bad = taken.first_bad or f"{document.place}: {document.reason}"
                    if reception is not None:
                        taken.unusable.append(document.place)
        _refuse_layout_change(flow, parcel, taken)
        if reception is not None:
            reception.refuse_duplicates(parcel)
            if part.whole:
                reception.take(intake, parcel, taken.unusable)
        intake.finish(dict(taken.counts), partial=not part.whole)
    return taken


def rehearse(
    flow: Flow, parcel: Parcel, *, ledger: Ledger, preparer: Preparer, part: Part, reception: Reception | None = None
) -> Iterator[Document]:
    """What `ingest` would write, without writing: the documents of a dry run, those already known left out."""
    taken = Intaken()
    with suppress(_NothingWritten), ledger.intake(flow.id, parcel, "") as intake:
        for batch in batches(islice(parcel.read(), part.limit)):
            for document in _prepared(flow, batch, preparer, intake, parcel, taken, part.only):
                taken.add(document.state.value, document.amount)
                yield document
        _refuse_layout_change(flow, parcel, taken)
        if reception is not None:
            reception.refuse_duplicates(parcel)
        raise _NothingWritten


class _NothingWritten(Exception):
    """Leaves an intake without a trace."""


def batches(rows: Iterable[Row | BadRow], size: int = BATCH) -> Iterator[list[Row | BadRow]]:
    """Lists of up to `size` rows."""
    iterator = iter(rows)
    while batch := list(islice(iterator, size)):
        yield batch


def _prepared(
    flow: Flow,
    batch: list[Row | BadRow],
    preparer: Preparer,
    intake: Intake,
    parcel: Parcel,
    taken: Intaken,
    only: str | None,
) -> Iterator[Document]:
    drafts = [draft for row in batch if (draft := _draft(row, preparer, parcel, taken, only)) is not None]
    fresh = list(_unknown(flow, drafts, intake, taken))
    yield from (document for document in fresh if document.state is not State.READY)
    yield from preparer.finish([document for document in fresh if document.state is State.READY])


def _draft(row: Row | BadRow, preparer: Preparer, parcel: Parcel, taken: Intaken, only: str | None) -> Document | None:
    """The record with its identity, QUARANTINED when it can't be read or has none; None when the flow does not want it."""
    try:
        if isinstance(row, BadRow):
            draft = preparer.unread(row, parcel.id)
        elif not preparer.wanted(row):
            taken.counts["read"] += 1
            taken.counts["passed_over"] += 1
            return None
        else:
            draft = preparer.draft(preparer.identify(row.values), row.values, parcel.id, row.place)
    except RecordError as error:
        bad = BadRow(place=row.place, values=row.values, error=str(error))
        draft = preparer.unread(bad, parcel.id)
    if only is not None and only not in {draft.key, draft.number}:
        return None
    taken.counts["read"] += 1
    return draft


def _unknown(flow: Flow, drafts: list[Document], intake: Intake, taken: Intaken) -> Iterator[Document]:
    """Those the ledger does not hold with this content; a changed one becomes a new version by the flow's policy."""
    latest: dict[str, Known] = intake.known([draft.key for draft in drafts])
    for draft in drafts:
        known = latest.get(draft.key)
        if known is None:
            version = 0
        elif known.content_hash == draft.content_hash:
            taken.add("seen", draft.amount)
            intake.seen(draft.key, draft.place)
            continue
        elif flow.on_changed == "ignore":
            taken.add("ignored", draft.amount)
            intake.seen(draft.key, draft.place)
            continue
        else:
            version = known.version + 1
            draft = _changed(flow, draft, known)
        latest[draft.key] = Known(version=version, content_hash=draft.content_hash, state=draft.state)
        yield draft if version == draft.version else replace(draft, version=version)


def _changed(flow: Flow, draft: Document, known: Known) -> Document:
    """Same key, other content. Money waits for a person; a record that was never accepted is simply replaced."""
    unsettled = known.state in UNSETTLED and not flow.by_file
    if not unsettled:
        if flow.on_changed == "update" or (known.state in REPLACED and known.tries == 0):
            return draft
        if draft.state is not State.READY:
            return draft
    return replace(
        draft,
        state=State.CONFLICT,
        reason="The same key came before with other content: post one of them by hand or reject this one",
    )


def _refuse_layout_change(flow: Flow, parcel: Parcel, taken: Intaken) -> None:
    bad, read = taken.counts[State.QUARANTINED.value], taken.counts["read"]
    if parcel.kind == "file" and bad > 1 and Decimal(bad) > flow.max_bad_share * read:
        raise ParcelError(
            f"{bad} of {read} records can't be used: has the layout changed? Nothing of this file was taken."
            f" The first: {taken.first_bad}"
        )

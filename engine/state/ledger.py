"""The ledger: what was read, what became of it, and nothing that both a crash and a second worker could take for undone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self, Unpack

from engine.contracts import Clock, Document, FileEntry, Parcel, State
from engine.state import (
    ledger_claims,
    ledger_delivery,
    ledger_outbox,
    ledger_parcels,
    ledger_people,
    ledger_runs,
    ledger_search,
)
from engine.state.boot import BootClock, boot_of
from engine.state.database import Database
from engine.state.facts import (
    Attempt,
    Changes,
    Cursor,
    LostClaim,
    OutboxBatch,
    OutgoingFile,
    ParcelName,
    ParcelRow,
    Run,
    Tally,
)
from engine.state.group_commit import GroupCommit
from engine.state.ledger_desk import Desk
from engine.state.ledger_intake import Intake
from engine.state.trail import Trail
from engine.state.vault import Vault


class Ledger:
    """One tenant's documents. Safe for threads; every change is durable when the call returns.

    `boot` measures `settle` on a clock nobody can set; without it the wall clock given as `clock` is used (tests).
    Nothing here may be called from inside `trail.writing()`; an open `intake` is no obstacle.
    """

    def __init__(
        self,
        database: Database,
        tenant: str,
        *,
        clock: Clock,
        vault: Vault,
        trail: Trail,
        actor: str,
        boot: BootClock | None = None,
    ) -> None:
        self._desk = Desk(database, tenant, clock, boot or boot_of(clock), vault, trail, actor)
        self._commits = GroupCommit(trail)

    def close(self) -> None:
        """Commits what is waiting, writes buffered trail lines and stops the committer thread."""
        self._commits.close()
        self._desk.trail.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Reading: parcels, cursors, files seen

    def intake(self, flow: str, parcel: Parcel, run_id: str) -> Intake:
        """`with ledger.intake(...) as intake:` parcel and documents become durable together, at the end, or not at all.

        Nothing is locked before the end. Raises TransientError when another process ingested one of the keys meanwhile.
        """
        return Intake(self._desk, flow, parcel, run_id)

    def parcel(self, flow: str, sha256: str) -> ParcelRow | None:
        """The parcel of that content this flow has seen, whatever its name was."""
        return ledger_parcels.parcel(self._desk, flow, sha256)

    def parcels(self, flow: str, *, state: str | None = None, limit: int = 1000) -> list[ParcelRow]:
        """Newest first. `state="ingested"` are those still to be settled at their source."""
        return ledger_parcels.parcels(self._desk, flow, state, limit)

    def parcel_names(self, flow: str, *, name: str | None = None, sha256: str | None = None) -> list[ParcelName]:
        """Every name this flow saw some content under, oldest first."""
        return ledger_parcels.names(self._desk, flow, name, sha256)

    def renamed(self, flow: str, sha256: str, name: str) -> None:
        """Notes that known content turned up under another name."""
        self._commits.run(lambda work: ledger_parcels.rename(self._desk, work, flow, sha256, name))

    def settled(self, flow: str, parcel_id: str) -> None:
        """The source has been told: archived, acknowledged. A bad parcel stays bad."""
        self._commits.run(lambda work: ledger_parcels.settle(self._desk, work, flow, parcel_id))

    def put_away(self, flows: Collection[str], sha256: str) -> None:
        """The same for the file of that content, of every flow that read it."""
        self._commits.run(lambda work: ledger_parcels.put_away(self._desk, work, flows, sha256))

    def bad_parcel(self, flow: str, parcel: Parcel, reason: str, run_id: str = "") -> None:
        """Nothing of this parcel is used, and it is not read again."""
        self._commits.run(lambda work: ledger_parcels.spoil(self._desk, work, flow, parcel, reason, run_id))

    def readers_done(self, sha256: str, flows: Collection[str]) -> bool:
        """Whether every one of these flows has taken in (or refused) this content."""
        return ledger_parcels.readers_done(self._desk, sha256, flows)

    def sighting(self, source: str, name: bytes | str, size: int, modified: int) -> datetime:
        """When this file was first seen with this size and time; a changed file counts anew. Starts the count itself."""
        raw = name if isinstance(name, bytes) else name.encode("utf-8", "surrogateescape")
        return self.sightings(source, [FileEntry(name=raw, size=size, modified=modified)])[raw]

    def sightings(self, source: str, entries: Sequence[FileEntry]) -> dict[bytes, datetime]:
        """The same for a whole listing in one transaction."""
        return ledger_parcels.sightings(self._desk, source, entries)

    def known_file(self, source: str, entry: FileEntry) -> str | None:
        """The content a file of exactly this name, size and time had when it was read; None when it was not."""
        return ledger_parcels.known_file(self._desk, source, entry)

    def remember_file(self, source: str, entry: FileEntry, sha256: str) -> None:
        """Keeps the content of a file that was seen."""
        ledger_parcels.remember_file(self._desk, source, entry, sha256)

    def forget_sightings(self, source: str, names: Collection[bytes]) -> None:
        """Drops the counts of files that are gone or done."""
        ledger_parcels.forget_sightings(self._desk, source, names)

    def cursor(self, flow: str, source: str) -> Cursor | None:
        """Where the last complete pass ended; None before the first."""
        return ledger_parcels.cursor(self._desk, flow, source)

    def set_cursor(self, flow: str, source: str, cursor: Cursor) -> None:
        """Moves the cursor; only after every record of the pass is durable."""
        self._commits.run(lambda work: ledger_parcels.set_cursor(self._desk, work, flow, source, cursor))

    # Delivery

    def claim(
        self, flow: str, now: datetime, limit: int, *, owner: str, run_id: str = "", key: str | None = None
    ) -> list[Document]:
        """Takes up to `limit` due documents, oldest arrival first; with `key` only that one.

        READY and REJECTED ones become PROBING; IN_DOUBT ones whose settle is over stay IN_DOUBT. All get a new epoch.
        """
        wanted = ledger_claims.Wanted(flow, now, limit, key)
        return self._commits.run(lambda work: ledger_claims.claim(self._desk, work, wanted, owner, run_id))

    def next_due(self, flow: str) -> datetime | None:
        """When the next document that waits for time to pass has its turn."""
        return ledger_claims.next_due(self._desk, flow)

    def waiting(self, flow: str, now: datetime, limit: int) -> list[Document]:
        """WAITING documents that are due for another look, unclaimed."""
        return ledger_claims.waiting(self._desk, flow, now, limit)

    def waiting_since(self, document: Document) -> datetime | None:
        """Since when it has been waiting without a probe in between; None when it is not."""
        return ledger_claims.waiting_since(self._desk, document)

    def change(self, document: Document, to: State, **fields: Unpack[Changes]) -> Document:
        """Moves a document on, and tells the trail. Raises LostClaim, IllegalTransition; then nothing is written."""
        return self._commits.run(lambda work: ledger_delivery.change(self._desk, work, document, to, fields))

    def intend(
        self,
        document: Document,
        step: str,
        request: bytes,
        deadline_at: datetime,
        *,
        spec_sha: str = "",
        answered: bytes = b"",
    ) -> Document:
        """Makes the intent to send durable: SENDING, one more try on the first step. Call just before the wire.

        `answered` is what came back to the commit step before, kept with its attempt (4 KiB of it).
        """
        call = ledger_delivery.Sending(
            step=step, request=request, deadline_at=deadline_at, spec_sha=spec_sha, answered=answered
        )
        return self._commits.run(lambda work: ledger_delivery.intend(self._desk, work, document, call))

    def receipt(
        self,
        document: Document,
        to: State,
        *,
        outcome: str,
        status: int | None = None,
        response: bytes = b"",
        **fields: Unpack[Changes],
    ) -> Document:
        """Closes the attempt with what came back (4 KiB of it) and moves the document, together.

        Raises LostClaim when the claim was taken over; the answer is still kept with the attempt.
        """
        answer = ledger_delivery.Answered(outcome=outcome, status=status, response=response)
        try:
            return self._commits.run(
                lambda work: ledger_delivery.receipt(self._desk, work, document, to, answer, fields)
            )
        except LostClaim:
            self._commits.run(lambda work: ledger_delivery.late_answer(self._desk, work, document, answer))
            raise

    def attempts(self, key: str, version: int | None = None) -> list[Attempt]:
        """Every commit step ever sent for a document, oldest first, requests and answers opened."""
        return ledger_search.attempts(self._desk, key, version)

    def abandoned(self, flow: str, owner_alive: Callable[[str], bool], *, settle: timedelta) -> list[Document]:
        """Takes documents back from dead owners: PROBING to READY, SENDING to IN_DOUBT, the third crash to HELD.

        Whoever holds the flow's lock may pass `lambda owner: False`: nobody else is at work. Batches of files are left
        to `outbox_pending`.
        """
        return self._commits.run(lambda work: ledger_claims.abandoned(self._desk, work, flow, owner_alive, settle))

    # Files to drop

    def outbox_build(self, file: OutgoingFile, documents: Iterable[ledger_outbox.Handed]) -> OutboxBatch:
        """Makes the file that is going to be dropped durable, with its documents SENDING, in one transaction.

        `documents` in the file's order, READY or claimed. Raises LostClaim when one was changed meanwhile.
        """
        return ledger_outbox.build(self._desk, file, documents)

    def outbox_pending(self, flow: str) -> list[OutboxBatch]:
        """Built and not known to be dropped, oldest first."""
        return ledger_outbox.pending(self._desk, flow)

    def outbox_documents(self, flow: str, batch_no: int) -> Iterator[Document]:
        """The documents of a batch in the order they were built in, streamed."""
        return ledger_outbox.documents(self._desk, flow, batch_no)

    def outbox_sending(self, flow: str, batch_no: int, was: str = "built") -> None:
        """The upload starts now: if the process dies, a missing file proves nothing.

        Raises LostClaim when the batch is no longer `was`: somebody else sends it, or has decided about it.
        """
        self._commits.run(lambda work: ledger_outbox.start(self._desk, work, flow, batch_no, was))

    def outbox_unsent(self, flow: str, batch_no: int) -> None:
        """The upload failed before its last step: the file is certainly not there under its name."""
        self._commits.run(lambda work: ledger_outbox.unsend(self._desk, work, flow, batch_no))

    def outbox_done(self, flow: str, batch_no: int) -> int:
        """The file lies under its final name: its documents are POSTED as `folder/name`. Returns how many."""
        return ledger_outbox.finish(self._desk, flow, batch_no, State.POSTED, "")

    def outbox_held(self, flow: str, batch_no: int, reason: str) -> int:
        """Whether the file arrived can't be known: its documents are HELD. Returns how many."""
        return ledger_outbox.finish(self._desk, flow, batch_no, State.HELD, reason)

    def counter(self, name: str) -> int:
        """The next number of that counter, from 1; durable when returned, so never given twice."""
        return self._commits.run(lambda work: ledger_runs.count_on(self._desk, work, name))

    # People

    def hold(self, key: str, *, actor: str, reason: str, version: int | None = None) -> Document:
        """A person stops a document that nobody is sending at the moment."""
        return self._decide(key, version, State.HELD, actor, reason)

    def release(self, key: str, to: State, *, actor: str, reason: str, version: int | None = None) -> Document:
        """A person lets it go on: READY sends (after a look), IN_DOUBT only looks. Raises UsageError for anything else."""
        return self._decide(key, version, to, actor, reason)

    def cancel(self, key: str, *, actor: str, reason: str, version: int | None = None) -> Document:
        """A person decides it is never sent."""
        return self._decide(key, version, State.CANCELLED, actor, reason)

    def attest(self, key: str, reference: str, *, actor: str, reason: str, version: int | None = None) -> Document:
        """A person says it is in the target under that reference."""
        return self._decide(key, version, State.POSTED, actor, reason, reference)

    def _decide(
        self, key: str, version: int | None, to: State, actor: str, reason: str, reference: str = ""
    ) -> Document:
        decision = ledger_people.Decision(key, version, to, actor, reason, reference)
        return self._commits.run(lambda work: ledger_people.decide(self._desk, work, decision))

    # Searching and counting

    def document(self, key: str, version: int | None = None) -> Document | None:
        """One document, its latest version by default."""
        return ledger_search.document(self._desk, key, version)

    def find_documents(
        self,
        *,
        flow: str | None = None,
        states: Collection[State] | None = None,
        key: str | None = None,
        identifier: str | None = None,
        parcel: str | None = None,
        run: str | None = None,
        since: datetime | None = None,
        but: str | None = None,
        limit: int = 100,
    ) -> list[Document]:
        """Newest change first. `identifier` ignores case and blanks; `run` means read or touched by that run; `but` is a key left out."""
        asked = ledger_search.Asked(flow, states, key, identifier, parcel, run, since, but, limit)
        return ledger_search.find(self._desk, asked)

    def counts(self, flow: str | None = None) -> dict[State, int]:
        """How many documents stand in each state; states without any are left out."""
        return {state: tally.documents for state, tally in self.tally(flow).items()}

    def states(self, keys: Sequence[str]) -> dict[str, State]:
        """Where each key stands: its latest version, or the first that is in the target; unknown keys are left out."""
        return ledger_search.states(self._desk, keys)

    def tally(
        self,
        flow: str | None = None,
        *,
        read_by: str | None = None,
        read_before: str | None = None,
        among: Collection[State] | None = None,
    ) -> dict[State, Tally]:
        """Number and exact sum of amounts per state; of what that run read, of what came before it, of some states only."""
        return ledger_search.tally(self._desk, flow, read_by, read_before, among)

    # Runs

    def start_run(self, flow: str, mode: str, spec_sha: str) -> str:
        """The new run's id; it sorts by time."""
        return self._commits.run(lambda work: ledger_runs.start(self._desk, work, flow, mode, spec_sha))

    def end_run(self, run_id: str, outcome: str, summary: Mapping[str, Any], *, ok: bool | None = None) -> None:
        """Closes a run. `ok` (default: outcome is `ok` or `empty`) is what `last_run` and `needs: within` look for."""
        good = outcome in {"ok", "empty"} if ok is None else ok
        self._commits.run(lambda work: ledger_runs.end(self._desk, work, run_id, outcome, summary, ok=good))

    def last_run(self, flow: str, *, ok: bool = True, mode: str | None = None) -> Run | None:
        """The latest ended run of a flow; with `ok` the latest good one."""
        return ledger_runs.last(self._desk, flow, ok=ok, mode=mode)

    def runs(self, flow: str | None = None, limit: int = 50) -> list[Run]:
        """Newest first, those at work included."""
        return ledger_runs.runs(self._desk, flow, limit)

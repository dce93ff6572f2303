"""Files for a partner: built from the ledger, placed atomically, each batch under exactly one name.

A batch's rows, hash and name are durable before its upload starts; after a crash the same bytes are built again from
the same rows, and what lies at the target decides whether to send, to finish or to ask a person.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.contracts import Document, Files, State
from engine.errors import InDoubt, RecordError, SetupError, TransientError
from engine.run.seams import Progress, Seams
from engine.state.facts import Claimed, LostClaim, OutboxBatch, OutgoingFile
from engine.state.ledger import Ledger
from engine.state.ledger_outbox import Handed
from engine.state.locks import owner_id
from engine.state.spool import Spool
from engine.targets.drop import Built, Drop, build, file_name, look, publish, settle_upload
from engine.targets.forms import Form, Stamp

MOST = 100_000
"""Records of one file where the spec names no limit."""
AT_A_TIME = 500
"""Records claimed at once: what is in memory while a file is built."""


class Claims:
    """The documents of one file, claimed a piece at a time while it is built, so that memory stays small.

    Iterated again, they come from a scratch file and without their content: that is all the ledger asks for. Close it at the end.
    """

    def __init__(self, claim: Callable[[int], list[Document]], most: int, at_a_time: int = AT_A_TIME) -> None:
        self._claim = claim
        self._left = most
        self._at_a_time = at_a_time
        self._told = False
        self._first = self._next()
        self._spool = Spool()

    def __bool__(self) -> bool:
        return bool(self._first) or self._told

    @property
    def first(self) -> Document:
        """The one the file begins with; asked before they are iterated."""
        return self._first[0]

    def __iter__(self) -> Iterator[Handed]:
        return self._again() if self._told else self._claiming()

    def _claiming(self) -> Iterator[Document]:
        self._told = True
        piece, self._first = self._first, []
        while piece:
            self._spool.put("claimed", [(d.key, d.version, d.epoch, d.state.value, d.parcel_id) for d in piece])
            yield from piece
            piece = self._next()

    def _again(self) -> Iterator[Claimed]:
        for piece in self._spool.pieces():
            for _, (key, version, epoch, state, parcel_id) in piece:
                yield Claimed(key, version, epoch, State(state), parcel_id)

    def _next(self) -> list[Document]:
        found = self._claim(min(self._left, self._at_a_time)) if self._left else []
        self._left -= len(found)
        return found

    def close(self) -> None:
        """Drops the scratch file."""
        self._spool.close()


@dataclass(frozen=True, kw_only=True, slots=True)
class Dropping:
    """One flow's outgoing files."""

    flow: str
    ledger: Ledger
    files: Files
    kind: Drop
    form: Form
    scope: Mapping[str, Any]
    spool: Path
    spec_sha: str
    seams: Seams
    progress: Progress
    answered: bool = False
    still_ours: Callable[[], None] = lambda: None
    at_a_time: int = AT_A_TIME

    def run(self, run_id: str, stopping: Callable[[], bool], key: str | None = None) -> Counter[str]:
        """Finishes what was left half-way, drops what is ready, returns where documents went. Raises TransientError, SetupError."""
        outcomes: Counter[str] = Counter()
        for batch in self.ledger.outbox_pending(self.flow):
            outcomes += self._resume(batch)

        def claim(many: int) -> list[Document]:
            return self._claimed(many, run_id, stopping, key, outcomes)

        while not stopping():
            claims = Claims(claim, self.kind.max_records or MOST, self.at_a_time)
            with closing(claims):
                if not claims:
                    break
                outcomes += self._drop(claims, run_id)
        return outcomes

    def _claimed(
        self, many: int, run_id: str, stopping: Callable[[], bool], key: str | None, outcomes: Counter[str]
    ) -> list[Document]:
        """The next ones for the file in hand; those somebody asked to look at again are dealt with on the way."""
        while not stopping():
            now = self.seams.clock()
            found = self.ledger.claim(self.flow, now, many, owner=owner_id(), run_id=run_id, key=key)
            doubtful = [document for document in found if document.state is State.IN_DOUBT]
            outcomes.update(self._ask_again(doubtful))
            fresh = [document for document in found if document.state is not State.IN_DOUBT]
            sound = [document for document in fresh if not self._unwritable(document, outcomes)]
            if sound or not found:
                return sound
        return []

    def _unwritable(self, document: Document, outcomes: Counter[str]) -> bool:
        """Holds a document that can't stand in such a file, so that the others can."""
        try:
            self.form.check(document.payload or {})
        except RecordError as error:
            self.ledger.change(document, State.HELD, reason=f"it can't be written: {error}")
            outcomes[State.HELD.value] += 1
            return True
        return False

    def _ask_again(self, documents: Iterable[Document]) -> Counter[str]:
        """A person asked to look again, and nobody can see whether a consumer took a document: the same person decides."""
        reason = "a folder can't tell what its consumer took: release it as posted there, or to be sent again"
        held = [self.ledger.change(document, State.HELD, reason=reason) for document in documents]
        return Counter({State.HELD.value: len(held)}) if held else Counter()

    def _drop(self, documents: Claims, run_id: str) -> Counter[str]:
        number = self.ledger.counter(f"outbox/{self.flow}")
        first = documents.first.payload or {}
        series = self.form.series(first)
        stamp = Stamp(number=self.ledger.counter(f"control/{series}") if series else number, at=self.seams.clock())
        name = file_name(self.kind, {**self.scope, **self.form.names(first), "batch": number, "control": stamp.number})
        built = self._build(documents, stamp)
        try:
            file = OutgoingFile(
                flow=self.flow,
                folder=self.kind.folder,
                name=name,
                sha256=built.sha256,
                size=built.size,
                number=number,
                made_at=stamp.at,
                series=series,
                control=stamp.number,
                answered=self.answered,
                spec_sha=self.spec_sha,
                run_id=run_id,
            )
            return self._upload(self.ledger.outbox_build(file, documents), built)
        finally:
            built.path.unlink(missing_ok=True)

    def _build(self, documents: Iterable[Handed], stamp: Stamp) -> Built:
        payloads: Iterator[Any] = (document.payload or {} for document in documents if isinstance(document, Document))
        return build(lambda records: self.form.encode(records, stamp), payloads, self.spool)

    def _resume(self, batch: OutboxBatch) -> Counter[str]:
        """A batch whose upload is not known to have ended (crash table of the delivery protocol, rows 24 and 25)."""
        stamp = Stamp(number=batch.control or batch.number, at=batch.made_at)
        built = self._build(self.ledger.outbox_documents(self.flow, batch.number), stamp)
        try:
            if built.sha256 != batch.sha256:
                reason = "the file can't be built again byte for byte, for its layout has changed since"
                return self._hold(batch, reason)
            verdict = settle_upload(
                look(self.files, self.kind, batch.name),
                built,
                rename_sent=batch.state == "sending",
                consumer_dedups_by_name=self.kind.consumer_dedups_by_name,
                replace=self.kind.if_exists == "replace",
            )
            if verdict == "send":
                return self._upload(batch, built)
            if verdict == "done":
                return self._done(batch)
            return self._hold(batch, "the upload was cut, and what the folder shows does not tell whether it arrived")
        finally:
            built.path.unlink(missing_ok=True)

    def _upload(self, batch: OutboxBatch, built: Built) -> Counter[str]:
        self.still_ours()
        try:
            self.ledger.outbox_sending(self.flow, batch.number, batch.state)
        except LostClaim:
            return Counter()  # another run has it in hand
        try:
            publish(self.files, self.kind, built, batch.name)
        except FileExistsError as error:
            return self._hold(batch, f"another file of that name is there: {error}")
        except InDoubt as error:
            return self._hold(batch, str(error))
        except (TransientError, SetupError):
            self.ledger.outbox_unsent(self.flow, batch.number)
            raise
        return self._done(batch)

    def _done(self, batch: OutboxBatch) -> Counter[str]:
        count = self.ledger.outbox_done(self.flow, batch.number)
        self.progress("dropped", {"flow": self.flow, "name": batch.name, "documents": count, "bytes": batch.size})
        return Counter({State.POSTED.value: count})

    def _hold(self, batch: OutboxBatch, reason: str) -> Counter[str]:
        said = f"{batch.place}: {reason}: look there, then release or reject"
        held = self.ledger.outbox_held(self.flow, batch.number, said)
        return Counter({State.HELD.value: held})

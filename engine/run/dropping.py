"""Files for a partner: built from the ledger, placed atomically, each batch under exactly one name.

A batch's rows, hash and name are durable before its upload starts; after a crash the same bytes are built again from
the same rows, and what lies at the target decides whether to send, to finish or to ask a person.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.contracts import Document, Files, State
from engine.errors import InDoubt, SetupError, TransientError
from engine.formats.csv import Csv
from engine.formats.json import Json
from engine.run.seams import Progress, Seams
from engine.state.facts import LostClaim, OutboxBatch
from engine.state.ledger import Ledger
from engine.state.locks import owner_id
from engine.targets.drop import Built, Drop, build, file_name, look, publish, settle_upload

MOST = 100_000
"""Records of one file where the spec names no limit: what is claimed at once stays in memory."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dropping:
    """One flow's outgoing files."""

    flow: str
    ledger: Ledger
    files: Files
    kind: Drop
    format: Csv | Json
    columns: Sequence[str]
    scope: Mapping[str, Any]
    spool: Path
    spec_sha: str
    seams: Seams
    progress: Progress
    still_ours: Callable[[], None] = lambda: None

    def run(self, run_id: str, stopping: Callable[[], bool], key: str | None = None) -> Counter[str]:
        """Finishes what was left half-way, drops what is ready, returns where documents went. Raises TransientError, SetupError."""
        outcomes: Counter[str] = Counter()
        for batch in self.ledger.outbox_pending(self.flow):
            outcomes += self._resume(batch)
        while not stopping():
            now, most = self.seams.clock(), self.kind.max_records or MOST
            documents = self.ledger.claim(self.flow, now, most, owner=owner_id(), run_id=run_id, key=key)
            if not documents:
                break
            doubtful = [document for document in documents if document.state is State.IN_DOUBT]
            outcomes += self._ask_again(doubtful)
            if fresh := [document for document in documents if document.state is not State.IN_DOUBT]:
                outcomes += self._drop(fresh, run_id)
        return outcomes

    def _ask_again(self, documents: Iterable[Document]) -> Counter[str]:
        """A person asked to look again, and nobody can see whether a consumer took a document: the same person decides."""
        reason = "a folder can't tell what its consumer took: release it as posted there, or to be sent again"
        held = [self.ledger.change(document, State.HELD, reason=reason) for document in documents]
        return Counter({State.HELD.value: len(held)}) if held else Counter()

    def _drop(self, documents: Sequence[Document], run_id: str) -> Counter[str]:
        number = self.ledger.counter(f"outbox/{self.flow}")
        name = file_name(self.kind, {**self.scope, "batch": number})
        built = self._build(documents)
        try:
            batch = self.ledger.outbox_build(
                self.flow,
                self.kind.folder,
                name,
                built.sha256,
                built.size,
                documents,
                number,
                spec_sha=self.spec_sha,
                run_id=run_id,
            )
            return self._upload(batch, built)
        finally:
            built.path.unlink(missing_ok=True)

    def _build(self, documents: Iterable[Document]) -> Built:
        payloads: Iterator[Any] = (document.payload or {} for document in documents)
        return build(self.format, payloads, self.columns, self.spool)

    def _resume(self, batch: OutboxBatch) -> Counter[str]:
        """A batch whose upload is not known to have ended (crash table of the delivery protocol, rows 24 and 25)."""
        built = self._build(self.ledger.outbox_documents(self.flow, batch.number))
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
        place = f"{batch.folder.rstrip('/')}/{batch.name}"
        held = self.ledger.outbox_held(
            self.flow, batch.number, f"{place}: {reason}: look there, then release or reject"
        )
        return Counter({State.HELD.value: held})

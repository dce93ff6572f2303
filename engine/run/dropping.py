"""Files for a partner: built from the ledger, placed atomically, each batch under exactly one name.

The batch's rows, bytes hash and name are durable before the upload starts; after a crash the same bytes are built
again from the same rows, and what lies at the target decides whether to send, to finish or to ask a person.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from engine.contracts import Document, Files, Record
from engine.errors import InDoubt
from engine.formats.csv import Csv
from engine.formats.json import Json
from engine.run.seams import Progress, Seams
from engine.state.facts import OutboxBatch
from engine.state.ledger import Ledger
from engine.state.locks import owner_id
from engine.targets.drop import Drop, build_file, settle_upload

CLAIM = 1000


class Dropping:
    """One flow's outgoing files."""

    def __init__(
        self,
        flow_id: str,
        ledger: Ledger,
        files: Files,
        kind: Drop,
        format_: Csv | Json,
        scope: Mapping[str, Any],
        *,
        spool: Path,
        spec_sha: str,
        seams: Seams,
        progress: Progress,
    ) -> None:
        self._flow = flow_id
        self._ledger = ledger
        self._files = files
        self._kind = kind
        self._format = format_
        self._scope = scope
        self._spool = spool
        self._spec_sha = spec_sha
        self._seams = seams
        self._progress = progress

    def run(self, run_id: str, stopping: Callable[[], bool]) -> None:
        """Finishes what an earlier run left half-way, then drops what is ready. Raises TransientError, SetupError."""
        for batch in self._ledger.outbox_pending(self._flow):
            self._resume(batch)
        while not stopping():
            documents = list(self._ready(run_id))
            if not documents:
                return
            self._drop(documents, run_id)

    def _ready(self, run_id: str) -> Iterator[Document]:
        now, most = self._seams.clock(), self._kind.max_records
        taken = 0
        while taken < most:
            size = min(CLAIM, most - taken)
            batch = self._ledger.claim(self._flow, now, size, owner=owner_id(), run_id=run_id)
            yield from batch
            taken += len(batch)
            if len(batch) < size:
                return

    def _drop(self, documents: list[Document], run_id: str) -> None:
        number = self._ledger.counter(f"outbox/{self._flow}")
        name = self._kind.final_name(self._scope, number)
        built = build_file(self._format, self._records(iter(documents)), self._spool)
        try:
            batch = self._ledger.outbox_build(
                self._flow,
                self._kind.folder,
                name,
                built.sha256,
                built.size,
                documents,
                number,
                spec_sha=self._spec_sha,
                run_id=run_id,
            )
            self._upload(batch, built.path)
        finally:
            built.path.unlink(missing_ok=True)

    def _resume(self, batch: OutboxBatch) -> None:
        """A batch whose upload is not known to have ended (crash table, rows 24 and 25)."""
        there = self._files.find(batch.folder, batch.name)
        verdict = settle_upload(there, batch.size, rename_sent=False)
        if verdict == "done":
            self._done(batch)
            return
        if verdict == "hold":
            reason = f"{batch.folder}/{batch.name} is there with another size: compare it, then release or reject"
            self._ledger.outbox_held(self._flow, batch.number, reason)
            return
        documents = self._ledger.outbox_documents(self._flow, batch.number)
        built = build_file(self._format, self._records(documents), self._spool)
        try:
            if built.sha256 != batch.sha256:
                reason = "The file can't be built again byte for byte: its layout has changed since; release to send it anew"
                self._ledger.outbox_held(self._flow, batch.number, reason)
                return
            self._upload(batch, built.path)
        finally:
            built.path.unlink(missing_ok=True)

    def _upload(self, batch: OutboxBatch, path: Path) -> None:
        try:
            with path.open("rb") as data:
                self._files.put(batch.folder, batch.name, data, batch.size)
        except (InDoubt, FileExistsError) as error:
            self._ledger.outbox_held(self._flow, batch.number, f"Whether {batch.name} arrived is not known: {error}")
            return
        self._done(batch)

    def _done(self, batch: OutboxBatch) -> None:
        count = self._ledger.outbox_done(self._flow, batch.number)
        self._progress("dropped", {"flow": self._flow, "name": batch.name, "documents": count, "bytes": batch.size})

    @staticmethod
    def _records(documents: Iterator[Document]) -> Iterator[Record]:
        return (document.payload or {} for document in documents)



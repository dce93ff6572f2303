"""Dropped files and readers with one step of the protocol left out."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import count

from engine.contracts import ParcelOutcome
from engine.errors import InDoubt, TransientError
from engine.run.dropping import Dropping
from engine.state.facts import OutgoingFile
from engine.targets.drop import file_name, publish
from engine.targets.forms import Stamp

from .defects_delivery import Instead
from .inbox import Reader
from .shop import Counter as Till

FRESH = count(900)


class UploadsFirst(Dropping):
    """The file is sent, and then it is written down what is in it."""

    def _drop(self, documents, run_id):
        number = self.ledger.counter(f"outbox/{self.flow}")
        name = file_name(self.kind, {**self.scope, "batch": number})
        stamp = Stamp(number=number, at=self.seams.clock())
        built = self._build(documents, stamp)
        publish(self.files, self.kind, built, name)
        file = OutgoingFile(
            flow=self.flow, folder=self.kind.folder, name=name, sha256=built.sha256, size=built.size, number=number,
            made_at=stamp.at, spec_sha=self.spec_sha, run_id=run_id,
        )  # fmt: skip
        batch = self.ledger.outbox_build(file, documents)
        built.path.unlink(missing_ok=True)
        return self._done(batch)


class TakesLostForUnsent(Dropping):
    """No answer to the rename: surely it did not happen."""

    def _upload(self, batch, built):
        self.ledger.outbox_sending(self.flow, batch.number, batch.state)
        try:
            publish(self.files, self.kind, built, batch.name)
        except InDoubt as error:
            self.ledger.outbox_unsent(self.flow, batch.number)
            raise TransientError(str(error)) from error
        return self._done(batch)


class NeverLooks(Dropping):
    """After a lost rename nobody looks whether the file is there."""

    def _resume(self, batch):
        blind = replace(self, files=Instead(self.files, find=lambda folder, name: None))
        return Dropping._resume(blind, batch)


class TakesAnyFileForOurs(Dropping):
    """A file of that name is there: done."""

    def _resume(self, batch):
        if self.files.find(batch.folder, batch.name) is not None:
            return self._done(batch)
        return Dropping._resume(self, batch)


class NamesAnew(Dropping):
    """Each try has a name of its own."""

    def _upload(self, batch, built):
        return Dropping._upload(self, replace(batch, name=f"ledger_{next(FRESH)}.csv"), built)


class KeepsNothingBuilt(Dropping):
    """A batch that was left half-way is forgotten, for its documents will come again."""

    def run(self, run_id, stopping, key=None):
        return Dropping.run(
            replace(self, ledger=Instead(self.ledger, outbox_pending=lambda flow: [])), run_id, stopping
        )

    def _ask_again(self, documents):
        return Counter()


def overwriting(**given):
    """The rename replaces what is there."""
    return Dropping(**{**given, "kind": replace(given["kind"], if_exists="replace")})


def sending_again(**given):
    """What is not there is sent again, whether or not the consumer may have taken it."""
    return Dropping(**{**given, "kind": replace(given["kind"], consumer_dedups_by_name=True)})


class ArchivesFirst(Reader):
    """The file is put away, then it is taken in."""

    def parcels(self):
        for parcel in super().parcels():
            super().settle(parcel, ParcelOutcome(ok=True))
            yield parcel


class NeverLate(Till):
    """A request goes out however long ago its intent was written."""

    def _in_time(self, *, written):
        return

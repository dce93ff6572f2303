"""Ledgers, intakes and committers with one step of the protocol left out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import update

from engine.errors import TransientError
from engine.run.prepare import Preparer
from engine.state import tables
from engine.state.codec import stamp
from engine.state.group_commit import GroupCommit
from engine.state.ledger import Ledger
from engine.state.ledger_desk import at
from engine.state.ledger_intake import Intake
from engine.state.ledger_parcels import put_name, put_parcel

from .cast import OneByOne


class WithoutEpochs(Ledger):
    """Whoever writes last is right: the row is made what the writer believes it to be."""

    def change(self, document, to, **fields):
        self._believe(document)
        return super().change(document, to, **fields)

    def intend(self, document, *given, **named):
        self._believe(document)
        return super().intend(document, *given, **named)

    def receipt(self, document, to, **fields):
        self._believe(document)
        return super().receipt(document, to, **fields)

    def _believe(self, document):
        place = at(self._desk, document.key, document.version)
        values = {"epoch": document.epoch, "state": document.state.value}
        self._commits.run(lambda work: work.connection.execute(update(tables.document).where(*place).values(**values)))


class WithoutRecovery(Ledger):
    """What a dead process had in hand stays in its hand."""

    def abandoned(self, *given, **named):
        return []


class WithoutPoison(Ledger):
    """Nobody counts how often the process died on a document."""

    def abandoned(self, *given, **named):
        self._commits.run(lambda work: work.connection.execute(update(tables.document).values(crashes=0)))
        return super().abandoned(*given, **named)


class StartsUnseen(Ledger):
    """That the upload starts is not written down."""

    def outbox_sending(self, flow, batch_no, was="built"):
        return None


class TwoTransactions(Ledger):
    """The parcel is known before its documents are."""

    def intake(self, flow, parcel, run_id):
        return _HalfIntake(self._desk, flow, parcel, run_id)


class _HalfIntake(Intake):
    def _write(self, counts):
        desk = self._desk
        with desk.trail.writing() as work:
            put_parcel(desk, work, self._flow, self._parcel, self._state, "", counts, self._run)
            put_name(desk, work.connection, self._flow, self._parcel.sha256, self._parcel.name)
        with desk.trail.writing() as work:
            for piece in self._spool.pieces():
                self._write_documents(work, [item for kind, item in piece if kind == "document"])


class KnowsNothing(Ledger):
    """No record is ever looked up before it is taken in."""

    def intake(self, flow, parcel, run_id):
        return _Forgetful(self._desk, flow, parcel, run_id)


class _Forgetful(Intake):
    def known(self, keys):
        return {}


class AnswersBeforeTheCommit(GroupCommit):
    """Everybody is told that it is durable before it is: that the commit failed then, nobody learns."""

    def run(self, act):
        results = []

        def noted(work):
            results.append(act(work))
            return results[-1]

        try:
            return super().run(noted)
        except TransientError:
            if not results:
                raise
            return results[-1]


class WithoutHashes(Preparer):
    """Equal keys are equal documents."""

    def identify(self, values):
        return replace(super().identify(values), content_hash="same")


class HashInsideTheKey(Preparer):
    """Another content is another document."""

    def identify(self, values):
        found = super().identify(values)
        return replace(found, key=f"{found.key}|{found.content_hash}")


class ForgivesBugs(OneByOne):
    """What was in hand when a mistake of ours showed goes back to be sent."""

    def _keep(self, document):
        latest = self._ledger.document(document.key, document.version) or document
        self._ledger.change(latest, type(latest.state).READY, reason="again")


class SettlesByTheWall(Ledger):
    """When a doubt may be looked at is read off the wall clock alone."""

    def claim(self, flow, now, limit, **named):
        soon = update(tables.document).where(tables.document.c.not_before <= stamp(now)).values(boot_due=0)
        self._commits.run(lambda work: work.connection.execute(soon))
        return super().claim(flow, now, limit, **named)


class ForgetsTheObservation(Ledger):
    """The settle of a dead owner's document counts from its claim, not from when its death was noticed."""

    def abandoned(self, flow, owner_alive, *, settle):
        return super().abandoned(flow, owner_alive, settle=timedelta(0))

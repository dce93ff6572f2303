"""Documents that wait for something: woken when it is there, handed to a person when it never comes."""

from __future__ import annotations

from datetime import timedelta

from engine.contracts import Document, State
from engine.run.work import Work

BATCH = 500
RECHECK = timedelta(seconds=1)
"""Looked at once a run: later than this run's own clock reading, sooner than any next run."""


def wake(work: Work) -> None:
    """Maps waiting documents again (transitions 2 and 3): a vendor created meanwhile lets its invoices go."""
    now = work.seams.clock()
    while batch := work.ledger.waiting(work.flow.id, now, BATCH):
        for before, after in zip(batch, work.preparer.finish(batch), strict=True):
            _move(work, before, after)


def _move(work: Work, before: Document, after: Document) -> None:
    now = work.seams.clock()
    if after.state is not State.WAITING:
        work.ledger.change(before, after.state, payload=after.payload, reason=after.reason, spec_sha=work.flow.spec_sha)
        return
    since = work.ledger.waiting_since(before) or now
    if now - since > work.flow.kind.max_wait:
        reason = f"{after.reason}; waited since {since:%Y-%m-%d}"
        work.ledger.change(before, State.HELD, reason=reason)
        return
    work.ledger.change(before, State.WAITING, reason=after.reason, not_before=now + RECHECK)

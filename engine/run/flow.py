"""One run of one flow: recover what an earlier run left, take in what is new, deliver what is ready.

Under the flow's lock, in this order, each step safe to repeat: a crash between any two of them loses nothing.
"""

from __future__ import annotations

import logging

from engine.contracts import Parcel, ParcelOutcome, State
from engine.errors import LostLock, MlconnectorError, ParcelError, SetupError, TransientError, UsageError
from engine.run.ingest import WHOLE, Intaken, Part, ingest
from engine.run.restoring import adopted_line, can_be_asked, hold_untold
from engine.run.show import span
from engine.run.summary import FlowSummary
from engine.run.waiting import wake
from engine.run.work import Work
from engine.state.facts import AlreadyTaken

log = logging.getLogger(__name__)

BUG = 70
UNFINISHED = tuple(state for state in State if state not in {State.POSTED, State.ADOPTED, State.CANCELLED})


def run_flow(work: Work, part: Part = WHOLE) -> FlowSummary:
    """Runs the flow once. Every failure ends in the summary: `exit_code` and `error` say what to do next."""
    summary = FlowSummary(flow=work.flow.name, title=work.flow.kind.title)
    summary.run_id = work.ledger.start_run(work.flow.id, "run", work.flow.spec_sha)
    work.begin(summary.run_id)
    work.progress("began", {"flow": work.flow.name, "run": summary.run_id})
    taken = Intaken()
    trouble: MlconnectorError | None
    try:
        _require(work)
        _recover(work)
        trouble = _take_in(work, summary, part, taken)
        trouble = _exchange(work, summary) or trouble
        wake(work)
        if work.restored and not can_be_asked(work.flow):
            hold_untold(work.ledger, work.flow)
        summary.moved = work.deliver(summary.run_id, work.stopping, _key_of(work, part))
    except MlconnectorError as error:
        trouble = error
    except Exception as error:  # a bug stops this flow and no other; what was in hand is kept, never posted
        log.error("a bug in `%s`: %s", work.flow.name, error, exc_info=log.isEnabledFor(logging.DEBUG))
        trouble = None
        summary.error, summary.exit_code = f"an unexpected error: {type(error).__name__}: {error}", BUG
    if trouble is not None:
        summary.error, summary.exit_code = str(trouble), trouble.exit_code
        summary.passing = isinstance(trouble, TransientError | LostLock)
    _tally(work, summary, taken)
    summary.notes += work.notes
    if work.restored and (adopted := adopted_line(summary.moved[State.ADOPTED.value])):
        summary.notes.append(adopted)
    summary.trouble += work.trouble
    summary.conclude()
    _alert(work, summary)
    work.ledger.end_run(summary.run_id, summary.outcome, summary.plain(), ok=not summary.error)
    return summary


def _require(work: Work) -> None:
    """`needs`: master data must be fresh before documents that refer to it."""
    for name, need in work.flow.kind.needs.items():
        last = work.ledger.last_run(f"{work.flow.integration}/{name}")
        ended = last.ended_at if last is not None else None
        if ended is None or work.seams.clock() - ended > need.within:
            since = "never" if ended is None else f"on {ended:%Y-%m-%d %H:%M} UTC"
            raise SetupError(
                f"`{work.flow.name}` needs a run of `{name}` within {span(need.within)}; it last succeeded {since}: run `{name}` first"
            )


def _recover(work: Work) -> None:
    """Documents a dead process left behind; we hold the flow's lock, so whoever claimed them is gone."""
    for document in work.ledger.abandoned(work.flow.id, lambda _owner: False, settle=work.settle):
        figures = {"flow": work.flow.name, "number": document.number, "state": document.state.value}
        work.progress("recovered", figures)


def _key_of(work: Work, part: Part) -> str | None:
    """The key of the one document that is wanted. Raises UsageError when the ledger has none of that number."""
    if part.only is None:
        return None
    found = work.ledger.find_documents(flow=work.flow.id, identifier=part.only, limit=1)
    exact = work.ledger.document(part.only)
    document = exact or (found[0] if found else None)
    if document is None:
        raise UsageError(f"`{work.flow.name}` has no document `{part.only}`, and none came in")
    return document.key


def _take_in(work: Work, summary: FlowSummary, part: Part, taken: Intaken) -> MlconnectorError | None:
    """Takes in what the source hands over. A source out of reach stops no delivery: its error is handed back for the end."""
    try:
        _take_parcels(work, summary, part, taken)
    except (TransientError, SetupError) as error:
        return error
    return None


def _exchange(work: Work, summary: FlowSummary) -> MlconnectorError | None:
    """Acknowledgements, both ways. A partner out of reach stops no delivery to the other side."""
    try:
        work.exchange(summary.run_id, work.stopping)
    except (TransientError, SetupError) as error:
        return error
    return None


def _take_parcels(work: Work, summary: FlowSummary, part: Part, taken: Intaken) -> None:
    """Ingests every parcel; a bad one goes aside and the rest goes on."""
    for parcel in work.source.parcels():
        if work.stopping():
            break
        work.progress("parcel", {"flow": work.flow.name, "name": parcel.name, "size": parcel.size})
        try:
            one = ingest(
                work.flow,
                parcel,
                ledger=work.ledger,
                preparer=work.preparer,
                run_id=summary.run_id,
                part=part,
                reception=work.reception,
            )
        except AlreadyTaken:
            work.source.settle(parcel, ParcelOutcome(ok=True))
            continue
        except ParcelError as error:
            _set_aside(work, summary, parcel, error)
            continue
        taken.merge(one)
        work.progress("ingested", {"flow": work.flow.name, "name": parcel.name, **one.counts})
        if part.whole:
            work.source.settle(parcel, ParcelOutcome(ok=True, counts=one.counts))


def _set_aside(work: Work, summary: FlowSummary, parcel: Parcel, error: ParcelError) -> None:
    with work.ledger.intake(work.flow.id, parcel, summary.run_id) as intake:
        if work.reception is not None:
            work.reception.refuse(intake, parcel, error)
        intake.spoil(str(error))
    work.source.settle(parcel, ParcelOutcome(ok=False, reason=str(error)))
    summary.bad_files.append(f"{parcel.name}: {error}")
    log.error("alert: %s: file %s can't be used: %s", work.flow.name, parcel.name, error)


def _alert(work: Work, summary: FlowSummary) -> None:
    """One line for people when a run leaves something to do, with the name of who should hear of it."""
    on_error = work.flow.kind.on_error
    if not summary.exit_code or on_error is None:
        return
    said = summary.error or "; ".join(line.strip() for line in summary.lines())
    work.trail.note("alert", flow=work.flow.id, run=summary.run_id, detail={"to": on_error.alert, "text": said})
    log.warning("alert to %s: %s", on_error.alert, said)


def _tally(work: Work, summary: FlowSummary, taken: Intaken) -> None:
    """Where this run's documents ended, and what became of earlier ones."""
    for outcome in ("read", "passed_over", "seen", "ignored"):
        if taken.counts[outcome]:
            summary.counts[outcome] = taken.counts[outcome]
    amounts = {name: amount for name, amount in taken.amounts.items() if name in {"seen", "ignored"}}
    for state, tally in work.ledger.tally(work.flow.id, read_by=summary.run_id).items():
        summary.counts[state.value] += tally.documents
        if work.flow.kind.amount is not None:
            amounts[state.value] = tally.amount
    summary.amounts = {name: format(amount, "f") for name, amount in amounts.items()}
    if summary.moved[State.READY.value]:
        late = work.ledger.find_documents(flow=work.flow.id, states=[State.READY], limit=1)
        summary.notes += [f"not delivered yet, the next run tries again: {document.reason}" for document in late]
    unfinished = work.ledger.tally(work.flow.id, read_before=summary.run_id, among=UNFINISHED)
    summary.earlier.update({state.value: tally.documents for state, tally in unfinished.items()})

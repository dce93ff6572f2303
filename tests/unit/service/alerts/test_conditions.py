"""What counts as wrong, from when on, and when it is right again."""

from __future__ import annotations

import shutil

import pytest
from sqlalchemy import insert, update

from engine.contracts import Document, Parcel, State
from engine.desk.people import reject
from engine.state import exchange
from engine.state.codec import stamp
from engine.state.tables import document as documents
from engine.state.tables import outbox


def take_in(place, *given):
    parcel = Parcel(id="given", kind="file", name="given.csv", read=lambda: iter(()), sha256="0" * 64, size=1)
    with place.workspace.ledger.intake("books/invoices", parcel, "run-1") as intake:
        intake.add(given)
        intake.finish({"ready": len(given)})


def document(key, state, **fields):
    given = {
        "kind": "ap_invoice", "number": key, "party": "ACME", "content_hash": "h", "source": {}, "payload": {},
        "spec_sha": "s", "reason": "why not", "amount": "1.50",
    } | fields  # fmt: skip
    return Document(key=key, version=0, flow="books/invoices", state=state, **given)


def put_into(place, key, state, **more):
    """A document as delivery would have left it."""
    with place.workspace.database.write() as connection:
        values = {"state": state.value, "reason": "why not", **more}
        connection.execute(update(documents).where(documents.c.key == key).values(**values))


@pytest.mark.parametrize("state", [State.HELD, State.CONFLICT, State.QUARANTINED, State.REJECTED])
def test_documents_that_wait_until_they_do_not(place, state):
    take_in(place, *(document(f"k{n}", State.READY) for n in range(3)))
    for n in range(3):
        put_into(place, f"k{n}", state)
    place.tick()
    (alert,) = place.open()
    assert (alert.kind, alert.times, alert.amount) == (state.value, 3, "4.50")
    assert f"replay --group {alert.subject}" in alert.next_step
    if state is State.REJECTED:
        assert alert.heals == "they are tried again by themselves"

    for n in range(3):
        reject(place.workspace, f"k{n}", reason="done")
    place.tick()
    assert place.open() == []


def test_doubt_is_told_when_it_lasts(place):
    take_in(place, document("k1", State.READY))
    put_into(place, "k1", State.IN_DOUBT)
    place.tick(minutes=59)
    assert place.open() == []
    place.tick(minutes=2)
    (alert,) = place.open()
    assert (alert.kind, alert.said) == ("in_doubt", "Longer than 1h in doubt; k1 of ACME, 1.50: why not")


def test_the_spec_says_how_long_a_doubt_may_last(place):
    place.tell("    on_error: {alert: team, in_doubt_for: 1d}\n")
    take_in(place, document("k1", State.READY))
    put_into(place, "k1", State.IN_DOUBT)
    place.tick(hours=23)
    assert place.open() == []
    place.tick(hours=2)
    assert place.kinds() == ["in_doubt"]


def test_a_set_up_that_is_wrong_is_told_at_once(place):
    """The folder is gone: no later run will find it by itself."""
    shutil.rmtree(place.folder / "box" / "in")
    place.run()
    place.tick()
    (alert,) = place.open()
    assert (alert.kind, alert.times) == ("stopped", 1)
    assert alert.next_step == f"mlconnector check {place.path}"
    (place.folder / "box" / "in").mkdir()
    place.run()
    place.tick()
    assert place.open() == []


def ended(place, *, ok=False, passing=True, exit_code=4, error="no answer", **summary):
    """A run as it stands in the ledger afterwards."""
    ledger = place.workspace.ledger
    place.clock.move(seconds=1)
    run = ledger.start_run("books/invoices", "run", "sha")
    told = {"error": "" if ok else error, "exit_code": 0 if ok else exit_code, "passing": passing and not ok, **summary}
    ledger.end_run(run, "empty" if ok else "stopped", told, ok=ok)


def test_a_system_out_of_reach_is_told_when_it_lasts(place):
    for _ in range(2):
        ended(place)
        place.tick()
        assert place.open() == []
    began = place.open()
    ended(place)
    place.tick()
    (alert,) = place.open()
    assert (alert.kind, alert.times, began) == ("unreachable", 3, [])
    ended(place)
    place.tick()
    assert [(each.kind, each.times) for each in place.open()] == [("unreachable", 4)]
    ended(place, ok=True)
    place.tick()
    assert place.open() == []


def test_the_spec_says_how_many_runs_may_fail(place):
    place.tell("    on_error: {alert: team, failed_runs: 1}\n")
    ended(place)
    place.tick()
    assert place.kinds() == ["unreachable"]


def test_what_a_person_asked_wrongly_is_no_failure(place):
    ended(place, exit_code=2, passing=False)
    place.tick()
    assert place.open() == []


def test_runs_that_can_not_deliver_count_as_failed(place):
    for _ in range(3):
        place.clock.move(seconds=1)
        run = place.workspace.ledger.start_run("books/invoices", "run", "sha")
        told = {
            "error": "",
            "exit_code": 4,
            "passing": True,
            "notes": ["not delivered yet, the next run tries again: x"],
        }
        place.workspace.ledger.end_run(run, "partial", told, ok=True)
    place.tick()
    (alert,) = place.open()
    assert (alert.kind, alert.said) == ("unreachable", "not delivered yet, the next run tries again: x")


def test_no_success_for_too_long(place):
    place.tell("    on_error: {alert: team, no_success_for: 2h}\n")
    ended(place, ok=True)
    place.tick(hours=1)
    ended(place, exit_code=2, passing=False)
    place.tick(minutes=59)
    assert place.open() == []
    place.tick(minutes=2)
    (alert,) = place.open()
    assert (alert.kind, alert.said) == (
        "no_success", "No run worked within 2h: the last one ended Mon 02 Nov 07:00 UTC",
    )  # fmt: skip
    ended(place, ok=True)
    place.tick()
    assert place.open() == []


def test_a_stuck_file_is_told_until_it_is_taken_in(place):
    system = place.folder / "systems" / "partner.yaml"
    system.write_text(system.read_text().replace("settled: {apart: 0s}", "settled: {apart: 0s, for: 2d}"))
    place.shelf.look()
    place.put("slow.csv", "ACME,1,7")
    place.run()
    place.tick(minutes=31)
    assert place.open() == []
    place.run()
    place.tick()
    (alert,) = place.open()
    assert (alert.kind, alert.subject) == ("stuck", "slow.csv")
    place.clock.move(days=2)
    place.run()
    place.tick()
    assert place.open() == []


def test_a_bad_file_is_told_for_two_weeks_at_most(place):
    place.put("bad.csv", "nothing,of,this", "a,b")
    place.run()
    place.tick()
    (alert,) = place.open()
    assert (alert.kind, alert.subject) == ("bad_file", "bad.csv")
    place.tick(days=13)
    assert place.kinds() == ["bad_file"]
    place.tick(days=2)
    assert place.open() == []


def test_a_spec_with_mistakes_is_told_and_its_last_good_version_goes_on(place):
    place.say("amount: total", "amount: totl")
    place.tick()
    (alert,) = place.open()
    assert (alert.kind, alert.name, alert.flow) == ("broken_spec", "team", "")
    assert "totl" in alert.said
    place.say("amount: totl", "amount: total")
    place.tick(minutes=2)
    assert place.open() == []


def test_a_start_that_failed_before_it_was_a_run(place):
    firings = place.parts.firings
    firings.ask("books/invoices", cause="schedule")
    firing = firings.take("me")
    firings.end(firing, "", 4, "environment variable PARTNER_PATH is not set")
    place.tick()
    (alert,) = place.open()
    assert (alert.kind, alert.said) == ("not_started", "environment variable PARTNER_PATH is not set")
    place.clock.move(minutes=1)
    firings.ask("books/invoices", cause="schedule")
    firings.end(firings.take("me"), "run-1", 0)
    place.tick(minutes=1)
    assert place.open() == []


def test_files_the_partner_does_not_acknowledge_or_rejects(place):
    take_in(place, document("k1", State.READY))
    sent = stamp(place.clock.now)
    box = {"tenant": "default", "flow": "books/invoices", "number": 1, "folder": "/out", "name": "pay.x12", "size": 1}
    with place.workspace.database.write() as connection:
        told = {"state": "done", "answer": "due", "built_at": sent, "done_at": sent, "documents": 1}
        connection.execute(insert(outbox).values(**box, **told))
    place.tick(days=1)
    assert place.open() == []

    exchange.overdue(place.workspace.desk, "books/invoices", place.clock.now)
    place.tick()
    (alert,) = place.open()
    assert (alert.kind, alert.times) == ("unanswered", 1)
    assert alert.said == "/out/pay.x12 was sent Mon 02 Nov 07:00 UTC and never acknowledged"

    with place.workspace.database.write() as connection:
        connection.execute(update(outbox).values(answer="rejected"))
    put_into(place, "k1", State.HELD, batch=1, batch_place=1)
    place.tick(minutes=2)
    assert sorted(place.kinds()) == ["held", "refused_file"]
    reject(place.workspace, "k1", reason="done")
    place.tick(minutes=2)
    assert place.open() == []

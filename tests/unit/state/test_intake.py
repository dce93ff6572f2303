"""A parcel and its documents: together or not at all."""

import resource
import threading
import time
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from engine.contracts import FileEntry, State
from engine.errors import TransientError
from engine.state.facts import AlreadyTaken, Cursor, Known
from engine.state.ledger_runs import take_numbers


def test_parcel_and_documents_become_durable_together(house, make, parcel):
    given = parcel(sha256="a" * 64)
    with house.ledger.intake("invoices", given, "run-1") as intake:
        intake.add([make("k1"), make("k2", state=State.QUARANTINED, payload=None, reason="`date`: missing")])
        intake.finish({"new": 1, "quarantined": 1})

    row = house.ledger.parcel("invoices", "a" * 64)
    assert (row.state, row.name, row.counts) == ("ingested", "invoices_001.csv", {"new": 1, "quarantined": 1})
    assert house.ledger.counts("invoices") == {State.READY: 1, State.QUARANTINED: 1}
    assert house.events(parcel=given.id) == ["ingested", "received", "received"]


def test_an_error_in_the_middle_leaves_nothing(house, make, parcel):
    def break_off():
        with house.ledger.intake("invoices", parcel(sha256="b" * 64), "r") as intake:
            intake.add([make("k1")])
            raise ValueError("row 7")

    with pytest.raises(ValueError, match="row 7"):
        break_off()

    assert house.ledger.parcel("invoices", "b" * 64) is None
    assert house.ledger.document("k1") is None
    assert house.events() == []


def take(house, given, *documents, partial=False):
    with house.ledger.intake("invoices", given, "r") as intake:
        intake.add(documents)
        intake.finish({}, partial=partial)


def test_a_file_another_run_took_in_meanwhile_is_not_taken_in_late(house, make, parcel):
    """Two of 10,000 fault schedules: what was older in the late file counted as the newest change, and went out again."""
    first, second = parcel(sha256="a" * 64), parcel(sha256="b" * 64)
    take(house, first, make("k1", content_hash="old"))
    take(house, second, make("k1", version=1, content_hash="new"))

    with pytest.raises(AlreadyTaken):
        take(house, first, make("k1", version=2, content_hash="old"))

    assert house.ledger.document("k1").content_hash == "new"
    assert house.ledger.parcel("invoices", "a" * 64).state == "ingested"


def test_a_file_is_taken_in_again_where_that_is_meant(house, make, parcel):
    part, bad, known = (parcel(sha256=letter * 64) for letter in "abc")
    take(house, part, make("k1"), partial=True)
    house.ledger.bad_parcel("invoices", bad, "no header")
    take(house, known, make("k2"))
    take(house, part, make("k3"))
    take(house, bad, make("k4"))
    take(house, replace(known, again=True), make("k5"))
    assert house.ledger.counts() == {State.READY: 5}


def test_leaving_without_finish_is_a_bug_that_shows(house, make, parcel):
    with pytest.raises(RuntimeError, match="finish"), house.ledger.intake("invoices", parcel(), "r") as intake:
        intake.add([make("k1")])
    assert house.ledger.document("k1") is None


def test_two_processes_with_the_same_key_one_wins_whole(house, make, parcel):
    def take_in_twice():
        with house.ledger.intake("invoices", parcel(), "r") as intake:
            intake.add([make("k0"), make("k1")])
            house.more().take_in(make("k1"))
            intake.finish({})

    with pytest.raises(TransientError, match="read again"):
        take_in_twice()

    assert house.ledger.document("k0") is None
    assert house.ledger.counts() == {State.READY: 1}


def test_known_sees_the_ledger_and_this_very_parcel_latest_version_first(house, make, parcel):
    house.take_in(make("k1", content_hash="old"), make("k2"))
    with house.ledger.intake("invoices", parcel(), "r") as intake:
        intake.add([make("k1", version=1, content_hash="new", state=State.CONFLICT), make("k3")])

        found = intake.known(["k1", "k2", "k3", "k4"])

        intake.finish({})
    assert found == {
        "k1": Known(version=1, content_hash="new", state=State.CONFLICT),
        "k2": Known(version=0, content_hash="h1", state=State.READY),
        "k3": Known(version=0, content_hash="h1", state=State.READY),
    }


def test_nothing_is_locked_while_a_parcel_gathers(house, make, parcel):
    """A token is stored and another flow delivers while an intake is open in the same thread."""
    house.take_in(make("k1"))
    with house.ledger.intake("invoices", parcel(), "r") as intake:
        intake.add([make(f"n{i}") for i in range(1200)])
        house.vault.tokens.put("epicor", b"token-value", None)
        (claimed,) = house.ledger.claim("invoices", house.clock(), 10, owner="me")
        assert house.more().ledger.change(claimed, State.ADOPTED).state is State.ADOPTED
        intake.finish({})
    assert house.ledger.counts()[State.READY] == 1200


def test_values_come_back_exactly_as_they_were(house, make):
    from datetime import UTC, date, datetime

    source = {
        "amount": Decimal("10.10"), "zero": Decimal("0E-2"), "day": date(2026, 2, 28), "code": "00123", "none": None,
        "at": datetime(2026, 2, 28, 23, 59, 59, 123456, tzinfo=UTC), "naive": datetime(2026, 1, 1, 5, 0), "yes": True,  # noqa: DTZ001
        "big": 2**70, "lines": [{"x": Decimal("-1.0")}, {"$decimal": "text"}], "$id": "1", "note": "ü ‐ 漢",
    }  # fmt: skip
    house.take_in(make(source=source, amount="10.10", identifiers={"invoice": "00123"}))

    found = house.ledger.document("k1")

    assert found.source == source
    assert [str(found.source[name]) for name in ("amount", "zero")] == ["10.10", "0.00"]
    assert type(found.source["day"]) is date
    assert found.identifiers == {"invoice": "00123"}


def test_a_float_is_refused_wherever_it_hides(house, make, parcel):
    with pytest.raises(TypeError, match="float"), house.ledger.intake("invoices", parcel(), "r") as intake:
        intake.add([make(source={"lines": [{"amount": 1.1}]})])


def test_a_newer_ready_version_replaces_what_was_never_sent(house, make):
    house.take_in(make("k1", state=State.QUARANTINED, payload=None))
    house.take_in(make("k1", version=1, content_hash="h2"))

    old, new = house.ledger.document("k1", 0), house.ledger.document("k1")

    assert (old.state, old.reason) == (State.CANCELLED, "replaced by version 1")
    assert (new.version, new.state) == (1, State.READY)
    assert house.events(key="k1") == ["received", "replaced", "received"]


def test_of_several_versions_in_one_parcel_only_the_last_is_sent(house, make):
    house.take_in(
        make("k1"), make("k2"), make("k1", version=1, content_hash="h2"), make("k1", version=2, content_hash="h3")
    )

    found = [house.ledger.document("k1", version) for version in range(3)]

    assert [one.state for one in found] == [State.CANCELLED, State.CANCELLED, State.READY]
    assert [one.reason for one in found] == ["replaced by version 2", "replaced by version 2", ""]
    assert house.events(key="k1") == ["received"] * 3 + ["replaced"] * 2
    assert {one.number for one in house.ledger.claim("invoices", house.clock(), 9, owner="me")} == {
        house.ledger.document(key).number for key in ("k1", "k2")
    }


@pytest.mark.parametrize(("replaces", "state"), [(False, State.HELD), (True, State.CANCELLED)])
def test_a_version_held_after_it_was_sent_gives_way_only_where_records_are_brought_up_to_date(
    house, make, parcel, replaces, state
):
    house.take_in(make("k1"))
    (document,) = house.ledger.claim("invoices", house.clock(), 1, owner="me")
    house.ledger.change(document, State.HELD, reason="refused five times", tries=5)

    with house.ledger.intake("invoices", parcel(), "r") as intake:
        intake.replaces_held = replaces
        intake.add([make("k1", version=1, content_hash="h2")])
        intake.finish({"read": 1})

    assert [house.ledger.document("k1", version).state for version in (0, 1)] == [state, State.READY]


def test_a_posted_version_stays_when_a_conflict_comes(house, make):
    house.take_in(make("k1"))
    (document,) = house.ledger.claim("invoices", house.clock(), 1, owner="me")
    house.ledger.change(document, State.ADOPTED)

    house.take_in(make("k1", version=1, content_hash="h2", state=State.CONFLICT))

    assert [house.ledger.document("k1", version).state for version in (0, 1)] == [State.ADOPTED, State.CONFLICT]


def test_seen_again_is_told_for_files_and_not_for_passes(house, parcel):
    for kind in ("file", "pass"):
        with house.ledger.intake("invoices", parcel(kind=kind), "r") as intake:
            intake.seen("k1", "row 2")
            intake.finish({"seen": 1})
    assert house.events(key="k1") == ["seen"]


def test_names_settling_bad_parcels_and_who_has_read_a_file(house, parcel):
    ledger, good, bad = house.ledger, parcel("a.csv", sha256="c" * 64), parcel("b.csv", sha256="d" * 64)
    house.take_in(parcel=good)
    ledger.renamed("invoices", good.sha256, "a (1).csv")
    ledger.renamed("invoices", good.sha256, "a (1).csv")
    ledger.bad_parcel("invoices", bad, "line 3: a quote is never closed")

    ledger.settled("invoices", good.id)
    ledger.settled("invoices", good.id)
    ledger.settled("invoices", bad.id)

    assert ledger.parcel("invoices", good.sha256).state == "settled"
    assert (ledger.parcel("invoices", bad.sha256).state, ledger.parcel("invoices", bad.sha256).reason) == (
        "bad", "line 3: a quote is never closed",
    )  # fmt: skip
    assert sorted(name.name for name in ledger.parcel_names("invoices")) == ["a (1).csv", "a.csv", "b.csv"]
    assert [entry.event for entry in house.trail.entries(file="a (1).csv")] == ["ingested", "settled"]
    assert not ledger.readers_done(good.sha256, ["invoices", "payments"])
    house.take_in(parcel=good, flow="payments")
    assert ledger.readers_done(good.sha256, ["invoices", "payments"])
    assert [row.id for row in ledger.parcels("payments", state="ingested")] == [good.id]


def test_a_file_is_seen_first_once_until_it_changes(house, clock):
    ledger = house.ledger
    first = ledger.sighting("stampli /out", "a.csv", 10, 1000)
    clock.move(seconds=7)

    assert ledger.sighting("stampli /out", "a.csv", 10, 1000) == first
    assert ledger.sighting("stampli /out", "a.csv", 11, 1000) == first + timedelta(seconds=7)
    assert ledger.sightings("other", [FileEntry(name=b"\xff.csv", size=1, modified=2)]) == {b"\xff.csv": clock()}
    ledger.forget_sightings("stampli /out", [b"a.csv"])
    clock.move(seconds=1)
    assert ledger.sighting("stampli /out", "a.csv", 11, 1000) == clock()


def test_a_cursor_is_kept_per_flow_and_source(house):
    ledger = house.ledger
    assert ledger.cursor("vendors", "epicor") is None
    ledger.set_cursor("vendors", "epicor", Cursor(value="10", cap="12", pass_id="p"))
    ledger.set_cursor("vendors", "epicor", Cursor(value="12"))
    assert ledger.cursor("vendors", "epicor") == Cursor(value="12")
    assert house.events(flow="vendors") == ["cursor", "cursor"]


def test_runs_and_what_was_the_last_good_one(house, clock):
    ledger = house.ledger
    good = ledger.start_run("vendors", "live", "s1")
    ledger.end_run(good, "ok", {"posted": 3})
    clock.move(hours=1)
    bad = ledger.start_run("vendors", "live", "s1")
    ledger.end_run(bad, "failed", {"error": "x"})
    clock.move(hours=1)
    at_work = ledger.start_run("vendors", "live", "s1")

    assert ledger.last_run("vendors").id == good
    assert ledger.last_run("vendors").summary == {"posted": 3}
    assert ledger.last_run("vendors", ok=False).id == bad
    assert ledger.last_run("invoices") is None
    assert [run.id for run in ledger.runs("vendors")] == [at_work, bad, good]


def test_a_counter_never_gives_a_number_twice(house):
    assert [house.ledger.counter("batch"), house.more().ledger.counter("batch"), house.ledger.counter("other")] == [
        1,
        2,
        1,
    ]


def test_memory_does_not_grow_with_the_parcel(home, make, parcel):
    """30,000 documents of about 1 KB cost less than 25 MB."""
    home.take_in(make("warm"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.monotonic()
    with home.ledger.intake("invoices", parcel(), "r") as intake:
        for start in range(0, 30_000, 500):
            intake.add([make(f"k{start + i}", source={"text": "x" * 1000}) for i in range(500)])
        intake.finish({"new": 30_000})
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 25_000
    assert time.monotonic() - started < 60


def test_two_intakes_never_wait_for_each_other(served, make, parcel):
    """One whose file begins with what is known must not hold the trail's end while it waits for its numbers."""
    served.take_in(make("known"))
    other, ended = served.more(), []

    def take_in():
        with other.ledger.intake("invoices", parcel(), "r") as intake:
            for _ in range(500):
                intake.seen("known", "row 2")
            intake.add([make("new")])
            intake.finish({})
        ended.append("taken in")

    second = threading.Thread(target=take_in)
    with served.trail.writing() as work:
        take_numbers(served.ledger._desk, work, "document", 1)
        second.start()
        until_it_waits(served)
        work.tell("first")
        work.write_lines()
    second.join()
    assert ended == ["taken in"]


def until_it_waits(served):
    from sqlalchemy import text

    asked = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    for _ in range(500):
        with served.database.look() as connection:
            if connection.execute(asked).scalar():
                return
        time.sleep(0.01)
    raise AssertionError("nothing waits")

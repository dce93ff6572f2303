"""Once a day, at a quiet hour, by one process: old payloads go, what was needed for a time goes; keys, hashes and trail stay."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from engine.redaction import Redactor
from engine.run.seams import Seams
from engine.run.workspace import open_workspace
from engine.service.keeping_house import HouseKeeping
from engine.service.live import Live
from engine.service.parts import Parts
from engine.service.shelf import Shelf
from engine.state import tables, tables_service
from engine.state.codec import stamp
from engine.state.firings import Firings
from engine.state.locks import flow_lock
from engine.state.trimming import trim
from tests.cli.conftest import desk

__all__ = ["desk"]

NIGHT = datetime.now(UTC).replace(hour=3, minute=5, second=0, microsecond=0) + timedelta(days=60)


class Clock:
    def __init__(self, now):
        self.now = now

    def __call__(self):
        return self.now


@contextmanager
def serving(desk, clock):
    seams = Seams(clock=clock, environ={"PARTNER_PATH": str(desk.folder / "box"), "PARTNER_CODE": "x"})
    with open_workspace(desk.folder, seams=seams, redactor=Redactor(), actor="service") as workspace:
        shelf = Shelf([Path(desk.spec)])
        shelf.look()
        yield Parts(workspace=workspace, seams=seams, shelf=shelf, firings=Firings(workspace.desk), live=Live(clock))


def retain(desk):
    path = Path(desk.spec)
    path.write_text(path.read_text().replace("title: Books\n", "title: Books\nretention: 30d\n", 1))


@pytest.fixture
def ran(desk):
    """One posted, one held; payloads are kept for 30 days."""
    retain(desk)
    desk.place("a.csv", "1,10.50", "2,13")
    assert desk.at("run", desk.spec).exit_code == 3
    return desk


def purged(desk):
    told = json.loads(desk.at("audit", "--invoice", "1", "--format", "json").stdout)[0]
    return told["as read"] == {}


def test_payloads_whose_time_is_over_go_once_a_day_in_the_quiet_hours(ran):
    clock = Clock(NIGHT.replace(hour=14))
    with serving(ran, clock) as parts:
        house = HouseKeeping(parts)
        assert house.tick() == [], "the first day waits for its quiet hour"
        clock.now = NIGHT.replace(hour=3) + timedelta(days=1)
        first = house.tick()
        again = house.tick()
        clock.now += timedelta(days=1)
        next_day = house.tick()

    assert first[0].startswith("books: the payloads of 1 documents")
    assert again == []
    assert next_day[0].startswith("books: the payloads of 0 documents")
    assert purged(ran)
    assert ran.at("audit", "verify").exit_code == 0


def test_the_trail_says_that_nobody_asked_in_person(ran):
    with serving(ran, Clock(NIGHT)) as parts:
        HouseKeeping(parts).tick()

    lines = json.loads(ran.at("audit", "--since", "2020-01-01", "--format", "json").stdout)
    assert {(e["event"], e["actor"]) for e in lines if e["event"].startswith("purge")} == {
        ("purge", "retention"), ("purged", "retention"),
    }  # fmt: skip


def test_what_is_open_or_held_and_what_keeps_from_posting_twice_stays(ran):
    with serving(ran, Clock(NIGHT)) as parts:
        HouseKeeping(parts).tick()
        known = parts.workspace.ledger.find_documents(flow="books/invoices")
    ran.place("b.csv", "1,10.50")

    again = ran.at("run", ran.spec)

    assert {(d.number, d.state.value, bool(d.content_hash)) for d in known} == {
        ("1", "posted", True),
        ("2", "held", True),
    }
    assert [d.source != {} for d in known if d.number == "2"] == [True]
    assert "1 seen" in again.output


def test_of_several_processes_one_does_it(ran):
    done, gate = [], threading.Barrier(4)

    def one():
        with serving(ran, Clock(NIGHT)) as parts:
            house = HouseKeeping(parts)
            gate.wait(20)
            done.extend(house.tick())

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [line for line in done if line.startswith("books")] == done[:1]


def test_while_a_run_is_at_work_it_waits_for_a_later_minute(ran):
    with serving(ran, Clock(NIGHT)) as parts:
        house = HouseKeeping(parts)
        workspace = parts.workspace
        with flow_lock(workspace.database, workspace.tenant, "books/invoices"):
            assert house.tick() == []
        assert house.tick()[0].startswith("books: the payloads of 1 documents")


def test_who_was_off_at_night_does_it_when_he_is_back(ran):
    clock = Clock(NIGHT)
    with serving(ran, clock) as parts:
        house = HouseKeeping(parts)
        assert house.tick()
        clock.now += timedelta(days=2, hours=9)
        assert house.tick()


def test_without_retention_no_payload_goes(desk):
    desk.place("a.csv", "1,10.50")
    desk.at("run", desk.spec)
    with serving(desk, Clock(NIGHT)) as parts:
        assert HouseKeeping(parts).tick() == []
    assert not purged(desk)


def fill(desk, now):
    """A row that is over and one that is not, of everything that is trimmed."""
    old, new = stamp(now - timedelta(days=91)), stamp(now - timedelta(hours=1))
    t = {"tenant": desk.tenant}
    firing = {**t, "flow": "f", "cause": "schedule", "queued_at": old, "at": old}
    rows = {
        tables_service.firing: [
            {**firing, "id": "old", "state": "done", "ended_at": old, "at": "1"},
            {**firing, "id": "old queued", "state": "queued", "ended_at": None, "at": "2"},
            {**firing, "id": "new", "state": "failed", "ended_at": new, "at": "3"},
        ],
        tables_service.worker: [
            {**t, "owner": "old", "started_at": old, "seen_at": old}, {**t, "owner": "new", "started_at": old, "seen_at": new},
        ],
        tables_service.login: [
            {**t, "token_sha256": "old", "created_at": old, "seen_at": old},
            {**t, "token_sha256": "new", "created_at": new, "seen_at": new},
        ],
        tables_service.alert: [
            {**t, "id": "old", "state": "closed", "since": old, "opened_at": old, "seen_at": old, "closed_at": old},
            {**t, "id": "old open", "state": "open", "since": old, "opened_at": old, "seen_at": old, "closed_at": None},
            {**t, "id": "new", "state": "closed", "since": old, "opened_at": old, "seen_at": new, "closed_at": new},
        ],
        tables_service.message: [
            {**t, "id": "old", "state": "sent", "created_at": old, "sent_at": old},
            {**t, "id": "old waiting", "state": "waiting", "created_at": old, "sent_at": None},
            {**t, "id": "new", "state": "sent", "created_at": old, "sent_at": new},
        ],
        tables.sighting: [
            {**t, "source": "f", "name": b"old", "size": 1, "modified": 1, "first_seen": old},
            {**t, "source": "f", "name": b"new", "size": 1, "modified": 1, "first_seen": new},
            {**t, "source": "kept", "name": b"old", "size": 1, "modified": 1, "first_seen": old},
        ],
    }  # fmt: skip
    with desk.database.write() as connection:
        for table, some in rows.items():
            connection.execute(insert(table), some)


@pytest.mark.parametrize("piece", [1, 2000])
def test_only_what_is_over_is_trimmed(ran, piece):
    with serving(ran, Clock(NIGHT)) as parts:
        fill(parts.workspace.desk, NIGHT)

        gone = trim(parts.workspace.desk, emptied=["f"], piece=piece)

        assert gone == dict.fromkeys(("firing", "worker", "login", "alert", "message", "sighting"), 1)
        assert trim(parts.workspace.desk, emptied=["f"]) == {}
    with sqlite3.connect(ran.folder / ".mlconnector" / "state.db") as connection:
        left = {
            name: sorted(connection.execute(f"SELECT {key} FROM {name}"))
            for name, key in (("firing", "id"), ("worker", "owner"), ("alert", "id"), ("message", "id"))
        }
    connection.close()
    assert left == {
        "firing": [("new",), ("old queued",)], "worker": [("new",)], "alert": [("new",), ("old open",)],
        "message": [("new",), ("old waiting",)],
    }  # fmt: skip


def test_files_that_leave_their_folder_are_forgotten_and_the_trail_says_so(ran):
    with serving(ran, Clock(NIGHT + timedelta(days=60))) as parts:
        told = HouseKeeping(parts).tick()

    lines = json.loads(ran.at("audit", "--since", "2020-01-01", "--format", "json").stdout)
    assert told[-1] == "taken out: 1 of sighting"
    assert [e["detail"] for e in lines if e["event"] == "trimmed"] == [{"sighting": 1}]

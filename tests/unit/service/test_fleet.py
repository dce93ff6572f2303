"""One member of a fleet, in this process, on a real PostgreSQL: what it takes, what it leaves, what it takes over."""

from __future__ import annotations

import os
import platform
import subprocess
import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from sqlalchemy import text, update

from engine.redaction import Redactor
from engine.run.seams import Seams
from engine.run.workspace import open_workspace
from engine.service.fleet import Fleet
from engine.service.fleet_queue import announcer
from engine.service.live import Live
from engine.service.parts import Parts
from engine.service.shelf import Shelf
from engine.state import queue, queue_alive
from engine.state.database import open_database
from engine.state.firings import Firings
from engine.state.locks import flow_lock, owner_id, worker_lock
from engine.state.tables_service import firing as rows
from engine.state.tables_service import metadata
from tests import postgres
from tests.service.fleet_shop import Shop, serving, write_specs


@pytest.fixture(scope="module")
def server():
    running = postgres.running_server()
    try:
        address = running.__enter__()
    except postgres.NoPostgres as reason:
        pytest.skip(f"no PostgreSQL: {reason}")
    yield address
    running.__exit__(None, None, None)


class Gate(Shop):
    """A shop in which a listing waits until it is let through."""

    def __post_init__(self):
        super().__post_init__()
        self.open = threading.Event()

    def answer(self, method, path, worker, token, body):
        said = super().answer(method, path, worker, token, body)
        if "/in/" in path:
            self.open.wait(30)
        return said


class House:
    """Twelve flows of one company; only those of `g0` are known here."""

    def __init__(self, folder, url, stack):
        write_specs(folder, 2, 6, sessions=9, every="")
        self.ahead = timedelta(0)
        self.shop = Gate(1, slow=0)
        site = stack.enter_context(serving(self.shop))
        stack.callback(self.shop.open.set)
        environ = {"MLCONNECTOR_DATABASE_URL": url, "SHOP_SITE": site, "SHOP_WORKER": "w1"}
        seams = Seams(clock=lambda: datetime.now(UTC) + self.ahead, environ=environ, allow_loopback=True)
        self.workspace = stack.enter_context(open_workspace(folder, seams=seams, redactor=Redactor()))
        self.database = self.workspace.database
        shelf = Shelf([folder / "g0.yaml"])
        shelf.look()
        self.firings = Firings(self.workspace.desk, announcer("default"))
        self.parts = Parts(workspace=self.workspace, seams=seams, shelf=shelf, firings=self.firings, live=Live())
        self.stack = stack

    def fleet(self, at_once=2, **options):
        fleet = Fleet(self.parts, at_once, **options)
        fleet.start()
        self.stack.callback(self.end, fleet)
        return fleet

    def end(self, fleet):
        fleet.stop()
        self.shop.open.set()
        assert fleet.wait(30)

    def ask(self, number, cause="webhook", group="g0", **options):
        return self.firings.ask(f"{group}/f{number}", cause=cause, options=options)[0]

    def claimed_by(self, firing, owner, attempt=0):
        """As if somebody had taken it."""
        change = update(rows).where(rows.c.id == firing.id)
        with self.database.write() as connection:
            connection.execute(change.values(state="running", owner=owner, attempt=attempt))
        self.queue_does("DELETE FROM procrastinate_jobs")

    def queue_does(self, statement):
        with self.database.write() as connection, queue.within_queue(connection) as driver:
            driver.execute(statement)

    def state(self, firing):
        return self.firings.one(firing.id).state

    def jobs(self):
        asked = f"SELECT args->>'firing' FROM {queue.SCHEMA}.procrastinate_jobs WHERE status = 'todo'"
        with self.database.look() as connection:
            return list(connection.execute(text(asked)).scalars())


@pytest.fixture(scope="module")
def shared(server, tmp_path_factory):
    """A database with all tables, made once."""
    with postgres.fresh_database(server, f"member_{os.getpid()}") as url:
        database = open_database(url, tmp_path_factory.mktemp("shared"))
        queue.make_queue(database)
        database.close()
        yield url


@pytest.fixture
def house(shared, tmp_path):
    theirs = ", ".join(f"{queue.SCHEMA}.procrastinate_{name}" for name in ("jobs", "workers", "events"))
    with psycopg.connect(shared.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"TRUNCATE {', '.join(metadata.tables)}, {theirs} RESTART IDENTITY CASCADE")
    with ExitStack() as stack:
        yield House(tmp_path, shared, stack)


def soon(until, seconds=20.0):
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end
        time.sleep(0.02)


def dead():
    """A process of this machine that has ended."""
    done = subprocess.run(["/bin/sh", "-c", "echo $$"], capture_output=True, text=True, check=True)
    return f"{platform.node()}:{done.stdout.strip()}:1"


def test_a_job_stands_for_a_firing_as_soon_as_it_is_committed_and_not_before(house):
    firing = house.ask(0)
    assert house.jobs() == [firing.id]

    with pytest.raises(ZeroDivisionError), house.database.write() as connection:
        [announcer("default")(connection, firing), 1 / 0]
    assert house.jobs() == [firing.id]


def test_one_hand_is_kept_free_of_backfills(house):
    backfills = [house.ask(number, full=True) for number in range(3)]
    fleet = house.fleet(at_once=2)
    soon(lambda: len(fleet.going()) == 1)

    urgent = house.ask(5)
    soon(lambda: house.state(urgent) == "running")
    assert [house.state(each) for each in backfills].count("running") == 1
    house.shop.open.set()
    soon(lambda: {house.state(each) for each in [*backfills, urgent]} == {"done"})


def test_the_most_urgent_goes_first(house):
    backfill, webhook, person = house.ask(0, full=True), house.ask(1), house.ask(2, cause="person")
    house.shop.open.set()
    house.fleet(at_once=1)
    soon(lambda: {house.state(each) for each in (backfill, webhook, person)} == {"done"})

    order = sorted((backfill, webhook, person), key=lambda each: house.firings.one(each.id).started_at)
    assert [each.id for each in order] == [person.id, webhook.id, backfill.id]


def test_what_this_machine_has_no_spec_of_goes_back_with_the_reason(house):
    house.fleet()
    firing = house.ask(0, group="g1")

    soon(lambda: "does not have the spec of `g1/f0`" in house.firings.one(firing.id).reason)
    assert house.state(firing) == "queued"
    soon(lambda: house.jobs() == [firing.id])


def test_what_a_dead_process_of_this_machine_left_is_taken_over_at_once(house):
    firing = house.ask(0)
    house.claimed_by(firing, dead())
    house.shop.open.set()
    house.fleet()

    soon(lambda: house.state(firing) == "done")
    assert house.firings.one(firing.id).attempt == 1


def test_what_a_process_elsewhere_left_is_taken_over_when_nobody_has_held_its_locks_for_a_while(house):
    firing = house.ask(0)
    house.claimed_by(firing, "elsewhere:1:1")
    fleet = house.fleet(sure=0.0)
    soon(lambda: house.state(firing) == "running" and house.firings.one(firing.id).owner == owner_id())
    assert fleet.has(firing.id)


@pytest.mark.parametrize("held", ["worker", "flow"])
def test_what_is_at_work_elsewhere_is_left_alone(house, held):
    firing = house.ask(0)
    owner = "elsewhere:1:1"
    house.claimed_by(firing, owner)
    lock = worker_lock(house.database, owner) if held == "worker" else flow_lock(house.database, "default", "g0/f0")
    with lock:
        assert queue_alive.stalled(house.database, "default", house.firings.running()) == []
    soon(lambda: len(queue_alive.stalled(house.database, "default", house.firings.running())) == 1)


def test_what_dies_with_its_process_too_often_is_given_up(house):
    firing = house.ask(0)
    house.claimed_by(firing, dead(), attempt=9)
    house.fleet()

    soon(lambda: house.state(firing) == "failed")
    assert "gone" in house.firings.one(firing.id).reason


def test_a_start_whose_job_was_lost_gets_another(house):
    firing = house.ask(0)
    house.queue_does("DELETE FROM procrastinate_jobs")
    house.shop.open.set()
    fleet = house.fleet()
    fleet.look()
    assert house.state(firing) == "queued"

    house.ahead = timedelta(seconds=30)
    soon(lambda: house.state(firing) == "done")


def test_jobs_that_were_fetched_long_ago_by_who_died_are_forgotten(house):
    house.ask(0)
    house.queue_does("UPDATE procrastinate_jobs SET status = 'doing'")
    assert queue.drop_abandoned(house.database, "default") == 0
    house.queue_does("UPDATE procrastinate_events SET at = now() - interval '1 hour'")
    assert queue.drop_abandoned(house.database, "default") == 1


def test_a_flow_asked_for_while_it_is_at_work_starts_when_it_has_ended(house):
    house.fleet()
    first = house.ask(0)
    soon(lambda: house.state(first) == "running")
    second = house.ask(0)
    house.shop.open.set()

    soon(lambda: house.state(second) == "done")
    assert house.state(first) == "done"


def test_work_goes_on_when_every_connection_of_the_queue_is_cut(house):
    house.shop.open.set()
    house.fleet()
    before = house.ask(0)
    soon(lambda: house.state(before) == "done")
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with house.database.write() as connection:
        connection.execute(text(cut))

    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            firing = house.ask(1)
            break
        except Exception:  # noqa: BLE001 - the first use of a cut connection fails
            time.sleep(0.05)
    soon(lambda: house.state(firing) == "done", 40)


def test_stopping_puts_back_what_is_in_hand_for_another_worker(house):
    fleet = house.fleet()
    firing = house.ask(0)
    soon(lambda: house.state(firing) == "running")
    fleet.stop()
    house.shop.open.set()
    assert fleet.wait(20)

    assert house.state(firing) == "queued"
    assert house.firings.one(firing.id).not_before is None
    assert house.firings.one(firing.id).attempt == 0
    assert firing.id in house.jobs()

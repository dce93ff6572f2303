"""`doctor` on a database that many machines share: its address, its queue, what waits."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, text

from engine.errors import SetupError
from engine.state import queue
from engine.state.codec import stamp
from engine.state.database import open_database
from engine.state.locks import flow_lock
from engine.state.tables_service import firing, worker
from tests.postgres import NoPostgres, fresh_database, running_server

from .pgbouncer import PROGRAM, pooled


@pytest.fixture(scope="module")
def server():
    try:
        with running_server() as address:
            yield address
    except NoPostgres as error:
        pytest.skip(str(error))


@pytest.fixture
def url(server, desk):
    with fresh_database(server, "doctor_fleet") as address:
        open_database(address, desk.folder).close()
        yield address


@pytest.fixture
def database(url, desk):
    found = open_database(url, desk.folder)
    yield found
    found.close()


def findings(desk, url):
    told = json.loads(desk.at("doctor", "--format", "json", environ={"MLCONNECTOR_DATABASE_URL": url}).stdout)
    return {one["name"]: one for one in told["findings"]}


def test_the_queue_is_new_then_up_to_date_then_behind_then_too_new(desk, url, database):
    assert "no tables yet" in findings(desk, url)["queue"]["detail"]

    upgraded = desk.at("db", "upgrade", environ={"MLCONNECTOR_DATABASE_URL": url})
    assert upgraded.exit_code == 0
    assert "up to date" in findings(desk, url)["queue"]["detail"]

    with database.write() as connection:
        last = list(queue.packaged().steps)[-1]
        connection.execute(text(f"DELETE FROM {queue.SCHEMA}.applied WHERE step = :step"), {"step": last})
    behind = findings(desk, url)["queue"]
    assert (behind["state"], behind["advice"]) == ("fail", "run `mlconnector db upgrade` once")

    with database.write() as connection:
        connection.execute(text(f"INSERT INTO {queue.SCHEMA}.applied (step) VALUES ('99.00_more.sql')"))
    assert "newer" in findings(desk, url)["queue"]["detail"]


def test_starts_that_wait_too_long(desk, url, database):
    now = datetime.now(UTC)
    quiet = findings(desk, url)
    assert quiet["waiting"]["state"] == "ok"

    long_ago = stamp(now - timedelta(hours=1))
    with database.write() as connection:
        row = {"tenant": "default", "kind": "worker", "doing": "", "started_at": long_ago}
        connection.execute(insert(worker), {**row, "owner": "east:11:1", "seen_at": long_ago})
        late = {"tenant": "default", "at": long_ago, "queued_at": long_ago, "state": "queued", "cause": "schedule"}
        connection.execute(insert(firing), {**late, "id": "1", "flow": "books/invoices", "reason": "no seat"})
    found = findings(desk, url)
    assert found["service"]["state"] == "fail"
    assert found["waiting"]["state"] == "warn"
    assert "books/invoices since" in found["waiting"]["detail"]
    assert "(no seat)" in found["waiting"]["detail"]
    assert "nobody is there" in found["waiting"]["advice"]

    with database.write() as connection:
        connection.execute(text("DELETE FROM worker"))
        connection.execute(insert(worker), {**row, "owner": "west:12:1", "seen_at": stamp(now + timedelta(seconds=30))})
    found = findings(desk, url)
    assert found["service"]["state"] == "ok"
    assert "start more workers" in found["waiting"]["advice"]


@pytest.mark.skipif(not Path(PROGRAM).exists(), reason="PgBouncer is not installed")
@pytest.mark.parametrize(("mode", "state"), [("session", "ok"), ("transaction", "fail")])
def test_an_address_that_goes_through_a_real_pooler(desk, url, mode, state):
    with pooled(url, mode) as through:
        assert findings(desk, through)["session locks"]["state"] == state


@pytest.mark.skipif(not Path(PROGRAM).exists(), reason="PgBouncer is not installed")
def test_no_run_begins_through_a_pooler_of_transactions(desk, url):
    with pooled(url, "transaction") as through:
        database = open_database(through, desk.folder)
        try:
            with pytest.raises(SetupError, match="direct address"), flow_lock(database, "default", "books/invoices"):
                pass
        finally:
            database.close()


def test_a_worker_needs_a_database_that_others_can_reach(desk):
    result = desk.at("worker", desk.spec)

    assert result.exit_code == 2
    assert "use `mlconnector serve` on one" in result.output
    assert not (desk.folder / ".mlconnector").exists()

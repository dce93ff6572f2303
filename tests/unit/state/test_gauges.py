"""What monitoring is told of the state is what stands there, and is found by indexes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert, text

from engine.contracts import State
from engine.state import gauges as asked
from engine.state import tables, tables_service
from engine.state.codec import stamp
from engine.state.gauges import gauges
from engine.state.gauges_counted import SETTLED, Attempts, Starts

T = "acme"


def desk(house):
    return house.ledger._desk


def put(house, table, *rows):
    with house.database.write() as connection:
        connection.execute(insert(table), list(rows))


def document(house, key, flow, state, *, minutes_ago=0, seq=0):
    at = stamp(house.clock() - timedelta(minutes=minutes_ago))
    return {
        "tenant": T, "key": key, "version": 0, "seq": seq or int(key[1:]), "flow": flow, "state": state.value,
        "source_sealed": b"", "created_at": at, "updated_at": at,
    }  # fmt: skip


def attempt(house, key="k1", outcome="", minutes_ago=0, tenant=T):
    at = stamp(house.clock() - timedelta(minutes=minutes_ago))
    return {
        "tenant": tenant, "key": key, "version": 0, "request_sealed": b"x", "started_at": at, "deadline_at": at,
        "outcome": outcome,
    }  # fmt: skip


def firing(house, name, state="queued", priority=10, minutes_ago=0, flow=None):
    at = stamp(house.clock() - timedelta(minutes=minutes_ago))
    return {
        "tenant": T, "id": name, "flow": flow or f"f/{name}", "at": at, "cause": "schedule", "state": state,
        "priority": priority, "queued_at": at,
    }  # fmt: skip


def test_an_empty_state_has_nothing_to_tell(house):
    found = gauges(desk(house))
    assert (found.open, found.ended, found.queue, found.running) == ({}, {}, {}, 0)
    assert (found.last_success, found.last_document, found.in_doubt_since, found.token_ends) == ({}, {}, {}, {})


def test_documents_are_counted_by_flow_and_state(house):
    put(
        house,
        tables.document,
        document(house, "k1", "f/a", State.HELD),
        document(house, "k2", "f/a", State.HELD),
        document(house, "k3", "f/a", State.POSTED, minutes_ago=5),
        document(house, "k4", "f/b", State.IN_DOUBT, minutes_ago=90),
        {**document(house, "k5", "f/b", State.HELD), "tenant": "other"},
    )
    found = gauges(desk(house))
    assert found.open == {("f/a", "held"): 2, ("f/b", "in_doubt"): 1}
    now = house.clock()
    assert found.last_document == {"f/a": now, "f/b": now - timedelta(minutes=90)}


def test_a_doubt_is_as_old_as_its_last_sending(house):
    put(house, tables.document, document(house, "k1", "f/a", State.IN_DOUBT, minutes_ago=5))
    put(house, tables.document, document(house, "k2", "f/b", State.IN_DOUBT, minutes_ago=7))
    put(house, tables.attempt, attempt(house, minutes_ago=90), attempt(house, minutes_ago=60))
    now = house.clock()
    assert gauges(desk(house)).in_doubt_since == {
        "f/a": now - timedelta(minutes=60),
        "f/b": now - timedelta(minutes=7),
    }


def test_ended_documents_are_what_the_tally_says(house):
    rows = [
        {"tenant": T, "flow": "f/a", "day": day, "state": "posted", "documents": 3}
        for day in ("2026-11-01", "2026-11-02")
    ]
    put(house, tables_service.tally, *rows, {**rows[0], "tenant": "other"})
    assert gauges(desk(house)).ended == {("f/a", "posted"): 6}


def test_a_flow_succeeded_when_its_last_good_run_ended(house, clock):
    for ok in (True, True, False):
        run = house.ledger.start_run("f/a", "run", "sha")
        clock.move(minutes=10)
        house.ledger.end_run(run, "done", {}, ok=ok)
    dry = house.ledger.start_run("f/b", "dry-run", "sha")
    house.ledger.end_run(dry, "done", {}, ok=True)
    assert gauges(desk(house)).last_success == {"f/a": clock.now - timedelta(minutes=10)}


def test_files_wait_until_they_are_read_or_placed(house):
    now = house.clock()
    seen = {"tenant": T, "size": 1, "modified": 1}
    put(
        house,
        tables.sighting,
        {**seen, "source": "f/a", "name": b"1", "sha256": "", "first_seen": stamp(now - timedelta(hours=3))},
        {**seen, "source": "f/a", "name": b"2", "sha256": "", "first_seen": stamp(now - timedelta(days=30))},
        {**seen, "source": "f/a", "name": b"3", "sha256": "a", "first_seen": stamp(now - timedelta(hours=9))},
    )
    box = {"tenant": T, "flow": "f/b"}
    put(
        house,
        tables.outbox,
        {**box, "number": 1, "state": "done", "built_at": stamp(now - timedelta(hours=8))},
        {**box, "number": 2, "state": "sending", "built_at": stamp(now - timedelta(hours=2))},
        {**box, "number": 3, "state": "built", "built_at": stamp(now - timedelta(hours=1))},
    )
    found = gauges(desk(house)).file_waits_since
    assert found == {"f/a": now - timedelta(hours=3), "f/b": now - timedelta(hours=2)}


def test_tokens_starts_and_alerts(house):
    ends = house.clock() + timedelta(hours=1)
    house.vault.keep("token", "f/erp/oauth2", b"a-token", ends)
    house.vault.keep("token", "f/erp/refresh", b"a-token", None)
    put(
        house, tables_service.firing, firing(house, "1"), firing(house, "2", priority=30), firing(house, "3", "running")
    )
    alert = {"tenant": T, "id": "a", "kind": "held", "state": "open", "opened_at": "x", "since": "x", "seen_at": "x"}
    put(house, tables_service.alert, alert, {**alert, "id": "b", "state": "closed"})
    found = gauges(desk(house))
    assert found.token_ends == {"f/erp/oauth2": ends}
    assert (found.queue, found.running, found.alerts) == ({10: 1, 30: 1}, 1, {"held": 1})


def test_attempts_count_on_and_each_once(house, clock):
    put(house, tables.attempt, attempt(house, outcome="done"))
    counted = Attempts(desk(house))
    assert counted.counts() == {}
    put(
        house,
        tables.attempt,
        attempt(house, "k1"),
        attempt(house, "k2", "done"),
        attempt(house, "k2", "done", tenant="b"),
    )
    assert counted.counts() == {"done": 1}
    house.sql("UPDATE attempt SET outcome = 'refused' WHERE key = 'k1' AND outcome = ''")
    assert counted.counts() == {"done": 1, "refused": 1}
    clock.move(minutes=1 + SETTLED.total_seconds() / 60)
    put(house, tables.attempt, attempt(house, outcome="done"))
    assert [counted.counts() for _ in range(2)] == [{"done": 2, "refused": 1}] * 2


def test_starts_count_on_as_they_end(house, clock):
    put(house, tables_service.firing, firing(house, "old", "done", minutes_ago=60), firing(house, "1", minutes_ago=30))
    counted = Starts(desk(house))
    assert counted.counts() == {}
    house.sql("UPDATE firing SET state = 'failed' WHERE id = '1'")
    put(house, tables_service.firing, firing(house, "2", "running"), firing(house, "3", "skipped"))
    assert counted.counts() == {"failed": 1, "skipped": 1}
    clock.move(hours=1)
    assert counted.counts() == {"failed": 1, "skipped": 1}
    house.sql("UPDATE firing SET state = 'done' WHERE id = '2'")
    assert [counted.counts() for _ in range(2)] == [{"failed": 1, "skipped": 1, "done": 1}] * 2
    clock.move(hours=1)
    assert counted.counts() == {"failed": 1, "skipped": 1, "done": 1}


STATEMENTS = [
    asked.counted_open,
    asked.last_document,
    asked.last_success,
    asked.in_doubt_since,
    asked.unsent_since,
]


@pytest.mark.parametrize("statement", STATEMENTS)
def test_no_statement_reads_a_whole_table(home, statement):
    """SQLite says how it goes about it: a SCAN of one of our tables would grow with the ledger."""
    said = str(statement(T).compile(home.database.engine, compile_kwargs={"literal_binds": True}))
    with home.database.look() as connection:
        steps = [row[-1] for row in connection.execute(text(f"EXPLAIN QUERY PLAN {said}"))]
    named = ("document", "attempt", "run", "outbox")
    assert [step for step in steps if step.startswith("SCAN") and step.split()[1] in named] == []
    assert not [step for step in steps if "AUTOMATIC" in step]

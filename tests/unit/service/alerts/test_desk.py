"""The desk at work: what it looks at and when, several services on one database, several integrations, links into the console."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from engine.service.alerts.desk import AlertDesk
from engine.service.alerts.words import headline, link, next_run
from engine.state.alerts import Alert
from engine.state.firings import Planned
from tests.postgres import NoPostgres, fresh_database, running_server
from tests.sinks import Sink

START = datetime(2026, 11, 2, 7, 0, tzinfo=UTC)


def alert(kind, **more):
    given = {
        "id": "1", "integration": "books", "flow": "books/invoices", "kind": kind, "subject": "", "name": "team",
        "state": "open", "said": "", "next_step": "", "heals": "", "times": 1, "amount": "", "since": START,
        "opened_at": START, "seen_at": START, "told_at": None, "closed_at": None,
    }  # fmt: skip
    return Alert(**{**given, **more})


def test_what_moved_is_looked_at_at_once_and_the_rest_every_minute(place, sink):
    place.tick()
    place.put("one.csv", "ACME,1,13")
    place.run()
    place.tick(seconds=1)
    assert place.kinds() == ["held"]
    place.tell('    on_error: {alert: team}\n    expect: {by: "07:00"}\n')
    place.tick(seconds=1)
    assert place.kinds() == ["held"], "nothing happened to the flow, and a minute has not passed"


def test_looking_takes_a_share_of_the_time_only(place, sink):
    """After a look of so long there is a pause of many times that; what moved meanwhile is looked at then."""
    desk = AlertDesk(place.parts, share=10**9)
    desk.tick()
    place.put("one.csv", "ACME,1,13")
    place.run()
    place.clock.move(minutes=10)
    desk.tick()
    assert place.open() == []
    place.clock.move(days=10_000)
    desk.tick()
    assert place.kinds() == ["held"]


def test_a_database_that_is_away_is_logged_and_nothing_ends(place, sink, caplog):
    place.tick()
    file = place.folder / ".mlconnector" / "state.db"
    place.workspace.database.close()
    file.rename(file.with_suffix(".away"))
    file.mkdir()
    place.tick(minutes=2)
    assert "alerts: The state database" in caplog.text
    place.workspace.database.close()
    file.rmdir()
    file.with_suffix(".away").rename(file)
    place.put("one.csv", "ACME,1,13")
    place.run()
    place.tick(minutes=2)
    assert place.kinds() == ["held"]


def test_whoever_is_named_now_is_told(place, sink):
    """The team changed while something was wrong: the new one hears of it."""
    place.put("one.csv", "ACME,1,13")
    place.run()
    place.tick()
    place.tick(minutes=16)
    other = Sink()
    try:
        place.workspace.vault.set("alerts.night", other.address)
        place.say(
            "  team: {to: {secret: alerts.team}}\n",
            "  team: {to: {secret: alerts.team}}\n  night: {to: {secret: alerts.night}}\n",
        )
        place.say("on_error: {alert: team}", "on_error: {alert: night}")
        place.tick(minutes=2)
        place.tick(minutes=16)
        assert (len(sink.got), len(other.got)) == (1, 1)
    finally:
        other.close()


def test_a_flow_that_is_gone_has_no_alerts(place, sink):
    place.put("one.csv", "ACME,1,13")
    place.run()
    place.tick()
    place.say("  invoices:\n    title: Invoices\n    schedule", "  bills:\n    title: Invoices\n    schedule")
    place.tick(minutes=2)
    assert place.open() == []


def test_two_services_on_one_server_send_one_message(tmp_path, clock, opened):
    """Both at once, again and again, with a night full of causes."""
    sink = Sink()
    try:
        with ExitStack() as stack:
            server = stack.enter_context(running_server())
            url = stack.enter_context(fresh_database(server, "mlc_alerts"))
            place = stack.enter_context(opened(tmp_path, clock, url))
            place.workspace.vault.set("alerts.team", sink.address)
            others = [place, place.another(), place.another()]
            for n in range(12):
                place.put(f"bad_{n}.csv", "nothing,of,this", f"{n}")
            place.run()
            with ThreadPoolExecutor(3) as pool:
                for _ in range(4):
                    list(pool.map(lambda each: each.desk.tick(), others))
                    clock.move(minutes=8)
            assert sink.subjects == ["mlconnector: 12 things need you (books)"]
            assert [(message.state, message.tries) for message in place.messages()] == [("sent", 1)]
            assert place.workspace.trail.verify().breaks == ()
    except NoPostgres as reason:
        pytest.skip(f"no PostgreSQL: {reason}")
    finally:
        sink.close()


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (alert("held", times=200, amount="12345.60"), "invoices: 200 documents are held, 12,345.60 in all"),
        (alert("held", amount="-1234567"), "invoices: a document is held, -1,234,567 in all"),
        (alert("unreachable", times=3), "invoices: a system is out of reach: 3 runs failed"),
        (alert("broken_spec", flow=""), "books: the spec has mistakes"),
    ],
)
def test_headlines(found, said):
    assert headline(found) == said


@pytest.mark.parametrize(
    ("found", "page"),
    [
        (alert("held", subject="ab12"), "/queue?flow=books%2Finvoices&state=held&cause=ab12"),
        (alert("in_doubt"), "/queue?flow=books%2Finvoices&state=in_doubt"),
        (alert("stopped"), "/runs?flow=books%2Finvoices"),
        (alert("bad_file", subject="a b&c.csv"), "/files?name=a%20b%26c.csv"),
        (alert("unanswered"), "/files?flow=books%2Finvoices&side=out"),
        (alert("missing"), "/files?flow=books%2Finvoices"),
        (alert("broken_spec", flow=""), "/alerts"),
    ],
)
def test_links_lead_to_the_page_that_shows_it(found, page):
    assert link("https://console.acme.example/", found) == f"https://console.acme.example{page}"
    assert link("", found) == ""


def test_when_a_flow_runs_next(place):
    flow = place.shelf.integrations["books"].flows["invoices"]
    plan = Planned(flow=flow.id, plan="every 15m", next_at=datetime(2026, 11, 4, 8, 30, tzinfo=UTC))
    assert next_run(flow, plan, START) == "next run Wed 04 Nov 08:30 UTC, in 2 days 2 hours (every 15m)"
    assert next_run(flow, replace(plan, next_at=START), START) == "next run Mon 02 Nov 07:00 UTC, now (every 15m)"
    paused = replace(plan, paused=True, said_by="ada")
    assert next_run(flow, paused, START) == "the flow is paused by ada: nothing runs until it is resumed"
    assert next_run(flow, None, START) == "meant to run every 15m"
    assert next_run(flow, replace(plan, next_at=None), START) == "it runs when somebody starts it"
    assert next_run(None, None, START) == ""

"""Runs: what ran, what runs, what waits and why; one run line by line."""

from __future__ import annotations

import re

import pytest

from engine.service.console.links import document_address

EVIL = "</td><script>alert(1)</script><img src=x onerror=alert(2)>\u202egnp.exe"


def run_of(office, flow="epicor-kinetic--stampli/invoices"):
    return office.workspace.ledger.runs(flow)[0]


def test_the_list_tells_each_run_in_a_line(office, viewer):
    viewer.get("/runs")

    assert viewer.page.status_code == 200
    assert viewer.text.count("<h1") == 1
    assert "6 read" not in viewer.seen
    assert "1 conflict" in viewer.seen
    assert f'href="/runs/{run_of(office).id}"' in viewer.text
    assert '<time datetime="2026-03' in viewer.text


@pytest.mark.parametrize(
    ("query", "there", "not_there"),
    [
        ("flow=epicor-kinetic--stampli/invoices", "1 conflict", "vendors</td>"),
        ("flow=epicor-kinetic--stampli/invoices&outcome=partial", "1 conflict", "vendors</td>"),
        ("outcome=empty", "No run is like that", "1 conflict"),
        ("flow=no/such", "No run is like that", "1 conflict"),
        ("outcome=at+work", "No run is like that", "1 conflict"),
    ],
)
def test_the_list_is_narrowed_by_its_address(viewer, query, there, not_there):
    viewer.get(f"/runs?{query}")
    assert there in viewer.text
    assert not_there not in viewer.text


def test_older_runs_are_a_page_away(make_office):
    office = make_office(filled=False)
    ledger, visitor = office.workspace.ledger, office.visit("vic")
    made = []
    for number in range(120):
        office.world.clock.forward(seconds=1)
        made.append(ledger.start_run(f"a/f{number % 2}", "run", "x" * 64))
        ledger.end_run(made[-1], "done", {"headline": f"run number {number}"}, ok=True)
    seen = []
    visitor.get("/runs")
    while True:
        seen += re.findall(r"run number (\d+)", visitor.seen)
        older = re.search(r'href="([^"]+)" rel="next"', visitor.text)
        if older is None:
            break
        visitor.get(older[1].replace("&amp;", "&"))

    assert [int(each) for each in seen] == list(reversed(range(120)))


def test_one_run_is_told_whole(office, viewer):
    run = run_of(office)
    viewer.get(f"/runs/{run.id}")

    assert viewer.page.status_code == 200
    for word in ("partial", "conflict", "rejected", "Line by line", "run started", "run ended", run.id):
        assert word in viewer.seen, word
    document = office.world.documents("R-1")[-1]
    assert document_address(document.key, document.version) in viewer.text


def test_an_unknown_run_is_told_and_nothing_else(viewer):
    viewer.get(f"/runs/{'x' * 500}")
    assert viewer.page.status_code == 400
    assert "There is no such run" in viewer.seen


def test_what_goes_on_now_and_what_waits_is_shown_and_kept_up_to_date(make_office):
    office = make_office(filled=False)
    parts, visitor = office.parts, office.visit("vic")
    flow = "a/invoices"
    parts.firings.ask(flow, cause="person", by="olga")
    taken = parts.firings.take("host:1")
    run = parts.workspace.ledger.start_run(flow, "run", "x" * 64)
    parts.firings.begin(taken, run)
    progress = parts.live.progress(flow)
    parts.live.began(flow, run)
    progress("parcel", {"flow": "invoices", "name": "morning.csv", "size": 10})
    parts.firings.ask(flow, cause="webhook")

    visitor.get("/runs")
    assert "reading morning.csv" in visitor.seen
    assert "a webhook came" in visitor.seen
    assert 'hx-get="/runs/live?flow="' in visitor.text
    visitor.get(f"/runs/{run}")
    assert "reading morning.csv" in visitor.seen
    assert f'hx-get="/runs/{run}/live"' in visitor.text

    progress("ingested", {"flow": "invoices", "name": "morning.csv", "read": 7})
    visitor.get(f"/runs/{run}/live", **{"HX-Request": "true"})
    assert "7 read" in visitor.seen
    assert "<html" not in visitor.text

    parts.live.ended(flow)
    parts.workspace.ledger.end_run(run, "done", {"headline": "7 posted", "counts": {"read": 7}}, ok=True)
    done = visitor.get(f"/runs/{run}/live", **{"HX-Request": "true"})
    assert (done.status_code, done.headers["HX-Refresh"]) == (204, "true")
    visitor.get(f"/runs/{run}")
    assert "/live" not in visitor.text


def test_a_start_that_never_became_a_run_says_why(make_office):
    office = make_office(filled=False)
    firings, visitor = office.parts.firings, office.visit("vic")
    firings.ask("a/invoices", cause="person", by="olga")
    firings.end(firings.take("host:1"), "", 4, "the secret `a.b` is missing")

    visitor.get("/runs")

    assert "Starts that never became a run (1)" in visitor.seen
    assert "the secret `a.b` is missing" in visitor.seen


def test_hostile_values_stay_text(make_office):
    office = make_office(filled=False)
    ledger, visitor = office.workspace.ledger, office.visit("vic")
    run = ledger.start_run(EVIL, "run", EVIL)
    summary = {
        "headline": EVIL,
        "counts": {EVIL: 3},
        "amounts": {EVIL: EVIL},
        "bad_files": [EVIL],
        "notes": [EVIL],
        "error": EVIL,
    }
    ledger.end_run(run, EVIL, summary, ok=False)
    office.workspace.trail.note(EVIL, run=run, key=EVIL, detail={"version": 0, EVIL: EVIL})
    office.workspace.trail.flush()

    for path in ("/runs", f"/runs/{run}"):
        visitor.get(path)
        assert visitor.page.status_code == 200
        assert "<script>alert" not in visitor.text
        assert "<img src=x" not in visitor.text
        assert "\u202e" not in visitor.text
        assert "alert(1)" in visitor.seen


def test_nobody_sees_it_who_is_not_in(office):
    stranger = office.visit()
    for path in ("/runs", "/runs/live", f"/runs/{run_of(office).id}"):
        stranger.client.follow_redirects = False
        assert stranger.get(path).status_code in {303, 401}, path

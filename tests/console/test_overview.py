"""The first page: what needs a person stands first, with amounts to the last digit, and nothing that came in can act in it."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from html import unescape
from types import MappingProxyType

import pytest

from engine.contracts import State
from engine.run.model import Schedule
from engine.service.console.overview_chart import chart
from engine.service.console.overview_facts import FlowFacts, IntegrationFacts, Overview, Sum, Work, in_words
from engine.service.console.render import amount, length_of_time, render
from engine.service.counting import Counting
from engine.service.live import Going
from engine.state.facts import Run
from engine.state.firings import Planned
from engine.state.overview_figures import Standing
from engine.state.people import Person
from engine.state.tally import Figure

FLOW = "epicor-kinetic--stampli/invoices"
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOSTILE = [
    "<script>alert(1)</script>", '"onmouseover="alert(1)', "'><img src=x onerror=alert(1)>", "{{7*7}}", "{% raw %}", "a\u202eb\u2066c",
    "x" * 10_000, "javascript:alert(1)", "&lt;b&gt;", "\x00\x1b[31m", "</title></svg><script>1</script>",
]  # fmt: skip


@pytest.fixture(scope="module")
def seen(office, operator):
    """The overview after everything is counted, one flow at work."""
    Counting(office.parts).tick()
    operator.get("/")
    return operator


def rows(text, section):
    """The cells of the first table behind that heading, as a person reads them."""
    body = text[text.index(section) :]
    table = body[body.index("<tbody>") : body.index("</tbody>")]
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in table.split("</tr>")[:-1]]
    return [[re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", cell)).strip() for cell in row] for row in cells]


def test_what_needs_a_person_stands_first_with_counts_amounts_and_ages(seen):
    found = [row[:4] for row in rows(seen.text, "What needs a person")]
    assert found == [
        ["held", FLOW, "2", "15.31"], ["conflict", FLOW, "1", "99.00"], ["quarantined", FLOW, "1", "10.30"],
        ["rejected", FLOW, "1", "10.30"], ["in doubt", FLOW, "1", "10.30"],
    ]  # fmt: skip
    assert seen.text.index("What needs a person") < seen.text.index("Running now")


def test_every_flow_tells_its_last_run_its_schedule_and_what_it_posted(seen):
    line = next(row for row in rows(seen.text, "Flows of Epicor") if row[0].endswith(" invoices"))
    assert line[0] == "Approved invoices into Epicor AP invoices"
    assert line[1].startswith("partial now 1 in doubt (10.30), 1 rejected (10.30), 1 conflict (99.00)")
    assert "every 15 min" in line[2]
    assert line[3:5] == ["2 1,234,578.10", "2 1,234,578.10"]
    never = next(row for row in rows(seen.text, "Flows of Epicor") if "gl_accounts" in row[0])
    assert (never[1], "at 02:30 on Sunday (America/New_York)" in never[2]) == ("never", True)


def test_the_chart_has_the_same_numbers_as_a_table_and_a_title(seen):
    table = rows(seen.text, "The same as a table")
    assert len(table) == 14
    assert table[0] == ["Mon 02 Mar", "2 (1,234,578.10)", "4 (124.61)", "2 (20.60)"]
    assert table[1] == ["Sun 01 Mar", "0", "0", "0"]
    assert re.search(r'<svg class="chart"[^>]*role="img" aria-labelledby="(c-\d)">\s*<title id="\1">', seen.text)


def test_it_can_be_read_without_eyes_and_without_a_mouse(seen):
    assert '<html lang="en">' in seen.text
    assert len(re.findall("<h1", seen.text)) == 1
    assert all(re.search(r"<caption", table) for table in re.findall(r"<table.*?</table>", seen.text, re.DOTALL))
    assert all("scope=" in head for head in re.findall(r"<th[^>]*>", seen.text) if head != "<thead>")
    assert '<a class="skip" href="#main">' in seen.text
    names = re.findall(r"<button[^>]*aria-label=\"([^\"]+)\"", seen.text)
    assert len(names) == len(set(names)), "each button says which flow it is about"


def test_what_runs_is_shown_and_the_page_is_told_only_of_news(office, operator):
    quiet = operator.get("/overview/live").text
    mark = re.search(r"seen=(\w+)", quiet)[1]
    assert operator.get(f"/overview/live?seen={mark}").status_code == 204
    tell = office.parts.live.progress(FLOW)
    tell("parcel", {"name": "<b>file</b>.csv"})
    answer = operator.get(f"/overview/live?seen={mark}")
    assert answer.status_code == 200
    assert "<b>file</b>" not in answer.text
    assert f"{FLOW} reading <b>file</b>.csv" in unescape(re.sub(r"\s+", " ", re.sub("</?a[^>]*>", "", answer.text)))
    office.parts.live.ended(FLOW)
    assert "Nothing is running." in operator.get("/overview/live").text


def test_a_spec_that_stopped_holding_together_is_told_with_its_problems(make_office):
    office = make_office()
    spec = office.world.spec
    spec.write_text(spec.read_text().replace("pattern: create_once", "pattern: <script>once</script>", 1))
    office.parts.shelf._wall = lambda: spec.stat().st_mtime + 60
    office.parts.shelf.look()
    visitor = office.visit("vic")
    visitor.get("/")
    assert "its last good version goes on" in visitor.seen
    assert "<script>once" not in visitor.text


def test_a_start_that_came_to_no_run_is_told_with_its_reason(make_office):
    office = make_office()
    firings, flow = office.parts.firings, "epicor-kinetic--stampli/gl_accounts"
    firings.ask(flow, cause="person", by="olga")
    firings.end(firings.take("me"), "", 4, "environment variable `EPICOR_SITE` is <b>not</b> set")
    visitor = office.visit("vic")
    visitor.get("/")
    line = next(row for row in rows(visitor.text, "Flows of Epicor") if "gl_accounts" in row[0])
    assert line[1] == "never failed environment variable `EPICOR_SITE` is &lt;b&gt;not&lt;/b&gt; set"


def test_amounts_keep_every_digit():
    assert [amount(each) for each in ("1234567.80", "-0.10", "0", "1E+3", "99999999999999999999.99", "n/a", "", None)] == [
        "1,234,567.80", "-0.10", "0", "1,000", "99,999,999,999,999,999,999.99", "n/a", "", "",
    ]  # fmt: skip


def test_lengths_of_time_are_told_in_two_units():
    spans = [
        timedelta(seconds=5),
        timedelta(minutes=3, seconds=2),
        timedelta(hours=26),
        timedelta(days=400),
        timedelta(),
    ]
    assert [length_of_time(each) for each in spans] == ["5 s", "3 min 2 s", "1 d 2 h", "400 d", "0 s"]


def test_schedules_are_told_in_words():
    assert in_words(Schedule(every=timedelta(minutes=90))) == "every 1 h 30 min"
    assert in_words(Schedule(cron="0 6 * * 1-5", timezone="Europe/Berlin")) == (
        "at 06:00 on Monday through Friday (Europe/Berlin)"
    )
    assert in_words(None) == ""


def test_a_small_number_beside_a_large_one_can_still_be_seen():
    figures = [figure("posted", 10_000), figure("held", 1), figure("rejected", 0)]
    drawn = chart(figures, date(2026, 3, 2), 14).days[-1]
    heights = {part.kind: float(part.height) for part in drawn.parts}
    assert (heights["warn"], heights["bad"]) == (1.5, 0.0)
    assert sum(heights.values()) < 70


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_came_in_acts_in_the_page(text):
    """Every text of the page at once: names, titles, reasons, what a run says of itself."""
    page = render("overview.html", _page(text))
    plain = re.sub(r'<script src="[^"]*" defer></script>', "", page)
    assert "<script" not in plain
    assert "onerror=alert(1)>" not in plain.replace("onerror=alert(1)&gt;", "")
    assert not re.search(r'<[^>]*"\s*onmouseover="', plain)
    assert "49" not in re.sub(r"[0-9]{2,}:|\d{4}-", "", plain.partition("<h1>")[2]) or "{{7*7}}" in plain
    assert not set("\u202e\u2066\x00\x1b") & set(page)
    assert plain.count("<html") == plain.count("</html>") == 1


def _page(text):
    standing = Standing(flow=text, state=State.HELD, documents=1, amount=Decimal("1.10"), since=NOW)
    run = Run(
        id=text,
        flow=text,
        mode="run",
        spec_sha="",
        started_at=NOW,
        ended_at=NOW,
        outcome=text,
        ok=False,
        summary={"headline": text},
    )
    flow = FlowFacts(
        id=f"{text}/{text}", title=text, schedule=text, planned=Planned(flow=text, plan=text, paused=True, said_by=text),
        last=run, fresh=NOW, stands=[standing], on_the_way=1, lag=timedelta(1), last_day=Sum(), last_days=Sum(), failed=text,
    )  # fmt: skip
    facts = IntegrationFacts(name=text, title=text, flows=[flow], chart=chart([figure("posted", 3)], NOW.date(), 14))
    going = Going(flow=text, started_at=NOW, text=text, counts={text: 1})
    return {
        "all": Overview(wanted=[standing], integrations=[facts], broken=MappingProxyType({text: text}), uncounted=9999),
        "work": [Work(flow=text, since=NOW, owner=text, going=going), Work(flow=text, since=NOW, owner=text, going=None)],
        "mark": text, "days": 14, "kinds": [("good", text)], "height": 70, "bar": 14, "now": NOW, "said": text, "csrf_token": "T",
        "person": Person(name=text, role="admin"), "nav": [(text, "/")], "path": "/", "query": text, "polled": False,
    }  # fmt: skip


def figure(state, documents):
    return Figure(flow="a/b", day="2026-03-02", state=state, documents=documents, amount=Decimal(documents))

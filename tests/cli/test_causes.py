"""Errors by their cause: one group for one reason, listed, given another turn and decided as one."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from engine.contracts import State
from engine.desk.causes import cause_id, cause_text
from engine.state.ledger_overview import Listed


def listed(reason, number="00123", party="ACME", state=State.HELD, flow="books/invoices", amount="10.30"):
    moment = datetime(2026, 3, 2, tzinfo=UTC)
    return Listed(
        flow=flow, key=f"default|{party}|{number}", version=0, state=state, number=number, party=party, amount=amount,
        reason=reason, step="", place="row 2", reference="", tries=0, created_at=moment, updated_at=moment,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("`d`: row 3: column `Date`: '20.02.2026' is not a date", "`d`: row 71: column `Date`: 'soon' is not a date"),
        ("`Lines[1].GLAccount`: 'PENS' is not in crosswalk `gl`", "`Lines[12].GLAccount`: 'INK' is not in crosswalk `gl`"),
        ("Group MLC is locked until 2026-03-02T09:00:00Z (HTTP 400)", "Group MLC is locked until 2026-04-01 (HTTP 400)"),
        ("`name`: \"O'Brien and S… has 60 characters, and `max_length` is 50", "`name`: 'Smith' has 51 characters, and `max_length` is 50"),
        ("The total 10.30 differs from 10.35", "The total 9 differs from 8"),
        ('`n`: "O\'Brien" is too long', "`n`: 'Smith' is too long"),
    ],
)  # fmt: skip
def test_what_is_a_documents_own_makes_no_cause_of_its_own(one, other):
    assert cause_id(listed(one)) == cause_id(listed(other))


def test_its_number_party_and_key_are_its_own():
    one = listed("Possibly the same as 77 of ACME, which is posted", number="00123")
    other = listed("Possibly the same as INV-9 of Zeta & Co, which is posted", number="9", party="Zeta & Co")

    assert cause_id(one) == cause_id(other)
    assert "ACME" not in cause_text(one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (listed("`d`: 'x' is not a date"), listed("`e`: 'x' is not a date")),
        (listed("refused (HTTP 400)"), listed("refused (HTTP 500)")),
        (listed("late"), listed("late", state=State.REJECTED)),
        (listed("late"), listed("late", flow="books/payments")),
    ],
)
def test_field_status_state_and_flow_tell_causes_apart(one, other):
    assert cause_id(one) != cause_id(other)


def test_a_hostile_reason_costs_little():
    assert cause_text(listed("a" * 100_000 + "`" * 1001 + "'" * 1001))


@pytest.fixture
def waiting(desk):
    """Three held for one reason, one quarantined for another, one delivered."""
    desk.place("a.csv", "1,13", "2,13", "3,13", "4,ten", "5,10.50")
    assert desk.at("run", desk.spec).exit_code == 3
    return desk


def groups(desk, *words):
    return json.loads(desk.at("held", "list", "--by-cause", "--format", "json", *words).stdout)


def test_causes_with_their_figures_an_example_and_where_to_look(waiting):
    large, small = groups(waiting)

    assert (large["state"], large["documents"], large["amount"], large["flow"]) == ("held", 3, "39", "books/invoices")
    assert large["example"]["number"] in {"1", "2", "3"}
    assert "Thirteen is unlucky" in large["reason"]
    assert "3 of 5 that came in meanwhile have it: look at their data" in large["hint"]
    assert (small["state"], small["documents"]) == ("quarantined", 1)
    text = waiting.at("held", "list", "--by-cause").stdout
    assert text.startswith("CAUSE")
    assert large["cause"] in text
    assert "for example" in text
    assert "replay --group CAUSE" in text


def test_a_cause_all_have_is_the_configuration(desk):
    desk.place("a.csv", "1,13", "2,13")
    desk.at("run", desk.spec)

    (only,) = groups(desk)

    assert "all 2 that came in meanwhile have it: look at configuration" in only["hint"]


def test_one_document_alone_tells_nothing_about_where_to_look(desk):
    desk.place("a.csv", "1,13")
    desk.at("run", desk.spec)

    assert groups(desk)[0]["hint"] == ""


def test_a_list_names_each_documents_cause(waiting):
    rows = json.loads(waiting.at("held", "list", "--format", "json").stdout)

    assert {row["cause"] for row in rows} == {group["cause"] for group in groups(waiting)}


def test_a_group_is_replayed_as_one(waiting):
    cause = groups(waiting)[0]["cause"]

    told = waiting.at("replay", "--group", cause)

    assert told.exit_code == 0
    assert told.stdout.count("goes on at the next run with its stored payload") == 3


def test_a_group_is_mapped_again_with_the_mended_spec(waiting):
    cause = groups(waiting)[0]["cause"]
    path = waiting.folder / "books.yaml"
    path.write_text(path.read_text().replace("total != `13`", "total != `14`"))

    told = json.loads(waiting.at("replay", "--group", cause, "--remap", waiting.spec, "--format", "json").stdout)

    assert [(turn["was"], turn["state"]) for turn in told] == [("held", "ready")] * 3
    assert all(turn["spec_was"] and turn["spec_now"] and turn["spec_was"] != turn["spec_now"] for turn in told)
    assert "3 posted" in waiting.at("run", waiting.spec).stdout
    story = waiting.at("audit", "--invoice", "1").stdout
    assert told[0]["spec_was"] in story
    assert told[0]["spec_now"] in story


def test_a_group_is_rejected_or_released_with_one_reason(waiting):
    cause = groups(waiting)[0]["cause"]

    told = waiting.at("held", "reject", "--group", cause, "--reason", "the vendor withdrew them")

    assert (told.exit_code, told.stdout.count("will not be posted")) == (0, 3)
    assert [group["documents"] for group in groups(waiting)] == [1]


def test_release_of_a_group_as_json(waiting):
    cause = groups(waiting)[0]["cause"]

    told = json.loads(
        waiting.at("held", "release", "--group", cause, "--reason", "fine", "--send", "--format", "json").stdout
    )

    assert [(one["state"], one["error"]) for one in told] == [("ready", "")] * 3
    assert "3 posted" in waiting.at("run", waiting.spec).stdout


@pytest.mark.parametrize(
    "words",
    [
        ("replay", "--group", "deadbeef"),
        ("held", "reject", "--group", "deadbeef", "--reason", "x"),
        ("held", "release", "--group", "deadbeef", "--reason", "x"),
    ],
)
def test_an_unknown_cause_is_wrong_usage_and_the_known_ones_are_told(waiting, words):
    known = {group["cause"] for group in groups(waiting)}

    told = waiting.at(*words)

    assert (told.exit_code, told.stdout) == (2, "")
    assert "No document has the cause `deadbeef`" in told.stderr
    assert all(cause in told.stderr for cause in known)


@pytest.mark.parametrize(
    "words",
    [
        ("held", "reject", "--reason", "x"),
        ("held", "reject", "1", "--group", "deadbeef", "--reason", "x"),
        ("held", "release", "--group", "deadbeef", "--posted-as", "A", "--reason", "x"),
        ("held", "reject", "--group", "CAUSE", "--reason", " "),
        ("replay", "1", "--flow", "invoices"),
        ("replay", "--failed", "--flow", "nix"),
        ("held", "list", "--flow", "nix"),
    ],
)
def test_words_that_do_not_go_together_change_nothing(waiting, words):
    cause = groups(waiting)[0]["cause"]
    before = waiting.at("held", "list", "--all", "--format", "json").stdout

    told = waiting.at(*(cause if word == "CAUSE" else word for word in words))

    assert (told.exit_code, told.stdout) == (2, "")
    assert waiting.at("held", "list", "--all", "--format", "json").stdout == before


def test_a_flow_narrows_lists_and_replays(waiting):
    assert len(json.loads(waiting.at("held", "list", "--flow", "invoices", "--format", "json").stdout)) == 4
    assert len(groups(waiting, "--flow", "books/invoices")) == 2
    assert "4: not mapped yet" in waiting.at("replay", "--failed", "--flow", "invoices").stdout


def test_a_long_list_says_how_much_of_it_is_shown(desk):
    desk.place("a.csv", *(f"{n},13" for n in range(1, 1103)))
    desk.at("run", desk.spec)

    text = desk.at("held", "list").stdout.splitlines()
    data = json.loads(desk.at("held", "list", "--format", "json").stdout)
    turns = desk.at("replay", "--group", groups(desk)[0]["cause"]).stdout.splitlines()

    assert len(text) == 1 + 1000 + 1
    assert text[-1].startswith("showing 1,000 of 1,102: ")
    assert len(data) == len(turns) == 1102


# Replay


def test_a_posted_document_is_refused_and_the_others_stay_as_they_are(waiting):
    before = waiting.at("held", "list", "--all", "--format", "json").stdout

    told = waiting.at("replay", "1", "5")

    assert told.exit_code == 2
    assert "posting it again would double it" in told.stderr
    assert waiting.at("held", "list", "--all", "--format", "json").stdout == before


def test_an_unknown_key_is_refused_with_what_it_may_have_been(waiting):
    told = waiting.at("replay", "99", "1")

    assert (told.exit_code, told.stdout) == (2, "")
    assert "No document `99`" in told.stderr


def test_the_same_document_twice_is_one(waiting):
    told = json.loads(waiting.at("replay", "1", "1", "2", "--format", "json").stdout)

    assert sorted(one["number"] for one in told) == ["1", "2"]


def test_a_version_is_named_with_its_key(desk):
    desk.place("a.csv", "1,13")
    desk.at("run", desk.spec)
    (row,) = json.loads(desk.at("held", "list", "--format", "json").stdout)

    shown = json.loads(desk.at("held", "show", f"{row['key']}#0", "--format", "json").stdout)

    assert (shown["number"], shown["version"]) == ("1", 0)
    assert desk.at("held", "show", f"{row['key']}#7").exit_code == 2

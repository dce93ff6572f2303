"""When a flow is due, through summer time, outages and clocks that jump."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.run.model import Schedule
from engine.service.schedule import due, first, plan_text
from engine.state.firings_rows import Planned

NINE = datetime(2026, 11, 2, 9, tzinfo=UTC)
QUARTER = Schedule(every=timedelta(minutes=15))


def starts(schedule, since, until, *, step=timedelta(seconds=1)):
    """Every time a flow is started for when somebody looks at each time it is due, `step` late; local text."""
    from zoneinfo import ZoneInfo

    found = []
    planned = Planned(flow="f", plan="", next_at=first(schedule, since))
    while planned.next_at <= until:
        turn = due(schedule, planned, planned.next_at + step)
        found.append(turn.at.astimezone(ZoneInfo(schedule.timezone)).strftime("%d %H:%M %z"))
        planned = Planned(flow="f", plan="", next_at=turn.next_at, last_at=turn.at)
    return found


SUMMER_TIME = [
    ("30 2 * * *", "America/Chicago", "2026-03-07T18:00", 2, ["08 03:00 -0500", "09 02:30 -0500"]),
    ("30 1 * * *", "America/Chicago", "2026-10-31T18:00", 2, ["01 01:30 -0500", "02 01:30 -0600"]),
    ("*/30 1 * * *", "America/Chicago", "2026-10-31T18:00", 1,
     ["01 01:00 -0500", "01 01:30 -0500", "01 01:00 -0600", "01 01:30 -0600"]),
    ("0 * * * *", "America/Chicago", "2026-03-08T06:30", 0.1, ["08 01:00 -0600", "08 03:00 -0500"]),
    ("30 1 * * *", "Europe/London", "2026-03-28T12:00", 2, ["29 02:00 +0100", "30 01:30 +0100"]),
    ("30 1 * * *", "Europe/London", "2026-10-24T12:00", 2, ["25 01:30 +0100", "26 01:30 +0000"]),
    ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00", 2, ["04 02:30 +1100", "05 02:15 +1100"]),
    ("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T00:00", 2, ["05 01:45 +1100", "06 01:45 +1030"]),
    ("*/15 1 * * *", "Australia/Lord_Howe", "2026-04-04T14:20", 0.2,
     ["05 01:30 +1100", "05 01:45 +1100", "05 01:30 +1030", "05 01:45 +1030"]),
]  # fmt: skip


@pytest.mark.parametrize(("cron", "zone", "since", "days", "expected"), SUMMER_TIME)
def test_summer_time(cron, zone, since, days, expected):
    begin = datetime.fromisoformat(since).replace(tzinfo=UTC)

    assert starts(Schedule(cron=cron, timezone=zone), begin, begin + timedelta(days=days)) == expected


def test_asked_inside_the_hour_that_comes_twice_the_next_time_is_ahead():
    """The cron library begins at 01:30 of the first of the two hours there, which is over."""
    second_hour = datetime(2026, 11, 1, 7, 10, tzinfo=UTC)
    daily = Schedule(cron="30 1 * * *", timezone="America/Chicago")

    assert first(daily, second_hour) == datetime(2026, 11, 2, 7, 30, tzinfo=UTC)


def test_every_starts_at_once_and_keeps_its_grid_however_late_somebody_looks():
    planned, now, grid = Planned(flow="f", plan="", next_at=first(QUARTER, NINE)), NINE, []
    for late in (3, 250, 0, 899, 14):
        now = planned.next_at + timedelta(seconds=late)
        turn = due(QUARTER, planned, now)
        grid.append(turn.at)
        planned = Planned(flow="f", plan="", next_at=turn.next_at, last_at=turn.at)

    assert grid == [NINE + n * timedelta(minutes=15) for n in range(5)]


def test_what_was_missed_is_one_start_for_the_newest_time():
    down = due(QUARTER, Planned(flow="f", plan="", next_at=NINE), NINE + timedelta(hours=2, minutes=7))

    assert (down.at, down.missed, down.next_at) == (
        NINE + timedelta(hours=2), 8, NINE + timedelta(hours=2, minutes=15)
    )  # fmt: skip
    assert down.reason == "8 missed before it"


def test_what_was_missed_may_be_left_out():
    nightly = Schedule(cron="0 9 * * *", catch_up="none")
    planned = Planned(flow="f", plan="", next_at=NINE)

    late = due(nightly, planned, NINE + timedelta(hours=2))
    assert (late.at, late.next_at, late.last_at) == (None, NINE + timedelta(days=1), NINE)
    assert due(nightly, planned, NINE + timedelta(seconds=40)).at == NINE, "a little late is in time"


def test_after_years_without_a_worker_the_newest_time_is_found_at_once():
    minutely = Schedule(cron="* * * * *")
    down = due(minutely, Planned(flow="f", plan="", next_at=NINE), NINE + timedelta(days=800, seconds=20))
    assert (down.at, down.missed) == (NINE + timedelta(days=800), 999)

    weekly = Schedule(cron="0 9 * * MON")
    down = due(weekly, Planned(flow="f", plan="", next_at=NINE), NINE + timedelta(days=7 * 1500 + 1))
    assert down.at == NINE + timedelta(days=7 * 1500)


def test_a_clock_that_was_far_ahead_does_not_stop_a_flow_for_years():
    wrong = NINE + timedelta(days=1500)
    ahead = due(QUARTER, Planned(flow="f", plan="", next_at=NINE), wrong)
    after = Planned(flow="f", plan="", next_at=ahead.next_at, last_at=ahead.at)

    back = due(QUARTER, after, NINE + timedelta(minutes=20))

    assert (back.at, back.next_at) == (None, NINE + timedelta(minutes=30))
    settled = Planned(flow="f", plan="", next_at=back.next_at, last_at=back.last_at)
    assert due(QUARTER, settled, NINE + timedelta(minutes=21)).next_at == back.next_at


def test_planned_anew_a_flow_waits_its_new_length_after_its_last_start():
    assert first(QUARTER, NINE, NINE - timedelta(minutes=5)) == NINE + timedelta(minutes=10)
    assert first(QUARTER, NINE, NINE - timedelta(hours=5)) == NINE
    assert first(None, NINE) is None


def test_a_time_in_the_past_without_a_place_on_the_schedule_is_not_made_up():
    cron = Schedule(cron="0 9 * * *")
    assert due(cron, Planned(flow="f", plan=""), NINE).next_at == NINE + timedelta(days=1)


@pytest.mark.parametrize(
    ("schedule", "text"),
    [
        (None, ""),
        (QUARTER, "every 15m"),
        (Schedule(every=timedelta(hours=36), overlap="queue"), "every 36h, overlap queue"),
        (Schedule(every=timedelta(seconds=90)), "every 90s"),
        (Schedule(cron="0 2 * * SUN", timezone="America/New_York", catch_up="none"),
         "0 2 * * SUN America/New_York, catch up none"),
    ],
)  # fmt: skip
def test_a_plan_in_one_line(schedule, text):
    assert plan_text(schedule) == text


schedules = st.one_of(
    st.builds(Schedule, every=st.integers(1, 200_000).map(lambda seconds: timedelta(seconds=seconds))),
    st.builds(
        Schedule,
        cron=st.sampled_from(["*/30 * * * *", "30 2 * * *", "30 1 * * *", "0 2 * * SUN", "15 */4 * * *", "0 0 1 * *"]),
        timezone=st.sampled_from(["America/Chicago", "Europe/London", "Australia/Lord_Howe", "UTC"]),
        catch_up=st.sampled_from(["once", "none"]),
    ),
)
moments = st.integers(0, 365 * 86400).map(lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds))


@settings(max_examples=60, deadline=None)
@given(schedules, moments, st.lists(st.integers(0, 400_000), min_size=1, max_size=25))
def test_times_only_go_forward_and_none_is_started_early(schedule, begin, gaps):
    """Whenever somebody looks: a start is for a time that has come, each time is used once, and the next one lies ahead."""
    planned, now, used = Planned(flow="f", plan="", next_at=first(schedule, begin)), begin, []
    for gap in gaps:
        now += timedelta(seconds=gap)
        turn = due(schedule, planned, now)
        assert turn.next_at is not None
        assert turn.next_at > now
        if turn.at is not None:
            assert planned.next_at <= turn.at <= now
            assert not used or turn.at > used[-1]
            used.append(turn.at)
        planned = Planned(flow="f", plan="", next_at=turn.next_at, last_at=turn.at or turn.last_at)


@settings(max_examples=40, deadline=None)
@given(schedules, moments, st.integers(1, 900_000))
def test_an_outage_misses_nothing_but_counts(schedule, begin, seconds):
    """One look after an outage tells of exactly the times that many looks would have started for."""
    planned, until = Planned(flow="f", plan="", next_at=first(schedule, begin)), begin + timedelta(seconds=seconds)
    seen, each = [], planned
    while each.next_at <= until and len(seen) < 900:
        turn = due(schedule, each, each.next_at)
        seen.append(turn.at)
        each = Planned(flow="f", plan="", next_at=turn.next_at, last_at=turn.at)
    if len(seen) >= 900 or not seen:
        return
    once = due(schedule, planned, until)

    if once.at is None:
        assert schedule.catch_up == "none"
        assert (once.last_at, once.missed) == (seen[-1], len(seen))
    else:
        assert (once.at, once.missed) == (seen[-1], len(seen) - 1)
    assert once.next_at == each.next_at

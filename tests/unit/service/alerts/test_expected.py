"""What should have come and did not: by a time of certain days, or at least every so often."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from engine.run.telling import Expect, Quiet, days_of

NEW_YORK = ZoneInfo("America/New_York")
BY_NINE = '    on_error: {alert: team}\n    expect: {by: "09:00", timezone: America/New_York, on: MON-FRI}\n'


def here(day, hour, minute=0, month=11):
    """A moment of November 2026 in New York."""
    return datetime(2026, month, day, hour, minute, tzinfo=NEW_YORK).astimezone(UTC)


@pytest.fixture
def watched(place):
    """Expected by nine on weekdays; running since the last day of October, a Saturday."""
    place.tell(BY_NINE)
    place.clock.now = here(31, 12, month=10)
    place.run()
    return place


def comes(place, name, moment):
    place.clock.now = moment
    place.put(f"{name}.csv", f"ACME,{name},7")
    place.run()
    place.tick()


def looks(place, moment):
    place.clock.now = moment
    place.tick()
    return place.kinds()


def test_what_has_not_come_by_nine_is_missing_until_it_comes(watched):
    assert looks(watched, here(2, 8, 59)) == []
    assert looks(watched, here(2, 9, 1)) == ["missing"]
    (alert,) = watched.open()
    assert alert.said == "It was due by Mon 02 Nov 09:00 EST, and nothing came since Fri 30 Oct 09:00 EDT"
    comes(watched, "late", here(2, 11))
    assert watched.kinds() == []


def test_what_came_in_time_is_no_alert(watched):
    comes(watched, "early", here(2, 6))
    assert looks(watched, here(2, 9, 1)) == []


def test_what_came_over_the_weekend_is_in_time_for_monday(watched):
    comes(watched, "sunday", here(1, 20))
    assert looks(watched, here(2, 9, 1)) == []


def test_a_late_file_does_not_stand_for_the_next_day(watched):
    assert looks(watched, here(2, 9, 1)) == ["missing"]
    comes(watched, "late", here(2, 15))
    assert looks(watched, here(3, 8, 59)) == []
    assert looks(watched, here(3, 9, 1)) == ["missing"]


def test_after_a_day_without_any_the_next_file_counts_for_its_own_day(watched):
    assert looks(watched, here(2, 9, 1)) == ["missing"]
    comes(watched, "next", here(3, 8))
    assert looks(watched, here(3, 9, 1)) == []


def test_nothing_is_missed_on_saturday_and_sunday(watched):
    comes(watched, "friday", here(6, 8))
    for day in (7, 8):
        assert looks(watched, here(day, 12)) == []
    assert looks(watched, here(9, 9, 1)) == ["missing"]


def test_nothing_is_missed_on_a_holiday(watched):
    watched.say("on: MON-FRI}", 'on: MON-FRI, except: ["2026-11-26"]}')
    comes(watched, "wednesday", here(25, 8))
    assert looks(watched, here(26, 12)) == []
    assert looks(watched, here(27, 9, 1)) == ["missing"]


def test_nothing_is_missed_from_before_the_first_run(place):
    place.tell(BY_NINE)
    place.clock.now = here(2, 10)
    place.run()
    assert looks(place, here(2, 12)) == []


def test_a_flow_that_never_ran_misses_nothing(place):
    place.tell(BY_NINE)
    assert looks(place, here(4, 12)) == []


def test_nothing_new_for_too_long(place):
    place.tell("    on_error: {alert: team}\n    expect: {every: 1d}\n")
    place.run()
    place.tick(hours=23)
    assert place.kinds() == []
    place.tick(hours=2)
    assert [each.said for each in place.open()] == ["Something new is expected every 24h; nothing ever came"]
    comes(place, "a", place.clock.now)
    assert place.kinds() == []
    place.run()
    place.tick(hours=25)
    assert [each.kind for each in place.open()] == ["stale"]
    assert "the last came Tue 03 Nov 08:00 UTC" in place.open()[0].said


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (here(2, 9), here(2, 9)),
        (here(2, 8, 59), datetime(2026, 10, 30, 9, tzinfo=NEW_YORK)),
        (datetime(2026, 11, 2, 13, 59, tzinfo=UTC), datetime(2026, 10, 30, 13, tzinfo=UTC)),
        (datetime(2026, 11, 2, 14, 0, tzinfo=UTC), datetime(2026, 11, 2, 14, tzinfo=UTC)),
    ],
)
def test_the_last_moment_something_was_due(now, due):
    """Summer time ended on 1 November 2026: nine in New York is 13:00 UTC on Friday and 14:00 UTC on Monday."""
    assert Expect(by="09:00", timezone="America/New_York", on="MON-FRI").last_due(now) == due


def test_nothing_is_due_where_no_day_is_left():
    holidays = tuple(f"2026-{month:02}-{day:02}" for month in range(1, 13) for day in range(1, 32))
    earlier = tuple(day.replace("2026", "2025") for day in holidays)
    assert Expect(by="09:00", except_=holidays + earlier).last_due(datetime(2026, 12, 31, tzinfo=UTC)) is None


def test_days_as_they_are_written():
    assert days_of("MON-FRI") == frozenset(range(5))
    assert days_of("SAT-MON") == frozenset({5, 6, 0})
    assert days_of("MON,WED,SAT-SUN") == frozenset({0, 2, 5, 6})
    assert days_of("SUN") == frozenset({6})


def test_quiet_hours_over_both_changes_of_the_clock():
    """22:00 to 07:00 in New York, hour by hour: the night in spring has eight hours, that in autumn ten."""
    quiet = Quiet(from_="22:00", until="07:00", timezone="America/New_York")

    def hours(start):
        return sum(quiet.holds(start + timedelta(hours=n)) for n in range(24))

    assert hours(datetime(2027, 3, 13, 17, tzinfo=UTC)) == 8
    assert hours(datetime(2026, 10, 31, 17, tzinfo=UTC)) == 10
    assert hours(datetime(2026, 11, 10, 17, tzinfo=UTC)) == 9


def test_quiet_hours_within_a_day():
    quiet = Quiet(from_="12:00", until="13:00")
    held = [hour for hour in range(24) if quiet.holds(datetime(2026, 11, 2, hour, tzinfo=UTC))]
    assert held == [12]

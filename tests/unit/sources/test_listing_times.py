"""Stamps of time: looked back on, bounded by the source's own clock, never believed when they are of the future."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from engine.errors import SetupError
from engine.sources.listing import ChangedSince

from .test_listing import TIMED, Kept, Vendors, ran, vendor

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_times_look_back_ten_minutes_unless_told() -> None:
    rows = [vendor(n, f"2026-11-21T11:{n * 5:02}:00Z") for n in range(1, 9)]
    server = Vendors(*rows, stamp="At")
    server.date = format_datetime(NOON, usegmt=True)
    kept = Kept("2026-11-21T11:40:00Z")

    assert ran(server, kept, TIMED) == [6, 7, 8]
    assert kept.value == "2026-11-21T11:40:00Z"
    assert ran(server, kept, TIMED, since=ChangedSince(lookback=timedelta(minutes=20))) == [4, 5, 6, 7, 8]
    assert ran(server, kept, TIMED.replace("field: At", "field: At\n  lag: 15m")) == [5, 6, 7, 8]


def test_a_number_is_no_lookback_for_times() -> None:
    server = Vendors(vendor(1, "2026-11-21T11:40:00Z"), stamp="At")
    with pytest.raises(SetupError, match="lookback: 5"):
        ran(server, Kept("2026-11-21T11:40:00Z"), TIMED, since=ChangedSince(lookback=5))


@pytest.mark.parametrize("date_header", [True, False])
def test_a_stamp_of_the_future_is_delivered_and_does_not_push_the_cursor(date_header: bool) -> None:
    """Without a Date header our own clock bounds it: it only ever lowers the cursor."""
    server = Vendors(vendor(1, "2026-11-21T11:59:00Z"), vendor(2, "2099-01-01T00:00:00Z"), stamp="At")
    server.date = format_datetime(NOON, usegmt=True) if date_header else None
    kept = Kept()

    assert ran(server, kept, TIMED) == [1, 2]
    assert kept.value == "2026-11-21T12:00:00Z"
    server.rows.append(vendor(3, "2026-11-21T12:01:00Z"))
    assert ran(server, kept, TIMED) == [1, 2, 3]


WITHOUT_NEWEST = re.sub(r"  newest:.*\n", "", TIMED)


def test_the_answers_own_date_bounds_the_pass_where_newest_is_not_said() -> None:
    server = Vendors(vendor(1, "2026-11-21T11:30:00Z"), vendor(2, "2026-11-21T12:30:00Z"), stamp="At")
    server.date = format_datetime(NOON, usegmt=True)
    kept = Kept()

    assert ran(server, kept, WITHOUT_NEWEST) == [1, 2]
    assert kept.value == "2026-11-21T12:00:00Z"
    assert server.asked[0]["top"] == "1"


def test_a_source_that_tells_neither_newest_nor_date_is_a_setup_error() -> None:
    with pytest.raises(SetupError, match="say `newest`"):
        ran(Vendors(vendor(1, "2026-11-21T11:30:00Z"), stamp="At"), Kept(), WITHOUT_NEWEST)


def test_days_look_back_by_whole_days() -> None:
    text = TIMED.replace("type: datetime", "type: date")
    server = Vendors(*[vendor(n, f"2026-11-{n:02}T00:00:00") for n in range(17, 22)], stamp="At")
    server.date = format_datetime(NOON, usegmt=True)
    kept = Kept("2026-11-21")

    assert ran(server, kept, text) == [20, 21]
    assert kept.value == "2026-11-21"

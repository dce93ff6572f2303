"""A pass over a changing list loses no record, and the cursor never stands beyond what was certainly read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest

from engine.connections.paging import RowsMoved
from engine.contracts import Parcel, ParcelOutcome
from engine.errors import SetupError, TransientError
from engine.mapping.types import FieldType, parse_type
from engine.sources.listing import ChangedSince, ListRead, ListSource
from tests.unit.targets.erp import LOST, Asked, Reply, Time, built, connected

NUMBERED = """
get: Vendors
records: value
page: {offset: {limit: top, skip: skip, size: 3}}
order: {by: [Id], query: {order: {const: Id}}}
changed:
  field: Rev
  type: integer
  query: {since: {text: "{{ since }}"}}
  newest: {query: {order: {const: Rev desc}, top: {const: 1}}}
"""
TIMED = NUMBERED.replace("type: integer", "type: datetime").replace("field: Rev", "field: At")
FIELDS = {"Id": parse_type("integer"), "Name": parse_type("string(8)")}
OK = ParcelOutcome(ok=True)
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Kept:
    """A cursor in memory."""

    def __init__(self, value: str | None = None) -> None:
        self.value = value

    def get(self) -> str | None:
        return self.value

    def set(self, value: str) -> None:
        self.value = value


class Vendors:
    """A list on a server, ordered by Id or by stamp, whose rows may change before its n-th page is asked for."""

    def __init__(self, *rows: dict[str, Any], stamp: str = "Rev") -> None:
        self.rows = list(rows)
        self.stamp = stamp
        self.date: str | None = None
        self.before: dict[int, Callable[[], None]] = {}
        self.asked: list[dict[str, str]] = []
        self.probes: list[dict[str, str]] = []

    def __call__(self, asked: Asked) -> Reply:
        query = asked.query
        headers = {"Date": self.date} if self.date else {}
        if query.get("order", "").endswith("desc"):
            self.probes.append(query)
            newest = sorted(self.rows, key=lambda row: row[self.stamp], reverse=True)
            return Reply(body={"value": newest[:1]}, headers=headers)
        self.before.pop(len(self.asked), lambda: None)()
        self.asked.append(query)
        rows = [row for row in self.rows if "since" not in query or self._after(row, query["since"])]
        if query.get("order") == "Id":
            rows.sort(key=lambda row: row["Id"])
        if query.get("order") == "Stamp":
            rows.sort(key=lambda row: (row[self.stamp], row["Id"]))
        skip, top = int(query.get("skip", 0)), int(query.get("top", 100))
        return Reply(body={"value": rows[skip : skip + top]}, headers=headers)

    def _after(self, row: dict[str, Any], since: str) -> bool:
        value = row[self.stamp]
        return value >= int(since) if isinstance(value, int) else value >= since


def vendor(number: int, rev: int | str, **more: Any) -> dict[str, Any]:
    return {"Id": number, "Name": f"v{number}", "Rev" if isinstance(rev, int) else "At": rev, **more}


@contextmanager
def source(
    serve: Any,
    kept: Kept | None = None,
    text: str = NUMBERED,
    *,
    since: ChangedSince | Literal["exactly"] | None = "exactly",
    fields: dict[str, FieldType] | None = None,
    **more: Any,
) -> Iterator[ListSource]:
    if since == "exactly":
        since = ChangedSince(lookback=0 if text.startswith(NUMBERED) else None)
    with connected(serve) as http:
        yield ListSource(
            built(ListRead, text), http, fields or FIELDS, kept or Kept(), since, name="erp.vendors", clock=Time().clock, **more
        )  # fmt: skip


def ran(serve: Any, kept: Kept | None = None, text: str = NUMBERED, **more: Any) -> list[Any]:
    """A whole run: read, then settled as durable. The Ids read, in order."""
    with source(serve, kept, text, **more) as reader:
        (parcel,) = reader.parcels()
        ids = [row.values["Id"] for row in parcel.read()]
        reader.settle(parcel, OK)
        return ids


def test_the_first_run_reads_all_and_the_next_from_the_newest_stamp() -> None:
    server, kept = Vendors(*[vendor(n, 100 + n) for n in range(1, 8)]), Kept()
    assert ran(server, kept) == [1, 2, 3, 4, 5, 6, 7]
    assert "since" not in server.asked[0]
    assert kept.value == "107"

    server.asked.clear()
    server.rows[2]["Rev"] = 108
    assert ran(server, kept) == [3, 7]
    assert server.asked[0]["since"] == "107"
    assert kept.value == "108"


def test_equal_stamps_at_the_border_are_read_again_and_none_is_lost() -> None:
    server, kept = Vendors(vendor(1, 5), vendor(2, 5)), Kept()
    ran(server, kept)
    server.rows.append(vendor(3, 5))

    assert ran(server, kept) == [1, 2, 3]


def test_equal_stamps_over_a_page_border_are_all_read() -> None:
    server = Vendors(*[vendor(n, 5) for n in range(1, 9)])
    assert ran(server, Kept("5")) == list(range(1, 9))


def test_a_record_saved_while_the_pass_runs_does_not_push_the_cursor() -> None:
    server, kept = Vendors(*[vendor(n, n) for n in range(1, 7)]), Kept()
    server.before[1] = lambda: server.rows.append(vendor(7, 9))

    assert ran(server, kept) == [1, 2, 3, 4, 5, 6, 7]
    assert kept.value == "6"

    server.rows.append(vendor(8, 8))  # its commit came late, behind the position already read
    assert ran(server, kept) == [6, 7, 8]


def test_the_newest_stamp_is_asked_for_before_the_first_page() -> None:
    server = Vendors(vendor(1, 1))
    with source(server) as reader:
        (parcel,) = reader.parcels()
        assert (len(server.probes), len(server.asked)) == (1, 0)
        list(parcel.read())
    assert server.probes == [{"order": "Rev desc", "top": "1"}]


def test_the_cursor_stays_until_the_pass_is_durable() -> None:
    server, kept = Vendors(vendor(1, 4)), Kept("2")
    with source(server, kept) as reader:
        (parcel,) = reader.parcels()
        list(parcel.read())
        assert kept.value == "2"
        reader.settle(parcel, ParcelOutcome(ok=False, reason="disk full"))
        assert kept.value == "2"
        reader.settle(parcel, OK)
        reader.settle(parcel, OK)
    assert kept.value == "4"


def test_the_cursor_stays_when_the_pass_was_not_read_to_its_end() -> None:
    server, kept = Vendors(*[vendor(n, n) for n in range(1, 9)]), Kept("1")
    with source(server, kept) as reader:
        (parcel,) = reader.parcels()
        rows = parcel.read()
        next(rows)
        rows.close()
        reader.settle(parcel, OK)
    assert kept.value == "1"


def test_reading_again_repeats_the_pass_with_the_same_window() -> None:
    server, kept = Vendors(vendor(1, 1), vendor(2, 2)), Kept("1")
    with source(server, kept) as reader:
        (parcel,) = reader.parcels()
        first = list(parcel.read())
        kept.value = "2"
        assert list(parcel.read()) == first
        assert [asked["since"] for asked in server.asked] == ["1"] * len(server.asked)
    assert len(server.probes) == 1


def test_a_pass_is_a_parcel_with_a_name() -> None:
    with source(Vendors(vendor(1, 1)), Kept("1")) as reader:
        (parcel,) = reader.parcels()
    assert isinstance(parcel, Parcel)
    assert (parcel.kind, parcel.name) == ("pass", "erp.vendors since 1")
    assert parcel.id == "pass:erp.vendors:1:2026-11-21T12:00:00Z"


def test_rows_that_move_while_paging_start_the_pass_again_and_none_is_lost() -> None:
    text = NUMBERED.replace("by: [Id], query: {order: {const: Id}}", "by: [Rev, Id], query: {order: {const: Stamp}}")
    server, kept = Vendors(*[vendor(n, n) for n in range(1, 8)]), Kept()
    server.before[1] = lambda: server.rows[0].update(Rev=50)

    assert set(ran(server, kept, text)) == {1, 2, 3, 4, 5, 6, 7}
    assert kept.value == "7"


def test_rows_that_never_rest_end_the_pass_and_leave_the_cursor() -> None:
    text = NUMBERED.replace("by: [Id], query: {order: {const: Id}}", "by: [Rev, Id], query: {order: {const: Stamp}}")
    server, kept = Vendors(*[vendor(n, n) for n in range(1, 8)]), Kept("1")

    def move() -> None:
        server.rows.sort(key=lambda row: row["Rev"])
        server.rows[0]["Rev"] = server.rows[-1]["Rev"] + 1

    server.before = dict.fromkeys(range(1, 50), move)
    with pytest.raises(RowsMoved):
        ran(server, kept, text)
    assert kept.value == "1"


def test_a_pass_over_nothing_leaves_the_cursor() -> None:
    kept = Kept()
    assert ran(Vendors(), kept) == []
    assert kept.value is None


def test_a_cursor_beyond_the_source_falls_back_to_it() -> None:
    """An older copy of the source's database was restored: its counter begins again lower."""
    server, kept = Vendors(vendor(1, 3), vendor(2, 4)), Kept("900")
    assert ran(server, kept) == [2]
    assert kept.value == "4"


def test_a_count_looks_back_by_a_number_a_thousand_where_nothing_is_said() -> None:
    server = Vendors(*[vendor(n, n) for n in range(1, 9)], vendor(9, 1005))
    assert ran(server, Kept("1005"), since=ChangedSince()) == [5, 6, 7, 8, 9]
    assert ran(server, Kept("1005"), since=ChangedSince(lookback=998)) == [7, 8, 9]
    with pytest.raises(SetupError, match="told by a number"):
        ran(server, Kept("1005"), since=ChangedSince(lookback=timedelta(minutes=10)))


def test_records_without_a_stamp_are_delivered_and_move_no_cursor() -> None:
    server, kept = Vendors(vendor(1, 5)), Kept()
    server.rows.append({"Id": 2, "Name": "x", "Rev": 0})
    server.before[0] = lambda: server.rows[1].update(Rev=None)
    assert ran(server, kept) == [1, 2]
    assert kept.value == "5"


@pytest.mark.parametrize("body", [{}, {"value": None}, {"value": [{}]}, {"value": [{"Rev": "x"}]}, {"value": [7]}])
def test_a_probe_that_tells_nothing_is_an_error(body: Any) -> None:
    with pytest.raises(SetupError, match="newest"):
        ran(lambda asked: Reply(body=body), Kept("1"))


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (LOST, TransientError),
        (Reply(status=500, body={}), TransientError),
        (Reply(raw=b"<html>"), TransientError),
        (Reply(status=404, body={}), SetupError),
        (Reply(status=404, body={"gone": True}), SetupError),
        (Reply(body={"rows": []}), SetupError),
        (Reply(body={"value": None}), SetupError),
    ],
)
def test_an_answer_that_is_no_list_is_an_error_and_never_no_records(reply: Reply, error: type[Exception]) -> None:
    kept = Kept("1")
    server = Vendors(vendor(1, 1))

    def serve(asked: Asked) -> Reply:
        return server(asked) if asked.query["order"].endswith("desc") else reply

    with pytest.raises(error):
        ran(serve, kept)
    assert kept.value == "1"


@pytest.mark.parametrize("page", ["next: {link: next}", "cursor: {next: next, as: after}"])
def test_a_list_that_leads_back_to_itself_ends_with_an_error(page: str) -> None:
    text = re.sub(r"page:.*", f"page: {{{page}}}", re.sub(r"changed:(.|\n)*", "", NUMBERED))
    serve = lambda asked: Reply(body={"value": [vendor(1, 1)], "next": "Vendors?again=1"})  # noqa: E731
    with pytest.raises(SetupError, match="never ends"):
        ran(serve, text=text, since=None)


def test_a_repeated_page_is_noticed_by_its_first_row() -> None:
    """A server that ignores `skip` answers the first page for ever."""
    text = re.sub(r"changed:(.|\n)*", "", NUMBERED)
    with pytest.raises(RowsMoved):
        ran(lambda asked: Reply(body={"value": [vendor(n, n) for n in (1, 2, 3)]}), text=text, since=None)


def test_without_changed_since_all_is_read_every_time_and_no_cursor_is_kept() -> None:
    server, kept = Vendors(vendor(1, 1), vendor(2, 2)), Kept()
    assert ran(server, kept, since=None) == [1, 2]
    assert ran(server, kept, since=None) == [1, 2]
    assert kept.value is None
    assert server.probes == []


def test_a_full_run_reads_all_and_moves_the_cursor() -> None:
    server, kept = Vendors(vendor(1, 1), vendor(2, 9)), Kept("5")
    assert ran(server, kept, full=True) == [1, 2]
    assert kept.value == "9"


def test_a_start_stands_in_for_the_first_cursor() -> None:
    server, kept = Vendors(vendor(1, 1), vendor(2, 9)), Kept()
    assert ran(server, kept, since=ChangedSince(start=5)) == [2]
    assert kept.value == "9"
    assert ran(server, Kept("1"), since=ChangedSince(start=5)) == [1, 2]


@pytest.mark.parametrize(("override", "ids", "after"), [("2", [2, 3, 4], "4"), ("3", [3, 4], "4"), ("4", [4], "3")])
def test_an_operators_since_moves_the_cursor_only_where_it_leaves_no_gap(
    override: str, ids: list[int], after: str
) -> None:
    kept = Kept("3")
    with connected(Vendors(*[vendor(n, n) for n in range(1, 5)])) as http:
        reader = ListSource(
            built(ListRead, NUMBERED), http, FIELDS, kept, ChangedSince(), name="v", clock=Time().clock, since=override
        )
        (parcel,) = reader.parcels()
        assert [row.values["Id"] for row in parcel.read()] == ids
        reader.settle(parcel, OK)
    assert kept.value == after


def test_what_is_no_place_to_read_from_is_said() -> None:
    with pytest.raises(SetupError, match=r"'yesterday' is no place to read from: .* a number"):
        ran(Vendors(), Kept("yesterday"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (re.sub(r"changed:(.|\n)*", "", NUMBERED), "can't tell what changed"),
        (re.sub(r"  newest:.*\n", "", NUMBERED), "needs `newest`"),
    ],
)
def test_a_list_that_can_not_be_read_by_change_says_so(text: str, says: str) -> None:
    with pytest.raises(SetupError, match=says):
        ran(Vendors(), text=text)

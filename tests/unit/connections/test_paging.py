"""Lists are read whole or not at all."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from engine.connections.exchange import Exchange, Fixed
from engine.connections.http import Http, HttpKind
from engine.connections.paging import CursorPager, NextPager, NoPager, OffsetPager, Pager, RowsMoved, pages
from engine.errors import SetupError

LIST = Exchange(get="Vendors", query={"$orderby": Fixed("Id")})
OFFSET = OffsetPager(limit="$top", skip="$skip", size=10)
VALUE: Any = lambda body: body.get("value")  # noqa: E731
LINK: Any = lambda body: body.get("next")  # noqa: E731


class Store:
    def get(self, name: str) -> bytes | None:
        return None

    def put(self, name: str, value: bytes, expires: datetime | None) -> None:
        raise AssertionError


class Table:
    """A list on a server, which may cap its pages and change between them."""

    def __init__(self, rows: int, cap: int = 1000) -> None:
        self.ids = list(range(1, rows + 1))
        self.cap = cap
        self.asked: list[tuple[int, int]] = []
        self.before: dict[int, Any] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.url.params["$orderby"] == "Id"
        skip, top = int(request.url.params["$skip"]), int(request.url.params["$top"])
        self.before.get(len(self.asked), lambda: None)()
        self.asked.append((skip, top))
        page = self.ids[skip : skip + min(top, self.cap)]
        return httpx.Response(200, json={"value": [{"Id": n, "Amount": 10.10} for n in page]})


def read(
    server: Any, pager: Pager | None, records: Any = VALUE, order: tuple[str, ...] = ("Id",), **more: Any
) -> list[Any]:
    http = Http(
        HttpKind(base=Fixed("https://erp.example/api/")), {}, name="erp", watch=lambda call: None, tokens=Store(),
        clock=lambda: datetime.now(UTC), sleep=lambda seconds: None, random=lambda: 0.5,
        transport=httpx.MockTransport(server),
    )  # fmt: skip
    with http:
        return list(pages(http, LIST, {}, pager, records, order, step="list", **more))


def ids(found: list[Any]) -> list[int]:
    return [row["Id"] for page in found for row in page]


@pytest.mark.parametrize("prefetch", [True, False])
@pytest.mark.parametrize("rows", [0, 1, 2, 9, 10, 11, 19, 20, 28, 29, 57])
def test_every_row_comes_once_whatever_the_length(rows: int, prefetch: bool) -> None:
    assert ids(read(Table(rows), OFFSET, prefetch=prefetch)) == list(range(1, rows + 1))


@pytest.mark.parametrize("rows", [0, 1, 4, 5, 9, 13, 57])
def test_a_server_that_caps_its_pages_loses_no_row(rows: int) -> None:
    assert ids(read(Table(rows, cap=5), OFFSET)) == list(range(1, rows + 1))


def test_each_page_is_asked_for_from_one_row_earlier() -> None:
    table = Table(25)
    read(table, OFFSET)
    assert table.asked == [(0, 10), (9, 10), (18, 10)]


def test_amounts_are_decimals() -> None:
    assert read(Table(1), OFFSET)[0][0]["Amount"] == Decimal("10.1")


@pytest.mark.parametrize("change", ["removed", "added"])
def test_rows_that_moved_start_the_pass_again_and_none_is_lost(change: str) -> None:
    table = Table(25)
    table.before[1] = (lambda: table.ids.remove(3)) if change == "removed" else (lambda: table.ids.insert(0, 99))
    found = ids(read(table, OFFSET))
    assert set(found) >= set(table.ids)
    assert len(table.asked) == 2 + 3


def test_rows_that_keep_moving_end_the_pass() -> None:
    table = Table(25)
    table.before = {n: (lambda: table.ids.insert(0, 1000 - len(table.ids))) for n in range(1, 100)}
    with pytest.raises(RowsMoved):
        read(table, OFFSET, restarts=2)
    assert len(table.asked) == 6


def test_a_server_that_ignores_the_offset_is_noticed() -> None:
    everything = httpx.Response(200, json={"value": [{"Id": n} for n in range(30)]})
    with pytest.raises(RowsMoved):
        read(lambda request: everything, OFFSET)


def test_a_page_of_one_row_could_not_overlap() -> None:
    with pytest.raises(SetupError):
        read(Table(3), OffsetPager(limit="$top", skip="$skip", size=1))


def test_rows_without_the_order_field_are_refused() -> None:
    with pytest.raises(SetupError, match="`Stamp`"):
        read(Table(3), OFFSET, order=("Stamp",))


@pytest.mark.parametrize("body", [{}, {"value": None}, {"value": {"Id": 1}}, {"value": [1]}])
def test_an_answer_without_a_list_is_never_no_records(body: Any) -> None:
    with pytest.raises(SetupError):
        read(lambda request: httpx.Response(200, json=body), OFFSET)


def linked(*links: str | None) -> Any:
    remaining = list(links)

    def serve(request: httpx.Request) -> httpx.Response:
        link = remaining.pop(0)
        return httpx.Response(200, json={"value": [{"Id": len(remaining)}], "next": link})

    return serve


def test_links_are_followed_to_the_end() -> None:
    server = linked("https://erp.example/api/Vendors?p=2", "Vendors?p=3", None)
    assert ids(read(server, NextPager(link=LINK))) == [2, 1, 0]


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/api/Vendors?p=2",
        "//evil.example/x",
        "http://erp.example/api/x",
        "https://erp.example:444/x",
        7,
    ],
)
def test_a_link_elsewhere_is_not_followed(link: Any) -> None:
    asked: list[str] = []

    def serve(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(200, json={"value": [], "next": link})

    with pytest.raises(SetupError):
        read(serve, NextPager(link=LINK))
    assert len(asked) == 1


def test_links_in_a_circle_are_noticed() -> None:
    with pytest.raises(SetupError, match="never ends"):
        read(linked("Vendors?p=2", "Vendors?p=3", "Vendors?p=2", "Vendors?p=3"), NextPager(link=LINK))


def test_a_cursor_goes_into_the_next_query() -> None:
    asked: list[str | None] = []

    def serve(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params.get("start"))
        return httpx.Response(200, json={"value": [{"Id": len(asked)}], "next": {1: "a b", 2: "c"}.get(len(asked), "")})

    assert ids(read(serve, CursorPager(next=LINK, as_="start"))) == [1, 2, 3]
    assert asked == [None, "a b", "c"]


def test_a_cursor_that_stands_still_is_noticed() -> None:
    with pytest.raises(SetupError, match="never ends"):
        read(lambda r: httpx.Response(200, json={"value": [], "next": "x"}), CursorPager(next=LINK, as_="start"))


@pytest.mark.parametrize("pager", [None, NoPager()])
def test_without_a_pager_one_answer_is_the_list(pager: Pager | None) -> None:
    assert ids(read(lambda r: httpx.Response(200, json={"value": [{"Id": 1}]}), pager)) == [1]


def test_the_next_page_is_read_while_the_caller_works_and_leaving_early_ends_cleanly() -> None:
    second = threading.Event()
    table = Table(100)
    table.before[1] = second.set
    http = Http(
        HttpKind(base=Fixed("https://erp.example/api/")), {}, name="erp", watch=lambda call: None, tokens=Store(),
        clock=lambda: datetime.now(UTC), sleep=lambda seconds: None, random=lambda: 0.5,
        transport=httpx.MockTransport(table),
    )  # fmt: skip
    with http:
        for page in pages(http, LIST, {}, OFFSET, VALUE, ("Id",), step="list"):
            assert len(page) == 10
            assert second.wait(5)
            break
    assert len(table.asked) <= 3
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("page")]

"""A cursor that goes into the call's own trees: lists that are read on from the last row's key."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx

from engine.connections.exchange import Exchange, Fixed
from engine.connections.http import Http, HttpKind
from engine.connections.paging import CursorPager, pages


class Store(dict[str, bytes]):
    def put(self, name: str, value: bytes, expires: datetime | None) -> None:
        self[name] = value


def last_of(body: Any) -> Any:
    return body["value"][-1]["id"] if len(body["value"]) == 2 else None


def test_the_cursor_stands_in_the_scope_from_the_second_page_on() -> None:
    asked: list[str] = []

    def server(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.query.decode())
        after = int(request.url.params.get("after", "0"))
        return httpx.Response(200, json={"value": [{"id": n} for n in range(1, 6) if n > after][:2]})

    exchange = Exchange(get="Rows", query={"after": lambda scope: scope.get("cursor")})

    def rows() -> Iterator[Any]:
        with Http(
            HttpKind(base=Fixed("https://erp.example/")), {}, name="erp", watch=lambda _call: None, tokens=Store(),
            clock=lambda: datetime(2026, 11, 21, tzinfo=UTC), sleep=lambda _seconds: None, random=lambda: 0.5,
            transport=httpx.MockTransport(server),
        ) as http:  # fmt: skip
            for page in pages(
                http, exchange, {}, CursorPager(next=last_of), lambda body: body["value"], ("id",), step="list"
            ):
                yield from page

    assert [row["id"] for row in rows()] == [1, 2, 3, 4, 5]
    assert asked == ["", "after=2", "after=4"]

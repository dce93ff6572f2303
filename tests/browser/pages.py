"""Every page of the console by name, with an address that shows it at its fullest; a picture of each is made for the guide."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.service.console.links import document_address

Address = Callable[[Any], str]


def document(number: str) -> Address:
    """The page of the document of that number."""

    def address(house: Any) -> str:
        found = house.world.document(number)
        return document_address(found.key, found.version)

    return address


def _link(page: str, start: str) -> Address:
    """The first link of a page that begins so."""
    return lambda house: house.first_link(page, start)


PAGES: dict[str, tuple[str, Address]] = {
    "overview": ("/", lambda _house: "/"),
    "queue": ("/queue", lambda _house: "/queue"),
    "document": ("/documents/{name}", document("H-1")),
    "cause": ("/causes/{cause}", _link("/queue", "/causes/")),
    "bulk": ("/bulk/{go}", lambda house: house.replay_all("B-1")),
    "files": ("/files", lambda _house: "/files"),
    "file-in": ("/files/in/{name}", _link("/files", "/files/in/")),
    "runs": ("/runs", lambda _house: "/runs"),
    "run": ("/runs/{id}", _link("/runs", "/runs/")),
    "connections": ("/connections", lambda _house: "/connections"),
    "crosswalks": ("/crosswalks", lambda _house: "/crosswalks"),
    "alerts": ("/alerts", lambda _house: "/alerts"),
    "search": ("/search", lambda _house: "/search?q=INV-1001"),
    "people": ("/people", lambda _house: "/people"),
    "help": ("/help", lambda _house: "/help"),
    "login": ("/login", lambda _house: "/login"),
}
"""Name: the route, and where to see it."""

NO_PAGE = {
    "/overview/live", "/documents/{name}/now", "/bulk/{go}/now", "/runs/live", "/runs/{id}/live", "/static/{digest}/{name}",
    "/files/out/{name}",
}  # fmt: skip
"""Parts of pages; and a file of ours, whose page is that of a file that came."""

"""Finding anything by what a person knows of it: a number, a key, a reference, an amount, a file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.service.console.frame import needs, page, parts_of, redirect
from engine.service.console.links import document_address
from engine.state import worklist, worklist_find
from engine.state.worklist import Wanted
from engine.state.worklist_find import Hit

LONGEST = 200


@needs("viewer")
def search(request: Request) -> Response:
    """Exact hits of every flow, one of them at once; else what begins so, and what is stopped and has it somewhere."""
    desk = parts_of(request).workspace.desk
    asked = request.query_params.get("q", "").strip()[:LONGEST]
    hits = worklist_find.exact(desk, asked)
    files = worklist_find.files(desk, asked)
    if len({(hit.document.key, hit.document.version) for hit in hits}) == 1 and not files:
        return redirect(request, _to(hits[0]))
    known = {(hit.document.key, hit.document.version) for hit in hits}
    begins = [
        hit for hit in worklist_find.beginning(desk, asked) if (hit.document.key, hit.document.version) not in known
    ]
    known |= {(hit.document.key, hit.document.version) for hit in begins}
    held = (
        worklist.listed(desk, Wanted(text=asked, since=worklist.reach(desk)), most=worklist_find.MOST) if asked else []
    )
    inside = [Hit("in the queue", each.document) for each in held]
    return page(
        request,
        "search.html",
        asked=asked,
        lists=[
            ("Exactly so", _linked(hits)),
            ("Begins so", _linked(begins)),
            ("In the work queue, somewhere in number, vendor or reason",
             _linked(hit for hit in inside if (hit.document.key, hit.document.version) not in known)),
        ],
        files=files,
        most=worklist_find.MOST,
    )  # fmt: skip


def _to(hit: Hit) -> str:
    return document_address(hit.document.key, hit.document.version)


def _linked(hits: Iterable[Hit]) -> list[dict[str, Any]]:
    return [{"address": _to(hit), "what": hit.what, "document": hit.document} for hit in hits]


ROUTES = [Route("/search", search)]

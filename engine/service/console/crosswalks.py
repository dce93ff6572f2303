"""Codes that are in no crosswalk yet, and what waits for them."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.service.console.crosswalks_facts import MOST, tables
from engine.service.console.frame import needs, page, parts_of, who


@needs("viewer")
def crosswalks(request: Request) -> Response:
    """Every crosswalk, those that lack most first."""
    found, part = tables(parts_of(request))
    return page(
        request, "crosswalks.html", tables=found, part=part, most=MOST, may_act=who(request).may("operator")
    )  # fmt: skip


ROUTES = [Route("/crosswalks", crosswalks)]

"""Every system of every integration: how it stands, and whether it answers now."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.desk.checking import check_systems
from engine.errors import UsageError
from engine.service.console.connections_facts import chosen, ping_key, standings
from engine.service.console.frame import needs, page, parts_of, who, workspace_of


@needs("viewer")
def connections(request: Request) -> Response:
    """How each stands, nothing reached."""
    return _shown(request)


@needs("operator")
def ping(request: Request) -> Response:
    """Reaches one system step by step, as `mlconnector check` does; reads only."""
    parts = parts_of(request)
    key = str(request.state.form.get("system", ""))
    found = chosen(parts, key)
    if found is None:
        raise UsageError("There is no such system: choose one of the page")
    integration, alias = found
    text, _ = check_systems(integration, workspace_of(request), parts.seams, systems=[alias], form="json")
    (told,) = json.loads(text)["systems"]
    return _shown(request, pinged={**told, "key": key})


def _shown(request: Request, pinged: dict[str, Any] | None = None) -> Response:
    parts = parts_of(request)
    return page(
        request,
        "connections.html",
        systems=[(each, ping_key(each)) for each in standings(parts)],
        pinged=pinged,
        may_ping=who(request).may("operator"),
    )


ROUTES = [Route("/connections", connections), Route("/connections/ping", ping, methods=["POST"])]

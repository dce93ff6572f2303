"""What is wrong now and lately, what people were told, and whether a message would arrive."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.errors import UsageError
from engine.service.alerts.asked import try_alerts
from engine.service.alerts.words import headline, link
from engine.service.console.asked import given
from engine.service.console.frame import needs, page, parts_of, who, workspace_of
from engine.service.parts import Parts
from engine.state import alerts as remembered
from engine.state import messages
from engine.state.alerts import Alert

RECENT = 50
MESSAGES = 50
_HERE = "https://console"


@needs("viewer")
def alerts(request: Request) -> Response:
    """Open ones first, then those that are over, then the messages."""
    return _shown(request)


@needs("admin")
def test(request: Request) -> Response:
    """Sends a real message to one of the alerts of an integration, and shows what became of it."""
    parts = parts_of(request)
    chosen, _, name = str(request.state.form.get("to", "")).rpartition("/")
    integration = parts.shelf.integrations.get(chosen)
    if integration is None:
        raise UsageError("Choose whom to send the test message to")
    text, code = try_alerts(workspace_of(request), parts.seams, integration, name, form="text")
    return _shown(request, tested={"to": f"{chosen}/{name}", "lines": text.splitlines(), "ok": code == 0})


def _shown(request: Request, tested: dict[str, Any] | None = None) -> Response:
    parts = parts_of(request)
    desk = parts.workspace.desk
    flow = given(request, "flow")
    wrong = [each for each in remembered.listed(desk) if flow in {"", each.flow}]
    lately = [each for each in remembered.listed(desk, every=True) if each.state != "open" and flow in {"", each.flow}]
    return page(
        request,
        "alerts.html",
        open=[_told(each) for each in wrong],
        over=[_told(each) for each in lately[:RECENT]],
        messages=messages.listed(desk, most=MESSAGES),
        broken=parts.shelf.broken,
        receivers=_receivers(parts),
        tested=tested,
        flow=flow,
        may_test=who(request).may("admin"),
    )


def _told(alert: Alert) -> dict[str, Any]:
    return {"alert": alert, "headline": headline(alert), "address": link(_HERE, alert).removeprefix(_HERE)}


def _receivers(parts: Parts) -> list[str]:
    """Whoever can be told, as `integration/alert`."""
    return [f"{each.name}/{name}" for each in parts.shelf.integrations.values() for name in each.alerts]


ROUTES = [Route("/alerts", alerts), Route("/alerts/test", test, methods=["POST"])]

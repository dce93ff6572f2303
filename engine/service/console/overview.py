"""The first page: what needs a person, then how every flow stands."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.errors import UsageError
from engine.service.console.frame import needs, page, parts_of, redirect, who
from engine.service.console.overview_chart import HEIGHT, KINDS, WIDTH
from engine.service.console.overview_facts import DAYS, Work, at_work, overview


@needs("viewer")
def home(request: Request) -> Response:
    """The overview."""
    parts = parts_of(request)
    work = at_work(parts)
    return page(
        request, "overview.html", all=overview(parts), work=work, mark=_mark(work), days=DAYS,
        kinds=[(kind, word) for kind, word, _ in KINDS], height=HEIGHT, bar=WIDTH,
    )  # fmt: skip


@needs("viewer", poll=True)
def live(request: Request) -> Response:
    """What goes on now, for the page that asks every few seconds; nothing where it knows that already."""
    work = at_work(parts_of(request))
    mark = _mark(work)
    if request.query_params.get("seen") == mark:
        return Response(status_code=204)
    return page(request, "overview_live.html", work=work, mark=mark)


@needs("operator")
def start(request: Request) -> Response:
    """Starts a flow as soon as may be."""
    flow = _flow(request)
    _, new = parts_of(request).firings.ask(flow, cause="person", by=who(request).name)
    said = f"`{flow}` starts as soon as there is a place for it." if new else f"`{flow}` waits for its start already."
    return redirect(request, "/", said=said)


@needs("operator")
def pause(request: Request) -> Response:
    """Stops what a flow does by itself, until it is resumed."""
    flow = _flow(request)
    parts_of(request).firings.pause(flow, paused=True, by=who(request).name)
    return redirect(request, "/", said=f"`{flow}` is paused: it does not start by itself until you resume it.")


@needs("operator")
def resume(request: Request) -> Response:
    """Lets a flow start by itself again."""
    flow = _flow(request)
    parts_of(request).firings.pause(flow, paused=False, by=who(request).name)
    return redirect(request, "/", said=f"`{flow}` starts by itself again.")


def _flow(request: Request) -> str:
    """The flow the form names. Raises UsageError for one no spec in force has."""
    flow = request.state.form.get("flow", "")
    if parts_of(request).shelf.flow(flow) is None:
        raise UsageError(f"No spec in force has a flow `{flow[:200]}`")
    return str(flow)


def _mark(work: Sequence[Work]) -> str:
    """A name for exactly this going on: a page that is read aloud is not told the same again."""
    told = [(one.flow, one.owner, one.going and (one.going.text, sorted(one.going.counts.items()))) for one in work]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


ROUTES = [
    Route("/", home),
    Route("/overview/live", live),
    Route("/flows/run", start, methods=["POST"]),
    Route("/flows/pause", pause, methods=["POST"]),
    Route("/flows/resume", resume, methods=["POST"]),
]

"""What ran, what runs and what waits to; one run with what it did, line by line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.errors import UsageError
from engine.service.console.asked import given
from engine.service.console.frame import needs, page, parts_of
from engine.service.console.overview_facts import at_work
from engine.service.console.trail_told import told_line
from engine.service.live import Going
from engine.service.parts import Parts
from engine.state import runbook
from engine.state.facts import Run

ROWS = 50
LINES = 300
"""Lines of the trail on a run's page, the last ones; `mlconnector audit --run` tells all."""
RECENT = 20
"""Starts that never became a run, on the list."""
OUTCOMES: Mapping[str, str] = {
    "done": "done", "partial": "done, but for what needs a person", "empty": "nothing new", "stopped": "stopped",
    runbook.AT_WORK: "at work",
}  # fmt: skip
_NO_RUN = ("skipped", "superseded", "failed")


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """How many of a kind, with their amount where the flow has one."""

    name: str
    many: int
    amount: str = ""


@needs("viewer")
def runs(request: Request) -> Response:
    """The list, with what goes on now and what waits above it."""
    parts = parts_of(request)
    named = {name: given(request, name) for name in ("flow", "outcome", "before")}
    asked = runbook.Asked(**named, most=ROWS + 1)
    found = list(runbook.listed(parts.workspace.desk, asked))
    older = _address(asked, runbook.place_of(found[ROWS - 1])) if len(found) > ROWS else ""
    return page(
        request,
        "runs.html",
        rows=[{"run": each, "headline": _headline(each), "state": _state(each)} for each in found[:ROWS]],
        older=older,
        asked=asked,
        outcomes=OUTCOMES,
        flows=sorted({flow.id for flow in parts.shelf.flows()} | ({asked.flow} if asked.flow else set())),
        work=at_work(parts),
        **_waiting(parts, asked.flow),
    )


@needs("viewer", poll=True)
def live(request: Request) -> Response:
    """What goes on now and what waits: the part of the list that asks by itself."""
    parts = parts_of(request)
    flow = given(request, "flow")
    return page(request, "runs_live.html", work=at_work(parts), flow=flow, **_waiting(parts, flow))


@needs("viewer")
def one(request: Request) -> Response:
    """One run: what it did in figures, what needs a person, the trail."""
    found = _run(request)
    return page(request, "run.html", lines=LINES, **_facts(parts_of(request), found))


@needs("viewer", poll=True)
def one_live(request: Request) -> Response:
    """The same, the part that changes while it is at work; once it is over the page is loaded anew, whole."""
    found = _run(request)
    if found.outcome:
        return Response(status_code=204, headers={"HX-Refresh": "true"})
    return page(request, "run_live.html", **_facts(parts_of(request), found))


def _run(request: Request) -> Run:
    found = runbook.one(parts_of(request).workspace.desk, request.path_params["id"].replace("\x00", ""))
    if found is None:
        raise UsageError("There is no such run: the list of runs has those there were")
    return found


def _facts(parts: Parts, run: Run) -> dict[str, Any]:
    entries = runbook.told_of(parts.workspace.desk, run.id, LINES + 1)
    going = next((each for each in parts.live.now() if each.flow == run.flow), None) if not run.outcome else None
    return {
        "run": run,
        "state": _state(run),
        "headline": _headline(run),
        "figures": _figures(run),
        "told": _told(run),
        "going": going,
        "progress": _progress(going),
        "trail": [told_line(entry) for entry in entries[-LINES:]],
        "more": len(entries) > LINES,
    }


def _waiting(parts: Parts, flow: str) -> dict[str, Any]:
    """Starts that wait, with why, and the latest that never became a run."""
    recent = parts.firings.listed(flow or None, limit=5 * RECENT)
    return {
        "queued": [each for each in parts.firings.queued() if flow in {"", each.flow}],
        "unstarted": [each for each in recent if not each.run and each.state in _NO_RUN][:RECENT],
    }


def _state(run: Run) -> str:
    if not run.outcome:
        return "running"
    return {"done": "done", "empty": "done", "partial": "held", "stopped": "failed"}.get(run.outcome, run.outcome)


def _headline(run: Run) -> str:
    if not run.outcome:
        return "at work, or killed: the next run takes up what it left"
    return str(run.summary.get("headline") or OUTCOMES.get(run.outcome, run.outcome))


def _figures(run: Run) -> list[Figure]:
    counts, amounts = run.summary.get("counts"), run.summary.get("amounts")
    known = amounts if isinstance(amounts, dict) else {}
    figures = counts.items() if isinstance(counts, dict) else ()
    return [
        Figure(name=str(name).replace("_", " "), many=int(many), amount=str(known.get(name, "")))
        for name, many in figures
        if many
    ]


def _told(run: Run) -> list[tuple[str, list[str]]]:
    """What it said for people, by heading."""
    headings = {
        "error": "What stopped it",
        "bad_files": "Files that can't be used",
        "trouble": "What somebody must look at",
        "notes": "Notes",
    }
    told = []
    for name, heading in headings.items():
        said = run.summary.get(name)
        lines = [said] if isinstance(said, str) and said else said if isinstance(said, list) else []
        if lines:
            told.append((heading, [str(line) for line in lines]))
    return told


def _progress(going: Going | None) -> list[Figure]:
    counts = going.counts if going is not None else {}
    return [Figure(name=name.replace("_", " "), many=many) for name, many in counts.items()]


def _address(asked: runbook.Asked, before: str) -> str:
    given = {"flow": asked.flow, "outcome": asked.outcome, "before": before}
    return "/runs?" + urlencode({name: value for name, value in given.items() if value})


ROUTES = [
    Route("/runs", runs),
    Route("/runs/live", live),
    Route("/runs/{id}", one),
    Route("/runs/{id}/live", one_live),
]

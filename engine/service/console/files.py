"""Files that came and files of ours: where each is, what became of its documents, and what a partner said of it."""

from __future__ import annotations

import base64
import binascii
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.contracts import State
from engine.errors import UsageError
from engine.service.console.asked import given
from engine.service.console.frame import needs, page, parts_of
from engine.service.console.links import document_address
from engine.service.console.trail_told import told_line
from engine.service.parts import Parts
from engine.state import filebook
from engine.state.filebook import Came, Went

ROWS = 50
PROBLEMS = 200
"""Documents with a problem that a file's page shows."""
LINES = 200
SIDES = {"in": "Received", "out": "Sent"}
_DONE = frozenset({State.POSTED, State.ADOPTED, State.CANCELLED})
UNFINISHED = tuple(state for state in State if state not in _DONE)
_STATES = {"settled": "archived", "ingested": "taken in", "partial": "in part", "bad": "in error"}
_OURS = {"done": "sent", "built": "waiting", "sending": "waiting", "held": "held"}
_ANSWERS = {"due": "acknowledgement due", "overdue": "acknowledgement overdue", "accepted": "acknowledged"}
_BADGES = {"archived": "done", "taken in": "running", "in part": "waiting", "in error": "failed", "sent": "done"}


@needs("viewer")
def files(request: Request) -> Response:
    """The list: `side` is `in` or `out`."""
    parts = parts_of(request)
    side = given(request, "side") if given(request, "side") in SIDES else "in"
    named = {name: given(request, name) for name in ("flow", "state", "name", "before")}
    asked = filebook.Asked(**named, most=ROWS + 1)
    desk = parts.workspace.desk
    found: list[Came | Went] = [*(filebook.came(desk, asked) if side == "in" else filebook.went(desk, asked))]
    return page(
        request,
        "files.html",
        side=side,
        sides=SIDES,
        asked=asked,
        rows=[_row(each) for each in found[:ROWS]],
        states=filebook.RECEIVED if side == "in" else {**filebook.SENT, **filebook.ANSWERS},
        flows=_flows(parts, side, asked.flow),
        newest=_address(side, asked, ""),
        older=_address(side, asked, found[ROWS - 1].place) if len(found) > ROWS else "",
    )


@needs("viewer")
def one_in(request: Request) -> Response:
    """A file that came: its records, what is wrong with them and where, and every name it had."""
    desk = parts_of(request).workspace.desk
    flow, id_ = _named(request)
    file = filebook.one_that_came(desk, flow, id_)
    if file is None:
        raise UsageError(_UNKNOWN)
    entries = [each for each in desk.trail.entries(parcel=file.id, limit=LINES) if not each.key and each.flow == flow]
    return page(
        request,
        "file.html",
        **_facts(parts_of(request), file),
        names=filebook.names_of(desk, file),
        envelopes=filebook.envelopes_of(desk, file),
        trail=[told_line(entry) for entry in entries],
    )


@needs("viewer")
def one_out(request: Request) -> Response:
    """A file of ours: its documents, its number, and what the partner said of it."""
    desk = parts_of(request).workspace.desk
    flow, number = _named(request)
    found = filebook.one_of_ours(desk, flow, int(number)) if number.isdigit() and len(number) < 19 else None
    if found is None:
        raise UsageError(_UNKNOWN)
    return page(request, "file.html", **_facts(parts_of(request), found), names=[], envelopes=[], trail=[])


_UNKNOWN = "There is no file of that address: look for it by its name in the list"


def _facts(parts: Parts, file: Came | Went) -> dict[str, Any]:
    desk = parts.workspace.desk
    problems = filebook.documents_of(desk, file, UNFINISHED, PROBLEMS + 1)
    return {
        "file": file,
        "came": isinstance(file, Came),
        "row": _row(file),
        "standing": filebook.standing(desk, file),
        "problems": [(each, document_address(each.key, each.version)) for each in problems[:PROBLEMS]],
        "more": len(problems) > PROBLEMS,
    }


def _row(file: Came | Went) -> dict[str, Any]:
    if isinstance(file, Came):
        word = _STATES.get(file.state, file.state)
        address = f"/files/in/{_name(file.flow, file.id)}"
        return {"file": file, "word": word, "badge": _BADGES.get(word, "other"), "address": address, "answer": ""}
    word = _OURS.get(file.state, file.state)
    return {
        "file": file,
        "word": word,
        "badge": _BADGES.get(word, word),
        "address": f"/files/out/{_name(file.flow, str(file.number))}",
        "answer": _ANSWERS.get(file.answer, file.answer),
    }


def _flows(parts: Parts, side: str, asked: str) -> list[str]:
    """Flows that read files, or write them."""
    known = {
        flow.id
        for flow in parts.shelf.flows()
        if (flow.by_file if side == "out" else flow.source.kind.pickup is not None)
    }
    known |= {f"{flow.id}.acks" for flow in parts.shelf.flows() if flow.source.kind.acknowledge and side == "out"}
    return sorted(known | ({asked} if asked else set()))


def _address(side: str, asked: filebook.Asked, before: str) -> str:
    given = {"side": side, "flow": asked.flow, "state": asked.state, "name": asked.name, "before": before}
    return "/files?" + urlencode({name: value for name, value in given.items() if value})


def _name(flow: str, id_: str) -> str:
    """Flow and file as one word an address can hold, whatever a partner called it."""
    return base64.urlsafe_b64encode(f"{flow}\n{id_}".encode()).decode().rstrip("=")


def _named(request: Request) -> tuple[str, str]:
    word = request.path_params["name"]
    try:
        text = base64.urlsafe_b64decode(word + "=" * (-len(word) % 4)).decode()
    except (ValueError, binascii.Error):
        raise UsageError(_UNKNOWN) from None
    flow, _, id_ = text.replace("\x00", "").partition("\n")
    return flow, id_


ROUTES = [Route("/files", files), Route("/files/in/{name}", one_in), Route("/files/out/{name}", one_out)]

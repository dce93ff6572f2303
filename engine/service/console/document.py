"""One document: as read, as mapped, what the target shows, what happened to it, and what can be done about it."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.contracts import Document
from engine.desk.causes import cause_id
from engine.desk.looking import Looked, look_at
from engine.errors import UsageError
from engine.redaction import one_line
from engine.run.prepare import UNREAD
from engine.service.console.document_actions import GO_ON, Asked, decide, run_now
from engine.service.console.document_told import around, asked_by, cell, now_of, seen_of, sheet, story
from engine.service.console.document_words import MEANS, next_step, offers
from engine.service.console.frame import needs, page, parts_of, redirect, who, workspace_of
from engine.service.console.links import document_address, document_named
from engine.state import worklist_find
from engine.state.worklist import STOPPED

LONGEST = 500
"""Characters of a reason or a reference."""


@needs("viewer")
def show(request: Request) -> Response:
    """The whole page."""
    document = _found(request)
    return page(request, "document.html", **_whole(request, document, None))


@needs("viewer", poll=True)
def now(request: Request) -> Response:
    """The part that changes; the page asks for it while the flow is at work."""
    document = _found(request)
    values = _now(request, document)
    ended = not values["polling"]
    told = _story(request, document) if ended else {"lines": [], "cut": False}
    return page(request, "document_now.html", ended=ended, **values, **told)


@needs("operator")
def look(request: Request) -> Response:
    """The whole page with what the target shows at this moment."""
    document = _found(request)
    parts = parts_of(request)
    integration = parts.shelf.integrations.get(document.flow.partition("/")[0])
    if integration is None:
        raise UsageError(f"`{document.flow}` is not served here, so its target is not known")
    looked = look_at(workspace_of(request), parts.seams, integration, document)
    return page(request, "document.html", **_whole(request, document, looked))


@needs("operator")
def act(request: Request) -> Response:
    """Does what was asked for, unless the document is not what the person saw; back to it either way."""
    document, form = _found(request), request.state.form
    to = document_address(document.key, document.version)
    parts, name = parts_of(request), who(request).name
    if request.path_params["act"] == "run":
        return redirect(request, to, said=run_now(parts, document.flow, name))
    if form.get("seen", "") != seen_of(document):
        return redirect(request, to, said=_meanwhile(request, document))
    asked = Asked(
        parts=parts,
        workspace=workspace_of(request),
        document=document,
        reason=one_line(form.get("reason", "").strip()[:LONGEST]),
        reference=one_line(form.get("reference", "").strip()[:LONGEST]),
    )
    try:
        said = decide(request.path_params["act"], asked)
    except UsageError as error:
        return redirect(request, to, said=f"Nothing was changed: {error}")
    after = parts.workspace.ledger.document(document.key, document.version)
    if after is not None and after.state in GO_ON and after.state is not document.state:
        said = f"{said} {run_now(parts, document.flow, name)}"
    return redirect(request, to, said=said)


def _meanwhile(request: Request, document: Document) -> str:
    """Who changed it, as far as the trail tells."""
    last = parts_of(request).workspace.trail.entries(key=document.key, limit=1)
    by = f" by {last[-1].actor}" if last else ""
    return f"Nothing was changed: {document.number} was changed meanwhile{by} and is now {document.state.value}. Look at it again."


def _found(request: Request) -> Document:
    key, version = document_named(request.path_params["name"])
    document = parts_of(request).workspace.ledger.document(key, version)
    if document is None:
        raise UsageError("There is no document of that address: look for it by its number")
    return document


def _whole(request: Request, document: Document, looked: Looked | None) -> dict[str, Any]:
    flow = parts_of(request).shelf.flow(document.flow)
    listed = worklist_find.one(parts_of(request).workspace.desk, document.key, document.version)
    return {
        **_now(request, document),
        **_story(request, document),
        **around(parts_of(request), document),
        "ended": False,
        "cause": cause_id(listed) if listed is not None and document.state in STOPPED else "",
        "read": sheet(document.source),
        "mapped": sheet(document.payload),
        "identifiers": [
            (name, value) for name, value in document.identifiers.items() if name not in {"number", "near"}
        ],
        "spec_now": flow.spec_sha if flow is not None else "",
        "looked": looked,
        "sides": [(side, cell(side.there), cell(side.here)) for side in (looked.sides if looked is not None else ())],
        "can_look": flow is not None and not flow.by_file and document.purged_at is None and document.step != UNREAD,
    }


def _now(request: Request, document: Document) -> dict[str, Any]:
    values = now_of(parts_of(request), document)
    may_act = who(request).may("operator")
    return {
        **values,
        "means": MEANS[document.state],
        "next_step": next_step(document),
        "offers": offers(document, values["flow"], two=values["two"]) if may_act else [],
        "may_act": may_act,
        "mine": asked_by(values["asking"], who(request).name),
    }


def _story(request: Request, document: Document) -> dict[str, Any]:
    lines, cut = story(parts_of(request).workspace, document)
    return {"lines": lines, "cut": cut}


ROUTES = [
    Route("/documents/{name}", show),
    Route("/documents/{name}/now", now),
    Route("/documents/{name}/shows", look, methods=["POST"]),
    Route("/documents/{name}/{act}", act, methods=["POST"]),
]

"""Another turn for all that stopped for one reason, or for some that were chosen: asked first, then done and told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.desk.causes import cause_id
from engine.desk.replay import REPLAY, Name
from engine.errors import UsageError
from engine.redaction import one_line
from engine.service.console import bulk_work
from engine.service.console.causes_board import Group, group_of, hint
from engine.service.console.document import LONGEST
from engine.service.console.document_told import OPEN
from engine.service.console.frame import local, needs, page, parts_of, redirect, who
from engine.service.console.links import cause_address, document_address, document_name, document_named
from engine.service.console.queue import within
from engine.state import worklist, worklist_find
from engine.state.facts import Listed
from engine.state.ledger_desk import Desk
from engine.state.worklist import STOPPED, Wanted

_AT_ONCE = 1000


@needs("operator")
def ask_cause(request: Request) -> Response:
    """How many there are of a cause and what a replay does with them; nothing is changed yet."""
    desk = parts_of(request).workspace.desk
    group = group_of(desk, request.path_params["cause"])
    if group is None:
        return redirect(request, "/queue", said="No document waits for that reason any more.")
    return page(
        request, "bulk.html", group=group, hint=hint(desk, group), chosen=[], documents=group.documents,
        amount=group.amount, states=[(group.state, group.documents)], names=[], action=f"/causes/{group.id}",
        back=cause_address(group.id), can_map=_served(request, [group.flow]),
    )  # fmt: skip


@needs("operator")
def do_cause(request: Request) -> Response:
    """All of a cause, as it is at this moment."""
    desk, cause = parts_of(request).workspace.desk, request.path_params["cause"]
    group = group_of(desk, cause)
    names = {group.flow: _members(desk, group)} if group is not None else {}
    return _start(request, names, cause_address(cause))


@needs("operator")
def ask_chosen(request: Request) -> Response:
    """The same for those that were ticked in a list; a form, for so many names have no place in an address."""
    found, back = _chosen(request), local(request.state.form.get("back", "/queue"))
    if not found:
        return redirect(request, back, said="No document was chosen.")
    amounts = (Decimal(each.amount) for each in found if each.amount)
    return page(
        request, "bulk.html", group=None, hint="", chosen=found, documents=len(found), amount=sum(amounts, Decimal()),
        states=list(Counter(each.state for each in found).items()),
        names=[document_name(each.key, each.version) for each in found], action="/bulk/chosen", back=back,
        can_map=_served(request, {each.flow for each in found}),
    )  # fmt: skip


@needs("operator")
def do_chosen(request: Request) -> Response:
    """Those that were chosen and still are stopped."""
    names: dict[str, list[Name]] = {}
    for each in _chosen(request):
        names.setdefault(each.flow, []).append((each.key, each.version))
    return _start(request, names, local(request.state.form.get("back", "/queue")))


@needs("viewer")
def show_go(request: Request) -> Response:
    """How far it is, and what became of each."""
    return _go_page(request, "bulk_go.html")


@needs("viewer", poll=True)
def now_go(request: Request) -> Response:
    """The part of it that changes."""
    return _go_page(request, "bulk_now.html")


def _go_page(request: Request, name: str) -> Response:
    parts = parts_of(request)
    go = bulk_work.go_of(parts, request.path_params["go"])
    if go is None:
        return redirect(
            request, "/queue", said="That replay is not remembered any more: the trail of each document tells it."
        )
    firings = [parts.firings.listed(flow, limit=1) for flow in go.started]
    started = [found[0] for found in firings if found]
    now = parts.workspace.ledger.states([told.key for told in go.told]) if go.ended else {}
    return page(
        request, name, go=go, started=started, standing=sorted(Counter(now.values()).items()),
        polling=not go.ended or any(each.state in OPEN for each in started),
        told=[(document_address(told.key, told.version), told, now.get(told.key, told.state)) for told in go.told],
    )  # fmt: skip


def _start(request: Request, names: dict[str, list[Name]], back: str) -> Response:
    form, many = request.state.form, sum(len(each) for each in names.values())
    if not many:
        return redirect(request, back, said="Nothing was changed: none of them is stopped any more.")
    if many > bulk_work.MOST:
        raise UsageError(
            f"{many:,} documents are more than one go takes ({bulk_work.MOST:,}): narrow it by flow or file"
        )
    reason = one_line(form.get("reason", "").strip()[:LONGEST]) or REPLAY
    go = bulk_work.start(
        parts_of(request), names, by=who(request).name, remap=form.get("act") == "remap", reason=reason
    )
    return redirect(request, f"/bulk/{go.id}")


def _chosen(request: Request) -> list[Listed]:
    """Of the names in the form those that are stopped."""
    desk = parts_of(request).workspace.desk
    named = (document_named(name) for name in request.state.fields.get("name", []))
    found = (worklist_find.one(desk, key, version) for key, version in named)
    return [each for each in found if each is not None and each.state in STOPPED]


def _served(request: Request, flows: Sequence[str] | set[str]) -> bool:
    return all(parts_of(request).shelf.flow(flow) is not None for flow in flows)


def _members(desk: Desk, group: Group) -> list[Name]:
    """Every document of the cause, read now."""
    found: list[Name] = []
    wanted, after = within(Wanted(), group), None
    while len(found) <= bulk_work.MOST:
        some = worklist.listed(desk, wanted, after=after, most=_AT_ONCE)
        found += [(each.document.key, each.document.version) for each in some if cause_id(each.document) == group.id]
        if len(some) < _AT_ONCE:
            break
        after = worklist.end_of(some, "newest")
    return found


ROUTES = [
    Route("/causes/{cause}", ask_cause),
    Route("/causes/{cause}", do_cause, methods=["POST"]),
    Route("/bulk", ask_chosen, methods=["POST"]),
    Route("/bulk/chosen", do_chosen, methods=["POST"]),
    Route("/bulk/{go}", show_go),
    Route("/bulk/{go}/now", now_go),
]

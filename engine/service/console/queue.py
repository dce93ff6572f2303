"""The page at seven in the morning: what stopped, by cause, and each document that did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.desk.causes import cause_id
from engine.service.console.causes_board import Group, Picture, board_of, examples, group_of, hint
from engine.service.console.frame import needs, page, parts_of, who
from engine.service.console.links import document_address, document_name
from engine.service.console.queue_filter import QueueFilter, choices, filter_of
from engine.state import worklist
from engine.state.facts import Listed
from engine.state.ledger_desk import Desk
from engine.state.worklist import Place, Stopped, Wanted

ROWS = 50
GROUPS = 12
"""Causes shown at first; the rest by a link."""
MOST_GROUPS = 200
_LOOKED, _AT_ONCE = 2000, 250
"""Documents that are looked at to fill one page of a cause."""


@needs("viewer")
def queue(request: Request) -> Response:
    """Groups first, then the list as it is narrowed."""
    desk = parts_of(request).workspace.desk
    asked = filter_of(request.query_params)
    picture = board_of(desk).look(desk)
    group = group_of(desk, asked.cause) if asked.cause else None
    rows, after, count = _rows(desk, asked, group)
    every = request.query_params.get("causes") == "all"
    return page(
        request,
        "queue.html",
        asked=asked,
        choices=choices(),
        flows=worklist.flows(desk),
        standing=worklist.standing(desk),
        causes=[] if asked.cause else _causes(desk, picture, asked, MOST_GROUPS if every else GROUPS),
        picture=picture,
        read_through=worklist.READ_THROUGH if asked.by_text and picture.many > worklist.READ_THROUGH else 0,
        more_causes=_fitting(picture, asked)[1] - GROUPS if not every else 0,
        group=_cause(desk, group, None) if group is not None else None,
        rows=rows,
        count=count,
        counted=worklist.COUNTED,
        next=asked.address(after=after.written()) if after is not None else "",
        may_act=who(request).may("operator"),
    )


def _fitting(picture: Picture, asked: QueueFilter) -> tuple[list[Group], int]:
    """The groups of the flow and the states asked for, and how many."""
    fits = [
        group
        for group in picture.groups
        if asked.flow in {"", group.flow} and (not asked.state or group.state.value in asked.state)
    ]
    return fits, len(fits)


def _causes(desk: Desk, picture: Picture, asked: QueueFilter, most: int) -> list[dict[str, Any]]:
    chosen = _fitting(picture, asked)[0][:most]
    shown = examples(desk, chosen)
    return [_cause(desk, group, shown.get(group.id)) for group in chosen]


def _cause(desk: Desk, group: Group, example: Listed | None) -> dict[str, Any]:
    return {
        "id": group.id,
        "flow": group.flow,
        "state": group.state,
        "text": group.text or "no reason was given",
        "documents": group.documents,
        "amount": group.amount,
        "first": group.first,
        "last": group.last,
        "hint": hint(desk, group),
        "example": example,
        "example_address": document_address(example.key, example.version) if example is not None else "",
    }


def _rows(desk: Desk, asked: QueueFilter, group: Group | None) -> tuple[list[dict[str, Any]], Place | None, int]:
    """A page of the list, where the next one begins, and how many there are."""
    wanted = asked.wanted(desk.clock())
    if asked.by_text:
        wanted = replace(wanted, since=worklist.reach(desk))
    start = worklist.place_of(asked.after)
    if asked.cause:
        if group is None:
            return [], None, 0
        found, after = of_cause(desk, within(wanted, group), group.id, asked, start)
        return _shown(desk, found), after, group.documents
    found = worklist.listed(desk, wanted, order=asked.sort, after=start, most=ROWS + 1)
    after = worklist.end_of(found[:ROWS], asked.sort) if len(found) > ROWS else None
    return _shown(desk, found[:ROWS]), after, worklist.count(desk, wanted)


def within(wanted: Wanted, group: Group) -> Wanted:
    """Narrowed to where the group can be: its flow and state, and the longest piece its reasons have in common."""
    return replace(
        wanted, flow=group.flow, states=(group.state,), holding=max(group.text.split("#"), key=len, default="")
    )


def of_cause(
    desk: Desk, wanted: Wanted, cause: str, asked: QueueFilter, start: Place | None
) -> tuple[list[Stopped], Place | None]:
    """A page of one cause. It may be a short one: what does not belong is passed over, up to a limit."""
    found: list[Stopped] = []
    for _ in range(_LOOKED // _AT_ONCE):
        some = worklist.listed(desk, wanted, order=asked.sort, after=start, most=_AT_ONCE)
        for each in some:
            start = worklist.end_of([each], asked.sort)
            if cause_id(each.document) == cause:
                found.append(each)
            if len(found) == ROWS:
                return found, start
        if len(some) < _AT_ONCE:
            return found, None
    return found, start


def _shown(desk: Desk, found: Sequence[Stopped]) -> list[dict[str, Any]]:
    files = worklist.file_names(desk, {(each.document.flow, each.parcel) for each in found if each.parcel})
    return [
        {
            "document": each.document,
            "since": each.since,
            "address": document_address(each.document.key, each.document.version),
            "name": document_name(each.document.key, each.document.version),
            "file": files.get((each.document.flow, each.parcel), ""),
        }
        for each in found
    ]


ROUTES = [Route("/queue", queue)]

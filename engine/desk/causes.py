"""Documents that wait for the same reason, as one group: two hundred lines with one cause are one thing to do."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from engine.contracts import State
from engine.desk.flow_names import short
from engine.errors import UsageError
from engine.redaction import one_line
from engine.run.show import table
from engine.run.workspace import Workspace
from engine.state import ledger_overview
from engine.state.facts import Listed

FOR_A_PERSON = (State.HELD, State.CONFLICT, State.QUARANTINED)
TRIED_AGAIN = (State.REJECTED, State.IN_DOUBT, State.WAITING)
WAITING = (*FOR_A_PERSON, *TRIED_AGAIN)
ENOUGH = 2
"""One document alone tells nothing about where the fault lies."""

_NAME = re.compile(r"(`[^`]*`)")
_QUOTED = re.compile(r"""(?<!\w)'[^'…]*['…]|(?<!\w)"[^"…]*["…]""")
_STATUS = re.compile(r"\bHTTP \d{3}\b")
_BORDERS = frozenset(" \t\n(),;:`'\"")
"""What a word, however odd, ends at."""
_WORD = re.compile(r"[^\s(),;`'\"]+")
_INDEX = re.compile(r"\[\d+\]")


@dataclass(slots=True)
class Cause:
    """One group. `hint` is empty where the figures tell nothing."""

    id: str
    flow: str
    state: State
    text: str
    example: Listed
    first: datetime
    last: datetime
    arrived: tuple[datetime, datetime]
    documents: int = 0
    amount: Decimal = field(default_factory=Decimal)
    hint: str = ""

    def plain(self) -> dict[str, Any]:
        """For `--format json`."""
        return {
            "cause": self.id,
            "flow": self.flow,
            "state": self.state.value,
            "reason": self.text,
            "documents": self.documents,
            "amount": self.amount,
            "first": self.first,
            "last": self.last,
            "example": {"number": self.example.number, "key": self.example.key, "reason": self.example.reason},
            "hint": self.hint,
        }


def cause_text(document: Listed) -> str:
    """The reason without what is this document's own: quoted values, figures, dates, its number, party and key.

    Names in backquotes stay, for they say which field it is; so does an HTTP status.
    """
    text = document.reason
    own = {document.key, document.number, document.party, document.reference, document.amount or ""}
    for value in sorted((each for each in own if each and each in text), key=len, reverse=True):
        text = _without(text, value)
    parts = _NAME.split(_QUOTED.sub("#", text))
    return "".join(_INDEX.sub("[#]", part) if part.startswith("`") else _figures(part) for part in parts)


def _without(text: str, value: str) -> str:
    """The text with the value, where it stands as a whole word, masked."""
    parts, at = [], 0
    while (start := text.find(value, at)) >= 0:
        end = start + len(value)
        alone = (start == 0 or text[start - 1] in _BORDERS) and (end == len(text) or text[end] in _BORDERS)
        parts += [text[at:start], "#" if alone else value]
        at = end
    return "".join(parts) + text[at:]


def _figures(text: str) -> str:
    kept = _STATUS.findall(text)
    masked = _WORD.sub(_figure, _STATUS.sub("HTTP \0", text))
    for status in kept:
        masked = masked.replace("HTTP \0", status, 1)
    return masked


def _figure(word: re.Match[str]) -> str:
    return "#" if any(letter.isdigit() for letter in word.group()) else word.group()


def cause_id(document: Listed) -> str:
    """Eight hex digits: the same for every document of a flow that is in this state for this reason."""
    return id_of(document, cause_text(document))


def id_of(document: Listed, masked: str) -> str:
    """The same, where its text is known."""
    said = f"{document.flow}\n{document.state.value}\n{masked}"
    return hashlib.sha256(said.encode()).hexdigest()[:8]


def causes(workspace: Workspace, states: Iterable[State] = WAITING, flow: str | None = None) -> list[Cause]:
    """The groups, largest first, each with a guess where its fault lies."""
    found: dict[str, Cause] = {}
    for document in ledger_overview.listed(workspace.desk, tuple(states), flow=flow):
        key = cause_id(document)
        cause = found.get(key)
        if cause is None:
            first, came = document.updated_at, document.created_at
            cause = found[key] = Cause(
                key, document.flow, document.state, cause_text(document), document,
                first=first, last=first, arrived=(came, came),
            )  # fmt: skip
        _add(cause, document)
    for cause in found.values():
        cause.hint = _hint(workspace, cause)
    return sorted(found.values(), key=lambda cause: (-cause.documents, cause.flow, cause.id))


def _add(cause: Cause, document: Listed) -> None:
    cause.documents += 1
    cause.amount += _amount(document.amount)
    cause.first = min(cause.first, document.updated_at)
    cause.last = max(cause.last, document.updated_at)
    cause.arrived = (min(cause.arrived[0], document.created_at), max(cause.arrived[1], document.created_at))


def _amount(text: str | None) -> Decimal:
    try:
        amount = Decimal(text or "0")
    except InvalidOperation:
        return Decimal()
    return amount if amount.is_finite() else Decimal()


def _hint(workspace: Workspace, cause: Cause) -> str:
    """All that came in meanwhile have it: configuration. Some have it: their data. One alone tells nothing."""
    return hint_text(cause.documents, ledger_overview.arrived(workspace.desk, cause.flow, *cause.arrived))


def hint_text(documents: int, came: int, *, more: bool = False) -> str:
    """The same from its figures; `more`: at least so many came in."""
    if came < ENOUGH:
        return ""
    if documents >= came and not more:
        return f"all {came:,} that came in meanwhile have it: look at configuration or set-up"
    return f"{documents:,} of {'more than ' if more else ''}{came:,} that came in meanwhile have it: look at their data"


def members(workspace: Workspace, cause: str, flow: str | None = None) -> list[Listed]:
    """The documents of a group. Raises UsageError, with the groups there are, when there is none of that id."""
    found, known = [], dict[str, None]()
    for document in ledger_overview.listed(workspace.desk, WAITING, flow=flow):
        key = cause_id(document)
        known[key] = None
        if key == cause.lower():
            found.append(document)
    if not found:
        there = f"there are {', '.join(known)}" if known else "nothing waits"
        raise UsageError(f"No document has the cause `{cause}`; {there} (`mlconnector held list --all --by-cause`)")
    return found


def render(groups: list[Cause]) -> str:
    """A table of the groups, then each one's example and hint."""
    if not groups:
        return "Nothing is held."
    head = ("CAUSE", "DOCUMENTS", "STATE", "AMOUNT", "FLOW", "FIRST", "LAST", "REASON")
    rows = [
        (
            g.id,
            f"{g.documents:,}",
            g.state.value,
            format(g.amount, "f"),
            short(g.flow),
            _day(g.first),
            _day(g.last),
            g.text,
        )
        for g in groups
    ]
    return "\n".join([table([head, *rows]), "", *_notes(groups)])


def _notes(groups: list[Cause]) -> Iterator[str]:
    for group in groups:
        example = f"{group.id}: for example {group.example.number}: {group.example.reason}"
        yield one_line(example)
        if group.hint:
            yield f"          {group.hint}"
    yield "Once the cause is mended: `mlconnector replay --group CAUSE`, with `--remap SPEC` to map anew."


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"

"""What a workspace remembers of each flow, shown and corrected by a person: `state show`, `state set`, `state reset`."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import timedelta
from typing import Any

from engine.desk.flow_names import chosen_flow, flow_id
from engine.errors import RecordError, SetupError, UsageError
from engine.mapping.text import to_text
from engine.redaction import one_line
from engine.run.show import in_form
from engine.run.workspace import Workspace
from engine.sources.stamps import StampType, parse_stamp
from engine.state import ledger_overview
from engine.state.facts import Run
from engine.state.ledger_cursors import forget_cursors, move_cursor
from engine.state.locks import flow_lock

_NUMBER = re.compile(r"[+-]?\d+")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def show_state(workspace: Workspace, *, flow: str | None, form: str) -> str:
    """Every flow, or one: where it reads on, what stands where, what is open. Raises UsageError for an unknown flow."""
    named = chosen_flow(workspace, flow)
    flows = [named] if named is not None else ledger_overview.flows(workspace.desk)
    facts = [_facts(workspace, each) for each in flows]
    text = "\n\n".join("\n".join(map(one_line, _lines(workspace, each))) for each in facts)
    return in_form(form, text or "Nothing ran in this workspace yet.", facts)


def _facts(workspace: Workspace, flow: str) -> dict[str, Any]:
    standing = ledger_overview.standing(workspace.desk, flow)
    last = workspace.ledger.last_run(flow, ok=False)
    return {
        "flow": flow,
        "cursors": [{"source": source, "value": cursor.value} for source, cursor in standing.cursors.items()],
        "documents": {
            state.value: {"documents": tally.documents, "amount": tally.amount}
            for state, tally in workspace.ledger.tally(flow).items()
        },
        "last_run": _run_facts(last),
        "in_doubt_since": standing.doubt_since,
        "files_unsent": standing.files_unsent,
        "open_parcels": standing.open_parcels,
    }


def _run_facts(run: Run | None) -> dict[str, Any] | None:
    if run is None:
        return None
    return {"run": run.id, "started": run.started_at, "ended": run.ended_at, "outcome": run.outcome}


def _lines(workspace: Workspace, facts: dict[str, Any]) -> list[str]:
    lines = [facts["flow"]]
    lines += [f"  reads on from  {each['value']}  ({each['source']})" for each in facts["cursors"]]
    for state, tally in facts["documents"].items():
        amount = f"  {tally['amount']:,f}" if tally["amount"] else ""
        lines.append(f"  {state:<13}  {tally['documents']:,}{amount}")
    last = facts["last_run"]
    told = f"{last['ended']:%Y-%m-%d %H:%M} UTC: {last['outcome']} ({last['run']})" if last else "none ended yet"
    lines.append(f"  last run       {told}")
    since = facts["in_doubt_since"]
    if since is not None:
        lines.append(f"  in doubt for   {_age(workspace.desk.clock() - since)}, since {since:%Y-%m-%d %H:%M} UTC")
    if facts["files_unsent"]:
        lines.append(f"  files to send  {facts['files_unsent']:,} built and not known to be there")
    if facts["open_parcels"]:
        lines.append(f"  open parcels   {facts['open_parcels']:,} taken in part, read on by the next run")
    return lines


def _age(span: timedelta) -> str:
    days, rest = divmod(max(int(span.total_seconds()), 0), 86400)
    hours, minutes = rest // 3600, rest % 3600 // 60
    return f"{days} d {hours} h" if days else f"{hours} h {minutes} min"


def set_cursor(workspace: Workspace, name: str, value: str, *, reason: str, source: str | None, form: str) -> str:
    """Moves a flow's cursor by hand. Raises UsageError for a flow without one and a value of another kind, AlreadyRunning."""
    flow = flow_id(workspace, name)
    _check_reason(reason)
    with flow_lock(workspace.database, workspace.tenant, flow):
        place, before = _one_cursor(workspace, flow, source)
        after = _same_kind(before, value)
        move_cursor(workspace.desk, flow, place, after, reason=reason)
    between = (
        "what changed in between is read again; what is known and unchanged is not sent again"
        if _earlier(before, after)
        else "what changed in between is not read, unless `run --since` or `run --full` asks for it"
    )
    text = f"{flow}: the cursor was {before} and is {after}: {between}."
    return in_form(form, text, {"flow": flow, "source": place, "was": before, "cursor": after})


def reset_cursor(workspace: Workspace, name: str, *, reason: str, form: str) -> str:
    """Forgets a flow's cursors. Raises UsageError for a flow without one, AlreadyRunning."""
    flow = flow_id(workspace, name)
    _check_reason(reason)
    with flow_lock(workspace.database, workspace.tenant, flow):
        cursors = ledger_overview.standing(workspace.desk, flow).cursors
        if not cursors:
            raise UsageError(_none(flow))
        forget_cursors(workspace.desk, flow, reason=reason)
        kept = sum(workspace.ledger.counts(flow).values())
    was = ", ".join(cursor.value for cursor in cursors.values())
    text = (
        f"{flow}: the cursor ({was}) is forgotten: the next run reads from the beginning again."
        f" Its {kept:,} documents stay: what is known and unchanged is not sent again."
    )
    return in_form(form, text, {"flow": flow, "was": [c.value for c in cursors.values()], "documents": kept})


def _one_cursor(workspace: Workspace, flow: str, source: str | None) -> tuple[str, str]:
    """The source and value of the cursor that is meant."""
    cursors = ledger_overview.standing(workspace.desk, flow).cursors
    if not cursors:
        raise UsageError(_none(flow))
    if source is None and len(cursors) > 1:
        raise UsageError(f"`{flow}` reads several sources: say --source, one of {', '.join(cursors)}")
    place = source if source is not None else next(iter(cursors))
    if place not in cursors:
        raise UsageError(f"`{flow}` has no cursor in `{place}`; it has one in {', '.join(cursors)}")
    return place, cursors[place].value


def _none(flow: str) -> str:
    return f"`{flow}` has no cursor: it reads files or everything, or no pass of it has ended yet"


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise UsageError("A correction needs a reason: it is kept in the trail")


def _kind(value: str) -> StampType:
    return "integer" if _NUMBER.fullmatch(value) else "date" if _DAY.fullmatch(value) else "datetime"


def _same_kind(before: str, value: str) -> str:
    """The new cursor as it is stored. Raises UsageError when it can't stand where the old one stood."""
    kind = _kind(before)
    stamp = None
    with suppress(SetupError, RecordError, ValueError):
        if _kind(value) == kind or (kind == "datetime" and _kind(value) == "date"):
            stamp = _instant(value) if kind == "datetime" else parse_stamp(value, kind)
    if stamp is None:
        raise UsageError(f"`{value}` can't stand where `{before}` stands: write it the same way")
    return to_text(stamp)


def _instant(value: str) -> Any:
    return parse_stamp(f"{value}T00:00:00Z" if _DAY.fullmatch(value) else value, "datetime")


def _earlier(before: str, after: str) -> bool:
    kind = _kind(before)
    old: Any = parse_stamp(before, kind)
    new: Any = parse_stamp(after, kind)
    return bool(new <= old)

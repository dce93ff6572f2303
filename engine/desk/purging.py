"""`purge SPEC`: payloads of documents that ended long enough ago go; what keeps a document from being posted twice stays."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta
from typing import Any

from engine.errors import UsageError
from engine.run.model import Integration
from engine.run.show import in_form
from engine.run.workspace import Workspace
from engine.spec.scalars import DURATION_HINT, format_duration, parse_duration
from engine.state import ledger_overview
from engine.state.ledger_purge import Due, Over, due, owes_writing, purge, write_anew
from engine.state.locks import flow_lock

SHORTEST = timedelta(days=30)
"""A sweep, a correction or a partner's complaint needs the payload that long; the schema asks for as much."""

UNFINISHED = 3
"""Exit code when the payloads are out of the ledger and their old bytes may still be on the disk."""


def purge_payloads(
    integration: Integration, workspace: Workspace, *, older_than: str | None, dry_run: bool, form: str
) -> tuple[str, int]:
    """What to print and the exit code. Raises UsageError for no or too short a time, AlreadyRunning while a run is at work."""
    kept = _kept(integration, older_than)
    desk, name = workspace.desk, integration.name
    flows = [flow for flow in ledger_overview.flows(desk) if flow.rpartition("/")[0] == name]
    over = Over(flows, desk.clock() - kept)
    whole = True
    with ExitStack() as locks:
        if dry_run:
            found = due(desk, over)
        else:
            for flow in sorted(flows):
                locks.enter_context(flow_lock(workspace.database, workspace.tenant, flow))
            found = purge(desk, over, integration=name, kept=format_duration(kept))
            whole = not owes_writing(desk) or write_anew(desk)
    facts = {
        "integration": name,
        "kept": format_duration(kept),
        "ended_before": over.before,
        "dry_run": dry_run,
        "documents": found.documents,
        "attempts": found.attempts,
        "oldest": found.oldest,
        "written_anew": whole and not dry_run,
    }
    return in_form(form, _text(workspace, name, facts, found), facts), 0 if whole else UNFINISHED


def _kept(integration: Integration, older_than: str | None) -> timedelta:
    """How long payloads are kept. Less than the spec promises is refused: what is gone can't be brought back."""
    promised = integration.retention
    if older_than is None:
        if promised is None:
            raise UsageError(
                f"`{integration.path.name}` has no `retention`: say --older-than, such as 400d, or write `retention: 400d`"
            )
        return promised
    kept = parse_duration(older_than)
    if kept is None:
        raise UsageError(f"`{older_than}` is no time for --older-than: {DURATION_HINT}")
    if kept < SHORTEST:
        raise UsageError(
            f"--older-than must be {format_duration(SHORTEST)} or more: what is younger may still be asked for"
        )
    if promised is not None and kept < promised:
        raise UsageError(
            f"The spec keeps payloads for {format_duration(promised)}: change `retention` there first, nothing was purged"
        )
    return kept


def _text(workspace: Workspace, name: str, facts: dict[str, Any], found: Due) -> str:
    what = f"{found.documents:,} documents that ended before {facts['ended_before']:%Y-%m-%d} (kept {facts['kept']})"
    if facts["dry_run"]:
        since = f", the first of {found.oldest:%Y-%m-%d}" if found.oldest else ""
        return f"{name}: the payloads of {what} would be purged, with {found.attempts:,} requests and answers{since}."
    lines = [f"{name}: the payloads of {what} were purged, with {found.attempts:,} requests and answers."]
    if found.documents:
        lines.append("Keys, hashes, states, references and the trail stay: a duplicate is still known.")
    if not facts["written_anew"]:
        lines.append(
            "The database's log still holds old bytes, for somebody reads in it: run `purge` again to clear it."
        )
    elif found.documents and workspace.database.is_sqlite:
        lines.append("The database file was written anew without them; backups and exported files keep what they hold.")
    elif found.documents:
        lines.append("PostgreSQL writes over their space by and by; its own log and backups keep what they hold.")
    return "\n".join(lines)

"""What an operator decides about held documents. Each returns what to print."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.contracts import Document, State
from engine.desk.causes import FOR_A_PERSON, WAITING, cause_id, causes, members, render
from engine.desk.flow_names import chosen_flow, short
from engine.desk.two_people import asked_line, send_by_two
from engine.errors import UsageError
from engine.redaction import one_line
from engine.run.journey import answer_text, attempt_facts, ending, like
from engine.run.show import as_json, document_facts, in_form, plain, table
from engine.run.workspace import Workspace
from engine.state import ledger_overview
from engine.state.approvals import asking_of, needs_two
from engine.state.facts import Listed

MOST = 1000
"""Documents a text list shows; how many there are is said beneath it."""

LONGEST_VERSION = 6

Act = Callable[[Workspace, str], str]
"""What a person decides about the document of a key; returns what to print."""


def list_held(workspace: Workspace, *, every: bool, form: str, flow: str | None = None, by_cause: bool = False) -> str:
    """Documents that wait for a person, newest change first; or their causes. Raises UsageError for an unknown flow."""
    states = WAITING if every else FOR_A_PERSON
    flow = chosen_flow(workspace, flow)
    if by_cause:
        groups = causes(workspace, states, flow)
        return in_form(form, render(groups), [group.plain() for group in groups])
    if form == "json":
        return as_json([_listed(each) for each in ledger_overview.listed(workspace.desk, states, flow=flow)])
    found = list(ledger_overview.listed(workspace.desk, states, flow=flow, most=MOST))
    if not found:
        return "Nothing is held."
    head = ("NUMBER", "PARTY", "STATE", "AMOUNT", "FLOW", "REASON")
    rows = [(d.number, d.party, d.state.value, d.amount or "", short(d.flow), d.reason) for d in found]
    return table([head, *rows]) + _of(len(found), ledger_overview.count(workspace.desk, states, flow=flow))


def _of(shown: int, many: int) -> str:
    """Empty when all are shown."""
    if shown >= many:
        return ""
    return (
        f"\nshowing {shown:,} of {many:,}: `--by-cause` groups them, `--flow` narrows them, `--format json` lists all"
    )


def _listed(document: Listed) -> dict[str, Any]:
    """What a person needs to know of it, its cause, and since when."""
    return document_facts(document) | {"cause": cause_id(document), "since": document.updated_at}


def show_document(workspace: Workspace, key: str, *, form: str) -> str:
    """One document as read, as mapped, and every attempt to send it with its answer."""
    document = pick(workspace, key)
    attempts = workspace.ledger.attempts(document.key, document.version)
    asking = asking_of(workspace.desk, document)
    facts = document_facts(document) | {
        "purged_at": document.purged_at,
        "as read": document.source,
        "as mapped": document.payload,
        "attempts": [attempt_facts(attempt) for attempt in attempts],
    }
    if asking is not None:
        facts["asked"] = {"by": asking.by, "at": asking.asked_at, "reason": asking.reason}
    if form == "json":
        return as_json(facts)
    lines = [
        one_line(f"{name:>10}  {plain(value)}")
        for name, value in document_facts(document).items()
        if value not in {None, ""}
    ]
    if asking is not None:
        lines.append(one_line(f"     asked  {asked_line(asking)}"))
    if document.purged_at is not None:
        lines.append(f"    purged  {document.purged_at:%Y-%m-%d}: source, payload, requests and answers are gone")
    else:
        lines += ["   as read", as_json(document.source), " as mapped", as_json(document.payload)]
    for attempt in attempts:
        lines.append(f"   attempt  {attempt.started_at:%Y-%m-%d %H:%M:%S} {attempt.step}: {ending(attempt)}")
        if attempt.response:
            lines.append(one_line(f"    answer  {answer_text(attempt)}"))
    return "\n".join(lines)


def decide(workspace: Workspace, act: Act, *, key: str | None, group: str | None, form: str) -> str:
    """The decision, for one document or a whole group. Raises UsageError; then nothing was changed."""
    if (key is None) == (group is None):
        raise UsageError("Say which: KEY or --group CAUSE (`mlconnector held list --by-cause` shows the causes)")
    if key is not None:
        chosen = pick(workspace, key)
        names = [f"{chosen.key}#{chosen.version}"]
    else:
        names = [f"{each.key}#{each.version}" for each in members(workspace, str(group))]
    told: list[dict[str, Any]] = []
    refused: list[UsageError] = []
    for name in names:
        try:
            said, error = act(workspace, name), ""
        except UsageError as problem:
            said, error = str(problem), "refused"
            refused.append(problem)
        told.append({**document_facts(pick(workspace, name)), "said": said, "error": error})
    if len(refused) == len(names):
        raise refused[0]
    return in_form(form, "\n".join(one["said"] for one in told), told)


def release(workspace: Workspace, key: str, *, reason: str, posted_as: str | None, send: bool) -> str:
    """A person lets a document go on. Raises UsageError for one that can't be released, or could mean several."""
    document = pick(workspace, key)
    who = workspace.actor
    if posted_as is not None and send:
        raise UsageError("Choose one of --posted-as and --send")
    if posted_as is not None:
        workspace.ledger.attest(document.key, posted_as, actor=who, reason=reason, version=document.version)
        return f"{document.number} counts as posted under {posted_as}."
    if document.payload is None:
        raise UsageError(
            f"{document.number} was never mapped ({document.reason}): mend the cause, "
            f"then `mlconnector replay {document.number} --remap SPEC`"
        )
    looked = document.state is State.HELD and not send
    to = State.IN_DOUBT if looked else State.READY
    if to is State.READY and needs_two(workspace.desk, document):
        return send_by_two(workspace, document, reason)
    after = workspace.ledger.release(document.key, to, actor=who, reason=reason, version=document.version)
    until = after.not_before
    when = f", not before {until:%Y-%m-%d %H:%M:%S} UTC, for its last request may land until then" if until else ""
    return f"{document.number} goes on at the next run{when}" + (": it is looked up first." if looked else ".")


def reject(workspace: Workspace, key: str, *, reason: str) -> str:
    """A person decides a document is never posted."""
    document = pick(workspace, key)
    workspace.ledger.cancel(document.key, actor=workspace.actor, reason=reason, version=document.version)
    return f"{document.number} will not be posted."


def pick(workspace: Workspace, key: str) -> Document:
    """The one document a person means by its key (`KEY#0` names a version) or number. Raises UsageError for none and for several."""
    name, _, version = key.rpartition("#")
    exact = workspace.ledger.document(key)
    if exact is None and name and version.isdecimal() and len(version) < LONGEST_VERSION:
        exact = workspace.ledger.document(name, int(version))
    if exact is not None:
        return exact
    found = workspace.ledger.find_documents(identifier=key, limit=20)
    if not found:
        raise UsageError(
            f"No document `{key}`: give its number or its key (`mlconnector held list --all` shows them)"
            + like(workspace, key)
        )
    waiting = [document for document in found if document.state in WAITING]
    if len(waiting or found) > 1:
        choices = "\n".join(
            f"  {d.number} {d.party} {d.state.value} in {d.flow}  {d.key}#{d.version}" for d in waiting or found
        )
        raise UsageError(f"`{key}` could be any of these; give the key:\n{choices}")
    return (waiting or found)[0]

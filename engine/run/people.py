"""What an operator decides and keeps: held documents, secrets, keys. Each returns what to print."""

from __future__ import annotations

from pathlib import Path

from engine.contracts import Clock, Document, State
from engine.errors import UsageError
from engine.redaction import one_line
from engine.run.show import as_json, document_facts, plain, table
from engine.run.workspace import Workspace
from engine.state.rotation import rotate

FOR_A_PERSON = (State.HELD, State.CONFLICT, State.QUARANTINED)
TRIED_AGAIN = (State.REJECTED, State.IN_DOUBT, State.WAITING)
MOST = 1000


def list_held(workspace: Workspace, *, every: bool, form: str) -> str:
    """Documents that wait for a person, newest change first."""
    states = (*FOR_A_PERSON, *TRIED_AGAIN) if every else FOR_A_PERSON
    found = workspace.ledger.find_documents(states=states, limit=MOST)
    if form == "json":
        return as_json([document_facts(document) for document in found])
    if not found:
        return "Nothing is held."
    head = ("NUMBER", "PARTY", "STATE", "AMOUNT", "FLOW", "REASON")
    rows = [(d.number, d.party, d.state.value, d.amount or "", d.flow.rpartition("/")[2], d.reason) for d in found]
    return table([head, *rows])


def show_document(workspace: Workspace, key: str, *, form: str) -> str:
    """One document as read, as mapped, and every attempt to send it."""
    document = pick(workspace, key)
    attempts = workspace.ledger.attempts(document.key, document.version)
    facts = document_facts(document) | {
        "as read": document.source,
        "as mapped": document.payload,
        "attempts": [
            {"step": a.step, "at": a.started_at, "outcome": a.outcome, "answer": a.response.decode("utf-8", "replace")}
            for a in attempts
        ],
    }
    if form == "json":
        return as_json(facts)
    lines = [
        one_line(f"{name:>10}  {plain(value)}")
        for name, value in document_facts(document).items()
        if value not in {None, ""}
    ]
    lines += ["   as read", as_json(document.source), " as mapped", as_json(document.payload)]
    lines += [
        f"   attempt  {a.started_at:%Y-%m-%d %H:%M:%S} {a.step}: {a.outcome or 'no answer known'}" for a in attempts
    ]
    return "\n".join(lines)


def release(workspace: Workspace, key: str, *, reason: str, posted_as: str | None, send: bool) -> str:
    """A person lets a document go on. Raises UsageError for one that can't be released, or could mean several."""
    document = pick(workspace, key)
    who = workspace.actor
    if posted_as and send:
        raise UsageError("Choose one of --posted-as and --send")
    if posted_as:
        workspace.ledger.attest(document.key, posted_as, actor=who, reason=reason, version=document.version)
        return f"{document.number} counts as posted under {posted_as}."
    if document.payload is None:
        raise UsageError(
            f"{document.number} was never mapped ({document.reason}): mend the cause, "
            f"then `mlconnector replay {document.number} --remap SPEC`"
        )
    looked = document.state is State.HELD and not send
    to = State.IN_DOUBT if looked else State.READY
    workspace.ledger.release(document.key, to, actor=who, reason=reason, version=document.version)
    return f"{document.number} goes on at the next run" + (": it is looked up first." if looked else ".")


def reject(workspace: Workspace, key: str, *, reason: str) -> str:
    """A person decides a document is never posted."""
    document = pick(workspace, key)
    workspace.ledger.cancel(document.key, actor=workspace.actor, reason=reason, version=document.version)
    return f"{document.number} will not be posted."


def pick(workspace: Workspace, key: str) -> Document:
    """The one document a person means by its key or number. Raises UsageError for none and for several."""
    exact = workspace.ledger.document(key)
    if exact is not None:
        return exact
    found = workspace.ledger.find_documents(identifier=key, limit=20)
    if not found:
        raise UsageError(f"No document `{key}`: give its number or its key (`mlconnector held list --all` shows them)")
    waiting = [document for document in found if document.state in {*FOR_A_PERSON, *TRIED_AGAIN}]
    if len(waiting or found) > 1:
        choices = "\n".join(f"  {d.number} {d.party} {d.state.value}  {d.key}" for d in waiting or found)
        raise UsageError(f"`{key}` could be any of these; give the key:\n{choices}")
    return (waiting or found)[0]


def read_secret(file: Path) -> str:
    """A secret's value from a file of text. Raises UsageError for one that can't be read so."""
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"`{file}` can't be read ({error.strerror}): check its owner and permissions") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"`{file}` is no text: give the key or certificate in its PEM form") from error


def store_secret(workspace: Workspace, name: str, value: str) -> str:
    """Seals a secret. Raises UsageError for one too short to be masked safely."""
    workspace.vault.set(name, value)
    return f"Stored `{name}`."


def list_secrets(workspace: Workspace) -> str:
    """Names and when each was stored; never a value."""
    rows = [(secret.name, f"{secret.updated_at:%Y-%m-%d %H:%M}") for secret in workspace.vault.names()]
    return table([("NAME", "STORED"), *rows]) if rows else "No secrets are stored."


def remove_secret(workspace: Workspace, name: str) -> str:
    """Raises UsageError when there is none of that name."""
    workspace.vault.remove(name)
    return f"Removed `{name}`."


def rotate_keys(workspace: Workspace, clock: Clock) -> str:
    """Seals everything with a new key; may be interrupted and run again."""
    done = rotate(workspace.database, workspace.vault.keyring, clock=clock)
    return f"Sealed {done.sealed} values with key {done.key_id}; retired: {', '.join(done.retired) or 'none'}."

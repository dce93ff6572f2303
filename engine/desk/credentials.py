"""What an operator keeps in the workspace: secrets and the key that seals them. Each returns what to print."""

from __future__ import annotations

import re
from pathlib import Path

from engine.contracts import Clock
from engine.errors import UsageError
from engine.run.show import in_form, table
from engine.run.workspace import Workspace
from engine.state.rotation import rotate

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def check_name(name: str) -> str:
    """The name of a secret, as specs may say it. Raises UsageError."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"`{name}` is no name for a secret: use letters, digits, `-`, `_` and `.`, as in `partner.password`"
        )
    return name


def read_secret(file: Path) -> str:
    """A secret's value from a file of text. Raises UsageError for one that can't be read so."""
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"`{file}` can't be read ({error.strerror}): check its owner and permissions") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"`{file}` is no text: give the key or certificate in its PEM form") from error


def store_secret(workspace: Workspace, name: str, value: str, *, form: str = "text") -> str:
    """Seals a secret. Raises UsageError for a name no spec can say, and for a value too short to be masked safely."""
    workspace.vault.set(check_name(name), value)
    return in_form(form, f"Stored `{name}`.", {"stored": name})


def list_secrets(workspace: Workspace, *, form: str = "text") -> str:
    """Names and when each was stored; never a value."""
    found = workspace.vault.names()
    rows = [(secret.name, f"{secret.updated_at:%Y-%m-%d %H:%M}") for secret in found]
    text = table([("NAME", "STORED"), *rows]) if rows else "No secrets are stored."
    return in_form(form, text, [{"name": secret.name, "stored_at": secret.updated_at} for secret in found])


def remove_secret(workspace: Workspace, name: str, *, form: str = "text") -> str:
    """Raises UsageError when there is none of that name."""
    workspace.vault.remove(name)
    return in_form(form, f"Removed `{name}`.", {"removed": name})


def rotate_keys(workspace: Workspace, clock: Clock, *, form: str = "text") -> str:
    """Seals everything with a new key; may be interrupted and run again."""
    done = rotate(workspace.database, workspace.vault.keyring, clock=clock)
    text = f"Sealed {done.sealed} values with key {done.key_id}; retired: {', '.join(done.retired) or 'none'}."
    return in_form(form, text, {"sealed": done.sealed, "key": done.key_id, "retired": list(done.retired)})

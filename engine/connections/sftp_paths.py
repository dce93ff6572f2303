"""Paths on an SFTP server, as the bytes it knows them by."""

from __future__ import annotations

from engine.connections import names
from engine.contracts import FileEntry
from engine.errors import SetupError


def path_of(folder: str, name: bytes | None = None) -> bytes:
    """The path of a folder, or of a name in it. Raises SetupError for a folder that leads elsewhere."""
    parts = names.folder_parts(folder)
    return b"/" + b"/".join(parts if name is None else (*parts, name))


def steps_to(folder: str) -> list[bytes]:
    """The folder, after all those above it."""
    parts = names.folder_parts(folder)
    return [b"/" + b"/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]


def listed(entry: FileEntry) -> bytes:
    """The name of something a server listed. Raises SetupError when it leads elsewhere."""
    reason = names.why_unsafe(entry.name)
    if reason:
        raise SetupError(f"`{entry.shown}` can't be used: {reason}")
    return entry.name


def shown(path: bytes) -> str:
    """A path for people."""
    return FileEntry(name=path, size=0, modified=0).shown

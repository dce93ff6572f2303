"""Names of remote files and folders: which ones are safe to use, how they become bytes, how they stay unique."""

from __future__ import annotations

import stat
from datetime import datetime

from engine.errors import SetupError

_LONGEST = 255


def encode(name: str) -> bytes:
    """The bytes a server knows a name by; what `decode` could not read comes back unchanged."""
    return name.encode("utf-8", "surrogateescape")


def decode(name: bytes) -> str:
    """A name as text; bytes that are no UTF-8 survive the way back through `encode`."""
    return name.decode("utf-8", "surrogateescape")


def why_unsafe(name: bytes) -> str:
    """Why a name sent by a server must not be used as one part of a path; empty when it may.

    Servers have sent `../../x` and clients have written there (CVE-2026-27699).
    """
    if not name:
        return "the name is empty"
    if name in {b".", b".."}:
        return "the name means another folder"
    if b"/" in name or b"\\" in name:
        return "the name contains a path separator"
    if any(byte < 32 or byte == 127 for byte in name) or any(ord(c) in range(0x80, 0xA0) for c in decode(name)):
        return "the name contains a control character"
    if len(name) > _LONGEST:
        return f"the name is longer than {_LONGEST} bytes"
    return ""


def why_skipped(name: bytes) -> str:
    """Why a listed name is passed over: unsafe, or hidden (half-written files are often hidden ones)."""
    return why_unsafe(name) or ("hidden: the name starts with a dot" if name.startswith(b".") else "")


def why_not_regular(mode: int | None, size: int | None) -> str:
    """Why something listed is no file to read; opening a FIFO would block a whole session (measured)."""
    if mode is None or size is None:
        return "the server tells neither kind nor size"
    if stat.S_ISREG(mode):
        return ""
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFLNK: "a symbolic link", stat.S_IFIFO: "a named pipe"}
    return kinds.get(stat.S_IFMT(mode), "no regular file")


def check_name(name: str) -> bytes:
    """The bytes of a name made by a spec. Raises SetupError when it is unsafe."""
    try:
        raw = encode(name)
    except UnicodeEncodeError:
        raise SetupError(f"file name `{name!a}` can't be written as UTF-8; change the spec's file name") from None
    reason = why_unsafe(raw)
    if reason:
        raise SetupError(f"file name `{ascii(name)[1:-1]}` can't be used: {reason}; change the spec's file name")
    return raw


def folder_parts(folder: str) -> tuple[bytes, ...]:
    """The parts of an absolute folder path, none for `/`. Raises SetupError for `..`, relative and unsafe paths."""
    if not folder.startswith("/"):
        raise SetupError(f"folder `{folder}` must be absolute: start it with `/`")
    try:
        parts = tuple(encode(part) for part in folder.split("/") if part not in {"", "."})
    except UnicodeEncodeError:
        raise SetupError(f"folder `{folder!a}` can't be written as UTF-8; correct its path") from None
    for part in parts:
        reason = why_unsafe(part)
        if reason:
            raise SetupError(f"folder `{folder}` can't be used: {reason}")
    return parts


def temporary(name: bytes, token: str) -> bytes:
    """A hidden name in the same folder for a file still being written: `.<name>.<token>.part`, at most 255 bytes."""
    tail = f".{token}.part".encode()
    return b"." + name[: _LONGEST - 1 - len(tail)] + tail


def unique(name: bytes, now: datetime, token: str) -> bytes:
    """A name for an archive that has `name` already: `<name>.20261120T101500Z.<token>`, at most 255 bytes."""
    tail = f".{now:%Y%m%dT%H%M%SZ}.{token}".encode()
    return name[: _LONGEST - len(tail)] + tail


def is_unique_of(candidate: bytes, name: bytes) -> bool:
    """Whether `candidate` is a name `unique` may have made of `name`."""
    stem, _, token = candidate.rpartition(b".")
    stem, _, stamp = stem.rpartition(b".")
    whole = stem == name or (len(candidate) == _LONGEST and name.startswith(stem))
    return whole and bool(token) and len(stamp) == 16 and stamp.endswith(b"Z")

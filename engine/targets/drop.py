"""Files dropped for a consumer: built on disk first, published whole under a final name, and never twice by guesswork."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal

from engine.connections import names
from engine.contracts import FileEntry, Files, Record
from engine.errors import SetupError
from engine.mapping.values import Value

Encode = Callable[[Iterable[Record]], Iterator[bytes]]
"""Records as a file, in pieces."""
_PIECE = 1024 * 1024
_READ_BACK = 8 * 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Drop:
    """The keys of `drop:`. `consumer_dedups_by_name` says that a file sent twice under one name does no harm."""

    folder: str
    name: Value
    publish: Literal["rename"] = "rename"
    when_empty: Literal["skip"] = "skip"
    if_exists: Literal["fail", "replace"] = "fail"
    max_records: int | None = None
    consumer_dedups_by_name: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """A file ready to go. `size` in bytes, `records` without header."""

    path: Path
    sha256: str
    size: int
    records: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What stands under the final name. `sha256` is None where it was not read back."""

    size: int
    sha256: str | None = None


def file_name(drop: Drop, scope: Mapping[str, Any]) -> str:
    """The final name. Raises SetupError when it is empty or leads elsewhere, RecordError when it can't be built."""
    name = drop.name(scope)
    if not isinstance(name, str) or not name.strip():
        raise SetupError("the file name of `drop` is empty; correct `name`")
    if names.why_skipped(names.check_name(name)):
        raise SetupError(f"the file name `{name}` starts with a dot, which marks unfinished files; correct `name`")
    return name


def batches(records: Iterable[Record], most: int | None) -> Iterator[Iterator[Record]]:
    """The records in files of at most `most`. Take each batch whole before asking for the next."""
    iterator = iter(records)
    for first in iterator:
        yield chain((first,), iterator if most is None else islice(iterator, most - 1))


def build(encode: Encode, records: Iterable[Record], spool: Path) -> Built:
    """Writes the file to `spool`, on disk when this returns: the same records give the same bytes. Raises RecordError."""
    spool.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = spool / f"{secrets.token_hex(8)}.drop"
    counted = _Counted(records)
    digest = hashlib.sha256()
    size = 0
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            for piece in encode(counted):
                digest.update(piece)
                size += file.write(piece)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with suppress(FileNotFoundError):
            path.unlink()
        raise
    return Built(path=path, sha256=digest.hexdigest(), size=size, records=counted.count)


def publish(files: Files, drop: Drop, built: Built, name: str) -> None:
    """Places the file under its final name in one step. Raises FileExistsError unless `if_exists: replace`, SetupError, TransientError."""
    with built.path.open("rb") as data:
        files.put(drop.folder, name, data, built.size, replace=drop.if_exists == "replace")


def look(files: Files, drop: Drop, name: str) -> Found | None:
    """What stands under the final name by now, read back where it is small. Raises SetupError, TransientError (Unsettled too)."""
    entry = files.find(drop.folder, name)
    if entry is None:
        return None
    return Found(size=entry.size, sha256=_read_back(files, drop.folder, entry) if entry.size <= _READ_BACK else None)


def settle_upload(
    found: Found | None,
    expected: Built,
    *,
    rename_sent: bool,
    consumer_dedups_by_name: bool = False,
    replace: bool = False,
) -> Literal["done", "send", "hold"]:
    """What to do with an upload whose end is not known.

    The file stands there: done. Something else stands there: it is replaced where the spec says so, else a person
    looks. Nothing stands there: sent again if the last step was never
    asked for; otherwise the consumer may have taken it already, so it is held unless the spec says that a second file does no harm.
    """
    if found is not None:
        same = found.size == expected.size and found.sha256 in {None, expected.sha256}
        return "done" if same else "send" if replace else "hold"
    return "send" if not rename_sent or consumer_dedups_by_name else "hold"


class _Counted:
    def __init__(self, records: Iterable[Record]) -> None:
        self._records = records
        self.count = 0

    def __iter__(self) -> Iterator[Record]:
        for record in self._records:
            self.count += 1
            yield record


class _Digest:
    """Takes bytes and keeps nothing: `fetch` returns their hash."""

    def write(self, piece: bytes) -> int:
        return len(piece)


def _read_back(files: Files, folder: str, entry: FileEntry) -> str:
    return files.fetch(folder, entry, _Digest())  # type: ignore[arg-type]  # `fetch` only ever writes to it

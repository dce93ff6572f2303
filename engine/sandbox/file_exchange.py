"""What stand-ins for a file exchange share: an SFTP server with folders, files put into them and read back."""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from engine.sandbox.faults import Fault, Faults
from engine.sandbox.history import History
from engine.sandbox.sftp_server import SftpServer


@dataclass(frozen=True, kw_only=True, slots=True)
class Style:
    """How a file is written; `columns` replaces the example's, to leave some out, add some or change their order."""

    encoding: str = "utf-8"
    bom: bool = False
    newline: str = "\n"
    delimiter: str = ","
    header: bool = True
    columns: Sequence[str] | None = None


PLAIN = Style()


class FileExchange:
    """A running SFTP server with its folders while used as a context manager; `server` is the server itself.

    `offers` is the folder where files lie for others, `takes` the one where others put theirs.
    """

    name = "files"
    folders: Sequence[str] = ("/offers", "/takes")
    offers = "/offers"
    takes = "/takes"

    def __init__(
        self,
        *,
        history: History | None = None,
        faults: Iterable[Fault] = (),
        root: Path | None = None,
        port: int = 0,
    ) -> None:
        self.history = history or History(self.name)
        self.server = SftpServer(root=root, folders=self.folders, history=self.history, faults=faults, port=port)

    def __enter__(self) -> Self:
        self.server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.__exit__(kind, error, trace)

    @property
    def faults(self) -> Faults:
        """What it will still do wrong."""
        return self.server.faults

    def settings(self) -> dict[str, Any]:
        """What a system file needs to reach it: host, port, username, password, private_key, host_key."""
        return {
            "host": self.server.host,
            "port": self.server.port,
            "username": self.server.username,
            "password": self.server.password,
            "private_key": self.server.private_key,
            "host_key": self.server.host_key_line,
        }

    def path(self, folder: str) -> Path:
        """The local path of a served folder or file."""
        return self.server.path(folder)

    def write(self, name: str, data: bytes, *, modified: datetime | None = None, folder: str = "") -> Path:
        """Any bytes as a finished file, there at once; `modified` sets its time stamp."""
        folder = folder or self.offers
        target = self.path(folder) / name
        half = target.with_name(f".{name}.writing")
        half.write_bytes(data)
        if modified is not None:
            os.utime(half, (modified.timestamp(), modified.timestamp()))
        half.replace(target)
        self.history.record("file.offered", f"{folder}/{name}", sha256=hashlib.sha256(data).hexdigest(), size=len(data))
        return target

    def write_slowly(self, name: str, chunks: Iterable[bytes], *, folder: str = "") -> Iterator[int]:
        """A file that grows under its final name: each `next()` adds a chunk and tells the size reached."""
        target = self.path(folder or self.offers) / name
        for chunk in chunks:
            with target.open("ab") as stream:
                stream.write(chunk)
            yield target.stat().st_size

    def taken(self, pattern: str = "*") -> list[Path]:
        """The finished files that arrived, by name; hidden ones are still being written."""
        return sorted(path for path in self.path(self.takes).glob(pattern) if not path.name.startswith("."))

    def read_taken(
        self, pattern: str = "*", *, delimiter: str = ",", encoding: str = "utf-8-sig"
    ) -> list[dict[str, str]]:
        """The rows of all CSV files that arrived and match, as dictionaries of text."""
        rows: list[dict[str, str]] = []
        for path in self.taken(pattern):
            with path.open(encoding=encoding, newline="") as stream:
                rows.extend(csv.DictReader(stream, delimiter=delimiter, strict=True))
        return rows


def render(columns: Sequence[str], documents: Iterable[Mapping[str, Any]], style: Style = PLAIN) -> bytes:
    """A file of documents: header fields repeated on the row of every line, `updated_at` and the rest as given."""
    text = io.StringIO()
    columns = style.columns or columns
    writer = csv.writer(text, delimiter=style.delimiter, lineterminator=style.newline)
    if style.header:
        writer.writerow(columns)
    for document in documents:
        shared = {key: value for key, value in document.items() if key != "lines"}
        for line in document.get("lines") or [{}]:
            row = {**shared, **line}
            writer.writerow([cell(row.get(column)) for column in columns])
    mark = "\ufeff" if style.bom else ""
    return (mark + text.getvalue()).encode(style.encoding)


def cell(value: Any) -> str:
    """A value as these files have it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value)

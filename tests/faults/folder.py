"""The partner's folder for dropped files, with a history, a consumer, and uploads that break anywhere."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from engine.contracts import FileEntry, Listing
from engine.errors import InDoubt, SetupError, TransientError

from .stage import Process, Stage

PUT = {"ok": 10, "cut": 2, "lost": 1.5, "lost_after": 1.5, "late": 1.5, "setup": 0.4}


@dataclass
class Folder:
    """Shared by every process. `history` holds every file that ever had its final name, whoever took it since."""

    stage: Stage
    here: dict[str, bytes] = field(default_factory=dict)
    history: list[tuple[str, bytes]] = field(default_factory=list)
    theirs: set[str] = field(default_factory=set)
    overwritten: list[str] = field(default_factory=list)

    def place(self, name: str, data: bytes, *, replace: bool = False) -> None:
        """SFTP's plain rename never overwrites; the other one does."""
        if name in self.here and not replace:
            return
        if name in self.theirs:
            self.overwritten.append(name)
        self.here[name] = data
        self.history.append((name, data))

    def receive(self, name: str) -> None:
        """Somebody else's file of that name, if there is none."""
        if name not in self.here:
            self.stage.note(f"somebody places {name}")
            self.here[name] = b"theirs"
            self.theirs.add(name)

    def consume(self) -> None:
        """The consumer takes what is there."""
        self.stage.note(f"consumer takes {sorted(self.here)}")
        self.here.clear()
        self.theirs.clear()


class Uplink:
    """The folder as one process reaches it."""

    def __init__(self, folder: Folder, process: Process) -> None:
        self._folder = folder
        self._process = process
        self._stage = folder.stage

    def scan(self, folder: str) -> Listing:
        return Listing(entries=())

    def find(self, folder: str, name: str) -> FileEntry | None:
        self._process.seam(f"look {name}")
        if self._stage.draw({"ok": 9, "busy": 1}) == "busy":
            raise TransientError("the server can't be reached")
        data = self._folder.here.get(name)
        self._process.seam(f"look {name}: {data is not None}")
        return None if data is None else FileEntry(name=name.encode(), size=len(data), modified=0)

    def fetch(self, folder: str, entry: FileEntry, into: BinaryIO) -> str:
        data = self._folder.here.get(entry.name.decode())
        if data is None:
            raise TransientError("gone while it was read")
        into.write(data)
        return hashlib.sha256(data).hexdigest()

    def put(self, folder: str, name: str, data: BinaryIO, size: int, *, replace: bool = False) -> None:
        """Temporary name, size, rename: until the rename is asked for, nothing can have arrived."""
        text = data.read()
        self._process.seam(f"put {name}: half of the bytes")
        how = self._stage.draw(PUT)
        self._stage.note(f"put {name}: {how}")
        if how == "cut":
            raise TransientError("the connection was lost while the temporary file was written")
        if how == "setup":
            raise SetupError("permission denied")
        if name in self._folder.here and not replace:
            raise FileExistsError(name)
        self._process.seam(f"put {name}: rename goes out")
        if how == "late":
            self._stage.put_off(30, f"rename {name}", lambda: self._folder.place(name, text, replace=replace))
            raise InDoubt("no answer to the rename")
        if how == "lost":
            raise InDoubt("no answer to the rename")
        self._folder.place(name, text, replace=replace)
        self._process.seam(f"put {name}: renamed")
        if how == "lost_after":
            raise InDoubt("no answer to the rename")

    def move(self, *given: Any) -> str:
        raise AssertionError("nothing is moved in a folder for drops")

    def remove(self, folder: str, name: str) -> None:
        raise AssertionError("nothing is removed from a folder for drops")

    def ensure(self, folder: str) -> None:
        return

    def close(self) -> None:
        return

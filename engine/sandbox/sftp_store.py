"""The files behind the stand-in SFTP server: a real directory, and a note of every change a visitor could see."""

from __future__ import annotations

import hashlib
import os
import posixpath
import threading
from dataclasses import dataclass, field
from pathlib import Path

from engine.connections.sftp_packets import Access, Attributes, Code
from engine.connections.sftp_wire import StatusError
from engine.sandbox.history import History

_UNFINISHED = (b".tmp", b".part", b".filepart", b".writing", b".partial", b".crdownload", b".inprogress", b".mlctmp")


@dataclass(kw_only=True, slots=True)
class OpenFile:
    """A file a visitor has open; `path` as the visitor named it."""

    descriptor: int
    path: bytes
    writing: bool


@dataclass(kw_only=True, slots=True)
class Store:
    """Everything below `root`, addressed by the visitors' absolute paths; folders in `read_only` refuse changes."""

    root: Path
    history: History
    read_only: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def place(self, path: bytes) -> bytes:
        """Where a visitor's path really is; `..` can't climb above the root."""
        return os.fsencode(self.root) + self.canonical(path).rstrip(b"/")

    @staticmethod
    def canonical(path: bytes) -> bytes:
        return posixpath.normpath(b"/" + path.lstrip(b"/"))

    def open(self, path: bytes, access: int) -> OpenFile:
        writing = bool(access & Access.WRITE)
        if writing:
            self._check_writable(path)
        flags = os.O_WRONLY if writing else os.O_RDONLY
        if writing and access & Access.READ:
            flags = os.O_RDWR
        for bit, flag in ((Access.CREATE, os.O_CREAT), (Access.TRUNCATE, os.O_TRUNC), (Access.EXCLUSIVE, os.O_EXCL)):
            flags |= flag if access & bit else 0
        # Non-blocking, so that a visitor opening a FIFO does not hang the stand-in for good.
        opened = os.open(self.place(path), flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
        return OpenFile(descriptor=opened, path=self.canonical(path), writing=writing)

    def close(self, file: OpenFile) -> None:
        appears = file.writing and not _is_unfinished(file.path)
        seen = _print(self.place(file.path)) if appears else None
        os.close(file.descriptor)
        if seen is not None:
            self._note("file.appeared", file.path, seen)

    def list(self, path: bytes) -> list[tuple[bytes, Attributes]]:
        place = self.place(path)
        with os.scandir(place or b"/") as found:
            return [(one.name, attributes(one.stat(follow_symlinks=False))) for one in found]

    def look(self, path: bytes) -> Attributes:
        return attributes(os.lstat(self.place(path)))

    def rename(self, old: bytes, new: bytes, *, replace: bool) -> None:
        """Without `replace` an existing target is refused, as SFTP version 3 wants it."""
        self._check_writable(old)
        self._check_writable(new)
        with self._lock:
            taken = os.path.lexists(self.place(new))
            if taken and not replace:
                raise StatusError(Code.FAILURE, "Failure")
            # Looked at first: whoever waits for the new name may take the file away at once.
            seen = _print(self.place(old))
            os.rename(self.place(old), self.place(new))  # noqa: PTH104
        if seen is None:
            return
        if _is_unfinished(old) and not _is_unfinished(new):
            self._note("file.appeared", new, seen, replaced=taken)
        else:
            self._note("file.moved", old, seen, to=os.fsdecode(self.canonical(new)))

    def remove(self, path: bytes) -> None:
        self._check_writable(path)
        os.unlink(self.place(path))  # noqa: PTH108
        if not _is_unfinished(path):
            self.history.record("file.removed", os.fsdecode(self.canonical(path)))

    def make_folder(self, path: bytes) -> None:
        self._check_writable(path)
        os.mkdir(self.place(path), 0o700)  # noqa: PTH102

    def _check_writable(self, path: bytes) -> None:
        folder = os.fsdecode(posixpath.dirname(self.canonical(path)))
        if any(folder == closed or folder.startswith(f"{closed.rstrip('/')}/") for closed in self.read_only):
            raise StatusError(Code.PERMISSION_DENIED, "Permission denied")

    def _note(self, what: str, path: bytes, seen: dict[str, object], **detail: object) -> None:
        self.history.record(what, os.fsdecode(self.canonical(path)), **seen, **detail)


def _print(place: bytes) -> dict[str, object] | None:
    """Hash and size of a regular file, or None."""
    content = Path(os.fsdecode(place))
    if not content.is_file():
        return None
    with content.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return {"sha256": digest, "size": os.fstat(stream.fileno()).st_size}


def attributes(found: os.stat_result) -> Attributes:
    """What goes over the wire of a file's state."""
    return Attributes(size=found.st_size, mode=found.st_mode, modified=int(found.st_mtime))


def _is_unfinished(path: bytes) -> bool:
    name = posixpath.basename(path)
    return name.startswith(b".") or name.endswith(_UNFINISHED)

"""A local folder as `Files`, with the promises of the SFTP kind: no escape, no overwriting, no half-written file."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from engine.connections import names
from engine.contracts import Clock, FileEntry, Listing
from engine.errors import SetupError, TransientError, Unsettled

_PIECE = 256 * 1024
_MOVE_TRIES = 3


class Folder:
    """Everything below `root`. Folders are opened part by part without following links, so no path leads outside."""

    def __init__(
        self,
        root: Path,
        *,
        clock: Clock = lambda: datetime.now(UTC),
        token: Callable[[], str] = lambda: secrets.token_hex(4),
        watch: Callable[[str, str, str, int], None] = lambda *_: None,
    ) -> None:
        self._root = root
        self._clock = clock
        self._token = token
        self._watch = watch

    def scan(self, folder: str) -> Listing:
        """Raises SetupError when the folder is missing or closed."""
        entries: list[FileEntry] = []
        skipped: list[tuple[str, str]] = []
        with self._inside(folder, "list") as at:
            for name in _names(at):
                found = _look(at, name)
                if found is None:
                    continue
                entry = _entry(name, found)
                reason = names.why_skipped(name) or _why_not_regular(found)
                if reason:
                    skipped.append((entry.shown, reason))
                else:
                    entries.append(entry)
        self._watch("list", folder, "ok", 0)
        return Listing(entries=tuple(entries), skipped=tuple(skipped))

    def fetch(self, folder: str, entry: FileEntry, into: BinaryIO) -> str:
        """Raises Unsettled when the file changed since it was listed; `into` then holds an unusable part."""
        _listed(entry)
        with self._inside(folder, "read") as at:
            try:
                opened = os.open(entry.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=at)
            except OSError as error:
                if error.errno not in {errno.ENOENT, errno.ELOOP}:
                    raise
                raise Unsettled(f"`{entry.shown}` vanished after it was listed") from error
            with os.fdopen(opened, "rb") as source:
                digest = _copy(source, entry, into)
            now = _look(at, entry.name)
        if now is None or _entry(entry.name, now) != entry:
            raise Unsettled(f"`{entry.shown}` was changed while it was read")
        self._watch("read", f"{folder}/{entry.shown}", "ok", entry.size)
        return digest

    def put(self, folder: str, name: str, data: BinaryIO, size: int, *, replace: bool = False) -> None:
        """Raises FileExistsError unless `replace`, ValueError when `data` is not `size` bytes."""
        raw = names.check_name(name)
        temp = names.temporary(raw, self._token())
        with self._inside(folder, "write") as at:
            if not replace and _look(at, raw) is not None:
                raise FileExistsError(f"`{folder}` already has `{name}`; it is not overwritten")
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            try:
                with os.fdopen(os.open(temp, flags, 0o600, dir_fd=at), "wb") as sink:
                    _pour(data, sink, size)
                if replace:
                    os.rename(temp, raw, src_dir_fd=at, dst_dir_fd=at)
                else:
                    _rename_unless_taken(at, temp, at, raw)
            except BaseException:
                with suppress(OSError):
                    os.unlink(temp, dir_fd=at)
                raise
            os.fsync(at)
        self._watch("write", f"{folder}/{name}", "ok", size)

    def move(self, folder: str, entry: FileEntry, to_folder: str, name: str) -> str:
        """Never overwrites: a taken name gets a time stamp and a token behind it. Repeating a finished move is fine."""
        raw = names.check_name(name)
        _listed(entry)
        with self._inside(folder, "move") as here, self._inside(to_folder, "move into") as there:
            source = _look(here, entry.name)
            if source is None:
                return self._moved_before(there, entry, to_folder, raw)
            target = raw
            for _ in range(_MOVE_TRIES):
                taken = _look(there, target)
                if taken is not None and os.path.samestat(taken, source):
                    # A crash between the two steps of an earlier move left both names on the same file.
                    if (to_folder, target) != (folder, entry.name):
                        os.unlink(entry.name, dir_fd=here)
                    break
                with suppress(FileExistsError):
                    _rename_unless_taken(here, entry.name, there, target)
                    break
                target = names.unique(raw, self._clock(), self._token())
            else:
                raise TransientError(f"`{to_folder}` has no free name for `{entry.shown}`")
            os.fsync(there)
        self._watch("move", f"{folder}/{entry.shown}", "ok", 0)
        return names.decode(target)

    def find(self, folder: str, name: str) -> FileEntry | None:
        """The regular file of that name, or None."""
        raw = names.check_name(name)
        with self._inside(folder, "look into") as at:
            found = _look(at, raw)
        return None if found is None or _why_not_regular(found) else _entry(raw, found)

    def remove(self, folder: str, name: str) -> None:
        """A missing file is no error."""
        raw = names.check_name(name)
        with self._inside(folder, "remove from") as at, suppress(FileNotFoundError):
            os.unlink(raw, dir_fd=at)
            self._watch("remove", f"{folder}/{name}", "ok", 0)

    def ensure(self, folder: str) -> None:
        """Makes the folder and those above it where they are missing. Raises SetupError where that is not allowed."""
        with self._inside(folder, "make", make=True):
            self._watch("make folder", folder, "ok", 0)

    def close(self) -> None:
        """Nothing is kept open between operations."""

    @contextmanager
    def _inside(self, folder: str, operation: str, *, make: bool = False) -> Iterator[int]:
        """A descriptor of the folder; what the system refuses below it becomes our errors."""
        parts = names.folder_parts(folder)
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
        at = -1
        try:
            at = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)
            for part in parts:
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(part, 0o700, dir_fd=at)
                above, at = at, -1
                try:
                    at = os.open(part, flags, dir_fd=above)
                finally:
                    os.close(above)
            yield at
        except FileExistsError:
            raise
        except OSError as error:
            raise self._meaning(folder, operation, error) from error
        finally:
            if at >= 0:
                os.close(at)

    def _meaning(self, folder: str, operation: str, error: OSError) -> SetupError | TransientError:
        where = f"can't {operation} `{folder}` below `{self._root}`"
        if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}:
            return SetupError(f"{where}: there is no such folder (links are not followed); make it or correct its path")
        if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
            return SetupError(f"{where}: permission denied; give this user the right to do it")
        if error.errno == errno.EXDEV:
            return SetupError(f"{where}: both folders must be on the same file system")
        return TransientError(f"{where}: {error.strerror or error}")

    def _moved_before(self, there: int, entry: FileEntry, to_folder: str, name: bytes) -> str:
        for other in [name, *_names(there)]:
            found = _look(there, other)
            if found is not None and found.st_size == entry.size and (other == name or names.is_unique_of(other, name)):
                return names.decode(other)
        raise Unsettled(f"`{entry.shown}` is no longer where it was listed, nor in `{to_folder}`")


def _names(at: int) -> list[bytes]:
    with os.scandir(at) as found:
        return sorted(os.fsencode(one.name) for one in found)


def _look(at: int, name: bytes) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=at, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _entry(name: bytes, found: os.stat_result) -> FileEntry:
    return FileEntry(name=name, size=found.st_size, modified=int(found.st_mtime))


def _why_not_regular(found: os.stat_result) -> str:
    return names.why_not_regular(found.st_mode, found.st_size)


def _listed(entry: FileEntry) -> None:
    reason = names.why_unsafe(entry.name)
    if reason:
        raise SetupError(f"`{entry.shown}` can't be used: {reason}")


def _copy(source: BinaryIO, entry: FileEntry, into: BinaryIO) -> str:
    found = os.fstat(source.fileno())
    if not stat.S_ISREG(found.st_mode):
        raise Unsettled(f"`{entry.shown}` is no regular file any more")
    digest = hashlib.sha256()
    left = entry.size
    while left and (piece := source.read(min(left, _PIECE))):
        digest.update(piece)
        into.write(piece)
        left -= len(piece)
    if left:
        raise Unsettled(f"`{entry.shown}` ended {left} bytes early: it is being written anew")
    if source.read(1):
        raise Unsettled(f"`{entry.shown}` grew beyond {entry.size} bytes while it was read")
    return digest.hexdigest()


def _pour(data: BinaryIO, sink: BinaryIO, size: int) -> None:
    written = 0
    while piece := data.read(_PIECE):
        sink.write(piece)
        written += len(piece)
    if written != size:
        raise ValueError(f"{written} bytes were handed over where {size} were announced")
    sink.flush()
    os.fsync(sink.fileno())


def _rename_unless_taken(here: int, name: bytes, there: int, target: bytes) -> None:
    """Raises FileExistsError. Linking refuses a taken name by itself, which a plain local rename does not."""
    try:
        os.link(name, target, src_dir_fd=here, dst_dir_fd=there, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS}:
            raise
        # File systems without hard links (FAT, some network shares): look first, then rename.
        if _look(there, target) is not None:
            raise FileExistsError(errno.EEXIST, "taken", os.fsdecode(target)) from None
        os.rename(name, target, src_dir_fd=here, dst_dir_fd=there)
        return
    os.unlink(name, dir_fd=here)

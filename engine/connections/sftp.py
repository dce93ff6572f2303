"""Files on an SFTP server: connects when needed, reconnects when lost, and never shows anybody half a file."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import BinaryIO, Self, TypeVar

from engine.connections import names
from engine.connections.sftp_login import log_in, scan_host_key
from engine.connections.sftp_packets import POSIX_RENAME, Code, LostError
from engine.connections.sftp_paths import listed, path_of, shown, steps_to
from engine.connections.sftp_session import Session
from engine.connections.sftp_settings import SftpSettings
from engine.connections.sftp_wire import StatusError
from engine.contracts import Clock, FileEntry, Listing, Sleep
from engine.errors import InDoubt, MlconnectorError, SetupError, TransientError, Unsettled

__all__ = ["FileWatch", "Sftp", "SftpSettings", "scan_host_key"]

FileWatch = Callable[[str, str, str, int], None]
"""Told about every operation as it ends: operation, path, outcome, bytes moved."""

_T = TypeVar("_T")
_RENAME_TRIES = 3
_CONNECT_TRIES = 3
_STALE = timedelta(seconds=20)


class Sftp:
    """One server as `Files`. Safe for several threads, which take turns; a context manager."""

    def __init__(
        self,
        settings: SftpSettings,
        *,
        watch: FileWatch = lambda *_: None,
        clock: Clock = lambda: datetime.now(UTC),
        sleep: Sleep = time.sleep,
        token: Callable[[], str] = lambda: secrets.token_hex(4),
    ) -> None:
        self._settings = settings
        self._watch = watch
        self._clock = clock
        self._sleep = sleep
        self._token = token
        self._lock = threading.RLock()
        self._open: Session | None = None
        self._used = clock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def scan(self, folder: str) -> Listing:
        """Raises SetupError when the folder is missing or closed, TransientError when the server can't be reached."""
        return self._do("list", folder, lambda session: session.scan(path_of(folder)), again=True, within=(folder,))

    def fetch(self, folder: str, entry: FileEntry, into: BinaryIO) -> str:
        """Raises Unsettled when the file changed meanwhile; `into` then holds an unusable part."""
        path = path_of(folder, listed(entry))
        return self._do("read", shown(path), lambda session: session.read(path, entry, into), size=entry.size)

    def put(self, folder: str, name: str, data: BinaryIO, size: int, *, replace: bool = False) -> None:
        """Raises FileExistsError for a taken name, InDoubt when the rename's answer was lost and can't be found out."""
        raw = names.check_name(name)
        final = path_of(folder, raw)
        temp = path_of(folder, names.temporary(raw, self._token()))
        if not replace and self._do(
            "look", shown(final), lambda s: s.is_there(final, unknown=False), again=True, within=(folder,)
        ):
            raise FileExistsError(_taken(self._settings.place, final))
        try:
            self._do(
                "write", shown(final), lambda session: session.write(temp, data, size), size=size, within=(folder,)
            )
            placed = self._do("rename", shown(final), lambda _: self._rename(temp, final, size, replace=replace))
        except InDoubt:
            raise
        except BaseException:
            self._discard(temp)
            raise
        if not placed:
            self._discard(temp)
            raise FileExistsError(_taken(self._settings.place, final))

    def move(self, folder: str, entry: FileEntry, to_folder: str, name: str) -> str:
        """Never overwrites: a taken name gets a time stamp and a token behind it. Repeating a finished move is fine."""
        source = path_of(folder, listed(entry))
        raw = names.check_name(name)
        if source == path_of(to_folder, raw):
            return name
        try:
            moved = self._do(
                "move",
                shown(source),
                lambda _: self._move(source, entry, to_folder, raw),
                again=True,
                within=(folder, to_folder),
            )
        except InDoubt as error:
            # Unlike a placing, a move may simply be repeated.
            raise TransientError(str(error)) from error
        return names.decode(moved)

    def find(self, folder: str, name: str) -> FileEntry | None:
        """The regular file of that name, or None."""
        raw = names.check_name(name)
        path = path_of(folder, raw)
        found = self._do("look", shown(path), lambda session: session.look(path), again=True, within=(folder,))
        if found is None:
            return None
        if found.mode is None or found.size is None:
            # Saying "absent" here could make somebody send the file a second time.
            raise SetupError(f"`{self._settings.place}` tells neither kind nor size of `{name}` in `{folder}`")
        if names.why_not_regular(found.mode, found.size):
            return None
        return FileEntry(name=raw, size=found.size, modified=found.modified or 0)

    def remove(self, folder: str, name: str) -> None:
        """A missing file is no error."""
        path = path_of(folder, names.check_name(name))
        self._do("remove", shown(path), lambda session: session.remove(path), again=True, within=(folder,))

    def ensure(self, folder: str) -> None:
        """Makes the folder and those above it where they are missing. Raises SetupError where that is not allowed."""
        steps = steps_to(folder)

        def make(session: Session) -> None:
            for path in steps:
                if session.look(path) is None:
                    try:
                        session.make_folder(path)
                    except StatusError:
                        # Another run may have made it in between.
                        if session.look(path) is None:
                            raise

        self._do("make folder", folder, make, again=True, within=(folder,))

    def close(self) -> None:
        """Ends the session; the next operation opens a new one."""
        with self._lock:
            self._drop()

    def _do(
        self,
        operation: str,
        path: str,
        work: Callable[[Session], _T],
        *,
        size: int = 0,
        again: bool = False,
        within: tuple[str, ...] = (),
    ) -> _T:
        """Runs `work` on a living session, `again` once more on a new one when that broke; `within` folders that must be some."""
        with self._lock:
            try:
                result = self._twice(work) if again else self._once(work)
            except LostError as error:
                self._watch(operation, path, "lost", 0)
                raise TransientError(f"`{self._settings.place}`: could not {operation} `{path}`: {error}") from error
            except StatusError as error:
                self._watch(operation, path, "refused", 0)
                raise self._meaning(operation, path, self._explained(error, within)) from error
            except MlconnectorError as error:
                self._watch(operation, path, type(error).__name__.lower(), 0)
                raise
            self._watch(operation, path, "ok", size)
            return result

    def _once(self, work: Callable[[Session], _T]) -> _T:
        try:
            return work(self._session())
        except LostError:
            self._drop()
            raise

    def _twice(self, work: Callable[[Session], _T]) -> _T:
        try:
            return self._once(work)
        except LostError:
            self._sleep(0.05)
            return self._once(work)

    def _session(self, tries: int = _CONNECT_TRIES) -> Session:
        """The open session, or a new one. One that broke is never used again; one that rested is probed first."""
        now = self._clock()
        if self._open is not None and now - self._used > _STALE:
            try:
                self._open.probe()
            except StatusError:
                pass
            except LostError:
                self._drop()
        if self._open is None:
            self._open = self._connect(tries)
        self._used = now
        return self._open

    def _connect(self, tries: int) -> Session:
        for attempt in range(1, tries):
            try:
                return self._connect(1)
            except (TransientError, LostError):
                self._sleep(0.1 * 2**attempt * (0.5 + secrets.randbelow(100) / 100))
        return Session.open(log_in(self._settings), timeout=self._settings.operation_timeout)

    def _drop(self) -> None:
        if self._open is not None:
            session, self._open = self._open, None
            session.close()

    def _rename(self, source: bytes, target: bytes, size: int, *, replace: bool = False) -> bool:
        """True when `source` is now `target`, False when `target` is taken. A lost answer is resolved by looking.

        Once a request was lost it may still be carried out, also after a look that showed the source: from then on only
        the source gone and the target there is a success, and everything unclear is InDoubt.
        """
        lost: LostError | None = None
        for _ in range(_RENAME_TRIES):
            session, sent = self._session_after(target, lost), False
            try:
                # Servers exist whose plain rename overwrites, so look first.
                if not replace and session.is_there(target, unknown=False):
                    return lost is not None and self._was_renamed(source, target, size, lost)
                sent = True
                session.rename(source, target, replace=replace)
                return True
            except LostError as error:
                self._drop()
                if sent and self._was_renamed(source, target, size, error):
                    return True
                lost = error if sent else lost
            except StatusError as error:
                if sent and self._is_gone(session, source, lost):
                    # A refusal proves nothing where the file is no longer under its first name.
                    return self._was_renamed(source, target, size, lost or error)
                taken = session.is_there(target, unknown=False)
                if not taken or (replace and POSIX_RENAME in session.wire.extensions):
                    raise
                if not replace:
                    return False
                raise SetupError(
                    f"`{self._settings.place}` can't replace `{shown(target)}` in one step ({error.text});"
                    " use names that are never used twice, or ask its owner for an up-to-date server"
                ) from error
        if lost is not None:
            raise InDoubt(f"`{shown(target)}` was asked for {_RENAME_TRIES} times without an answer ({lost})")
        raise LostError(f"the connection broke {_RENAME_TRIES} times in a row")

    def _session_after(self, target: bytes, lost: LostError | None) -> Session:
        """A session to go on with. Raises InDoubt where none is to be had and a request may still be carried out."""
        try:
            return self._session()
        except (LostError, MlconnectorError) as error:
            if lost is None:
                raise
            raise InDoubt(f"it is not known whether `{shown(target)}` is in place: {lost}; then: {error}") from error

    def _is_gone(self, session: Session, source: bytes, lost: LostError | None) -> bool:
        """Raises InDoubt where nobody can look, unless the server said no to all there was and merely forbids looking."""
        try:
            return session.look(source) is None
        except (LostError, StatusError) as error:
            if lost is None and isinstance(error, StatusError):
                return False
            self._drop()
            raise InDoubt(f"it is not known whether `{shown(source)}` was renamed: {lost}; then: {error}") from error

    def _was_renamed(self, source: bytes, target: bytes, size: int, lost: Exception) -> bool:
        try:
            session = self._session()
            if session.look(source) is not None:
                return False
            found = session.look(target)
        except (LostError, StatusError, MlconnectorError) as error:
            self._drop()
            raise InDoubt(f"it is not known whether `{shown(target)}` is in place: {lost}; then: {error}") from error
        if found is not None and found.size in {None, size}:
            return True
        raise InDoubt(f"`{shown(target)}` was sent and is not there now: taken already, or never in place ({lost})")

    def _move(self, source: bytes, entry: FileEntry, to_folder: str, name: bytes) -> bytes:
        session = self._session()
        if not session.is_there(source, unknown=True):
            return self._moved_before(session, entry, to_folder, name)
        target = name
        for _ in range(_RENAME_TRIES):
            if self._rename(source, path_of(to_folder, target), entry.size):
                return target
            target = names.unique(name, self._clock(), self._token())
        raise StatusError(Code.FAILURE, "no free name was found")

    def _moved_before(self, session: Session, entry: FileEntry, to_folder: str, name: bytes) -> bytes:
        there = session.look(path_of(to_folder, name))
        if there is not None and there.size in {None, entry.size}:
            return name
        for other in session.scan(path_of(to_folder)).entries:
            if other.size == entry.size and names.is_unique_of(other.name, name):
                return other.name
        raise Unsettled(f"`{entry.shown}` is no longer where it was listed, nor in `{to_folder}`")

    def _discard(self, temp: bytes) -> None:
        """Removes our temporary file, best effort: what went wrong before matters more."""
        try:
            with self._lock:
                self._session(tries=1).remove(temp)
        except LostError:
            self._drop()
        except (StatusError, MlconnectorError):
            return

    def _explained(self, error: StatusError, folders: tuple[str, ...]) -> StatusError:
        """The same, or NO_SUCH_FILE where a file stands in the place of a folder: to some servers that is a mere failure."""
        if error.code == Code.FAILURE:
            try:
                if any(self._session(tries=1).is_file(path) for folder in folders for path in steps_to(folder)):
                    return StatusError(Code.NO_SUCH_FILE, error.text)
            except LostError:
                self._drop()
            except (StatusError, MlconnectorError):
                return error
        return error

    def _meaning(self, operation: str, path: str, error: StatusError) -> MlconnectorError:
        where = f"`{self._settings.place}` does not let `{self._settings.username}` {operation} `{path}`"
        if error.code == Code.PERMISSION_DENIED:
            return SetupError(f"{where}: permission denied; ask the server's owner for the right to do it")
        if error.code == Code.NO_SUCH_FILE:
            return SetupError(f"{where}: no such file or folder; make the folder or correct its path")
        if error.code == Code.UNSUPPORTED:
            return SetupError(f"{where}: the server does not support it ({error.text})")
        return TransientError(f"{where}: {error.text}")


def _taken(place: str, path: bytes) -> str:
    return f"`{place}` already has `{shown(path)}`; it is not overwritten"

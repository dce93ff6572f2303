"""One visitor's SFTP conversation with the stand-in: requests in, answers out, faults committed on the way."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count

import paramiko
from paramiko.ssh_exception import SSHException

from engine.connections.sftp_packets import (
    FSYNC,
    POSIX_RENAME,
    Attributes,
    Code,
    Kind,
    LostError,
    Reader,
    pack_int,
    pack_text,
)
from engine.connections.sftp_wire import StatusError
from engine.sandbox.faults import Fault, Faults
from engine.sandbox.history import History
from engine.sandbox.sftp_store import OpenFile, Store

_NAMES_AT_ONCE = 100
_CODES = {
    errno.ENOENT: Code.NO_SUCH_FILE,
    errno.ENOTDIR: Code.NO_SUCH_FILE,
    errno.EACCES: Code.PERMISSION_DENIED,
    errno.EPERM: Code.PERMISSION_DENIED,
}
_OPERATIONS: Mapping[int, str] = {
    Kind.OPEN: "open",
    Kind.CLOSE: "close",
    Kind.READ: "read",
    Kind.WRITE: "write",
    Kind.LSTAT: "stat",
    Kind.STAT: "stat",
    Kind.FSTAT: "stat",
    Kind.OPENDIR: "list",
    Kind.READDIR: "readdir",
    Kind.REMOVE: "remove",
    Kind.MKDIR: "mkdir",
    Kind.REALPATH: "realpath",
    Kind.RENAME: "rename",
    Kind.EXTENDED: "extended",
}
_ANYWHERE = frozenset({"drop", "slow", "denied"})
_FAULTS: Mapping[str, frozenset[str]] = {
    "open": frozenset({"vanish"}),
    "read": frozenset({"grow", "partial_read"}),
    "write": frozenset({"no_space"}),
    "close": frozenset({"no_space"}),
    "rename": frozenset({"rename_fails"}),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Ground:
    """What every conversation of one server shares.

    `quirks`: `no_attributes` (listings without size and kind), `no_size` (never a size), `no_stat` (looking at a file
    is forbidden), `short_reads` (at most 4 KiB an answer), `rename_overwrites` (the plain one too).
    """

    store: Store
    faults: Faults
    history: History
    extensions: tuple[bytes, ...] = (POSIX_RENAME, FSYNC)
    quirks: frozenset[str] = frozenset()
    stopping: threading.Event = field(default_factory=threading.Event)
    talks: list[threading.Thread] = field(default_factory=list)


class _CutError(Exception):
    """The connection is to be cut now."""


class Conversation(paramiko.SubsystemHandler):
    """Started by the SSH library for every SFTP session, in a thread of its own."""

    def __init__(self, channel: paramiko.Channel, name: str, server: paramiko.ServerInterface, ground: Ground) -> None:
        super().__init__(channel, name, server)
        self._channel = channel
        self._ground = ground
        self._files: dict[bytes, OpenFile] = {}
        self._lists: dict[bytes, list[tuple[bytes, Attributes]]] = {}
        self._handles = count(1)

    def start_subsystem(self, name: str, transport: paramiko.Transport, channel: paramiko.Channel) -> None:
        self._ground.talks.append(threading.current_thread())
        try:
            kind, _ = self._receive()
            if kind != Kind.INIT:
                return
            offered = b"".join(pack_text(name) + pack_text(b"1") for name in self._ground.extensions)
            self._send(Kind.VERSION, pack_int(3) + offered)
            while True:
                kind, reader = self._receive()
                number = reader.take(4)
                answer, body = self._serve(kind, reader)
                self._send(answer, number + body)
        except _CutError:
            transport.close()
        except (LostError, OSError, EOFError, SSHException):
            return
        finally:
            for file in self._files.values():
                os.close(file.descriptor)

    def _receive(self) -> tuple[int, Reader]:
        data = self._take(int.from_bytes(self._take(4), "big"))
        return data[0], Reader(data[1:])

    def _take(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            piece = self._channel.recv(size - len(data))
            if not piece:
                raise LostError("the visitor left")
            data += piece
        return bytes(data)

    def _send(self, kind: Kind, body: bytes) -> None:
        self._channel.sendall(pack_text(bytes((kind,)) + body))

    def _serve(self, kind: int, reader: Reader) -> tuple[Kind, bytes]:
        first = reader.text()
        operation = _OPERATIONS.get(kind, "unknown")
        if kind == Kind.EXTENDED:
            operation = {POSIX_RENAME: "rename", FSYNC: "fsync"}.get(first, "unknown")
            first = reader.text() if reader.left else b""
        if kind == Kind.CLOSE and first in self._lists:
            operation = "close list"
        shown = os.fsdecode(self._files[first].path if first in self._files else first)
        fault = self._ground.faults.take(operation, _ANYWHERE | _FAULTS.get(operation, frozenset()))
        try:
            self._before(fault)
            answer = self._work(operation, kind, first, reader, fault)
            status = int(Code.OK)
            if fault is not None and fault.kind == "drop":
                self._ground.history.call(operation, shown, None)
                raise _CutError
        except StatusError as error:
            status = error.code
            answer = Kind.STATUS, pack_int(error.code) + pack_text(error.text.encode()) + pack_text(b"")
        except OSError as error:
            status = _CODES.get(error.errno or 0, Code.FAILURE)
            answer = Kind.STATUS, pack_int(status) + pack_text(b"Failure") + pack_text(b"")
        if operation not in {"read", "write", "readdir", "close list"}:
            self._ground.history.call(operation, shown, status)
        return answer

    def _before(self, fault: Fault | None) -> None:
        """Faults that come before any work; a `drop` with the value `after` comes behind it."""
        if fault is None:
            return
        if fault.kind == "drop" and fault.value != "after":
            raise _CutError
        if fault.kind == "slow":
            self._ground.stopping.wait(fault.seconds(1))
        if fault.kind == "denied":
            raise StatusError(Code.PERMISSION_DENIED, "Permission denied")
        if fault.kind == "rename_fails":
            raise StatusError(Code.FAILURE, "Failure")

    def _work(self, operation: str, kind: int, first: bytes, reader: Reader, fault: Fault | None) -> tuple[Kind, bytes]:
        act: Callable[[bytes, Reader, Fault | None], tuple[Kind, bytes]] | None = {
            "open": self._open,
            "close": self._close,
            "close list": self._close_list,
            "read": self._read,
            "write": self._write,
            "stat": self._stat,
            "list": self._list,
            "readdir": self._next_names,
            "realpath": self._realpath,
        }.get(operation)
        if act is not None:
            return act(first, reader, fault)
        if operation == "rename":
            replace = kind == Kind.EXTENDED or "rename_overwrites" in self._ground.quirks
            self._ground.store.rename(first, reader.text(), replace=replace)
        elif operation == "remove":
            self._ground.store.remove(first)
        elif operation == "mkdir":
            self._ground.store.make_folder(first)
        elif operation == "fsync" and FSYNC in self._ground.extensions:
            os.fsync(self._file(first).descriptor)
        else:
            raise StatusError(Code.UNSUPPORTED, "Operation unsupported")
        return _done()

    def _open(self, path: bytes, reader: Reader, fault: Fault | None) -> tuple[Kind, bytes]:
        if fault is not None and fault.kind == "vanish":
            with suppress(OSError):
                self._ground.store.remove(path)
        file = self._ground.store.open(path, reader.number())
        handle = b"f%d" % next(self._handles)
        self._files[handle] = file
        return Kind.HANDLE, pack_text(handle)

    def _close(self, handle: bytes, reader: Reader, fault: Fault | None) -> tuple[Kind, bytes]:
        file = self._file(handle)
        del self._files[handle]
        self._ground.store.close(file)
        if fault is not None and fault.kind == "no_space":
            raise StatusError(Code.FAILURE, "Disk quota exceeded")
        return _done()

    def _close_list(self, handle: bytes, reader: Reader, fault: Fault | None) -> tuple[Kind, bytes]:
        del self._lists[handle]
        return _done()

    def _read(self, handle: bytes, reader: Reader, fault: Fault | None) -> tuple[Kind, bytes]:
        file = self._file(handle)
        if fault is not None and fault.kind == "grow":
            with open(self._ground.store.place(file.path), "ab") as more:  # noqa: PTH123
                more.write(b"one more line\n")
        offset, length = reader.big(), min(reader.number(), 261_120)
        if "short_reads" in self._ground.quirks:
            length = min(length, 4096)
        data = os.pread(file.descriptor, length, offset)
        if not data or (fault is not None and fault.kind == "partial_read"):
            raise StatusError(Code.EOF, "End of file")
        return Kind.DATA, pack_text(data)

    def _write(self, handle: bytes, reader: Reader, fault: Fault | None) -> tuple[Kind, bytes]:
        if fault is not None and fault.kind == "no_space":
            raise StatusError(Code.FAILURE, "No space left on device")
        offset, data = reader.big(), reader.text()
        os.pwrite(self._file(handle).descriptor, data, offset)
        return _done()

    def _stat(self, first: bytes, reader: Reader, fault: Fault | None) -> tuple[Kind, bytes]:
        if "no_stat" in self._ground.quirks:
            raise StatusError(Code.PERMISSION_DENIED, "Permission denied")
        found = self._ground.store.look(self._files[first].path if first in self._files else first)
        if "no_size" in self._ground.quirks:
            found = Attributes(mode=found.mode, modified=found.modified)
        return Kind.ATTRS, found.pack()

    def _list(self, path: bytes, reader: Reader, fault: Fault | None) -> tuple[Kind, bytes]:
        handle = b"d%d" % next(self._handles)
        self._lists[handle] = self._ground.store.list(path)
        return Kind.HANDLE, pack_text(handle)

    def _next_names(self, handle: bytes, reader: Reader, fault: Fault | None) -> tuple[Kind, bytes]:
        waiting = self._lists.get(handle)
        if not waiting:
            raise StatusError(Code.EOF, "End of file")
        self._lists[handle], now = waiting[_NAMES_AT_ONCE:], waiting[:_NAMES_AT_ONCE]
        bare = "no_attributes" in self._ground.quirks
        body = b"".join(
            pack_text(name) + pack_text(name) + (Attributes() if bare else found).pack() for name, found in now
        )
        return Kind.NAME, pack_int(len(now)) + body

    def _realpath(self, path: bytes, reader: Reader, fault: Fault | None) -> tuple[Kind, bytes]:
        real = self._ground.store.canonical(path)
        return Kind.NAME, pack_int(1) + pack_text(real) * 2 + Attributes().pack()

    def _file(self, handle: bytes) -> OpenFile:
        if handle not in self._files:
            raise StatusError(Code.FAILURE, "Invalid handle")
        return self._files[handle]


def _done() -> tuple[Kind, bytes]:
    return Kind.STATUS, pack_int(Code.OK) + pack_text(b"Success") + pack_text(b"")

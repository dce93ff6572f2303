"""One SFTP conversation over an SSH channel: requests out, answers in, each with a deadline and a checked status.

The SSH library's own file transfer leaves most write statuses and every close status unread (measured: a failing
write in the middle of an upload went unnoticed), and one undecodable name breaks its listing; hence our own.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Protocol

from paramiko.ssh_exception import SSHException

from engine.connections.sftp_packets import Code, Kind, LostError, Reader, pack_int, pack_text

_LARGEST = 4 * 1024 * 1024
_PIECE = 256 * 1024


class StatusError(Exception):
    """The server answered a request with a refusal; the conversation goes on."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{text} (status {code})")
        self.code = code
        self.text = text


class Channel(Protocol):
    """What the conversation needs of an SSH channel."""

    def settimeout(self, timeout: float | None) -> None: ...

    def recv(self, nbytes: int) -> bytes: ...

    def sendall(self, s: bytes) -> None: ...


class Wire:
    """Not safe for several threads: the owner holds a lock. `extensions` are those the server offered."""

    def __init__(self, channel: Channel, *, timeout: float) -> None:
        """Greets the server. `timeout` in seconds bounds every single answer. Raises LostError."""
        self._channel = channel
        self._timeout = timeout
        self._next = 0
        self.dead = False
        self._waiting: dict[int, tuple[int, Reader]] = {}
        self.extensions = self._greet()

    def ask(self, kind: Kind, *parts: bytes) -> int:
        """Sends a request without waiting; the number is for `answer`. Raises LostError."""
        self._next = (self._next + 1) & 0xFFFFFFFF
        self._send(kind, pack_int(self._next), *parts)
        return self._next

    def answer(self, number: int, kind: Kind = Kind.STATUS) -> Reader:
        """The body of the answer to that request. Raises StatusError when refused, LostError when none comes."""
        got, reader = self._wait(number)
        if got == Kind.STATUS:
            code = reader.number()
            if code != Code.OK or kind != Kind.STATUS:
                raise StatusError(code, _readable(reader.text()) if reader.left else f"status {code}")
        elif got != kind:
            self.dead = True
            raise LostError(f"the server answered with packet {got} where {kind} was due")
        return reader

    def call(self, kind: Kind, *parts: bytes, expect: Kind = Kind.STATUS) -> Reader:
        """One request and its answer."""
        return self.answer(self.ask(kind, *parts), expect)

    def forget(self, numbers: Iterable[int]) -> None:
        """Takes in the answers still under way for requests nobody is interested in any more."""
        for number in numbers:
            if self.dead:
                return
            try:
                self._wait(number)
            except LostError:
                return

    def _greet(self) -> dict[bytes, bytes]:
        self._send(Kind.INIT, pack_int(3))
        kind, reader = self._receive()
        if kind != Kind.VERSION:
            raise LostError(f"the server greeted with packet {kind}; is this an SFTP server?")
        extensions: dict[bytes, bytes] = {}
        reader.number()
        while reader.left:
            name = reader.text()
            extensions[name] = reader.text()
        return extensions

    def _wait(self, number: int) -> tuple[int, Reader]:
        while number not in self._waiting:
            kind, reader = self._receive()
            self._waiting[reader.number()] = (kind, reader)
        return self._waiting.pop(number)

    def _send(self, kind: Kind, *parts: bytes) -> None:
        self._check()
        try:
            self._channel.settimeout(self._timeout)
            self._channel.sendall(pack_text(bytes((kind,)) + b"".join(parts)))
        except (OSError, EOFError, SSHException) as error:
            self.dead = True
            raise LostError(_reason(error, self._timeout)) from error

    def _check(self) -> None:
        if self.dead:
            raise LostError("the connection is no longer usable")

    def _receive(self) -> tuple[int, Reader]:
        # A deadline for the whole packet: a peer sending one byte at a time must not hold us for ever.
        self._check()
        deadline = time.monotonic() + self._timeout
        # Until the packet is whole the conversation counts as dead: half a packet read is never resumed.
        self.dead = True
        size = int.from_bytes(self._take(4, deadline), "big")
        if not 1 <= size <= _LARGEST:
            raise LostError(f"the server announced a packet of {size} bytes")
        data = self._take(size, deadline)
        self.dead = False
        return data[0], Reader(data[1:])

    def _take(self, count: int, deadline: float) -> bytes:
        pieces: list[bytes] = []
        while count:
            left = deadline - time.monotonic()
            if left <= 0:
                raise LostError(_reason(TimeoutError(), self._timeout))
            try:
                self._channel.settimeout(left)
                piece = self._channel.recv(min(count, _PIECE))
            except (OSError, EOFError, SSHException) as error:
                raise LostError(_reason(error, self._timeout)) from error
            if not piece:
                raise LostError("the server closed the connection")
            pieces.append(piece)
            count -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _reason(error: Exception, timeout: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout:g} seconds"
    return f"the connection broke: {str(error) or type(error).__name__}"


def _readable(text: bytes) -> str:
    """A server's words, fit for a log line."""
    shown = text[:200].decode("utf-8", "replace")
    return "".join(c if c.isprintable() else "?" for c in shown)

"""Packets of SFTP version 3 (draft-ietf-secsh-filexfer-02): numbers, a strict reader, file attributes."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag

POSIX_RENAME = b"posix-rename@openssh.com"
FSYNC = b"fsync@openssh.com"


class Kind(IntEnum):
    """What a packet is; requests below 100, answers above."""

    INIT = 1
    VERSION = 2
    OPEN = 3
    CLOSE = 4
    READ = 5
    WRITE = 6
    LSTAT = 7
    FSTAT = 8
    SETSTAT = 9
    FSETSTAT = 10
    OPENDIR = 11
    READDIR = 12
    REMOVE = 13
    MKDIR = 14
    RMDIR = 15
    REALPATH = 16
    STAT = 17
    RENAME = 18
    STATUS = 101
    HANDLE = 102
    DATA = 103
    NAME = 104
    ATTRS = 105
    EXTENDED = 200


class Code(IntEnum):
    """How a request ended. Servers use FAILURE for nearly everything, so decide by context, never by the text."""

    OK = 0
    EOF = 1
    NO_SUCH_FILE = 2
    PERMISSION_DENIED = 3
    FAILURE = 4
    BAD_MESSAGE = 5
    NO_CONNECTION = 6
    CONNECTION_LOST = 7
    UNSUPPORTED = 8


class Access(IntFlag):
    """How a file is opened."""

    READ = 1
    WRITE = 2
    APPEND = 4
    CREATE = 8
    TRUNCATE = 16
    EXCLUSIVE = 32


class LostError(Exception):
    """No answer can be expected any more, or none that makes sense; the conversation must not be used again."""


class Reader:
    """Takes a packet apart; unlike the SSH library's own it refuses to read past the end instead of padding zeros."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        """The next `count` bytes. Raises LostError."""
        end = self._at + count
        if end > len(self._data):
            raise LostError(f"a broken packet: {count} bytes announced, {len(self._data) - self._at} there")
        piece = self._data[self._at : end]
        self._at = end
        return piece

    def byte(self) -> int:
        return self.take(1)[0]

    def number(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def big(self) -> int:
        return int.from_bytes(self.take(8), "big")

    def text(self) -> bytes:
        """A length and that many bytes; names are bytes here because servers may send any."""
        return self.take(self.number())

    @property
    def left(self) -> int:
        return len(self._data) - self._at


def pack_int(number: int) -> bytes:
    return struct.pack(">I", number)


def pack_long(number: int) -> bytes:
    return struct.pack(">Q", number)


def pack_text(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


@dataclass(frozen=True, kw_only=True, slots=True)
class Attributes:
    """What a server tells about a file; None where it keeps silent. `modified` in whole seconds since 1970."""

    size: int | None = None
    mode: int | None = None
    modified: int | None = None

    @classmethod
    def read(cls, reader: Reader) -> Attributes:
        """The attributes at the reader's position; owner and extensions are passed over."""
        flags = reader.number()
        size = reader.big() if flags & 1 else None
        if flags & 2:
            reader.take(8)
        mode = reader.number() if flags & 4 else None
        modified = int.from_bytes(reader.take(8)[4:], "big") if flags & 8 else None
        if flags & 0x80000000:
            for _ in range(reader.number()):
                reader.text()
                reader.text()
        return cls(size=size, mode=mode, modified=modified)

    def pack(self) -> bytes:
        flags, body = 0, b""
        if self.size is not None:
            flags, body = flags | 1, body + pack_long(self.size)
        if self.mode is not None:
            flags, body = flags | 4, body + pack_int(self.mode)
        if self.modified is not None:
            flags, body = flags | 8, body + pack_int(self.modified) * 2
        return pack_int(flags) + body

"""Servers that offer less than ours, and files too long for memory."""

from __future__ import annotations

import io
import os
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from engine.connections.sftp import Sftp
from engine.connections.sftp_packets import FSYNC, POSIX_RENAME
from engine.contracts import FileEntry
from engine.errors import SetupError
from engine.sandbox.sftp_server import SftpServer

DATA = os.urandom(3_000_000)


@contextmanager
def talking(**options: Any) -> Iterator[tuple[SftpServer, Sftp]]:
    with SftpServer(folders=["/outbound/archive", "/inbound"], **options) as server, Sftp(server.settings()) as files:
        yield server, files


def offered(server: SftpServer, files: Sftp, data: bytes = DATA) -> FileEntry:
    server.path("/outbound/a.csv").write_bytes(data)
    [entry] = files.scan("/outbound").entries
    return entry


def put(files: Sftp, data: bytes = DATA, name: str = "v.csv", *, replace: bool = False) -> None:
    files.put("/inbound", name, io.BytesIO(data), len(data), replace=replace)


@pytest.mark.parametrize(
    "options",
    [
        {"extensions": ()},
        {"extensions": (POSIX_RENAME,)},
        {"extensions": (FSYNC,)},
        {"quirks": ["no_size"]},
        {"quirks": ["no_stat"]},
        {"quirks": ["short_reads"]},
    ],
)
def test_poorer_servers_still_take_and_give_files(options: dict[str, Any]) -> None:
    with talking(**options) as (server, files):
        entry = offered(server, files)
        into = io.BytesIO()
        files.fetch("/outbound", entry, into)
        assert into.getvalue() == DATA
        put(files)
        assert server.path("/inbound/v.csv").read_bytes() == DATA


def test_a_listing_without_attributes_is_completed_by_looking() -> None:
    with talking(quirks=["no_attributes"]) as (server, files):
        assert offered(server, files).size == len(DATA)
        assert dict(files.scan("/outbound").skipped) == {"archive": "a folder"}


def test_files_of_unknown_size_are_skipped_with_the_reason() -> None:
    with talking(quirks=["no_attributes", "no_size"]) as (server, files):
        server.path("/outbound/a.csv").write_bytes(DATA)
        assert dict(files.scan("/outbound").skipped)["a.csv"] == "the server tells neither kind nor size"


def test_a_file_of_unknown_size_is_never_called_absent() -> None:
    with talking(quirks=["no_size"]) as (server, files):
        server.path("/outbound/a.csv").write_bytes(DATA)
        with pytest.raises(SetupError, match="neither kind nor size"):
            files.find("/outbound", "a.csv")


def test_replacing_without_the_extension_is_refused_rather_than_done_in_two_steps() -> None:
    with talking(extensions=()) as (server, files):
        put(files, b"first", replace=True)
        with pytest.raises(SetupError, match="in one step"):
            put(files, b"second", replace=True)
        assert [path.name for path in server.path("/inbound").iterdir()] == ["v.csv"]
        assert server.path("/inbound/v.csv").read_bytes() == b"first"


class Zeros:
    """A long file that is nowhere in memory."""

    def __init__(self, size: int) -> None:
        self.left = size

    def read(self, size: int = -1) -> bytes:
        piece = b"\0" * min(size, self.left)
        self.left -= len(piece)
        return piece


class Counter:
    def __init__(self) -> None:
        self.size = 0

    def write(self, data: bytes) -> int:
        self.size += len(data)
        return len(data)


def test_a_long_file_travels_in_bounded_memory() -> None:
    size = 64 * 1024 * 1024
    with talking() as (_, files):
        tracemalloc.start()
        try:
            files.put("/outbound", "long.bin", Zeros(size), size)
            [entry] = files.scan("/outbound").entries
            counter = Counter()
            files.fetch("/outbound", entry, counter)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert counter.size == entry.size == size
        assert peak < 24 * 1024 * 1024

"""A place that holds files: our stand-in SFTP server, three by other people, a local folder. Two of them are for `-m servers`."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import asyncssh
import pytest

from engine.connections.folder import Folder
from engine.connections.sftp import Sftp, SftpSettings
from engine.contracts import FileEntry, Files, Listing
from engine.sandbox.sftp_server import SftpServer

from ..sftp_servers import Daemon, NoServer, running  # noqa: TID252 - the tests are no package

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
FOLDERS = ("outbound/archive", "inbound")
INSTALLED = tuple(pytest.param(name, marks=pytest.mark.servers) for name in ("sshd", "proftpd"))
SERVERS = ("stand-in", "foreign", *INSTALLED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A place under test, and the directory behind it for playing the other side."""

    files: Files
    root: Path

    def path(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def everything(self) -> list[str]:
        """All files below the root, hidden ones too."""
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file())

    def offer(self, name: str, data: bytes, folder: str = "/outbound") -> FileEntry:
        (self.path(folder) / name).write_bytes(data)
        return next(entry for entry in self.files.scan(folder).entries if entry.name == os.fsencode(name))


class Guest(asyncssh.SSHServer):
    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("guest", "a long password")


@contextmanager
def foreign_server(root: Path, guest: type[asyncssh.SSHServer] = Guest) -> Iterator[SftpSettings]:
    """An SFTP server by other people, so that our client and our stand-in can't agree on the same mistake."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    key = asyncssh.generate_private_key("ssh-ed25519")

    def wait_for(work):
        return asyncio.run_coroutine_threadsafe(work, loop).result(10)

    async def start():
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=guest,
            server_host_keys=[key],
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=os.fsencode(root)),
        )

    async def stop(server) -> None:
        server.close()
        await server.wait_closed()

    server = wait_for(start())
    try:
        yield SftpSettings(
            host="127.0.0.1",
            port=server.sockets[0].getsockname()[1],
            username="guest",
            password="a long password",
            host_key=key.export_public_key().decode(),
            operation_timeout=5,
        )
    finally:
        wait_for(stop(server))
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@dataclass(frozen=True, kw_only=True, slots=True)
class Below:
    """The files below one folder of a server that serves a whole machine; nothing else is changed."""

    files: Files
    prefix: str

    def scan(self, folder: str) -> Listing:
        return self.files.scan(self._at(folder))

    def fetch(self, folder: str, entry: FileEntry, into: BinaryIO) -> str:
        return self.files.fetch(self._at(folder), entry, into)

    def put(self, folder: str, name: str, data: BinaryIO, size: int, *, replace: bool = False) -> None:
        self.files.put(self._at(folder), name, data, size, replace=replace)

    def move(self, folder: str, entry: FileEntry, to_folder: str, name: str) -> str:
        return self.files.move(self._at(folder), entry, self._at(to_folder), name)

    def find(self, folder: str, name: str) -> FileEntry | None:
        return self.files.find(self._at(folder), name)

    def remove(self, folder: str, name: str) -> None:
        self.files.remove(self._at(folder), name)

    def ensure(self, folder: str) -> None:
        self.files.ensure(self._at(folder))

    def close(self) -> None:
        self.files.close()

    def _at(self, folder: str) -> str:
        return self.prefix + folder if folder.startswith("/") else folder


@dataclass(frozen=True, kw_only=True, slots=True)
class Ground:
    """An SFTP server that shows the directory `root` as the folder `prefix`; `daemon` where it is a program of its own."""

    settings: SftpSettings
    root: Path
    prefix: str = ""
    daemon: Daemon | None = None

    @contextmanager
    def files(self, settings: SftpSettings | None = None, **seams: Any) -> Iterator[Files]:
        """A client of it, by its own settings or by these, that waits for nothing."""
        with Sftp(settings or self.settings, sleep=lambda _seconds: None, **seams) as files:
            yield Below(files=files, prefix=self.prefix)


@contextmanager
def installed(name: str, home: Path, **options: Any) -> Iterator[Daemon]:
    """A server started from this machine's programs; without them the test is skipped with the reason."""
    try:
        with running(name, home, **options) as daemon:
            yield daemon
    except NoServer as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with installed("sshd", tmp_path_factory.mktemp("sshd") / "home") as daemon:
        yield daemon


@pytest.fixture(scope="session")
def proftpd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with installed("proftpd", tmp_path_factory.mktemp("proftpd") / "home") as daemon:
        yield daemon


@contextmanager
def served(kind: str, request: pytest.FixtureRequest, root: Path) -> Iterator[Ground]:
    if kind == "stand-in":
        with SftpServer(root=root) as server:
            yield Ground(settings=server.settings(), root=root)
    elif kind == "foreign":
        with foreign_server(root) as settings:
            yield Ground(settings=settings, root=root)
    else:
        daemon: Daemon = request.getfixturevalue(kind)
        yield Ground(settings=daemon.settings(), root=root, prefix=str(root), daemon=daemon)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The directory served, with the folders every test may count on."""
    root = tmp_path / "root"
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True)
    return root


@pytest.fixture(params=SERVERS)
def ground(request: pytest.FixtureRequest, root: Path) -> Iterator[Ground]:
    """Each SFTP server in turn."""
    with served(request.param, request, root) as ground:
        yield ground


@pytest.fixture(params=[*SERVERS, "folder"])
def place(request: pytest.FixtureRequest, root: Path) -> Iterator[Place]:
    """Each place that holds files in turn."""

    def clock() -> datetime:
        return NOW

    if request.param == "folder":
        yield Place(files=Folder(root, clock=clock, token=lambda: "0a1b2c3d"), root=root)
    else:
        with (
            served(request.param, request, root) as ground,
            ground.files(clock=clock, token=lambda: "0a1b2c3d") as files,
        ):
            yield Place(files=files, root=root)

"""A place that holds files, three times: our stand-in SFTP server, a foreign one, a local folder."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import asyncssh
import pytest

from engine.connections.folder import Folder
from engine.connections.sftp import Sftp, SftpSettings
from engine.contracts import FileEntry, Files
from engine.sandbox.sftp_server import SftpServer

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
FOLDERS = ("outbound/archive", "inbound")


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
def foreign_server(root: Path) -> Iterator[SftpSettings]:
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
            server_factory=Guest,
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


@pytest.fixture(params=["stand-in", "foreign", "folder"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    for folder in FOLDERS:
        (tmp_path / folder).mkdir(parents=True)

    def clock() -> datetime:
        return NOW

    if request.param == "folder":
        yield Place(files=Folder(tmp_path, clock=clock, token=lambda: "0a1b2c3d"), root=tmp_path)
    elif request.param == "stand-in":
        with (
            SftpServer(root=tmp_path) as server,
            Sftp(server.settings(), clock=clock, token=lambda: "0a1b2c3d") as files,
        ):
            yield Place(files=files, root=tmp_path)
    else:
        with (
            foreign_server(tmp_path) as settings,
            Sftp(settings, clock=clock, token=lambda: "0a1b2c3d") as files,
        ):
            yield Place(files=files, root=tmp_path)

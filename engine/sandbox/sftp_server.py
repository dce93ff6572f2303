"""A real SFTP server on the loopback address, for demos and tests: any client can talk to it."""

from __future__ import annotations

import hmac
import socket
import tempfile
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import paramiko
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_SUCCEEDED,
)

from engine.connections.names import folder_parts
from engine.connections.sftp_dial import close as close_transport
from engine.connections.sftp_packets import FSYNC, POSIX_RENAME
from engine.connections.sftp_settings import SftpSettings
from engine.sandbox.faults import Fault, Faults
from engine.sandbox.history import History
from engine.sandbox.sftp_keys import make_private_key, public_line, read_key
from engine.sandbox.sftp_store import Store
from engine.sandbox.sftp_talk import Conversation, Ground

USERNAME = "mlconnector"
PASSWORD = "sandbox-password"
_HANDSHAKE_SECONDS = 5.0


class SftpServer:
    """Serves `root` (a temporary directory unless given) while used as a context manager.

    `history` gets `file.appeared`, `file.moved`, `file.removed`, `auth.accepted`, `auth.refused`; `faults` are
    committed at `open read write close rename list stat remove mkdir` and, for `changed_host_key`, at `connect`.
    A `drop` comes before the work is done; with the value `after` behind it, so that only the answer is lost.
    """

    def __init__(
        self,
        *,
        root: Path | None = None,
        folders: Iterable[str] = (),
        username: str = USERNAME,
        password: str = PASSWORD,
        host_key: str | None = None,
        port: int = 0,
        history: History | None = None,
        faults: Iterable[Fault] | Faults = (),
        extensions: tuple[bytes, ...] = (POSIX_RENAME, FSYNC),
        quirks: Iterable[str] = (),
    ) -> None:
        self.host, self.port = "127.0.0.1", port
        self.username, self.password = username, password
        self.private_key = make_private_key()
        self.history = history or History("sftp")
        self.faults = faults if isinstance(faults, Faults) else Faults(faults)
        self._host_key = read_key(host_key or make_private_key())
        self._root, self._folders = root, tuple(folders)
        self._extensions, self._quirks = extensions, frozenset(quirks)
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._ground: Ground | None = None
        self._listener: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._visits: list[paramiko.Transport] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if self._temporary is not None:
            self._temporary.cleanup()

    @property
    def root(self) -> Path:
        """The directory served; there once started."""
        if self._root is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="sftp-")
            self._root = Path(self._temporary.name)
        return self._root

    @property
    def host_key_line(self) -> str:
        """The pin a client needs: `ssh-ed25519 AAAA…`."""
        return public_line(self._host_key)

    @property
    def store(self) -> Store:
        """The files served; `store.read_only` takes folders that refuse changes."""
        assert self._ground is not None, "the server is not started"
        return self._ground.store

    def settings(self, **changes: Any) -> SftpSettings:
        """What a client needs to get in by password; `changes` replace single fields."""
        settings = SftpSettings(
            host=self.host,
            port=self.port,
            username=self.username,
            password=self.password,
            host_key=self.host_key_line,
            connect_timeout=5.0,
            operation_timeout=5.0,
        )
        return replace(settings, **changes)

    def path(self, folder: str) -> Path:
        """The local path of a served folder or file, for a test that plays the other side."""
        return self.root.joinpath(*(part.decode("utf-8", "surrogateescape") for part in folder_parts(folder)))

    def replace_host_key(self, text: str | None = None) -> None:
        """Show another host key from the next connection on."""
        self._host_key = read_key(text or make_private_key())

    def start(self) -> None:
        """Listen; after `stop` this begins again on the same port with the same files."""
        for folder in self._folders:
            self.path(folder).mkdir(parents=True, exist_ok=True)
        store = self._ground.store if self._ground else Store(root=self.root, history=self.history)
        self._ground = Ground(
            store=store,
            faults=self.faults,
            history=self.history,
            extensions=self._extensions,
            quirks=self._quirks,
        )
        self._listener = socket.create_server((self.host, self.port))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, args=(self._listener, self._ground), name="sftp-server")
        self._thread.start()

    def stop(self) -> None:
        """Cut all connections and wait until every thread is gone."""
        if self._listener is None or self._thread is None or self._ground is None:
            return
        self._ground.stopping.set()
        with socket.create_connection((self.host, self.port), timeout=5):
            self._thread.join()
        self._listener.close()
        self._listener = None
        self.cut()
        for talk in self._ground.talks:
            talk.join(5)

    def cut(self) -> None:
        """Drop every connection there is now."""
        with self._lock:
            visits, self._visits = self._visits, []
        for transport in visits:
            close_transport(transport)

    def _accept(self, listener: socket.socket, ground: Ground) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            if ground.stopping.is_set():
                connection.close()
                return
            if self.faults.take("connect", {"changed_host_key"}) is not None:
                self.replace_host_key()
            self._welcome(connection, ground)

    def _welcome(self, connection: socket.socket, ground: Ground) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport = paramiko.Transport(connection)
        transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = _HANDSHAKE_SECONDS
        transport.add_server_key(self._host_key)
        transport.set_subsystem_handler("sftp", Conversation, ground)
        with self._lock:
            self._visits = [one for one in self._visits if one.is_alive()] + [transport]
        door = _Door(self.username, self.password, read_key(self.private_key), self.history.record)
        transport.start_server(event=threading.Event(), server=door)


class _Door(paramiko.ServerInterface):
    """Lets in who knows the password or holds the key."""

    def __init__(self, username: str, password: str, key: paramiko.PKey, record: Callable[..., None]) -> None:
        self._username, self._password, self._key, self._record = username, password, key, record

    def get_allowed_auths(self, username: str) -> str:
        return "publickey,password"

    def check_auth_password(self, username: str, password: str) -> int:
        right = hmac.compare_digest(password.encode(), self._password.encode())
        return self._decide(username, "password", right=right)

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return self._decide(username, "publickey", right=key.asbytes() == self._key.asbytes())

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED if kind == "session" else OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def _decide(self, username: str, method: str, *, right: bool) -> int:
        accepted = right and username == self._username
        self._record("auth.accepted" if accepted else "auth.refused", username, method=method)
        return AUTH_SUCCESSFUL if accepted else AUTH_FAILED

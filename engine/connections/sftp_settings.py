"""How to reach one SFTP server, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class SftpSettings:
    """How to reach one server. `host_key`: one or several pins, one a line. Times in seconds.

    `connect_timeout` bounds each step until logged in, `operation_timeout` every single answer after that.
    """

    host: str
    port: int = 22
    username: str
    password: str | None = field(default=None, repr=False)
    private_key: str | None = field(default=None, repr=False)
    passphrase: str | None = field(default=None, repr=False)
    host_key: str
    connect_timeout: float = 10.0
    operation_timeout: float = 30.0
    allow_loopback: bool = True

    @property
    def place(self) -> str:
        """The server for people: `host`, with the port where it is unusual."""
        return self.host if self.port == 22 else f"{self.host}:{self.port}"

"""A rename whose answer was lost may still be carried out later: no look in between proves anything."""

from __future__ import annotations

import io
from collections.abc import Collection

import pytest

from engine.connections.sftp import Sftp
from engine.errors import InDoubt
from engine.sandbox.faults import Fault, Faults
from engine.sandbox.sftp_server import SftpServer


class LateRename(Faults):
    """Cuts the first rename off before any work, and carries it out just as the client asks for the second."""

    def __init__(self, *, taken: bool) -> None:
        super().__init__((Fault(kind="drop", at="rename"),))
        self.server: SftpServer | None = None
        self._taken = taken
        self._renames = 0

    def take(self, operation: str, kinds: Collection[str] | None = None) -> Fault | None:
        self._renames += operation == "rename"
        if operation == "rename" and self._renames == 2 and self.server is not None:
            [temporary] = self.server.path("/inbound").iterdir()
            final = temporary.rename(temporary.with_name("v.csv"))
            if self._taken:
                final.unlink()
        return super().take(operation, kinds)


@pytest.mark.parametrize("taken", [False, True])
def test_a_rename_that_lands_after_the_look_is_never_called_unsent(taken) -> None:
    """Called unsent, the next run would place the file a second time."""
    faults = LateRename(taken=taken)
    with SftpServer(folders=["/inbound"], faults=faults) as server:
        faults.server = server
        with Sftp(server.settings(), sleep=lambda _seconds: None) as files:
            if taken:
                with pytest.raises(InDoubt, match=r"v\.csv"):
                    files.put("/inbound", "v.csv", io.BytesIO(b"abc"), 3)
            else:
                files.put("/inbound", "v.csv", io.BytesIO(b"abc"), 3)
                assert [path.name for path in server.path("/inbound").iterdir()] == ["v.csv"]


class RefusedAfterTheRename(Faults):
    """Carries the rename out and then answers that there is no such file, as a server does that looks at it too late."""

    def __init__(self, *, taken: bool) -> None:
        super().__init__(())
        self.server: SftpServer | None = None
        self._taken = taken

    def take(self, operation: str, kinds: Collection[str] | None = None) -> Fault | None:
        if operation == "rename" and self.server is not None:
            [temporary] = self.server.path("/inbound").iterdir()
            final = temporary.rename(temporary.with_name("v.csv"))
            if self._taken:
                final.unlink()
                return Fault(kind="rename_fails", at="rename")
        return super().take(operation, kinds)


@pytest.mark.parametrize("taken", [False, True])
def test_a_refusal_of_a_rename_that_was_carried_out_is_no_proof(taken) -> None:
    faults = RefusedAfterTheRename(taken=taken)
    with SftpServer(folders=["/inbound"], faults=faults) as server:
        faults.server = server
        with Sftp(server.settings(), sleep=lambda _seconds: None) as files:
            if taken:
                with pytest.raises(InDoubt, match=r"v\.csv"):
                    files.put("/inbound", "v.csv", io.BytesIO(b"abc"), 3)
            else:
                files.put("/inbound", "v.csv", io.BytesIO(b"abc"), 3)
                assert [path.name for path in server.path("/inbound").iterdir()] == ["v.csv"]

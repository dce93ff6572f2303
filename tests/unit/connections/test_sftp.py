"""Lost connections, time-outs, slow and odd servers: what the client does when things go wrong."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.connections.sftp import Sftp
from engine.contracts import FileEntry
from engine.errors import InDoubt, SetupError, TransientError, Unsettled
from engine.sandbox.faults import Fault
from engine.sandbox.history import History
from engine.sandbox.sftp_server import SftpServer

DATA = os.urandom(3_000_000)


@contextmanager
def talking(
    *faults: Fault, seen: list[tuple[str, str, str, int]] | None = None, **options: Any
) -> Iterator[tuple[SftpServer, Sftp]]:
    clock: Callable[[], datetime] | None = options.pop("clock", None)
    changes = options.pop("changes", {})
    extra = {"clock": clock} if clock else {}
    with SftpServer(folders=["/outbound/archive", "/inbound"], faults=faults, **options) as server:
        files = Sftp(
            server.settings(**changes),
            sleep=lambda seconds: None,
            watch=lambda *told: seen.append(told) if seen is not None else None,
            **extra,
        )
        with files:
            yield server, files


def offered(server: SftpServer, files: Sftp, data: bytes = DATA) -> FileEntry:
    server.path("/outbound/a.csv").write_bytes(data)
    [entry] = files.scan("/outbound").entries
    return entry


def put(files: Sftp, data: bytes = DATA, name: str = "v.csv", *, replace: bool = False) -> None:
    files.put("/inbound", name, io.BytesIO(data), len(data), replace=replace)


def inbound(server: SftpServer) -> list[str]:
    return sorted(path.name for path in server.path("/inbound").iterdir())


def appeared(server: SftpServer) -> list[str]:
    return [effect.key for effect in server.history.effects("file.appeared")]


def logins(server: SftpServer) -> int:
    return len(server.history.effects("auth.accepted"))


def test_one_session_serves_many_operations() -> None:
    with talking() as (server, files):
        entry = offered(server, files)
        files.fetch("/outbound", entry, io.BytesIO())
        put(files)
        assert logins(server) == 1


def test_the_watch_is_told_operation_path_outcome_and_bytes() -> None:
    seen: list[tuple[str, str, str, int]] = []
    with talking(seen=seen) as (_, files):
        put(files, b"12345")
        with pytest.raises(SetupError):
            files.scan("/nowhere")
    assert seen == [
        ("look", "/inbound/v.csv", "ok", 0),
        ("write", "/inbound/v.csv", "ok", 5),
        ("rename", "/inbound/v.csv", "ok", 0),
        ("list", "/nowhere", "refused", 0),
    ]


@pytest.mark.parametrize("operation", ["list", "readdir", "stat", "remove"])
def test_a_harmless_operation_is_repeated_on_a_new_connection(operation: str) -> None:
    with talking(Fault(kind="drop", at=operation)) as (server, files):
        server.path("/outbound/a.csv").write_bytes(b"x")
        assert [entry.name for entry in files.scan("/outbound").entries] == [b"a.csv"]
        assert files.find("/outbound", "a.csv") is not None
        files.remove("/outbound", "a.csv")
        assert logins(server) == 2


@pytest.mark.parametrize(("operation", "nth"), [("open", 1), ("read", 1), ("read", 9)])
def test_a_fetch_that_loses_its_connection_is_transient_and_the_next_one_works(operation: str, nth: int) -> None:
    with talking(Fault(kind="drop", at=operation, nth=nth)) as (server, files):
        entry = offered(server, files)
        with pytest.raises(TransientError, match="could not read"):
            files.fetch("/outbound", entry, io.BytesIO())
        into = io.BytesIO()
        files.fetch("/outbound", entry, into)
        assert into.getvalue() == DATA


@pytest.mark.parametrize("kind", ["grow", "partial_read", "vanish"])
def test_a_file_that_changes_under_our_hands_is_unsettled(kind: str) -> None:
    with talking(Fault(kind=kind)) as (server, files):
        entry = offered(server, files)
        with pytest.raises(Unsettled):
            files.fetch("/outbound", entry, io.BytesIO())
        assert logins(server) == 1


def test_a_file_that_grows_in_the_middle_of_a_long_read_is_unsettled() -> None:
    with talking(Fault(kind="grow", nth=20)) as (server, files):
        entry = offered(server, files)
        with pytest.raises(Unsettled, match="grew"):
            files.fetch("/outbound", entry, io.BytesIO())


@pytest.mark.parametrize(
    ("kind", "operation", "nth"),
    [
        ("no_space", "write", 1),
        ("no_space", "write", 40),
        ("no_space", "write", 92),
        ("no_space", "close", 1),
        ("denied", "open", 1),
        ("denied", "write", 2),
        ("denied", "fsync", 1),
        ("denied", "close", 1),
    ],
)
def test_any_refused_step_of_an_upload_is_noticed_and_cleaned_up(kind: str, operation: str, nth: int) -> None:
    with talking(Fault(kind=kind, at=operation, nth=nth)) as (server, files):
        with pytest.raises(TransientError if kind == "no_space" else SetupError, match=r"v\.csv"):
            put(files)
        assert inbound(server) == []
        put(files)
        assert server.path("/inbound/v.csv").read_bytes() == DATA
        assert logins(server) == 1


@pytest.mark.parametrize(("operation", "nth"), [("open", 1), ("write", 1), ("write", 50), ("close", 1)])
def test_a_connection_lost_during_an_upload_leaves_nothing_behind(operation: str, nth: int) -> None:
    with talking(Fault(kind="drop", at=operation, nth=nth)) as (server, files):
        with pytest.raises(TransientError, match="could not write"):
            put(files)
        assert inbound(server) == []
        put(files)
        assert appeared(server) == ["/inbound/v.csv"]


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("moment", [None, "after"])
def test_a_lost_answer_to_the_rename_is_resolved_by_looking(moment: str | None, replace: bool) -> None:
    with talking(Fault(kind="drop", at="rename", value=moment)) as (server, files):
        if replace:
            server.path("/inbound/v.csv").write_bytes(b"x" * len(DATA))
        put(files, replace=replace)
        assert appeared(server) == ["/inbound/v.csv"]
        assert inbound(server) == ["v.csv"]
        assert server.path("/inbound/v.csv").read_bytes() == DATA
        assert logins(server) == 2


class Consumer(History):
    """A consumer so quick that a file is gone before the sender hears that it arrived."""

    server: SftpServer

    def record(self, what: str, key: str, **detail: Any) -> None:
        super().record(what, key, **detail)
        if what == "file.appeared":
            self.server.path(key).unlink()


def test_a_lost_answer_with_the_file_taken_already_is_in_doubt() -> None:
    consumer = Consumer("sftp")
    with talking(Fault(kind="drop", at="rename", value="after"), history=consumer) as (server, files):
        consumer.server = server
        with pytest.raises(InDoubt, match=r"v\.csv"):
            put(files)
        assert appeared(server) == ["/inbound/v.csv"]


def test_a_file_taken_at_once_after_an_answered_rename_is_no_error() -> None:
    consumer = Consumer("sftp")
    with talking(history=consumer) as (server, files):
        consumer.server = server
        put(files)
        assert appeared(server) == ["/inbound/v.csv"]


def test_a_lost_answer_that_can_not_be_looked_up_is_in_doubt() -> None:
    faults = Fault(kind="drop", at="rename", value="after"), Fault(kind="changed_host_key", at="connect", nth=2)
    with talking(*faults) as (_, files), pytest.raises(InDoubt, match="not known"):
        put(files)


def test_a_refused_rename_cleans_up() -> None:
    with talking(Fault(kind="rename_fails")) as (server, files):
        with pytest.raises(TransientError, match="rename"):
            put(files)
        assert inbound(server) == []


def test_servers_whose_rename_overwrites_are_not_trusted_with_it() -> None:
    with talking(quirks=["rename_overwrites"]) as (server, files):
        server.path("/inbound/v.csv").write_bytes(b"unread")
        with pytest.raises(FileExistsError):
            put(files)
        server.path("/outbound/archive/a.csv").write_bytes(b"older")
        files.move("/outbound", offered(server, files), "/outbound/archive", "a.csv")
        assert server.path("/inbound/v.csv").read_bytes() == b"unread"
        assert server.path("/outbound/archive/a.csv").read_bytes() == b"older"


@pytest.mark.parametrize("moment", [None, "after"])
def test_a_lost_answer_to_a_move_is_resolved_by_looking(moment: str | None) -> None:
    with talking(Fault(kind="drop", at="rename", value=moment)) as (server, files):
        entry = offered(server, files)
        assert files.move("/outbound", entry, "/outbound/archive", "a.csv") == "a.csv"
        assert server.path("/outbound/archive/a.csv").read_bytes() == DATA
        assert len(server.history.effects("file.moved")) == 1


def test_a_move_with_its_target_gone_at_once_is_transient() -> None:
    class Sweeper(History):
        def record(self, what: str, key: str, **detail: Any) -> None:
            super().record(what, key, **detail)
            if what == "file.moved":
                server.path(detail["to"]).unlink()

    with talking(Fault(kind="drop", at="rename", value="after"), history=Sweeper("sftp")) as (server, files):
        entry = offered(server, files)
        with pytest.raises(TransientError):
            files.move("/outbound", entry, "/outbound/archive", "a.csv")


def test_a_folder_without_the_right_to_write_is_a_setup_error_that_names_it() -> None:
    with talking() as (server, files):
        server.store.read_only.add("/inbound")
        with pytest.raises(SetupError, match=r"`/inbound/v\.csv`: permission denied"):
            put(files)
        with pytest.raises(SetupError, match="make folder `/inbound/x`"):
            files.ensure("/inbound/x")
        server.store.read_only.add("/outbound")
        entry = offered(server, files)
        with pytest.raises(SetupError, match="move"):
            files.move("/outbound", entry, "/outbound/archive", "a.csv")
        with pytest.raises(SetupError, match="remove"):
            files.remove("/outbound", "a.csv")


def test_an_answer_that_does_not_come_ends_the_session_in_time() -> None:
    with talking(Fault(kind="slow", at="open", value="30"), changes={"operation_timeout": 0.1}) as (server, files):
        entry = offered(server, files)
        started = time.monotonic()
        with pytest.raises(TransientError, match=r"no answer within 0\.1 seconds"):
            files.fetch("/outbound", entry, io.BytesIO())
        assert time.monotonic() - started < 1
        files.fetch("/outbound", entry, io.BytesIO())
        assert logins(server) == 2


def test_a_server_that_comes_back_is_used_again() -> None:
    with talking() as (server, files):
        put(files, name="1.csv")
        for number in range(2, 5):
            server.stop()
            server.start()
            put(files, name=f"{number}.csv")
        assert inbound(server) == ["1.csv", "2.csv", "3.csv", "4.csv"]


def test_a_server_that_is_gone_is_transient() -> None:
    with talking() as (server, files):
        put(files)
        server.stop()
        with pytest.raises(TransientError):
            files.scan("/outbound")


def test_a_session_that_rested_is_probed_before_it_is_used() -> None:
    now = [datetime(2026, 11, 20, tzinfo=UTC)]
    with talking(clock=lambda: now[0]) as (server, files):
        put(files, name="1.csv")
        server.cut()
        now[0] += timedelta(minutes=5)
        put(files, name="2.csv")
        assert inbound(server) == ["1.csv", "2.csv"]
        now[0] += timedelta(minutes=5)
        put(files, name="3.csv")
        assert "realpath" in [call.method for call in server.history.calls()]

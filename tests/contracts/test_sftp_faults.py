"""Every SFTP server, ours and foreign: connections cut at the worst moment, servers that fall silent or are killed."""

from __future__ import annotations

import hashlib
import io
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from engine.contracts import Files
from engine.errors import InDoubt, TransientError, Unsettled

from ..sftp_line import Line  # noqa: TID252 - the tests are no package
from ..sftp_servers import thaw  # noqa: TID252
from .conftest import INSTALLED, Ground

DATA = os.urandom(3_000_000)
TIMEOUT = 0.8


class Signals:
    """Told what the client does, and does what a test wants done when an operation has ended."""

    def __init__(self) -> None:
        self.after: dict[str, Callable[[], None]] = {}

    def __call__(self, operation: str, path: str, outcome: str, size: int) -> None:
        self.after.pop(operation, lambda: None)()


@contextmanager
def over_a_line(ground: Ground, **changes: float) -> Iterator[tuple[Files, Line, Signals]]:
    signals = Signals()
    with Line(ground.settings.port) as line:
        settings = replace(ground.settings, port=line.port, **changes)
        with ground.files(settings, watch=signals) as files:
            yield files, line, signals


def put(files: Files, data: io.BytesIO | None = None, *, replace: bool = False) -> None:
    files.put("/inbound", "v.csv", data or io.BytesIO(DATA), len(DATA), replace=replace)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class Acting(io.BytesIO):
    """Data that does something in the middle of being taken."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__(DATA)
        self._act = act

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() > 1_500_000:
            self._act, act = lambda: None, self._act
            act()
        return super().read(size)


class Taking(io.BytesIO):
    """A place for data that does something when the first of it has come."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__()
        self._act = act

    def write(self, data: object, /) -> int:
        self._act, act = lambda: None, self._act
        act()
        return super().write(data)


@pytest.mark.parametrize("overwriting", [False, True])
def test_a_rename_carried_out_and_not_answered_is_a_success(ground: Ground, overwriting: bool) -> None:
    with over_a_line(ground) as (files, line, _):
        line.before_answer = renamed(ground, overwriting=overwriting)
        put(files, replace=overwriting)
        assert line.cuts == 1
    assert names(ground.root / "inbound") == ["v.csv"]
    assert (ground.root / "inbound" / "v.csv").read_bytes() == DATA


@pytest.mark.parametrize("ground", INSTALLED, indirect=True)
def test_a_server_killed_after_the_rename_and_before_its_answer_has_placed_the_file(ground: Ground) -> None:
    assert ground.daemon is not None
    done = renamed(ground, overwriting=False)
    with over_a_line(ground) as (files, line, _):
        line.before_answer = lambda: done() and ground.daemon.kill() is None
        put(files)
        assert line.cuts == 1
    assert names(ground.root / "inbound") == ["v.csv"]
    assert (ground.root / "inbound" / "v.csv").read_bytes() == DATA


def renamed(ground: Ground, *, overwriting: bool) -> Callable[[], bool]:
    """Tells whether the whole file has its final name."""
    final = ground.root / "inbound" / "v.csv"
    if overwriting:
        final.write_bytes(b"older")
    return lambda: final.exists() and final.stat().st_size == len(DATA)


@pytest.mark.parametrize("overwriting", [False, True])
def test_a_rename_that_never_reached_the_server_is_asked_for_again(ground: Ground, overwriting: bool) -> None:
    """What goes out after the last byte was confirmed is the rename, or the look before it."""
    with over_a_line(ground) as (files, line, signals):
        signals.after["write"] = lambda: setattr(line, "before_request", lambda: True)
        put(files, replace=overwriting)
        assert line.cuts == 1
    assert names(ground.root / "inbound") == ["v.csv"]
    assert (ground.root / "inbound" / "v.csv").read_bytes() == DATA


def test_a_rename_not_answered_and_the_file_gone_is_in_doubt(ground: Ground) -> None:
    final = ground.root / "inbound" / "v.csv"

    def taken() -> bool:
        there = final.exists()
        final.unlink(missing_ok=True)
        return there

    with over_a_line(ground) as (files, line, _):
        line.before_answer = taken
        with pytest.raises(InDoubt, match=r"v\.csv"):
            put(files)
    assert names(final.parent) == []


@pytest.mark.servers
def test_a_rename_that_may_still_come_is_in_doubt_when_nobody_answers_any_more(ground: Ground) -> None:
    with over_a_line(ground, operation_timeout=TIMEOUT, connect_timeout=TIMEOUT) as (files, line, signals):
        signals.after["write"] = line.silent.set
        with pytest.raises((InDoubt, TransientError)) as told:
            put(files, replace=True)
    assert isinstance(told.value, InDoubt)


def test_a_move_carried_out_and_not_answered_is_a_success(ground: Ground) -> None:
    (ground.root / "outbound" / "a.csv").write_bytes(DATA)
    archived = ground.root / "outbound" / "archive" / "a.csv"
    with over_a_line(ground) as (files, line, _):
        [entry] = files.scan("/outbound").entries
        line.before_answer = archived.exists
        assert files.move("/outbound", entry, "/outbound/archive", "a.csv") == "a.csv"
        assert line.cuts == 1
    assert names(archived.parent) == ["a.csv"]
    assert names(ground.root / "outbound") == ["archive"]


def test_a_connection_cut_in_the_middle_of_an_upload_leaves_nothing(ground: Ground) -> None:
    with over_a_line(ground) as (files, line, _):
        with pytest.raises(TransientError, match="could not write"):
            put(files, Acting(lambda: setattr(line, "before_request", lambda: True)))
        assert line.cuts == 1
        assert names(ground.root / "inbound") == []
        put(files)
    assert (ground.root / "inbound" / "v.csv").read_bytes() == DATA


def test_a_connection_cut_in_the_middle_of_a_download_is_transient_and_the_next_works(ground: Ground) -> None:
    (ground.root / "outbound" / "a.csv").write_bytes(DATA)
    with over_a_line(ground) as (files, line, _):
        [entry] = files.scan("/outbound").entries
        with pytest.raises(TransientError, match="could not read"):
            files.fetch("/outbound", entry, Taking(lambda: setattr(line, "before_answer", lambda: True)))
        assert line.cuts == 1
        assert files.fetch("/outbound", entry, io.BytesIO()) == hashlib.sha256(DATA).hexdigest()


@pytest.mark.parametrize("change", [b"short", DATA + b"more"])
def test_a_file_written_anew_while_it_is_read_is_unsettled(ground: Ground, change: bytes) -> None:
    path = ground.root / "outbound" / "a.csv"
    path.write_bytes(DATA)
    with ground.files() as files:
        [entry] = files.scan("/outbound").entries
        with pytest.raises(Unsettled, match=r"`a\.csv`"):
            files.fetch("/outbound", entry, Taking(lambda: path.write_bytes(change)))
        [entry] = files.scan("/outbound").entries
        assert files.fetch("/outbound", entry, io.BytesIO()) == hashlib.sha256(change).hexdigest()


@pytest.mark.servers
def test_a_line_gone_silent_is_given_up_in_time_and_used_again_when_it_speaks(ground: Ground) -> None:
    with over_a_line(ground, operation_timeout=TIMEOUT, connect_timeout=TIMEOUT) as (files, line, _):
        assert files.scan("/inbound").entries == ()
        line.silent.set()
        started = time.monotonic()
        with pytest.raises(TransientError):
            files.scan("/inbound")
        assert time.monotonic() - started < 10 * TIMEOUT
        line.silent.clear()
        assert files.scan("/inbound").entries == ()


@pytest.mark.parametrize("ground", INSTALLED, indirect=True)
def test_a_stopped_session_is_left_for_a_new_one(ground: Ground) -> None:
    assert ground.daemon is not None
    with ground.files(replace(ground.settings, operation_timeout=TIMEOUT)) as files:
        assert files.scan("/inbound").entries == ()
        stopped = ground.daemon.freeze()
        try:
            assert stopped
            assert files.scan("/inbound").entries == ()
            with pytest.raises(TransientError, match=rf"no answer within {TIMEOUT} seconds"):
                put(files, Acting(lambda: stopped.extend(ground.daemon.freeze())))
            assert names(ground.root / "inbound") == []
            put(files)
        finally:
            thaw(stopped)
    assert (ground.root / "inbound" / "v.csv").read_bytes() == DATA


@pytest.mark.parametrize("ground", INSTALLED, indirect=True)
def test_a_rename_held_up_in_a_stopped_session_comes_too_late_to_do_harm(ground: Ground) -> None:
    """The request lies in the stopped session while the file is placed by a new one; then the old session goes on."""
    assert ground.daemon is not None
    stopped: list[int] = []
    signals = Signals()
    signals.after["write"] = lambda: stopped.extend(ground.daemon.freeze())
    with ground.files(replace(ground.settings, operation_timeout=TIMEOUT), watch=signals) as files:
        try:
            put(files, replace=True)
        finally:
            thaw(stopped)
        assert stopped
        assert files.find("/inbound", "v.csv") is not None
        wait_until(lambda: len(ground.daemon.sessions()) < 4)
    assert names(ground.root / "inbound") == ["v.csv"]
    assert (ground.root / "inbound" / "v.csv").read_bytes() == DATA


@pytest.mark.parametrize("ground", INSTALLED, indirect=True)
def test_a_server_that_welcomes_nobody_is_transient_in_time_until_it_goes_on(ground: Ground) -> None:
    assert ground.daemon is not None
    quick = replace(ground.settings, operation_timeout=TIMEOUT, connect_timeout=TIMEOUT)
    with ground.files(quick) as files:
        assert files.scan("/inbound").entries == ()
        stopped = ground.daemon.freeze(whole=True)
        try:
            started = time.monotonic()
            with pytest.raises(TransientError, match="handshake"):
                files.scan("/inbound")
            assert time.monotonic() - started < 10 * TIMEOUT
        finally:
            thaw(stopped)
    with ground.files() as files:
        assert files.scan("/inbound").entries == ()


@pytest.mark.parametrize("ground", INSTALLED, indirect=True)
def test_a_killed_session_is_replaced_before_the_next_operation_fails(ground: Ground) -> None:
    assert ground.daemon is not None
    with ground.files() as files:
        put(files)
        ground.daemon.kill()
        assert files.find("/inbound", "v.csv") is not None
        ground.daemon.kill()
        files.remove("/inbound", "v.csv")
    assert names(ground.root / "inbound") == []


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not holds() and time.monotonic() < end:
        threading.Event().wait(0.02)

"""A large file read in a process of its own: what it does to that process, the run outlives, and the rows come while others are mapped."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from queue import Empty, Queue
from typing import Any, BinaryIO

import msgspec

from engine.contracts import BadRow, ReadAgain, Row
from engine.errors import ParcelError, TransientError
from engine.sources.pickup_guard import Limits, too_large, too_slow
from engine.sources.pickup_wire import Job, Sort, pack_job, receive, send

Unpack = Callable[[Sort, bytes], list[Row | BadRow]]
Message = tuple[Sort, bytes] | None

_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from engine.sources.pickup_child import main; main()"
_ROOT = str(Path(__file__).resolve().parents[2])
_KEPT = ("SYSTEMROOT", "SYSTEMDRIVE", "TEMP", "TMP", "TMPDIR", "LD_LIBRARY_PATH")
"""Of the environment, which is full of secrets, the child gets what Python needs to start and to find a temporary folder."""
_AHEAD = 4
_OUT_OF_TIME = -24  # SIGXCPU


def read_apart(
    job: Job,
    limits: Limits,
    unpack: Unpack,
    tell: Callable[[str], None],
    clock: Callable[[], float],
    report: Callable[[dict[str, Any]], None] = lambda _received: None,
) -> Iterator[Row | BadRow]:
    """The rows of the job's file. Raises ParcelError, ReadAgain, TransientError when no process can be started."""
    child = _start()
    messages: Queue[Message] = Queue(_AHEAD)
    pump = threading.Thread(target=_pump, args=(child, pack_job(job), messages), daemon=True)
    pump.start()
    try:
        for sort, body in _in_time(messages, job.seconds, clock, child):
            if sort in {Sort.TYPED, Sort.LOOSE}:
                yield from unpack(sort, body)
            elif sort is Sort.FINDING:
                tell(body.decode())
            elif sort is Sort.RECEIVED:
                report(msgspec.msgpack.decode(body))
            else:
                _raise(sort, body, limits)
    finally:
        _end(child, pump, messages)


def _start() -> subprocess.Popen[bytes]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    try:
        return subprocess.Popen(  # noqa: S603  # ourselves
            [sys.executable, "-I", "-X", "utf8", "-c", _BOOT, _ROOT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=kept,
        )
    except OSError as error:
        raise TransientError(f"no process can be started to read the file: {error}") from error


def _pump(child: subprocess.Popen[bytes], job: bytes, messages: Queue[Message]) -> None:
    """Hands messages over until the child ends; the queue keeps it from running ahead."""
    assert child.stdin is not None
    assert child.stdout is not None
    message: Message = None
    with suppress(OSError, ValueError):  # a dead child's pipe
        send(_binary(child.stdin), Sort.JOB, job)
        while (message := receive(_binary(child.stdout))) is not None:
            messages.put(message)
            if message[0] is Sort.END:
                return
    messages.put(None)


def _binary(stream: object) -> BinaryIO:
    return stream  # type: ignore[return-value]  # Popen's pipes are, without `text`


def _in_time(
    messages: Queue[Message], seconds: float, clock: Callable[[], float], child: subprocess.Popen[bytes]
) -> Iterator[tuple[Sort, bytes]]:
    """Messages up to the end. Only waiting for the child counts; what the run does with the rows takes as long as it takes."""
    left = seconds
    while True:
        before = clock()
        try:
            message = messages.get(timeout=max(left, 0))
        except Empty:
            raise too_slow(seconds) from None
        left -= clock() - before
        if message is None:
            raise _died(child.wait(), seconds)
        if message[0] is Sort.END:
            return
        yield message


def _died(code: int, seconds: float) -> ParcelError:
    if code == _OUT_OF_TIME:
        return too_slow(seconds)
    how = f"was stopped by signal {-code}" if code < 0 else f"ended with code {code}"
    return ParcelError(
        f"the process that read it {how}: the file took more than this machine has; split it and place it again"
    )


def _raise(sort: Sort, body: bytes, limits: Limits) -> None:
    if sort is Sort.REFUSED:
        message, place = msgspec.msgpack.decode(body, type=tuple[str, str])
        raise ParcelError(message, place=place)
    if sort is Sort.AGAIN:
        raise ReadAgain
    if sort is Sort.MEMORY:
        raise too_large(limits)
    raise RuntimeError(f"reading the file failed: {body.decode('utf-8', 'replace')}")


def _end(child: subprocess.Popen[bytes], pump: threading.Thread, messages: Queue[Message]) -> None:
    """Leaves nothing behind, whichever way it ends."""
    child.kill()
    while pump.is_alive():
        with suppress(Empty):
            messages.get(timeout=0.02)
    child.wait()
    for stream in (child.stdin, child.stdout):
        if stream is not None:
            with suppress(OSError):
                stream.close()

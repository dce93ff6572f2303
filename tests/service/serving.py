"""`mlconnector serve` as a process of its own, against a shop that a test holds by the hand."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from engine.desk.opening import LOOPBACK
from tests.security.peer import Answer, Asked
from tests.security.stage import HEADER, ROOT, Stage

PATIENCE = 60.0


def until(what: Callable[[], Any], *, seconds: float = PATIENCE) -> Any:
    """What it says as soon as that is true."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, f"it never came true: {what}"
        time.sleep(0.02)
    return found


class Gate:
    """A shop that waits before its nth bill is answered; the bill is kept before that, or is not."""

    def __init__(self, stage: Stage, nth: int, *, kept: bool) -> None:
        self.reached, self.open = threading.Event(), threading.Event()
        self._stage, self._kept = stage, kept
        self._left, self._lock = nth, threading.Lock()
        stage.peer.answer = self._answer

    def _answer(self, asked: Asked) -> Answer | None:
        if asked.method != "POST":
            return None
        with self._lock:
            self._left -= 1
            if self._left != 0:
                return None
        answer = self._stage.peer.as_shop(asked) if self._kept else None
        self.reached.set()
        self.open.wait(PATIENCE)
        return answer


class Serve:
    """The process. Its log is read as it comes, as JSON."""

    def __init__(self, stage: Stage, *words: str, command: str = "serve", **environ: str) -> None:
        given = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), LOOPBACK: "1", "MLCONNECTOR_ACTOR": "server"}
        words = words or (str(stage.spec.parent), "--port", "0")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cli", command, *words, "--workspace", str(stage.home), "--log-format", "json"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=stage.folder,
            env={**given, **stage.environ, **environ},
        )  # fmt: skip
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        self.lines.extend(iter(self.process.stderr.readline, ""))  # one by one, as they come

    def said(self, text: str) -> list[dict[str, Any]]:
        """Log lines with that text."""
        told = [json.loads(line) for line in self.lines[:] if line.startswith("{")]
        return [line for line in told if text in line["said"]]

    def wait_for(self, text: str, times: int = 1) -> dict[str, Any]:
        """The log line that says it."""

        def there() -> Any:
            assert self.process.poll() is None or self.said(text), "".join(self.lines)
            found = self.said(text)
            return found[times - 1] if len(found) >= times else None

        return until(there)

    def wait_until(self, what: Callable[[], Any]) -> None:
        """Until that is true, or the process has ended."""
        until(lambda: what() or self.process.poll() is not None)
        assert what(), "".join(self.lines)

    def get(self, path: str) -> tuple[int, str]:
        """What it answers."""
        address = self.wait_for("serving ")["said"].partition(" at ")[2]
        try:
            with urllib.request.urlopen(address + path, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code, answer.read().decode()

    def ask_to_leave(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def ended(self) -> int:
        code = self.process.wait(PATIENCE)
        self._reader.join(5)
        return code

    def kill(self) -> None:
        """As when the machine goes down, as far as this process can tell."""
        self.process.kill()
        self.ended()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
        self._reader.join(5)
        sys.stderr.write("".join(self.lines))  # shown with a failure
        self.process.stdout.close()
        self.process.stderr.close()


def stage_in(folder: Path, peer: Any, *, every: str = "1s") -> Stage:
    """The shop's integration, quick to settle a doubt."""
    stage = Stage(folder, peer)
    stage.change("systems/shop.yaml", ("deadline: 2s", "deadline: 2s\n  at_once: 1"), ("settle: 1m", "settle: 4s"))
    stage.change("", ("every: 15m", f"every: {every}"))
    stage.store_secrets()
    return stage


def offer(stage: Stage, *numbers: str, name: str = "bills_1.csv") -> None:
    """A file with a bill for each number; it appears at once, whole."""
    rows = "".join(f"ACME,{number},2026-11-01,10.30,paper,10.30\n" for number in numbers)
    draft = stage.files / f"{name}.part"
    draft.write_text(HEADER + rows)
    draft.rename(stage.files / "out" / name)


def numbers(stage: Stage) -> list[str]:
    """What the shop has, in the order it came."""
    return [bill["number"] for bill in stage.peer.bills]

"""`demo`: a whole integration at work on this machine, every claim checked against the stand-ins' own records."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from io import StringIO
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TextIO

from engine.errors import UsageError
from engine.redaction import Redactor
from engine.run.load import load
from engine.run.seams import Seams, utc_now
from engine.run.show import as_json
from engine.run.workspace import open_workspace
from engine.sandbox.demo_data import SHOWN, SPEC
from engine.sandbox.demo_screen import Screen
from engine.sandbox.demo_story import CHAPTERS, DOUBTFUL, Stage
from engine.sandbox.stands import EpicorStand, StampliStand
from engine.state.private import private_folder
from engine.trial.world import SteppedClock, loopback_only, quiet_log, supply


def show(keep: Path | None, *, stream: TextIO | None = None, pause: Callable[[], None] | None = None) -> int:
    """Plays the demo; 0 when everything it claims is true, 1 otherwise. `keep` is where its workspace stays.

    `pause` is called after each chapter; without it a terminal's reader gets a second. Raises UsageError when `keep` is
    not an empty folder.
    """
    stream = stream or sys.stdout
    if pause is None and stream.isatty():
        pause = _a_second
    return _close(_play(keep, stream, pause), keep)


def claims(keep: Path | None) -> tuple[str, int]:
    """Plays it unseen: its claims as JSON, each with whether it holds, and the same exit code."""
    screen = _play(keep, StringIO(), None)
    told = [{"claim": text, "ok": text not in screen.broken} for text in screen.claimed]
    return as_json({"ok": not screen.broken, "claims": told}), 1 if screen.broken else 0


def _play(keep: Path | None, stream: TextIO, pause: Callable[[], None] | None) -> Screen:
    screen = Screen(stream)
    with quiet_log(), _workspace(keep) as folder, _stage(folder, screen) as stage:
        screen.title("mlconnector demo")
        screen.say(
            "Epicor Kinetic and Stampli, both as stand-ins on this machine: real HTTP, real SFTP, nothing leaves it.\n"
            "The demo has a clock of its own, so that every wait (a file that must lie still, an answer that may\n"
            "still come) takes no time."
        )
        for chapter in CHAPTERS:
            chapter(stage)
            if pause is not None:
                pause()
    return screen


def _a_second() -> None:
    time.sleep(1)


def _close(screen: Screen, keep: Path | None) -> int:
    screen.chapter("What to look at next")
    if screen.broken:
        screen.say(f"{len(screen.broken)} of {screen.claims} claims were not true: this is a bug, please report it.")
        return 1
    tests = SHOWN.replace(".yaml", ".test.yaml")
    screen.say(f"All {screen.claims} claims above were checked against what the stand-ins recorded themselves.")
    screen.command(f"mlconnector test {tests}")
    screen.say("  what this integration promises, case by case, against the same stand-ins")
    screen.command(f"mlconnector sandbox {SHOWN}")
    screen.say("  the stand-ins alone, to run or to serve the spec against, with its console")
    if keep is not None:
        screen.command(f"mlconnector audit --invoice {DOUBTFUL} --workspace {shlex.quote(str(keep))}")
        screen.say("  the demo's own records, kept for you")
    return 0


@contextmanager
def _workspace(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with TemporaryDirectory(prefix="mlconnector-demo-") as folder:
            yield Path(folder)
        return
    if keep.exists() and any(keep.iterdir()):
        raise UsageError(f"`{keep}` is not empty: name a new folder for the demo's workspace")
    yield private_folder(keep)


@contextmanager
def _stage(folder: Path, screen: Screen) -> Iterator[Stage]:
    clock = SteppedClock(utc_now())
    with ExitStack() as stack:
        epicor = stack.enter_context(EpicorStand(clock))
        stampli = stack.enter_context(StampliStand(clock))
        integration = load(SPEC)
        supplied = supply(integration, {"epicor": epicor.settings, "stampli": stampli.settings})
        seams = Seams(
            clock=clock,
            sleep=clock.sleep,
            random=Random(1).random,
            environ=supplied.environ,
            transport=loopback_only,
            allow_loopback=True,
        )
        workspace = stack.enter_context(open_workspace(folder, seams=seams, redactor=Redactor(), actor="demo"))
        yield Stage(
            screen=screen,
            integration=integration,
            epicor=epicor,
            stampli=stampli,
            workspace=workspace,
            seams=seams,
            clock=clock,
            supplied=supplied,
        )

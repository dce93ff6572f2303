"""`demo`: a whole integration at work on this machine, every claim checked against the stand-ins' own records."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TextIO

from engine.errors import UsageError
from engine.redaction import Redactor
from engine.run.load import load
from engine.run.seams import Seams, utc_now
from engine.run.trial_world import SteppedClock, loopback_only, supply
from engine.run.workspace import open_workspace
from engine.sandbox.demo_data import SPEC
from engine.sandbox.demo_screen import Screen
from engine.sandbox.demo_story import CHAPTERS, Stage
from engine.sandbox.stands import EpicorStand, StampliStand
from engine.state.private import private_folder


def show(keep: Path | None, *, stream: TextIO | None = None, pause: Callable[[], None] | None = None) -> int:
    """Plays the demo; 0 when everything it claims is true, 1 otherwise. `keep` is where its workspace stays.

    `pause` is called between chapters. Raises UsageError when `keep` is not an empty folder.
    """
    screen = Screen(stream or sys.stdout)
    with _workspace(keep) as folder, _stage(folder, screen, keep) as stage:
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
    return _close(screen, keep)


def _close(screen: Screen, keep: Path | None) -> int:
    screen.chapter("What to look at next")
    if screen.broken:
        screen.say(f"{len(screen.broken)} of {screen.claims} claims were not true: this is a bug, please report it.")
        return 1
    screen.say(
        f"All {screen.claims} claims above were checked against what the stand-ins recorded themselves.\n"
        "  specs/epicor-kinetic--stampli.yaml        the integration you saw, about 150 lines of YAML and no code\n"
        "  mlconnector test specs/*.test.yaml        what it promises, case by case\n"
        "  mlconnector sandbox specs/epicor-kinetic--stampli.yaml    these stand-ins, for trying things yourself"
    )
    if keep is not None:
        screen.say(f"  mlconnector audit --invoice 88-1123 --workspace {keep}    the demo's own records, kept for you")
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
def _stage(folder: Path, screen: Screen, keep: Path | None) -> Iterator[Stage]:
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

"""`validate --watch`: quiet when fine, what is new in full, again whenever a file behind a spec changes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from engine.desk.revalidating import EVERY, watch_paths

LANGUAGE = Path(__file__).resolve().parents[2] / "language"
OK = "12:03:04 ok: 1 file"


class Desk:
    """A spec in a folder, and what somebody does between two looks at it."""

    def __init__(self, folder: Path) -> None:
        for shared in ("systems", "crosswalks"):
            shutil.copytree(LANGUAGE / shared, folder / shared)
        self.folder, self.spec = folder, folder / "integration.yaml"
        shutil.copy(LANGUAGE / "valid" / "integration.yaml", self.spec)
        self.said: list[str] = []
        self.looks = self.step = 0

    def edit(self, name: str, old: str, new: str) -> Callable[[], None]:
        def act() -> None:
            file, self.step = self.folder / name, self.step + 1
            text = file.read_text()
            assert old in text
            file.write_text(text.replace(old, new, 1))
            os.utime(file, ns=(self.step * 10**9, self.step * 10**9))

        return act

    def watch(self, *actions: Callable[[], None], paths: tuple[str, ...] = (), **options: object) -> int:
        """One action after each validation, then the end; a long sleep is a look."""
        waiting: Iterator[Callable[[], None]] = iter(actions)
        over = False

        def sleep(seconds: float) -> None:
            nonlocal over
            if seconds < EVERY:
                return
            self.looks += 1
            if self.looks % 2:  # an idle look in between says nothing
                return
            action = next(waiting, None)
            over = action is None
            if action is not None:
                action()

        return watch_paths(
            paths or (str(self.spec),),
            say=self.said.append,
            sleep=sleep,
            stopping=lambda: over,
            clock=lambda: datetime(2026, 3, 1, 12, 3, 4),  # noqa: DTZ001 - a person's own clock
            **options,  # type: ignore[arg-type]
        )


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_sound_spec_is_one_line_and_then_silence(desk: Desk) -> None:
    assert desk.watch() == 0
    assert desk.said == [OK]


def test_a_mistake_is_told_in_full_once_and_its_mending_in_a_line(desk: Desk) -> None:
    code = desk.watch(
        desk.edit("integration.yaml", "code: code", "code: cod"),
        desk.edit("integration.yaml", "title: Files", "# a line more\ntitle: Files"),
        desk.edit("integration.yaml", "trim: true", "tirm: true"),
        desk.edit("integration.yaml", "code: cod\n", "code: code\n"),
        desk.edit("integration.yaml", "tirm: true", "trim: true"),
    )

    assert code == 0
    assert [line.splitlines()[-1] for line in desk.said if line.startswith("12:")] == [
        OK,
        "12:03:04 1 file: 1 error (1 new)",
        "12:03:04 1 file: 1 error",
        "12:03:04 1 file: 2 errors (1 new)",
        "12:03:04 1 file: 1 error (1 mended)",
        OK,
    ]
    blocks = [line for line in desk.said if not line.startswith("12:")]
    assert ["E202" in block for block in blocks] == [True, False]
    assert "did you mean `code`?" in blocks[0]
    assert "E101" in blocks[1]


@pytest.mark.parametrize(
    ("name", "old", "new", "code"),
    [
        ("systems/shop.yaml", "records: items", "record: items", "E101"),
        ("crosswalks/accounts.csv", "theirs", "thiers", "E307"),
    ],
)
def test_a_file_behind_the_spec_counts_too(desk: Desk, name: str, old: str, new: str, code: str) -> None:
    assert desk.watch(desk.edit(name, old, new)) == 1
    assert f"error[{code}]" in desk.said[1]


def test_a_file_that_was_missing_is_waited_for(desk: Desk) -> None:
    crosswalk = desk.folder / "crosswalks" / "accounts.csv"
    kept = crosswalk.read_bytes()
    crosswalk.unlink()

    assert desk.watch(lambda: crosswalk.write_bytes(kept) and None) == 0
    assert "error[E307]" in desk.said[0]
    assert desk.said[-1] == OK


def test_a_new_spec_in_the_folder_is_seen(desk: Desk) -> None:
    def add() -> None:
        shutil.copy(desk.spec, desk.folder / "copy.yaml")

    assert desk.watch(add, paths=(str(desk.folder),)) == 1
    assert "error[E316]" in desk.said[1]
    assert "4 files: 1 error" in desk.said[2]


def test_a_spec_that_goes_away_and_comes_back(desk: Desk) -> None:
    aside = desk.folder / "aside"

    assert desk.watch(lambda: desk.spec.rename(aside) and None, lambda: aside.rename(desk.spec) and None) == 0
    assert "error[E001]" in desk.said[1]
    assert desk.said[-1] == OK


def test_a_machine_gets_everything_each_time(desk: Desk) -> None:
    assert desk.watch(desk.edit("integration.yaml", "code: code", "code: cod"), form="github") == 1
    assert desk.said[0] == ""
    assert desk.said[1].startswith("::error file=")


def test_nothing_to_watch_ends_with_2_and_interrupting_ends_quietly(desk: Desk) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    assert desk.watch(paths=(str(desk.folder / "no*.yaml"),)) == 2
    assert "no spec files" in desk.said[-1]
    assert desk.watch(interrupt) == 0

"""The specs in force: re-read when their files change, and the last good one of each kept while a new one does not hold."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from engine.desk.validating import spec_files
from engine.errors import MlconnectorError, Problem
from engine.run.load import examine
from engine.run.model import Flow, Integration
from engine.spec.document import Problems
from engine.spec.report import as_text
from engine.spec.tree import files_behind, read_tree

SETTLED = 0.3
"""Seconds a file must have been left alone before it is read again: editors and deployments write in several steps."""

Stamps = Mapping[Path, tuple[int, int, int] | None]
"""Modification time in nanoseconds, size and inode; None where there is no such file."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A spec file as it was read last: what it depended on then, and what it said. `foreign`: it is no integration."""

    stamps: Stamps
    integration: Integration | None
    problems: str = ""
    foreign: bool = False


class Shelf:
    """The integrations of some files and folders. `look` is for one thread; the rest may be asked from any."""

    def __init__(self, paths: Sequence[Path], *, wall: Callable[[], float] = time.time) -> None:
        self._paths = tuple(paths)
        self._wall = wall
        self._read: dict[Path, _Read] = {}
        self._integrations: Mapping[str, Integration] = {}
        self._broken: Mapping[str, str] = {}

    @property
    def integrations(self) -> Mapping[str, Integration]:
        """By name, the last version of each that held together."""
        return MappingProxyType(dict(self._integrations))

    @property
    def broken(self) -> Mapping[str, str]:
        """File to its problems, as long as what it says now can't be run."""
        return MappingProxyType(dict(self._broken))

    def flow(self, flow_id: str) -> Flow | None:
        """The flow of an id (`integration/flow`)."""
        integration, _, name = flow_id.partition("/")
        found = self._integrations.get(integration)
        return None if found is None else found.flows.get(name)

    def flows(self) -> Iterator[Flow]:
        """Every flow of every integration."""
        for integration in list(self._integrations.values()):
            yield from integration.flows.values()

    def look(self) -> list[str]:
        """Re-reads what changed since the last look; what came, changed, broke, was mended or went, as sentences."""
        told: list[str] = []
        seen: dict[Path, _Read] = {}
        for file in dict.fromkeys(file for path in self._paths for file in spec_files(str(path))):
            before = self._read.get(file)
            seen[file] = now = self._looked_at(file, before)
            if now is not before and not now.foreign:
                told += _news(file, before, now)
        gone = [file for file, read in self._read.items() if file not in seen and read.integration is not None]
        told += [f"`{file}` is gone: its flows are not started any more" for file in gone]
        self._read = seen
        self._arrange(told)
        return told

    def _looked_at(self, file: Path, before: _Read | None) -> _Read:
        if before is not None and not self._is_settled_change(before):
            return before
        stamps = {each: _stamp(each) for each in files_behind(file)}
        kept = before.integration if before is not None else None
        try:
            found, problems = examine(file)
        except (MlconnectorError, OSError) as error:
            return _Read(stamps, kept, str(error), foreign=self._is_foreign(file, kept, str(error)))
        errors = [problem for problem in problems.found if problem.severity == "error"]
        if errors:
            told = _told(errors)
            return _Read(stamps, kept, told, foreign=self._is_foreign(file, kept, told))
        return _Read(stamps, found, foreign=found is None)

    def _is_settled_change(self, before: _Read) -> bool:
        """Whether any file differs from what was read, and nobody is at it any more."""
        now = {file: _stamp(file) for file in before.stamps}
        fresh = max((stamp[0] / 1e9 for stamp in now.values() if stamp is not None), default=0.0)
        return now != before.stamps and not 0 <= self._wall() - fresh < SETTLED

    def _is_foreign(self, file: Path, kept: Integration | None, problems: str) -> bool:
        """A file that is no integration and never was: what is wrong with it is told where it is used."""
        if kept is not None or file in self._paths or not problems:
            return False
        tree = read_tree(file, Problems())
        return tree.kind != "integration" if tree is not None else _is_a_part(file)

    def _arrange(self, told: list[str]) -> None:
        """What is in force now. Of two files of one name the first is."""
        integrations: dict[str, Integration] = {}
        broken: dict[str, str] = {}
        for file, read in self._read.items():
            if read.problems and not read.foreign:
                broken[str(file)] = read.problems
            found = read.integration
            if found is None:
                continue
            if found.name in integrations:
                broken[str(file)] = (
                    f"There is an integration `{found.name}` already, in `{integrations[found.name].path}`: rename one"
                )
                if str(file) not in self._broken:
                    told.append(f"`{file}` is not used: {broken[str(file)]}")
                continue
            integrations[found.name] = found
        self._integrations, self._broken = integrations, broken


def _news(file: Path, before: _Read | None, now: _Read) -> list[str]:
    if now.problems:
        kept = "; its last good version goes on" if now.integration is not None else ""
        return (
            []
            if before is not None and before.problems == now.problems
            else [f"`{file}` has errors{kept}:\n{now.problems}"]
        )
    if now.integration is None:
        return []
    if before is None or before.integration is None:
        return [f"`{file}` is in force: {counted(len(now.integration.flows), 'flow')}"]
    if now.integration.sha == before.integration.sha:
        return [f"`{file}` holds again, as it was"] if before.problems else []
    return [f"`{file}` changed: its new version is in force"]


def counted(count: int, what: str) -> str:
    """`1 flow`, `3 flows`."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def _told(problems: Sequence[Problem]) -> str:
    return as_text(problems).strip()


def _is_a_part(file: Path) -> bool:
    """Whether a file nobody can read is, by its place, a system, a set or a test rather than an integration."""
    return file.parent.name in {"systems", "x12"} or file.name.endswith(".test.yaml")


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        seen = file.stat()
    except OSError:
        return None
    return seen.st_mtime_ns, seen.st_size, seen.st_ino

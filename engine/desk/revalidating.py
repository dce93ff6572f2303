"""`validate --watch`: validates at once, then again whenever a file that was read changes. Polling, so any file system will do."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from engine.contracts import Clock, Sleep
from engine.desk.validating import spec_files, validated
from engine.errors import Problem
from engine.spec.report import REPORTERS, summary
from engine.spec.tree import files_behind

EVERY = 0.5
"""Seconds between two looks at the files."""

SETTLED = 0.05
"""Seconds a file must stay the same before it is read: editors write in several steps."""

Stamps = dict[Path, tuple[int, int] | None]
"""Modification time in nanoseconds and size; None where there is no such file."""


def watch_paths(
    paths: Sequence[str],
    *,
    say: Callable[[str], None],
    form: str = "text",
    strict: bool = False,
    data: Path | None = None,
    sleep: Sleep = time.sleep,
    stopping: Callable[[], bool] = lambda: False,
    clock: Clock = datetime.now,
) -> int:
    """Until `stopping` or Ctrl-C. The exit code is the last validation's: 1 for errors (with `strict`, warnings too), 2 without files."""
    watch = _Watch(paths, say, form, data, clock, strict=strict)
    try:
        while not stopping():
            if watch.changed():
                while not stopping() and watch.changed():
                    watch.note()
                    sleep(SETTLED)
                watch.validate()
            sleep(EVERY)
    except KeyboardInterrupt:
        pass
    return watch.code


class _Watch:
    """What was seen and said last."""

    def __init__(
        self,
        paths: Sequence[str],
        say: Callable[[str], None],
        form: str,
        data: Path | None,
        clock: Clock,
        *,
        strict: bool,
    ) -> None:
        self._paths, self._say, self._form, self._data, self._clock = paths, say, form, data, clock
        self._strict = strict
        self._seen: Stamps | None = None
        self._behind: frozenset[Path] = frozenset()
        self._told: dict[tuple[str, str, str, str], Problem] = {}
        self.code = 0

    def changed(self) -> bool:
        """Whether any file differs from what `note` saw last; a file that came or went does."""
        return self._stamps() != self._seen

    def note(self) -> None:
        """From here on only later changes count."""
        self._seen = self._stamps()

    def validate(self) -> None:
        """Validates all files and says what is new since the last time."""
        files = self._files()
        self._behind = frozenset().union(*map(files_behind, files))
        self.note()
        if not files:
            self.code = 2
            self._say(f"{self._now()} no spec files in {', '.join(self._paths)}")
            return
        try:
            problems, _ = validated(files, self._data)
        except OSError as error:  # it went away between two looks; it is read again when it is back
            self._say(f"{self._now()} `{error.filename}` can't be read: {error.strerror}")
            self._seen = None
            return
        self.code = int(any(self._strict or problem.severity == "error" for problem in problems))
        if self._form == "text":
            self._tell(problems, len(files))
        else:
            self._say(REPORTERS[self._form](problems))

    def _tell(self, problems: Sequence[Problem], count: int) -> None:
        """New problems in full and one line about all; a problem that only moved to another line is not new."""
        now = {(p.code, p.message, p.file, p.path): p for p in problems}
        new = [problem for key, problem in now.items() if key not in self._told]
        mended = sum(key not in now for key in self._told)
        self._told = now
        if new:
            self._say(REPORTERS["text"](new).rpartition("\n")[0])
        files = f"{count} file{'' if count == 1 else 's'}"
        if not problems:
            self._say(f"{self._now()} ok: {files}")
            return
        notes = [text for number, text in ((len(new), f"{len(new)} new"), (mended, f"{mended} mended")) if number]
        news = f" ({', '.join(notes)})" if notes else ""
        self._say(f"{self._now()} {'' if self.code else 'ok: '}{files}: {summary(problems)}{news}")

    def _files(self) -> list[Path]:
        return list(dict.fromkeys(file for path in self._paths for file in spec_files(path)))

    def _stamps(self) -> Stamps:
        also = [self._data] if self._data is not None else []
        return {file: _stamp(file) for file in {*self._files(), *self._behind, *also}}

    def _now(self) -> str:
        return self._clock().strftime("%H:%M:%S")


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        seen = file.stat()
    except OSError:
        return None
    return seen.st_mtime_ns, seen.st_size

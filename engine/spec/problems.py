"""Problems are collected, not raised one by one: all of a spec's mistakes come out in one run."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from engine.errors import Problem, SpecError
from engine.spec.codes import severity_of
from engine.spec.nodes import Mark, Node


class Problems:
    """What is wrong so far."""

    def __init__(self) -> None:
        self._found: dict[tuple[str | int, ...], Problem] = {}

    def add(
        self, code: str, at: Node | Mark, message: str, *, suggestion: str | None = None, path: str | None = None
    ) -> None:
        """Notes a problem; its severity comes from the code table. The same thing said twice counts once."""
        mark = at.mark if isinstance(at, Node) else at
        shown_path = path if path is not None else (at.path if isinstance(at, Node) else "")
        problem = Problem(
            code=code,
            message=message,
            file=mark.file,
            line=mark.line,
            column=mark.column,
            length=mark.length,
            severity=severity_of(code),
            path=shown_path,
            suggestion=suggestion,
        )
        several = message if code.startswith("E1") else ""  # one place may lack several keys
        self._found.setdefault((mark.file, mark.line, mark.column, code, several), problem)

    @property
    def found(self) -> tuple[Problem, ...]:
        """Sorted by file, line, column. A value that is no proper YAML is reported for that only, not for its type too."""
        broken = {_place(p) for p in self._found.values() if p.code.startswith("E0")}
        kept = (p for p in self._found.values() if p.code.startswith("E0") or _place(p) not in broken)
        return tuple(sorted(kept, key=lambda p: (p.file, p.line, p.column, p.code)))

    @property
    def has_errors(self) -> bool:
        """True when one of them is more than advice."""
        return any(problem.severity == "error" for problem in self._found.values())

    def raise_errors(self) -> None:
        """Raises SpecError with every problem when one of them is an error."""
        if self.has_errors:
            raise SpecError(self.found)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like this one, or None when none is near."""
    names = sorted(set(known))
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return close[0]
    folded = {other.casefold().replace("-", "_"): other for other in names}
    return folded.get(name.casefold().replace("-", "_").replace(" ", "_"))


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """The suggestion shown under the caret: "did you mean `x`?"."""
    close = nearest(name, known)
    return f"did you mean `{close}`?" if close else None


def one_of(names: Iterable[str], most: int = 8) -> str:
    """A short list for a message: "`a`, `b` or `c`"."""
    quoted = [f"`{name}`" for name in names]
    if len(quoted) > most:
        return ", ".join(quoted[:most]) + ", …"
    return quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + (" or " if quoted else "") + "".join(quoted[-1:])


def _place(problem: Problem) -> tuple[str, int, int]:
    return (problem.file, problem.line, problem.column)

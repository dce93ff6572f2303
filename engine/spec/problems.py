"""Problems are collected, not raised one by one: all of a spec's mistakes come out in one run."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import replace

from engine.errors import Problem, SpecError
from engine.spec.codes import severity_of
from engine.spec.literals import hider
from engine.spec.nodes import Mark, Node

_COVERED = {"E0": ("E1", "E2", "E3"), "E1": ("E2",)}
"""A fault of the first kind hides those of the others at the same place: they would only be its echo."""

_WHOLE = frozenset({"E105", "E210"})
"""What a block says of itself as a whole: an echo where one of its own keys is told already."""


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
        self.take([problem])

    def take(self, found: Iterable[Problem]) -> None:
        """Notes problems found elsewhere."""
        for problem in found:
            code = problem.code
            fault = "E3" if code.startswith("E3") else code  # a name is unknown once, whichever room noticed
            several = (
                problem.message if code.startswith("E1") or code == "E304" else ""
            )  # one place may lack several keys
            self._found.setdefault((*_place(problem), fault, several), problem)

    @property
    def every(self) -> tuple[Problem, ...]:
        """All of them, in the order they were found."""
        return tuple(self._found.values())

    @property
    def found(self) -> tuple[Problem, ...]:
        """Sorted by file, line, column. At one place the most basic fault is told: YAML before shape before meaning."""
        basic = {
            (place, room)
            for problem in self._found.values()
            for place, fault in [(_place(problem), problem.code[:2])]
            for room in _COVERED.get(fault, ())
        }
        secret = {_place(p) for p in self._found.values() if p.code == "E305"}  # what others say there would repeat it
        kept = [p for p in self._found.values() if (_place(p), p.code[:2]) not in basic or p.code == "E305"]
        kept = [p for p in kept if p.code == "E305" or _place(p) not in secret]
        kept = _without_literals([p for p in kept if not _is_echo(p, kept)])
        return tuple(sorted(kept, key=lambda p: (p.file, p.line, p.column, p.code)))

    @property
    def has_errors(self) -> bool:
        """True when one of them is more than advice."""
        return any(problem.severity == "error" for problem in self._found.values())

    def raise_errors(self) -> None:
        """Raises SpecError with every problem when one of them is an error."""
        if self.has_errors:
            raise SpecError(self.found)


def _without_literals(found: list[Problem]) -> list[Problem]:
    """What they quote of a secret pasted into the spec is masked."""
    hiders = {file: hider(file) for file in {problem.file for problem in found}}
    masked = []
    for problem in found:
        hide = hiders[problem.file]
        message, suggestion = hide(problem.message), problem.suggestion and hide(problem.suggestion)
        masked.append(replace(problem, message=message, suggestion=suggestion, path=hide(problem.path)))
    return masked


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


def _is_echo(problem: Problem, found: Sequence[Problem]) -> bool:
    """Whether another problem says the same better: what is below it, or at its place with the name that was meant."""
    for other in found:
        if other is problem or other.file != problem.file:
            continue
        if _place(other) == _place(problem) and _rank(other) > _rank(problem) > 0:
            return True
        if (
            problem.code in _WHOLE
            and (other.code[:2] in {"E1", "E3"} or other.code == "E212")
            and _says_it_below(problem, other)
        ):
            return True
    return False


def _rank(problem: Problem) -> int:
    """Of a shape and a reference that are wrong at one place, a reference that knows what was meant is told."""
    if problem.code[:2] == "E1":
        return 2
    close = (problem.suggestion or "").startswith("did you mean")
    return 0 if problem.code[:2] != "E3" or problem.code == "E304" else 3 if close else 1


def _says_it_below(whole: Problem, part: Problem) -> bool:
    if part.path == whole.path:
        return whole.code == "E210"
    rest = part.path.removeprefix(whole.path)
    below = bool(whole.path) and part.path.startswith(whole.path) and rest[:1] in {".", "["}
    return below and (whole.code == "E105" or rest.count(".") == 1)

"""What a function of the library is: its arguments, their kinds, what it gives, and examples that are run.

A null first argument of a plain kind gives null, so that an optional field stays optional; lists and objects must be there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from engine.errors import RecordError
from engine.mapping.text import kind_of, shown
from engine.redaction import Secret

PLAIN = frozenset({"text", "number", "boolean", "date", "datetime"})
_ARGUMENT = re.compile(r"(\w+)([?*]?): ([\w|]+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Argument:
    """One argument: the kinds of value it takes; `any` takes null too."""

    name: str
    kinds: frozenset[str]
    optional: bool = False
    repeated: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """Arguments and what must come out; run by the tests in both notations."""

    arguments: tuple[Any, ...]
    result: Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Function:
    """One function. `check`, when there is one, looks at constant arguments once, at compile time (regular expressions, formats)."""

    name: str
    call: Callable[..., Any]
    takes: tuple[Argument, ...]
    gives: str
    about: str
    examples: tuple[Example, ...]
    check: Callable[[Sequence[Any]], str | None] | None = None
    filter: bool = True
    nulls: bool = True

    @property
    def least(self) -> int:
        """Arguments that must be given."""
        return sum(not a.optional and not a.repeated for a in self.takes)

    @property
    def most(self) -> int | None:
        """Arguments that may be given; None is any number."""
        return None if any(a.repeated for a in self.takes) else len(self.takes)

    @property
    def usage(self) -> str:
        """`pad_left(value, width, fill?)`."""
        marks = (a.name + ("…" if a.repeated else "?" if a.optional else "") for a in self.takes)
        return f"{self.name}({', '.join(marks)})"

    def argument(self, index: int) -> Argument:
        """The argument at that position, the repeated one for all that follow."""
        return self.takes[min(index, len(self.takes) - 1)]


UNGIVEN: Any = object()
"""A constant argument that is not known at compile time."""


def function(
    usage: str,
    call: Callable[..., Any],
    about: str,
    *examples: tuple[tuple[Any, ...], Any],
    check: Callable[[Sequence[Any]], str | None] | None = None,
    filter_: bool = True,
    nulls: bool = True,
) -> Function:
    """A table entry from `name(value: text, width: number, fill?: text, rest*: any) -> text`. `nulls`: null passes through."""
    name, _, rest = usage.partition("(")
    arguments, _, gives = rest.partition(") -> ")
    takes = tuple(
        Argument(name=m[1], kinds=frozenset(m[3].split("|")), optional=m[2] == "?", repeated=m[2] == "*")
        for m in _ARGUMENT.finditer(arguments)
    )
    return Function(
        name=name,
        call=call,
        takes=takes,
        gives=gives,
        about=about,
        examples=tuple(Example(arguments=a, result=r) for a, r in examples),
        check=check,
        filter=filter_,
        nulls=nulls and bool(takes) and takes[0].kinds <= PLAIN,
    )


def kind_name(value: Any) -> str:
    """The kind of a value as the table names it."""
    if value is None:
        return "null"
    for types, name in _NAMES:
        if isinstance(value, types):
            return name
    return "function" if callable(value) else "object"


def call_function(entry: Function, arguments: Sequence[Any]) -> Any:
    """Calls it after checking the kinds of its arguments. Raises RecordError."""
    for index, value in enumerate(arguments):
        if value is None and entry.nulls and index == 0:
            return None
        problem = misfit(entry, index, value)
        if problem:
            raise RecordError(problem)
    return entry.call(*arguments)


def misfit(entry: Function, index: int, value: Any) -> str | None:
    """Why a value can't be that argument, or None."""
    argument = entry.argument(index)
    if "any" in argument.kinds:
        return f"`{entry.name}` takes no secret" if kind_name(value) == "secret" else None
    if kind_name(value) in argument.kinds or (value is None and argument.optional):
        return None
    wanted = " or ".join(sorted(argument.kinds))
    what = "nothing" if value is None else f"{kind_of(value)} ({shown(value)})"
    return f"`{argument.name}` of `{entry.usage}` must be {wanted}, and it is {what}"


def arity_problem(entry: Function, count: int) -> str | None:
    """What is wrong with a number of arguments, or None."""
    if count >= entry.least and (entry.most is None or count <= entry.most):
        return None
    few = str(entry.least)
    if entry.most != entry.least:
        few += " or more" if entry.most is None else f" to {entry.most}"
    return f"`{entry.usage}` takes {few} argument{'' if few == '1' else 's'}, and {count} {'is' if count == 1 else 'are'} given"


_NAMES: tuple[tuple[Any, str], ...] = (
    (bool, "boolean"),
    (str, "text"),
    ((int, Decimal), "number"),
    (datetime, "datetime"),
    (date, "date"),
    (list, "list"),
    (dict, "object"),
    (Secret, "secret"),
)

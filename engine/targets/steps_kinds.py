"""What a system file says under `create`: steps, loops, the promise and how to take a half-written document back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from engine.connections.exchange import Exchange, Tree
from engine.mapping.expressions import Expression

RESERVED = frozenset({"answer", "document", "documents", "found", "index", "key", "marker", "need", "result"})
"""Names of the scope that no `keep` and no `as` may take."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Poll:
    """The step is asked again until `until` holds on its answer: for actions that say "accepted" and are done later."""

    until: Expression
    every: timedelta = timedelta(seconds=2)
    within: timedelta = timedelta(seconds=60)


@dataclass(frozen=True, kw_only=True, slots=True)
class Together:
    """The keys of `batch:`. `results` is the answer's list, `match` tells which of them is this document's (`result`).

    `refused` holds for a result that says no, `message` is what it says.
    """

    most: int
    results: Expression
    match: Expression
    refused: Expression | None = None
    message: Expression | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Step(Exchange):
    """One call of the chain. `commits` says that its effect on the document is lasting once it is on the wire.

    With `batch` it is one call for several documents: its request sees them as `documents`, each with its fields, `key` and `marker`.
    """

    name: str
    when: Expression | None = None
    commits: bool = False
    expect: Expression | None = None
    keep: dict[str, Expression] = field(default_factory=dict)
    absent: Literal["error", "ok"] = "error"
    poll: Poll | None = None
    batch: Together | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Loop:
    """The steps once for each item of a list; inside, the item has the name of `as_`, and `index` counts from 1."""

    each: Expression
    as_: str
    steps: tuple[Loop | Step, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Promise:
    """What the system allows us to promise, and how long a request may take to land there after its answer was lost."""

    class_: Literal["keyed", "lookup", "blind"]
    settle: timedelta = timedelta(seconds=300)


@dataclass(frozen=True, kw_only=True, slots=True)
class Undo:
    """How a half-written document of ours is removed, and when the system still allows it."""

    steps: tuple[Loop | Step, ...]
    when: Expression | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Create:
    """How one document is written."""

    guarantee: Promise
    steps: tuple[Loop | Step, ...]
    accept: tuple[str, ...] = ()
    one_at_a_time: Tree | None = None
    reference: Tree | None = None
    undo: Undo | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Update:
    """How the record that `find` found is brought up to date: its steps see it as `found`, and may run twice without harm."""

    steps: tuple[Loop | Step, ...]
    settle: timedelta = timedelta(seconds=300)
    one_at_a_time: Tree | None = None
    reference: Tree | None = None


def every_step(items: tuple[Loop | Step, ...]) -> Iterator[Step]:
    """All steps, those inside loops too, in the order they are written."""
    for item in items:
        if isinstance(item, Loop):
            yield from every_step(item.steps)
        else:
            yield item


def faults_in_steps(items: tuple[Loop | Step, ...]) -> Iterator[str]:
    """What can't work in these steps, one sentence each; none when they are sound."""
    steps = list(every_step(items))
    names = [step.name for step in steps]
    yield from (f"Two steps are called `{name}`; each needs its own name" for name in sorted(_twice(names)))
    if not any(step.commits for step in steps):
        yield "No step says `commits: true`, so a lost answer would be sent again; mark the step that saves the document"
    yield from (
        f"Step `{step.name}` commits and polls; poll in a step of its own behind it, for a write is never repeated"
        for step in steps
        if step.commits and step.poll is not None
    )
    yield from (
        f"Step `{step.name}` has `batch`, so it is the only step, and it commits: documents can't share half a chain"
        for step in steps
        if step.batch is not None and (len(steps) > 1 or not step.commits or isinstance(items[0], Loop))
    )
    taken = {name for step in steps for name in step.keep} | set(_loop_names(items))
    yield from (f"`{name}` can't be kept: the name has a meaning already" for name in sorted(taken & RESERVED))


def _twice(names: list[str]) -> set[str]:
    return {name for name in names if names.count(name) > 1}


def _loop_names(items: tuple[Loop | Step, ...]) -> Iterator[str]:
    for item in items:
        if isinstance(item, Loop):
            yield item.as_
            yield from _loop_names(item.steps)

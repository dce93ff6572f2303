"""What a chain of steps would put on the wire, as far as it can be told without calling: for dry runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from engine.errors import RecordError
from engine.mapping.expressions import Expression
from engine.targets.steps_kinds import Loop, Step
from engine.targets.steps_scope import batch_item, holds


class Request(NamedTuple):
    """One call to come. `body` is plain data, or a sentence that says why it can't be told yet."""

    step: str
    method: str
    path: str
    body: Any


def preview(items: Sequence[Loop | Step], scope: Mapping[str, Any]) -> list[Request]:
    """The calls in order. What depends on an earlier answer says which step's."""
    return list(_walk(items, dict(scope), {}, ""))


def _walk(items: Sequence[Loop | Step], scope: dict[str, Any], keeper: dict[str, str], at: str) -> Iterator[Request]:
    """`keeper` tells which step keeps a name, for the names that only an answer can give."""
    for item in items:
        if isinstance(item, Loop):
            yield from _loop(item, scope, keeper, at)
            continue
        name = f"{item.name}{at}"
        request = _request(item, name, scope, keeper)
        if request is not None:
            yield request
            keeper |= dict.fromkeys(item.keep, name)


def _loop(loop: Loop, scope: dict[str, Any], keeper: dict[str, str], at: str) -> Iterator[Request]:
    waits = _waits(loop.each.roots, keeper)
    items = None if waits else _tried(loop.each, scope)
    if not isinstance(items, list):
        for request in _walk(loop.steps, scope, keeper, f"{at}[?]"):
            yield request._replace(body=f"once for each of `{loop.each.text}`")
        return
    for index, item in enumerate(items, start=1):
        yield from _walk(loop.steps, scope | {loop.as_: item, "index": index}, keeper, f"{at}[{index}]")


def _request(step: Step, name: str, scope: Mapping[str, Any], keeper: Mapping[str, str]) -> Request | None:
    """None when the step would be skipped."""
    path = _tried(step.path, scope)
    request = Request(name, step.method, str(path) if path is not None else "", None)
    if step.when is not None:
        waits = _waits(step.when.roots, keeper)
        if waits:
            return request._replace(body=f"only if `{step.when.text}`, which needs the answer of step `{waits}`")
        if not holds(_tried(step.when, scope)):
            return None
    waits = _waits(_roots(step.path) | _roots(step.send), keeper)
    if waits:
        return request._replace(body=f"needs the answer of step `{waits}`")
    try:
        asked = {**scope, "documents": [batch_item(scope)]} if step.batch is not None else scope
        return request._replace(body=step.send(asked) if step.send is not None else None)
    except RecordError as error:
        return request._replace(body=f"can't be told: {error}")


def _roots(tree: Any) -> frozenset[str]:
    """The names a value tree starts from, those of its items inside an `each` too."""
    uses: Sequence[tuple[Any, Any]] = getattr(tree, "expressions", ())
    return frozenset().union(*(use.roots for _, use in uses))


def _waits(roots: frozenset[str], keeper: Mapping[str, str]) -> str | None:
    return next((keeper[name] for name in sorted(roots) if name in keeper), None)


def _tried(tree: Any, scope: Mapping[str, Any]) -> Any:
    try:
        return tree(scope)
    except RecordError:
        return tree.text if isinstance(tree, Expression) else None

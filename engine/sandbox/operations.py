"""What a fault can strike in an integration: the names of its steps, and the operations its systems are asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

from engine.connections.exchange import Exchange
from engine.errors import RecordError, UsageError
from engine.run.model import Integration, ObjectKind
from engine.sandbox.history import matches_path
from engine.sandbox.web_messages import operation_path
from engine.targets.steps_kinds import Loop, Step

FILE_OPERATIONS = (
    "open", "close", "read", "write", "stat", "list", "readdir", "remove", "mkdir", "realpath", "rename", "fsync", "connect",
)  # fmt: skip


def check_operation(at: str, integration: Integration) -> None:
    """Raises UsageError for a name nothing of this integration answers to: such a fault would never strike."""
    steps, paths, files = _known(integration)
    if at in {"*", "find", *steps} or any(fnmatchcase(name, at) for name in files):
        return
    bare = re.sub(r"(^|/)(GET|POST|PUT|PATCH|DELETE) ", r"\1", at)
    if any("*" in path or matches_path(path, bare) for path in paths):
        return
    names = [*dict.fromkeys(steps), *dict.fromkeys(path.rpartition("/")[2] for path in paths), *files]
    raise UsageError(f"`{at}` is no step and no operation of `{integration.name}`; there are {', '.join(names)}")


def _known(integration: Integration) -> tuple[list[str], list[str], Sequence[str]]:
    steps: list[str] = []
    paths: list[str] = []
    files: Sequence[str] = ()
    for system in integration.systems.values():
        if system.kind.http is None:
            files = FILE_OPERATIONS
            continue
        if system.kind.http.check is not None:
            paths.append(_path(system.kind.http.check))
        paths += [_path(found) for found in _exchanges(system.kind.http.auth)]
        for kind in system.objects.values():
            paths += [_path(exchange) for exchange in (kind.list, kind.lookup, kind.find) if exchange is not None]
            for step in _steps(kind):
                steps.append(step.name)
                paths.append(_path(step))
    return steps, [path for path in dict.fromkeys(paths) if path], files


def _steps(kind: ObjectKind) -> Iterator[Step]:
    if kind.create is not None:
        yield from _flat(kind.create.steps)
        if kind.create.undo is not None:
            yield from _flat(kind.create.undo.steps)
    if kind.update is not None:
        yield from _flat(kind.update.steps)


def _flat(items: Sequence[Loop | Step]) -> Iterator[Step]:
    for item in items:
        if isinstance(item, Loop):
            yield from _flat(item.steps)
        else:
            yield item


def _exchanges(auth: Any) -> Iterator[Exchange]:
    for name in ("login", "logout"):
        exchange = getattr(auth, name, None)
        if isinstance(exchange, Exchange):
            yield exchange


def _path(exchange: Exchange) -> str:
    """Where it goes, as faults are matched; empty where only a run knows."""
    try:
        return operation_path(str(exchange.path({})))
    except RecordError:
        return ""

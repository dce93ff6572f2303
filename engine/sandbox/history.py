"""What really happened in a stand-in: tests read this instead of asking the engine what it believes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Effect:
    """One change that is now stored, such as `ap_invoice.line_saved`; `key` names the changed thing for a person."""

    at: datetime
    system: str
    what: str
    key: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One request a client made and the status it was answered with; None when the connection was cut instead."""

    at: datetime
    method: str
    path: str
    status: int | None
    query: str = ""


class History:
    """Effects and calls in the order they happened; safe to use from several threads."""

    def __init__(self, system: str, clock: Callable[[], datetime] | None = None) -> None:
        """`clock` must yield aware times; without it the real time in UTC is used."""
        self.system = system
        self._clock = clock or (lambda: datetime.now(UTC))
        self._lock = threading.Lock()
        self._effects: list[Effect] = []
        self._calls: list[Call] = []

    def record(self, what: str, key: str, **detail: Any) -> None:
        """Note a change that has been stored. Call it only after the change is really there."""
        effect = Effect(at=self._clock(), system=self.system, what=what, key=key, detail=detail)
        with self._lock:
            self._effects.append(effect)

    def effects(self, what: str | None = None) -> list[Effect]:
        """All changes, or those whose `what` matches a glob such as `ap_invoice.*`."""
        with self._lock:
            return [effect for effect in self._effects if what is None or fnmatchcase(effect.what, what)]

    def call(self, method: str, path: str, status: int | None, *, query: str = "") -> None:
        """Note a request and the status of its answer."""
        entry = Call(at=self._clock(), method=method, path=path, status=status, query=query)
        with self._lock:
            self._calls.append(entry)

    def calls(self, pattern: str = "*") -> list[Call]:
        """The calls whose path, or the end of it after a `/`, matches the glob: `UpdateMaster`, `*Svc/Update`."""
        with self._lock:
            return [call for call in self._calls if matches_path(call.path, pattern)]

    def clear(self) -> None:
        """Forget everything, for a test that is interested only in what comes next."""
        with self._lock:
            self._effects.clear()
            self._calls.clear()

    def dump(self) -> dict[str, Any]:
        """The whole history as values `json.dumps` accepts; details that JSON does not know become text."""
        with self._lock:
            return {
                "system": self.system,
                "effects": [
                    {"at": e.at.isoformat(), "what": e.what, "key": e.key, "detail": _plain(e.detail)}
                    for e in self._effects
                ],
                "calls": [
                    {"at": c.at.isoformat(), "method": c.method, "path": c.path, "query": c.query, "status": c.status}
                    for c in self._calls
                ],
            }


def matches_path(path: str, pattern: str) -> bool:
    """Whether the case-sensitive glob covers the whole path or its end after a `/`; trailing slashes do not count."""
    path = path.rstrip("/")
    return fnmatchcase(path, pattern) or fnmatchcase(path, f"*/{pattern}")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)

"""What one call to a system says, and what came back: the words shared by every HTTP step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from engine.errors import SetupError

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Means = Literal["reauthenticate", "duplicate", "absent", "setup", "refused", "transient", "doubt"]


class Tree(Protocol):
    """A value tree of the spec, compiled: a scope goes in, plain data (or a Secret) comes out."""

    def __call__(self, scope: Mapping[str, Any], /) -> Any:
        """The value for this scope. Raises RecordError."""


class Expression(Protocol):
    """An expression of the spec, compiled: it is asked about an answer's parsed body."""

    def __call__(self, scope: Any, /) -> Any:
        """What the expression finds. Raises RecordError."""


class Fixed:
    """A tree that yields the same in every scope."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def __call__(self, scope: Mapping[str, Any], /) -> Any:
        """The value."""
        return self._value


class TokenStore(Protocol):
    """Keeps tokens between runs, sealed."""

    def get(self, name: str) -> bytes | None:
        """What was put under this name last, or None."""

    def put(self, name: str, value: bytes, expires: datetime | None) -> None:
        """Durable when it returns."""


class ReadOnly(SetupError):
    """A write was asked of a connection that may only read (a dry run); nothing was sent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """One request: exactly one of the methods holds the path (text stands for itself); a None in `query` or `headers` is left out.

    `query_xml`: parameters that hold a whole XML document.
    """

    get: Tree | str | None = None
    post: Tree | str | None = None
    put: Tree | str | None = None
    patch: Tree | str | None = None
    delete: Tree | str | None = None
    query: dict[str, Tree] = field(default_factory=dict)
    query_xml: dict[str, Tree] = field(default_factory=dict)
    headers: dict[str, Tree] = field(default_factory=dict)
    send: Tree | None = None
    encoding: Literal["json", "form", "xml"] = "json"

    def __post_init__(self) -> None:
        self._chosen()

    @property
    def method(self) -> Method:
        return self._chosen()[0]

    @property
    def path(self) -> Tree:
        path = self._chosen()[1]
        return Fixed(path) if isinstance(path, str) else path

    def _chosen(self) -> tuple[Method, Tree | str]:
        options: tuple[tuple[Method, Tree | str | None], ...] = (
            ("GET", self.get),
            ("POST", self.post),
            ("PUT", self.put),
            ("PATCH", self.patch),
            ("DELETE", self.delete),
        )
        chosen = [(method, path) for method, path in options if path is not None]
        if len(chosen) != 1:
            raise SetupError("a call needs exactly one of `get`, `post`, `put`, `patch`, `delete`")
        return chosen[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorRule:
    """A vendor's prose turned into one of our outcomes; the first rule that matches an answer wins.

    `status` is a number or `4xx`; `says` a RE2 pattern looked for in the message (else in the body's text); `body` a predicate on the
    parsed answer; `path` a part of the request's path; `headers` RE2 patterns by header. `say` is our own advice, put before the
    system's message. `gather` names the member whose texts, wherever they are in the answer, are that message.
    """

    status: int | str
    means: Means
    says: str | None = None
    body: Expression | None = None
    path: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    say: str | None = None
    message: Expression | None = None
    gather: str | None = None
    reference: Expression | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Retry:
    """How often a read is tried in all, and the longest wait between two tries. Writes are not retried.

    `rate`: the least wait after a 429 that does not say how long.
    """

    tries: int = 6
    cap: timedelta = timedelta(minutes=2)
    rate: timedelta = timedelta(0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A parsed answer: every number with a fraction is a Decimal. `absent`: a rule of the spec says the record does not exist."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    absent: bool = False

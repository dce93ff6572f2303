"""The `http` block of a system file."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from engine.connections.answers import Answers
from engine.connections.exchange import ErrorRule, Exchange, Retry, Tree
from engine.connections.login_kinds import Auth, Front
from engine.connections.serves import Serves
from engine.connections.wire import Wire


@dataclass(frozen=True, kw_only=True, slots=True)
class Sessions:
    """A licence that counts sessions: `most` at once, over all machines; runs with the same `of` share it, `base` where nothing is said."""

    most: Tree
    of: Tree | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpKind:
    """How a system is reached over HTTP. `also` are further origins a login may go to; nothing else ever leaves `base`'s origin.

    `front` goes with every call, those of `auth` too.
    `longest_url` is the most bytes of an address with its query, `secret_query` keeps queries out of whatever is shown.
    """

    base: Tree
    also: tuple[Tree, ...] = ()
    headers: dict[str, Tree] = field(default_factory=dict)
    auth: Auth | None = None
    front: Front | None = None
    deadline: timedelta = timedelta(seconds=60)
    at_once: int = 4
    sessions: Sessions | None = None
    retry: Retry = field(default_factory=Retry)
    errors: tuple[ErrorRule, ...] = ()
    check: Exchange | None = None
    serves: Serves | None = None
    answers: Answers = field(default_factory=Answers)
    longest_url: Tree | None = None
    secret_query: bool = False
    wire: Wire = field(default_factory=Wire)

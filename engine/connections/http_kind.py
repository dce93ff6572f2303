"""The `http` block of a system file."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from engine.connections.exchange import ErrorRule, Exchange, Retry, Tree
from engine.connections.login_kinds import Auth
from engine.connections.wire import Wire


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpKind:
    """How a system is reached over HTTP. `also` are further origins a login may go to; nothing else ever leaves `base`'s origin."""

    base: Tree
    also: tuple[Tree, ...] = ()
    headers: dict[str, Tree] = field(default_factory=dict)
    auth: Auth | None = None
    deadline: timedelta = timedelta(seconds=60)
    at_once: int = 4
    retry: Retry = field(default_factory=Retry)
    errors: tuple[ErrorRule, ...] = ()
    check: Exchange | None = None
    wire: Wire = field(default_factory=Wire)

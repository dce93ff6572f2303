"""What a server says it has, compared with what the settings name: a wrong version is told before the first record moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.connections.exchange import Answer, Exchange, Expression, Tree
from engine.errors import RecordError


@dataclass(frozen=True, kw_only=True, slots=True)
class Serves(Exchange):
    """The call that tells it. `that` must hold of the answer; where it does not, `say` is what people read."""

    that: Expression
    say: Tree


def shortfall(kind: Serves, answer: Answer, need: Mapping[str, Any]) -> str:
    """What of the settings the server does not have, in a sentence; empty when it has everything."""
    members = answer.body if isinstance(answer.body, dict) else {}
    scope = {"need": need, "answer": {"status": answer.status, "body": answer.body}, **members}
    try:
        if kind.that(scope) not in (None, False, "", [], {}):
            return ""
        said = kind.say(scope)
    except RecordError as error:
        return f"what it says it has can't be read: {error}"
    return str(said) if said else "it has not what the settings name"

"""Checks of a flow: what must hold of every document before it is mapped, and what happens to one where it does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from engine.errors import RecordError
from engine.mapping.expressions import Expression
from engine.mapping.field_names import Names, check_source
from engine.mapping.functions_value import is_true
from engine.mapping.mapper import SCOPE_NAMES
from engine.mapping.types import ANY, FieldType
from engine.mapping.values import compile_expression
from engine.spec.problems import did_you_mean

if TYPE_CHECKING:
    from engine.spec.document import Node, Problems

_KEYS = ("that", "say", "else")
_OUTCOMES = ("hold", "quarantine")


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """`that` must be true; where it is not, people read `say` and the document is held or quarantined."""

    that: Expression
    say: str
    else_: Literal["hold", "quarantine"] = "quarantine"

    def __call__(self, scope: Mapping[str, Any]) -> None:
        """Raises RecordError when it does not hold or can't be worked out."""
        try:
            holds = is_true(self.that(scope))
        except RecordError as error:
            raise RecordError(f"{self.say}: {error}", hold=self.else_ == "hold") from None
        if not holds:
            raise RecordError(f"{self.say} (`{self.that.text}`)", hold=self.else_ == "hold")


def compile_checks(
    node: Node,
    problems: Problems,
    *,
    source: Mapping[str, FieldType] | None = None,
    reads: str = "the source",
    scope_names: frozenset[str] = SCOPE_NAMES,
    settings: FieldType = ANY,
) -> tuple[Check, ...]:
    """The checks of a flow's `check` list; those with problems are left out."""
    if node.kind != "list":
        problems.add("E210", node, "`check` is a list of {that: …, say: …, else: hold}")
        return ()
    names = Names(fields=source, scope={**dict.fromkeys(scope_names, ANY), "need": settings}, record=reads)
    return tuple(check for child in node.value if (check := _check(child, problems, names)) is not None)


def _check(node: Node, problems: Problems, names: Names) -> Check | None:
    that, say, else_ = (node.get(key) for key in _KEYS)
    for key in node.keys:
        if key not in _KEYS:
            problems.add(
                "E210",
                node.keys[key],
                f"`{key}` is not part of a check",
                suggestion=did_you_mean(key, _KEYS),
                path=node.path,
            )
    if that is None or say is None or say.kind != "text":
        problems.add("E210", node, "a check needs `that` (an expression) and `say` (what people read when it fails)")
        return None
    expression = compile_expression(that, problems)
    outcome: Any = else_.value if else_ is not None else "quarantine"
    if outcome not in _OUTCOMES:
        problems.add(
            "E210", else_ or node, "`else` is `hold` or `quarantine`", suggestion=did_you_mean(str(outcome), _OUTCOMES)
        )
        return None
    if expression is None:
        return None
    check_source(expression, that, names, problems)
    return Check(that=expression, say=str(say.value), else_=outcome)

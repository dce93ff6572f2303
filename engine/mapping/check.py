"""Checks of a flow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from engine.mapping.expressions import Expression

if TYPE_CHECKING:
    from engine.spec.document import Node, Problems


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    that: Expression
    say: str
    else_: Literal["hold", "quarantine"] = "quarantine"

    def __call__(self, scope: Mapping[str, Any]) -> None:
        """Raises RecordError when it does not hold."""


def compile_checks(node: Node, problems: Problems, *, source: Mapping[str, Any] | None = None) -> tuple[Check, ...]: ...  # type: ignore[empty-body]

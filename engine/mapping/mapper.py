"""A flow's mapping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.contracts import Record
from engine.mapping.crosswalk import Crosswalk
from engine.mapping.types import FieldType

if TYPE_CHECKING:
    from engine.spec.document import Node, Problems

Found = Mapping[str, Mapping[tuple[Any, ...], Sequence[Record]]]


@dataclass(frozen=True, kw_only=True, slots=True)
class LookupUse:
    name: str
    fields: tuple[str, ...]
    node: Node


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldProblem:
    field: str
    message: str
    value: Any = None
    waits: bool = False
    hold: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class LookupObject:
    by: tuple[str, ...]
    fields: Mapping[str, FieldType]


class Mapper:
    lookups: tuple[LookupUse, ...]

    def map(self, record: Record, scope: Mapping[str, Any], found: Found) -> Record: ...  # type: ignore[empty-body]
    def explain(self, record: Record, scope: Mapping[str, Any], found: Found) -> list[FieldProblem]: ...  # type: ignore[empty-body]
    def needed(self, record: Record, scope: Mapping[str, Any]) -> list[tuple[str, tuple[Any, ...]]]: ...  # type: ignore[empty-body]


def compile_mapping(
    node: Node, problems: Problems, *,
    source: Mapping[str, FieldType] | None, target: Mapping[str, FieldType] | None,
    crosswalks: Mapping[str, Crosswalk], objects: Mapping[str, LookupObject] | None = None,
) -> Mapper | None: ...

"""`read: {outcomes: FLOW}`: what a flow reads that tells what became of another flow's documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.mapping.types import FieldType
from engine.run.model import ObjectKind, ObjectUse
from engine.sources.outcomes import outcome_fields
from engine.spec.document import Node
from engine.spec.walk import text_of


def compile_outcomes(
    read: Node | None, flows: Node | None, use: Callable[[Node], tuple[ObjectUse, Mapping[str, FieldType]] | None]
) -> ObjectUse | None:
    """The source a flow's `outcomes` stands for; None where it names no flow that reads an object, which the rules tell.

    `use` finds the object another flow reads, and the fields of its records.
    """
    named = text_of(read, "outcomes") if read is not None else None
    other = flows.get(str(named.value)) if named is not None and flows is not None else None
    found = use(other) if other is not None else None
    if named is None or found is None:
        return None
    its, fields = found
    kind = ObjectKind(title=f"What became of `{named.value}`", key=("number",), fields=outcome_fields(fields))
    return ObjectUse(system=its.system, name=its.name, kind=kind, called=f"outcomes of {named.value}")

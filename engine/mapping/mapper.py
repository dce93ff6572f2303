"""A flow's mapping, compiled once: a generated function for the ordinary, an interpreter that explains for the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.contracts import Record
from engine.errors import RecordError
from engine.mapping.codegen import Unusual, generate
from engine.mapping.crosswalk import Crosswalk
from engine.mapping.field_names import Names, text_node
from engine.mapping.lookups import Key, LookupObject, collect_keys
from engine.mapping.operations import TreeCompiler
from engine.mapping.plan import FieldProblem, Plan, PlanReader, run_plan
from engine.mapping.scope import record_scope
from engine.mapping.types import ANY, FieldType
from engine.mapping.values import LookupUse, Source, Value, needs_of

if TYPE_CHECKING:
    from engine.spec.document import Node, Problems

Found = Mapping[str, Mapping[Key, Sequence[Record]]]
"""Per lookup (`alias.object`) and key, the records found: none, one, several."""

SCOPE_NAMES = frozenset({"need", "run"})
"""Names a mapping sees beside the record's fields; inside `each` also `document`, `index` and `item`."""

__all__ = ["SCOPE_NAMES", "FieldProblem", "Found", "LookupObject", "LookupUse", "Mapper", "compile_mapping"]


class Mapper:
    """Makes target records. `lookups` are the lookups it needs, `needs` the settings it reads, `source` the generated code."""

    def __init__(self, plan: Plan, names: frozenset[str]) -> None:
        self._plan = plan
        self._names = names
        self._run, self.source = generate(plan, names)
        values = [value for field in plan.fields for value in _trees(field.value)]
        uses = {(value.lookup.name, value.lookup.fields): value.lookup for value in values if value.lookup is not None}
        self.lookups: tuple[LookupUse, ...] = tuple(uses.values())
        self.expressions: tuple[tuple[Node, Source], ...] = tuple(
            (text_node(value), value.source) for value in values if value.source is not None
        )
        self.needs = tuple(need for field in plan.fields for need in needs_of(field.value))
        self._looking = tuple(field.value for field in plan.fields if field.value.looks_up)

    def map(self, record: Record, scope: Mapping[str, Any], found: Found) -> Record:
        """The target record. `found` holds what `needed` asked for. Raises RecordError for the first field that fails."""
        seen = self._seen(scope)
        try:
            return self._run(record, seen, found)
        except (RecordError, Unusual, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            return self._explained(record, seen, found)

    def explain(self, record: Record, scope: Mapping[str, Any], found: Found) -> list[FieldProblem]:
        """Every field that can't be made, with its rule and value; empty when the record can be mapped."""
        problems: list[FieldProblem] = []
        run_plan(self._plan, record_scope(record, self._seen(scope), found), problems)
        return problems

    def interpret(self, record: Record, scope: Mapping[str, Any], found: Found) -> Record:
        """The same as `map`, the slow way. Raises RecordError for the first field that fails."""
        return self._explained(record, self._seen(scope), found)

    def needed(self, record: Record, scope: Mapping[str, Any]) -> list[tuple[str, Key]]:
        """The lookups this record needs, lines included, each once: `(alias.object, key)`."""
        if not self._looking:
            return []
        keys: dict[tuple[str, Key], None] = {}
        full = record_scope(record, self._seen(scope), {})
        for value in self._looking:
            collect_keys(value, full, keys)
        return list(keys)

    def _explained(self, record: Record, seen: Mapping[str, Any], found: Found) -> Record:
        problems: list[FieldProblem] = []
        made = run_plan(self._plan, record_scope(record, seen, found), problems)
        if not problems:
            return made
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise RecordError(first.message + more, field=first.field, waits=first.waits, hold=first.hold)

    def _seen(self, scope: Mapping[str, Any]) -> Mapping[str, Any]:
        return scope if scope.keys() <= self._names else {name: scope[name] for name in self._names if name in scope}


def compile_mapping(
    node: Node,
    problems: Problems,
    *,
    source: Mapping[str, FieldType] | None,
    target: Mapping[str, FieldType] | None,
    crosswalks: Mapping[str, Crosswalk],
    objects: Mapping[str, LookupObject] | None = None,
    reads: str = "the source",
    writes: str = "the target",
    scope_names: frozenset[str] = SCOPE_NAMES,
    settings: FieldType = ANY,
) -> Mapper | None:
    """The mapping of a flow's `map`, checked against both sides; None where it has problems.

    `source` and `target` None mean unknown: nothing is checked there. `objects` are those lookups may read; None leaves them unchecked.
    `settings` is what `need` holds; secrets are not among it.
    """
    before = len(problems.found)
    compiler = TreeCompiler(problems, crosswalks=crosswalks, lookups=True, objects=objects)
    names = Names(fields=source, scope={**dict.fromkeys(scope_names, ANY), "need": settings}, record=reads)
    plan = PlanReader(problems, compiler, objects, writes).read(node, names, target)
    errors = [problem for problem in problems.found if problem.severity == "error"]
    if plan is None or (len(problems.found) > before and errors):
        return None
    return Mapper(plan, scope_names)


def _trees(value: Value) -> Iterator[Value]:
    yield value
    for inner in value.inner:
        yield from _trees(inner)

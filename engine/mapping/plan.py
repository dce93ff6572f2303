"""A mapping after reading: each target field, its tree, its type; lines as a plan of their own. Runs as the explaining interpreter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.contracts import Record
from engine.errors import RecordError
from engine.mapping.field_names import Names, check_names, check_source, type_at
from engine.mapping.field_types import check_type
from engine.mapping.lookups import LookupObject
from engine.mapping.operations import PARTNERS, TreeCompiler
from engine.mapping.scope import item_scopes
from engine.mapping.types import ANY, FieldType, fit
from engine.mapping.values import Value, compile_expression
from engine.spec.problems import did_you_mean, nearest

if TYPE_CHECKING:
    from engine.spec.document import Node, Problems


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldProblem:
    """Why one target field can't be made: `lines[2].GLAccount`, the rule that failed, the value where there is one."""

    field: str
    message: str
    value: Any = None
    waits: bool = False
    hold: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldPlan:
    """One target field. `lines` is set where its value is a list built with `each` and `map`."""

    name: str
    value: Value
    type: FieldType
    lines: Plan | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The fields of a record or of a line, in the order written."""

    fields: tuple[FieldPlan, ...]


class PlanReader:
    """Reads a `map` into a plan and checks it against both sides."""

    def __init__(
        self, problems: Problems, compiler: TreeCompiler, objects: Mapping[str, LookupObject] | None, writes: str
    ) -> None:
        self._problems = problems
        self._compiler = compiler
        self._objects = objects
        self._writes = writes

    def read(self, node: Node, names: Names, target: Mapping[str, FieldType] | None, path: str = "") -> Plan | None:
        """The plan, or None where something is wrong (E2xx)."""
        if node.kind != "map":
            self._problems.add("E210", node, "`map` is a map of target fields to values")
            return None
        self._check_required(node, target, path)
        plans = [self._field(name, child, node, names, target, path) for name, child in node.items()]
        found = tuple(plan for plan in plans if plan is not None)
        return Plan(fields=found) if len(found) == len(plans) else None

    def _field(
        self, name: str, child: Node, node: Node, names: Names, target: Mapping[str, FieldType] | None, path: str
    ) -> FieldPlan | None:
        type_ = ANY if target is None else target.get(name)
        if type_ is None:
            message = f"`{path}{name}` is not a field of {self._writes}"
            near = did_you_mean(name, [free for free in target or {} if free not in node]) or did_you_mean(
                name, target or {}
            )
            self._problems.add("E213", node.key_mark(name), message, suggestion=near, path=child.path)
        known = type_ or ANY
        if _builds_lines(child, known):
            return self._lines(name, child, names, known, path)
        value = self._compiler.compile(child)
        if value is None:
            return None
        check_names(value, names, self._problems, self._objects)
        check_type(value, known, names, self._problems, self._objects)
        return FieldPlan(name=name, value=value, type=known)

    def _lines(self, name: str, child: Node, names: Names, type_: FieldType, path: str) -> FieldPlan | None:
        if type_.kind not in {"list", "any"}:
            self._problems.add("E207", child, f"the field is {type_.kind}, and `each` makes a list")
        each = child.value["each"]
        source = compile_expression(each, self._problems)
        if source is not None:
            check_source(source, each, names, self._problems)
        for key in child.keys:
            if key not in {"each", "map"}:
                self._problems.add("E210", child.keys[key], f"`{key}` can't stand next to `each`", path=child.path)
        inside = names.inside(type_at(source, names))
        lines = self.read(child.value["map"], inside, type_.fields, f"{path}{name}[].")
        if lines is None or source is None:
            return None
        members = {field.name: field.value for field in lines.fields}
        item = Value(node=child.value["map"], operation="object", run=_no_value, parts=members)
        value = Value(node=child, operation="each", run=_no_value, source=source, parts={"map": item})
        return FieldPlan(name=name, value=value, type=type_, lines=lines)

    def _check_required(self, node: Node, target: Mapping[str, FieldType] | None, path: str) -> None:
        free = [name for name in target or {} if name not in node]
        misspelt = {nearest(name, free) for name in node.keys if name not in (target or {})}
        for name, type_ in (target or {}).items():
            if type_.required and name not in node and name not in misspelt:
                self._problems.add("E206", node, f"`{path}{name}` of {self._writes} is required and is not mapped")


def run_plan(plan: Plan, scope: Mapping[str, Any], problems: list[FieldProblem], prefix: str = "") -> Record:
    """The record the plan makes in that scope; every field that fails is added to `problems`, and left out."""
    made: Record = {}
    for field in plan.fields:
        shown = prefix + field.name
        value: Any = None
        try:
            value = _run_lines(field, field.lines, scope, problems, shown) if field.lines else field.value.run(scope)
            made[field.name] = fit(value, field.type)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            problems.append(FieldProblem(field=shown, message=f"can't be made: {error}", value=value))
        except RecordError as error:
            problems.append(
                FieldProblem(field=shown, message=str(error), value=value, waits=error.waits, hold=error.hold)
            )
    return made


def _run_lines(
    field: FieldPlan, lines: Plan, scope: Mapping[str, Any], problems: list[FieldProblem], shown: str
) -> list[Record]:
    scopes = enumerate(item_scopes(field.value.source, scope), 1)
    return [run_plan(lines, inner, problems, f"{shown}[{index}].") for index, inner in scopes]


def _builds_lines(node: Node, type_: FieldType) -> bool:
    """Whether it is `{each, map}` with a map of fields, not one operation that makes each item."""
    inner = node.get("map") if "each" in node else None
    if inner is None or inner.kind != "map":
        return False
    return all(key not in PARTNERS or key in (type_.fields or {}) for key in inner.keys)


def _no_value(_scope: Mapping[str, Any]) -> Any:
    raise RecordError("lines are made by their plan")

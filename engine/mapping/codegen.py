"""One Python function per mapping: paths inline, one dict literal, closures only where a field needs more.

The source text holds names of ours, numbers, and constants through `repr`; everything else is passed in as a variable of the function's
namespace, so nothing of a spec is ever read as code. Whatever is out of the ordinary raises, and the interpreter explains.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from engine.contracts import Record
from engine.mapping.convert import shown_date
from engine.mapping.expressions import Expression
from engine.mapping.modifiers import Modifiers, build_steps
from engine.mapping.plan import FieldPlan, Plan
from engine.mapping.scope import item_scope, record_scope
from engine.mapping.templates import LONGEST_RESULT, Template
from engine.mapping.text import to_text
from engine.mapping.types import FieldType, fit, quantum
from engine.mapping.values import Value

Mapped = Callable[[Record, Mapping[str, Any], Any], Record]

_INDENT = "    "
_WEAK = ("index", "item")


class Unusual(Exception):
    """The fast way can't make this record; the interpreter can, or says why not."""


def generate(plan: Plan, strong: frozenset[str]) -> tuple[Mapped, str]:
    """The function `(record, globals, found) -> record` and its source. `strong` are the scope's names, which win over fields."""
    writer = _Writer(strong)
    name = writer.function(plan, inner=False)
    source = "\n".join(writer.source) + "\n"
    exec(compile(source, "<mapping>", "exec"), writer.names)  # noqa: S102  # our own text, see the module docstring
    return writer.names[name], source


class _Writer:
    """Writes functions; `names` is their namespace."""

    def __init__(self, strong: frozenset[str]) -> None:
        self.source: list[str] = []
        self.names: dict[str, Any] = {
            "date": date,
            "Decimal": Decimal,
            "Unusual": Unusual,
            "to_text": to_text,
            "record_scope": record_scope,
            "item_scope": item_scope,
        }
        self._strong = strong
        self._functions = 0

    def bind(self, value: Any) -> str:
        """A name the generated source may call the value by."""
        name = f"k{len(self.names)}"
        self.names[name] = value
        return name

    def function(self, plan: Plan, *, inner: bool) -> str:
        """Writes the function of a plan after those of its lines, and returns its name."""
        body = _Body(self, inner=inner)
        results = [body.field(index, field) for index, field in enumerate(plan.fields)]
        name = f"f{self._functions}"
        self._functions += 1
        self.source.append(f"def {name}(r, s, found{', index' if inner else ''}):")
        if inner:
            self.source.append(f"{_INDENT}if r.__class__ is not dict: raise Unusual")
        self.source.append(f"{_INDENT}g = r.get")
        self.source.append(f"{_INDENT}c = None")
        self.source += [_INDENT + line for line in body.lines]
        members = ", ".join(f"{field.name!r}: {result}" for field, result in zip(plan.fields, results, strict=True))
        self.source.append(f"{_INDENT}return {{{members}}}")
        return name

    def is_field(self, root: str, *, inner: bool) -> bool:
        """Whether a name is read from the record and nowhere else."""
        return root not in self._strong and not (inner and (root in _WEAK or root == "document"))


class _Body:
    """The statements of one function."""

    def __init__(self, writer: _Writer, *, inner: bool) -> None:
        self.lines: list[str] = []
        self._writer = writer
        self._inner = inner

    def field(self, index: int, field: FieldPlan) -> str:
        """Writes what makes the field and returns the variable that holds it."""
        name = f"v{index}"
        if field.lines is not None:
            self._lines_of(name, field, field.lines)
        else:
            self._value(name, field.value)
        self._fit(name, field.type)
        return name

    def _scope(self) -> str:
        """Writes the full scope, once it is needed, and returns its variable."""
        self.lines.append(f"if c is None: c = {self._made()}")
        return "c"

    def _value(self, name: str, value: Value) -> None:
        if value.operation == "const":
            self.lines.append(f"{name} = {self._writer.bind(value.constant)}")
        elif value.operation == "need" and value.modifiers is None:
            self.lines.append(f"{name} = {self._writer.bind(value.run)}(s)")
            return
        elif value.operation not in {"from", "text"} or not self._inline(name, value):
            self._call(name, value)
            return
        if value.modifiers is not None:
            for step, function in build_steps(value.modifiers):
                self._step(name, step, function, value.modifiers)

    def _call(self, name: str, value: Value) -> None:
        self.lines.append(f"{name} = {self._writer.bind(value.run)}({self._scope()})")

    def _inline(self, name: str, value: Value) -> bool:
        if isinstance(value.source, Expression):
            steps = value.source.simple
            if steps is None or not isinstance(steps[0], str) or not self._writer.is_field(steps[0], inner=self._inner):
                return False
            self._path(name, steps)
            return True
        return isinstance(value.source, Template) and self._template(name, value.source)

    def _path(self, name: str, steps: tuple[str | int, ...]) -> None:
        self.lines.append(f"{name} = g({steps[0]!r})")
        for step in steps[1:]:
            if isinstance(step, str):
                self.lines.append(f"{name} = {name}.get({step!r}) if {name}.__class__ is dict else None")
            else:
                inside = f"{name}.__class__ is list and -len({name}) <= {step} < len({name})"
                self.lines.append(f"{name} = {name}[{step}] if {inside} else None")

    def _template(self, name: str, template: Template) -> bool:
        roots = [piece[0] for piece in template.pieces if isinstance(piece, tuple)]
        if not all(isinstance(piece, str) or (piece is not None and len(piece) == 1) for piece in template.pieces):
            return False
        if not all(isinstance(root, str) and self._writer.is_field(root, inner=self._inner) for root in roots):
            return False
        parts = []
        for index, piece in enumerate(template.pieces):
            if isinstance(piece, str):
                parts.append(repr(piece))
            elif piece is not None:
                part = f"{name}_{index}"
                self.lines.append(f"{part} = g({piece[0]!r})")
                self.lines.append(f"if {part}.__class__ is not str: {part} = to_text({part})")
                parts.append(part)
        self.lines.append(f"{name} = {' + '.join(parts) or repr('')}")
        self.lines.append(f"if len({name}) > {LONGEST_RESULT}: raise Unusual")
        return True

    def _step(self, name: str, step: str, function: Any, modifiers: Modifiers) -> None:
        if step == "trim":
            self.lines.append(f"if {name}.__class__ is str: {name} = {name}.strip()")
        elif step == "default":
            default = self._writer.bind(modifiers.default)
            self.lines.append(f"if {name} is None or {name} == '':")
            self.lines.append(f"{_INDENT}if c is None: c = {self._made()}")
            self.lines.append(f"{_INDENT}{name} = {default}(c)")
        elif step == "max_length":
            quick = f"{name}.__class__ is str and len({name}) <= {modifiers.max_length}"
            self.lines.append(f"if not ({quick}): {name} = {self._writer.bind(function)}({name}, c)")
        elif step == "values" and modifiers.values is not None:
            if modifiers.otherwise is not None:
                self._scope()
            pairs = modifiers.values
            texts, truths = self._writer.bind(pairs), self._writer.bind(_truths(pairs))
            self.lines += [
                f"if {name}.__class__ is str and {name} in {texts}: {name} = {texts}[{name}]",
                f"elif {name}.__class__ is bool and {name} in {truths}: {name} = {truths}[{name}]",
                f"else: {name} = {self._writer.bind(function)}({name}, c)",
            ]
        elif step == "format" and modifiers.format is not None:
            day = f"{self._writer.bind(shown_date)}({name}, {modifiers.format!r})"
            other = f"{self._writer.bind(function)}({name}, c)"
            self.lines.append(f"{name} = {day} if {name}.__class__ is date else {other}")
        else:
            self.lines.append(f"{name} = {self._writer.bind(function)}({name}, c)")

    def _made(self) -> str:
        return "item_scope(r, index, s, found)" if self._inner else "record_scope(r, s, found)"

    def _lines_of(self, name: str, field: FieldPlan, plan: Plan) -> None:
        function = self._writer.function(plan, inner=True)
        source = field.value.source
        steps = source.simple if isinstance(source, Expression) else None
        if steps is not None and isinstance(steps[0], str) and self._writer.is_field(steps[0], inner=self._inner):
            self._path(name, steps)
        else:
            self.lines.append(f"{name} = {self._writer.bind(source)}({self._scope()})")
        inner = "s" if self._inner else "(s if 'document' in s else {**s, 'document': r})"
        self.lines += [
            f"if {name} is None: {name} = []",
            f"if {name}.__class__ is not list: raise Unusual",
            f"{name}_s = {inner}",
            f"{name} = [{function}(item, {name}_s, found, at) for at, item in enumerate({name}, 1)]",
        ]

    def _fit(self, name: str, type_: FieldType) -> None:
        if type_.kind == "any":
            if type_.required:
                self.lines.append(f"if {name} is None or {name} == '': raise Unusual")
            return
        quick = self._quick(name, type_)
        checked = f"{name} = {self._writer.bind(_fitter(type_))}({name})"
        self.lines.append(f"if not ({quick}): {checked}" if quick else checked)

    @staticmethod
    def _quick(name: str, type_: FieldType) -> str:
        classes = {"integer": "int", "date": "date", "boolean": "bool", "list": "list"}
        least = "0 < " if type_.required else ""
        if type_.kind == "string":
            size = f" and {least}len({name})" + (
                f" <= {type_.length}" if type_.length is not None else " >= 0" if not least else ""
            )
            quick = f"{name}.__class__ is str{size}"
        elif type_.kind in classes:
            quick = f"{name}.__class__ is {classes[type_.kind]}" + (
                f" and {name}" if type_.kind == "list" and least else ""
            )
        else:
            quick = ""
        if type_.required:
            return quick
        return f"{name} is None or {quick}" if quick else f"{name} is None"


def _truths(pairs: Mapping[str, Any]) -> dict[bool, Any]:
    """The same pairs, asked by true and false themselves."""
    return {value: pairs[to_text(value)] for value in (True, False) if to_text(value) in pairs}


def _fitter(type_: FieldType) -> Callable[[Any], Any]:
    if type_.kind != "decimal" or type_.digits is None or type_.scale is None:
        return lambda value: fit(value, type_)
    step, below = quantum(type_.scale), Decimal(10) ** (type_.digits - type_.scale)

    def fit_amount(value: Any) -> Any:
        if value.__class__ is Decimal:
            with suppress(InvalidOperation):
                exact = value.quantize(step)
                if exact == value and -below < exact < below:
                    return exact
        return fit(value, type_)

    return fit_amount

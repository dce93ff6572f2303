"""Value trees: what a spec writes where a value is built, compiled once to closures over the scope.

A bare text is an expression, a list a list of trees, a map with one operation key that operation, any other map an object.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.mapping.expressions import Expression, ExpressionError
from engine.mapping.modifiers import Modifiers, Run
from engine.mapping.templates import Template

if TYPE_CHECKING:
    from engine.spec.document import Node, Problems

GLOBALS = "\0globals"
"""In a mapping's scope: the names that stay visible inside `each`."""

RECORD = "\0record"
"""In a mapping's scope: the record whose fields are at the root."""

FOUND = "\0found"
"""In a mapping's scope: what the lookups found."""

Source = Expression | Template


@dataclass(frozen=True, slots=True)
class LookupUse:
    """A lookup a mapping makes: `alias.object`, the fields its keys are made of, in their order, and where it is written."""

    name: str
    fields: tuple[str, ...]
    node: Node = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Value:
    """A compiled tree. `parts` are the trees inside, by name; `expressions` all texts that were compiled, with their nodes."""

    node: Node = field(repr=False)
    operation: str
    run: Run = field(repr=False)
    source: Source | None = None
    constant: Any = None
    parts: Mapping[str, Value] = field(default_factory=dict)
    modifiers: Modifiers | None = None
    default: Value | None = None
    otherwise: Value | None = None
    lookup: LookupUse | None = None
    expressions: tuple[tuple[Node, Source], ...] = field(default=(), repr=False)
    looks_up: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        """Notes whether a lookup is anywhere inside: asked for every record."""
        found = self.lookup is not None or any(part.looks_up for part in self.inner)
        object.__setattr__(self, "looks_up", found)

    def __call__(self, scope: Mapping[str, Any]) -> Any:
        """The value in that scope. Raises RecordError."""
        return self.run(scope)

    @property
    def inner(self) -> tuple[Value, ...]:
        """The trees inside, modifiers' included."""
        return (*self.parts.values(), *(tree for tree in (self.default, self.otherwise) if tree is not None))


def compile_expression(node: Node, problems: Problems) -> Expression | None:
    """The expression a text holds; problems are placed at the characters they are about."""
    if node.kind != "text":
        problems.add("E201", node, f"an expression is text, and this is {_kind(node)}", suggestion=const_hint(node))
        return None
    try:
        return Expression(str(node.value))
    except ExpressionError as error:
        add_problem(error, node, problems)
        return None


def compile_template(node: Node, problems: Problems) -> Template | None:
    """The template a text holds; problems are placed at the characters they are about."""
    if node.kind != "text":
        problems.add(
            "E205", node, f"a template is text, and this is {_kind(node)}", suggestion=f'write "{node.plain()}"'
        )
        return None
    try:
        return Template(str(node.value))
    except ExpressionError as error:
        add_problem(error, node, problems)
        return None


def needs_of(value: Value) -> Iterator[tuple[Node, str]]:
    """Every setting a tree reads, `alias.setting` or `setting`, and where: by `need:` or as `need.…` in a text."""
    if value.operation == "need":
        yield value.node.get("need") or value.node, value.constant
    for path in value.source.paths if value.source is not None else ():
        if path.names[0] == "need":
            yield value.node, ".".join(path.names[1:])
    for inner in value.inner:
        yield from needs_of(inner)


def add_problem(error: ExpressionError, node: Node, problems: Problems) -> None:
    """Notes what is wrong with a text at its characters."""
    mark = node.at(error.offset, error.length)
    problems.add(error.code, mark, error.message, suggestion=error.suggestion, path=node.path)


def _kind(node: Node) -> str:
    words = {"map": "a map", "list": "a list", "null": "nothing", "bool": "true or false"}
    return words.get(node.kind, "a number")


def const_hint(node: Node) -> str | None:
    """How a bare number, boolean or null is written."""
    if node.kind in {"map", "list"}:
        return None
    shown = {True: "true", False: "false", None: "null"}.get(node.value, node.value)
    return f"write {{const: {shown}}}"

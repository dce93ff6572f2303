"""The allow-list of a template's syntax tree, and its evaluation as plain closures.

Jinja's tree has line numbers and no columns; the reader below finds each name again in the text, in the order they are written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any

from jinja2 import nodes

from engine.errors import RecordError
from engine.mapping.compare import compare
from engine.mapping.evaluate import read_item, read_member
from engine.mapping.expressions import DEEPEST, ExpressionError
from engine.mapping.functions import FILTERS, FUNCTIONS
from engine.mapping.functions_text import bounded
from engine.mapping.functions_value import is_true
from engine.mapping.paths import Path, path_of
from engine.mapping.signature import UNGIVEN, arity_problem, call_function, misfit
from engine.mapping.text import kind_of, plain, to_text
from engine.redaction import exposed
from engine.spec.problems import did_you_mean

Run = Callable[[Mapping[str, Any]], Any]
Names = tuple[tuple[str, tuple[int, int]], ...]

_EXACT = Context(prec=200)
_DIVISION = Context(prec=28)
_OPERATORS = {"eq": "eq", "ne": "ne", "lt": "lt", "lteq": "lte", "gt": "gt", "gteq": "gte"}
_TESTED = {"default", "coalesce"}
_LARGEST_FLOAT = 15


@dataclass(frozen=True, slots=True)
class Part:
    """One `{{ … }}`: its source text, its closure, and its steps when it is a simple path."""

    source: str
    run: Run
    simple: tuple[str | int, ...] | None


class Reader:
    """Finds names in the text again, left to right, and notes the paths read."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._found: dict[tuple[str, ...], Path] = {}

    def skip_literal(self, data: str) -> None:
        """Moves past text outside the braces."""
        place = self._text.find(data, self._at)
        self._at = place + len(data) if place >= 0 else self._at

    def place(self, name: str) -> tuple[int, int]:
        """Where the word stands next; names in quotes are skipped."""
        for match in re.finditer(rf"'[^']*'|\"[^\"]*\"|(?<!\w){re.escape(name)}(?!\w)", self._text[self._at :]):
            if match[0] == name:
                start = self._at + match.start()
                self._at = start + len(name)
                return start, len(name)
        return max(0, self._text.find("{{", 0)), 2

    def begin(self) -> str:
        """Moves to the next `{{` and returns the text inside."""
        opened = self._text.find("{{", self._at)
        self._at = opened + 2 if opened >= 0 else self._at
        closed = self._text.find("}}", self._at)
        return self._text[self._at : closed if closed >= 0 else None].strip("- \n\t")

    def use(self, names: Names) -> None:
        """Notes that a path is read."""
        path = path_of(names)
        self._found.setdefault(path.names, path)

    def paths(self) -> tuple[Path, ...]:
        """The paths read, in the order written."""
        return tuple(sorted(self._found.values(), key=lambda path: path.offset))

    def refuse(
        self, what: str, word: str = "", *, code: str = "E205", suggestion: str | None = None
    ) -> ExpressionError:
        """The error for something that is not allowed, at the word's place."""
        offset, length = self.place(word) if word else (max(0, self._text.find("{{")), 2)
        return ExpressionError(what, code=code, offset=offset, length=length, suggestion=suggestion)


def compile_part(node: nodes.Expr, reader: Reader) -> Part:
    """One output of a template. Raises ExpressionError for anything off the allow-list."""
    source = reader.begin()
    return Part(source, _compile(node, reader, 1), _simple(node))


def _compile(node: nodes.Expr, reader: Reader, depth: int) -> Run:
    if depth > DEEPEST:
        raise ExpressionError(f"the template is nested more than {DEEPEST} deep", code="E209")
    if isinstance(node, nodes.Name | nodes.Getattr | nodes.Getitem):
        return _path(node, reader)
    compiler = _COMPILERS.get(type(node))
    if compiler is None:
        raise reader.refuse(
            _refusal(node), suggestion="templates read fields and use filters; build values in the mapping"
        )
    return compiler(node, reader, depth + 1)


def _refusal(node: nodes.Expr) -> str:
    words = {
        nodes.Call: "calling something is not allowed in a template",
        nodes.Pow: "`**` is not allowed in a template",
        nodes.Mod: "`%` is not allowed in a template",
        nodes.FloorDiv: "`//` is not allowed in a template",
        nodes.Test: "`is` tests are not allowed in a template",
    }
    return words.get(type(node), f"a {type(node).__name__.lower()} is not allowed in a template")


def _path(node: nodes.Expr, reader: Reader) -> Run:
    chain: list[nodes.Expr] = []
    inner: nodes.Expr = node
    while isinstance(inner, nodes.Getattr | nodes.Getitem):
        chain.append(inner)
        inner = inner.node
    if not isinstance(inner, nodes.Name):
        raise reader.refuse("only members of fields can be read in a template")
    steps: list[str | int] = [_name(inner.name, reader), *(_step(link, reader) for link in reversed(chain))]
    names = tuple((step, reader.place(step)) if isinstance(step, str) else ("[]", (0, 0)) for step in steps)
    reader.use(names)
    shown = ".".join(map(str, steps))
    if len(chain) > DEEPEST:
        raise ExpressionError(f"the template is nested more than {DEEPEST} deep", code="E209")
    return lambda scope: read_path(scope, steps, shown)


def read_path(scope: Any, steps: list[str | int], shown: str) -> Any:
    """A field's value, a secret opened: text for a partner may need it. Raises RecordError where the scope has no such name."""
    first = steps[0]
    if first not in scope:
        raise RecordError(f"there is no `{shown}` here")
    value = scope[first]
    for step in steps[1:]:
        value = read_member(value, step) if isinstance(step, str) else read_item(value, step)
    return exposed(value)


def _step(link: nodes.Expr, reader: Reader) -> str | int:
    if isinstance(link, nodes.Getattr):
        return _name(link.attr, reader)
    argument = link.arg if isinstance(link, nodes.Getitem) else None
    if isinstance(argument, nodes.Neg) and isinstance(argument.node, nodes.Const) and type(argument.node.value) is int:
        return -argument.node.value
    if isinstance(argument, nodes.Const) and type(argument.value) is int:
        return argument.value
    if isinstance(argument, nodes.Const) and isinstance(argument.value, str):
        return _name(argument.value, reader)
    raise reader.refuse("an item is chosen by a number, such as `lines[0]`")


def _name(name: str, reader: Reader) -> str:
    if name.startswith("_"):
        raise reader.refuse(f"`{name}`: names that start with `_` are not allowed in a template", name)
    return name


def _simple(node: nodes.Expr) -> tuple[str | int, ...] | None:
    if isinstance(node, nodes.Name):
        return (node.name,)
    if isinstance(node, nodes.Getattr):
        inner = _simple(node.node)
        return None if inner is None else (*inner, node.attr)
    return None


def _constant(node: nodes.Const, reader: Reader, depth: int) -> Run:
    value = node.value
    if isinstance(value, float):
        exact = repr(value)
        if "e" in exact or "n" in exact or len(exact) > _LARGEST_FLOAT:
            raise reader.refuse(f"`{exact}` is not an exact number", suggestion="write it as text: `'0.1' | decimal`")
        value = Decimal(exact)
    return lambda _scope: value


def _filter(node: nodes.Filter, reader: Reader, depth: int) -> Run:
    if node.node is None or node.dyn_args is not None or node.dyn_kwargs is not None or node.kwargs:
        raise reader.refuse(f"`{node.name}` takes its arguments by position", node.name)
    value = _compile(node.node, reader, depth)
    place = reader.place(node.name)
    entry = FILTERS.get(node.name)
    if entry is None:
        only = node.name in FUNCTIONS
        message = f"`{node.name}` is for expressions only" if only else f"there is no filter `{node.name}`"
        near = did_you_mean(node.name, FILTERS)
        raise ExpressionError(message, code="E203", offset=place[0], length=place[1], suggestion=near)
    operands = [node.node, *node.args]
    constants = [_constant_of(operand) for operand in operands]
    wrong = arity_problem(entry, len(operands))
    wrong = wrong or next(
        filter(None, (misfit(entry, i, c) for i, c in enumerate(constants) if c is not UNGIVEN)), None
    )
    if wrong:
        raise ExpressionError(wrong, code="E204", offset=place[0], length=place[1])
    wrong = entry.check(constants) if entry.check else None
    if wrong:
        code = "E211" if "regular expression" in wrong else "E212"
        raise ExpressionError(wrong, code=code, offset=place[0], length=place[1])
    rest = [_compile(argument, reader, depth) for argument in node.args]
    if node.name in _TESTED:
        value = _forgiving(value)
    return lambda scope: call_function(entry, [value(scope), *(argument(scope) for argument in rest)])


def _forgiving(run: Run) -> Run:
    """A name the scope does not have counts as empty: its default is given right behind it."""

    def forgiving(scope: Mapping[str, Any]) -> Any:
        try:
            return run(scope)
        except RecordError:
            return None

    return forgiving


def _constant_of(node: nodes.Expr) -> Any:
    return node.value if isinstance(node, nodes.Const) and not isinstance(node.value, float) else UNGIVEN


def _compare(node: nodes.Compare, reader: Reader, depth: int) -> Run:
    if len(node.ops) != 1 or node.ops[0].op not in _OPERATORS:
        raise reader.refuse(
            "only one of == != < <= > >= may stand between two values", suggestion="`contains` looks inside"
        )
    name = _OPERATORS[node.ops[0].op]
    left, right = _compile(node.expr, reader, depth), _compile(node.ops[0].expr, reader, depth)
    return lambda scope: compare(name, left(scope), right(scope))


def _choice(node: nodes.CondExpr, reader: Reader, depth: int) -> Run:
    # Written `yes if test else no`: compiled in that order, because names are found again from left to right.
    yes = _compile(node.expr1, reader, depth)
    test = _compile(node.test, reader, depth)
    no = _compile(node.expr2, reader, depth) if node.expr2 is not None else lambda _scope: ""
    return lambda scope: yes(scope) if is_true(test(scope)) else no(scope)


def _both(node: nodes.And, reader: Reader, depth: int) -> Run:
    left, right = _compile(node.left, reader, depth), _compile(node.right, reader, depth)
    return lambda scope: right(scope) if is_true(found := left(scope)) else found


def _either(node: nodes.Or, reader: Reader, depth: int) -> Run:
    left, right = _compile(node.left, reader, depth), _compile(node.right, reader, depth)
    return lambda scope: found if is_true(found := left(scope)) else right(scope)


def _negation(node: nodes.Not, reader: Reader, depth: int) -> Run:
    inner = _compile(node.node, reader, depth)
    return lambda scope: not is_true(inner(scope))


def _row(node: nodes.Concat, reader: Reader, depth: int) -> Run:
    parts = [_compile(part, reader, depth) for part in node.nodes]
    return lambda scope: _concatenated([part(scope) for part in parts])


def _concatenated(values: list[Any]) -> str:
    texts = [to_text(value) for value in values]
    bounded(sum(map(len, texts)))
    return "".join(texts)


def _sign(node: nodes.Neg | nodes.Pos, reader: Reader, depth: int) -> Run:
    inner = _compile(node.node, reader, depth)
    flip = isinstance(node, nodes.Neg)
    return lambda scope: -_number(inner(scope)) if flip else _number(inner(scope))


def _arithmetic(node: Any, reader: Reader, depth: int) -> Run:
    left, right = _compile(node.left, reader, depth), _compile(node.right, reader, depth)
    name = {nodes.Add: "add", nodes.Sub: "subtract", nodes.Mul: "multiply", nodes.Div: "divide"}[type(node)]
    calculate = getattr(_DIVISION if name == "divide" else _EXACT, name)

    def run(scope: Mapping[str, Any]) -> Any:
        first, second = _number(left(scope)), _number(right(scope))
        if name == "divide" and not second:
            raise RecordError("something is divided by zero")
        result = calculate(Decimal(first), Decimal(second))
        whole = first.__class__ is int and second.__class__ is int and name != "divide"
        return int(result) if whole else result

    return run


def _number(value: Any) -> Any:
    if value.__class__ is bool or not isinstance(value, int | Decimal):
        raise RecordError(
            f"only numbers are calculated with, and one value is {kind_of(value)}; `~` puts texts together"
        )
    plain(Decimal(value))
    return value


_COMPILERS: dict[type[nodes.Node], Callable[[Any, Reader, int], Run]] = {
    nodes.Const: _constant,
    nodes.Filter: _filter,
    nodes.Compare: _compare,
    nodes.CondExpr: _choice,
    nodes.And: _both,
    nodes.Or: _either,
    nodes.Not: _negation,
    nodes.Concat: _row,
    nodes.Neg: _sign,
    nodes.Pos: _sign,
    nodes.Add: _arithmetic,
    nodes.Sub: _arithmetic,
    nodes.Mul: _arithmetic,
    nodes.Div: _arithmetic,
}

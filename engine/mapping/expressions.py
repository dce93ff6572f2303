"""Expressions: JMESPath parses, `evaluate.py` evaluates. Numbers are exact, kinds are strict, cost is bounded, names are known.

A check here happens once, when the spec is read: unknown functions, numbers and kinds of arguments, patterns, size.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import jmespath.exceptions
import jmespath.lexer
import jmespath.parser

from engine.errors import RecordError
from engine.mapping.evaluate import MOST_ELEMENTS, Tree, compile_tree, read_item, read_member
from engine.mapping.functions import FUNCTIONS
from engine.mapping.functions_list import count_nodes
from engine.mapping.paths import Path, field_paths
from engine.mapping.signature import UNGIVEN, arity_problem, kind_name, misfit
from engine.mapping.text import plain
from engine.spec.problems import did_you_mean

LONGEST_SOURCE = 1024
DEEPEST = 32
MOST_SELECTS = 4
MOST_TEXTS = 2
"""`join` and `to_string` inside one another: each may multiply what it is given."""


class ExpressionError(ValueError):
    """An expression or template that can't be used: what is wrong, and the characters of the text it is about (from 0)."""

    def __init__(
        self, message: str, *, code: str = "E201", offset: int = 0, length: int = 1, suggestion: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.offset = offset
        self.length = length
        self.suggestion = suggestion


_WORDS = {"and": "&&", "or": "||", "not": "!"}
"""Other languages' words for ours."""


class Expression:
    """A compiled expression. `paths` are the fields it reads, `simple` the steps when it is nothing but a path, `gives` a kind."""

    __slots__ = ("_run", "gives", "paths", "roots", "simple", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        tree = _parse(text)
        _check(tree, text)
        self.simple = simple_steps(tree)
        self.gives = _gives(tree)
        self.paths: tuple[Path, ...] = field_paths(tree)
        self.roots = frozenset(path.names[0] for path in self.paths)
        self._run = _simple_closure(self.simple) if self.simple else _bounded_closure(tree)

    def __call__(self, scope: Mapping[str, Any]) -> Any:
        """The value in that scope; null where a field is missing. Raises RecordError that names the expression."""
        try:
            return self._run(scope)
        except RecordError as error:
            raise RecordError(f"`{self.text}`: {error}", waits=error.waits, hold=error.hold) from None
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            raise RecordError(f"`{self.text}` can't be worked out: {error}") from error

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"


def simple_steps(tree: Tree) -> tuple[str | int, ...] | None:
    """`a.b[0]` as ("a", "b", 0); None for anything that is more than a path."""
    if tree["type"] in {"field", "index"}:
        return (tree["value"],)
    if tree["type"] not in {"subexpression", "index_expression"}:
        return None
    steps: list[str | int] = []
    for child in tree["children"]:
        part = simple_steps(child)
        if part is None:
            return None
        steps += part
    return tuple(steps)


def _gives(tree: Tree) -> str:
    """The kind of value, as the function table names it, where the tree tells."""
    kind = tree["type"]
    if kind == "function_expression":
        return FUNCTIONS[tree["value"]].gives
    if kind == "literal":
        return kind_name(tree["value"])
    return "boolean" if kind in {"comparator", "not_expression"} else "any"


class _Lexer(jmespath.lexer.Lexer):  # type: ignore[misc]  # jmespath has no types
    """Literals in backticks are JSON with exact numbers; anything else in them is an error, not text."""

    def _consume_literal(self) -> dict[str, Any]:
        start = self._position
        lexeme = self._consume_until("`").replace("\\`", "`")
        end = self._position if self._current is not None else self._length
        if lexeme.count("[") + lexeme.count("{") > DEEPEST:
            raise ExpressionError("a literal holds too many lists", code="E209", offset=start, length=end - start)
        try:
            value = json.loads(lexeme, parse_float=_exact, parse_int=_whole, parse_constant=_refuse)
        except (ValueError, RecursionError):
            raise ExpressionError(
                f"`` `{lexeme}` `` is no JSON literal",
                offset=start,
                length=end - start,
                suggestion="text is written '…'",
            ) from None
        return {"type": "literal", "value": value, "start": start, "end": end}


class _Parser(jmespath.parser.Parser):  # type: ignore[misc]  # jmespath has no types
    """Keeps the place of every name and function, which jmespath forgets."""

    def parse_tree(self, text: str) -> Tree:
        self._tokens = list(_Lexer().tokenize(text))
        self._index = 0
        tree: Tree = self._expression(binding_power=0)
        if self._current_token() != "eof":
            token = self._lookahead_token(0)
            raise jmespath.exceptions.ParseError(token["start"], token["value"], token["type"], "Unexpected token")
        return tree

    def _token_nud_unquoted_identifier(self, token: dict[str, Any]) -> Tree:
        return {**super()._token_nud_unquoted_identifier(token), "at": (token["start"], len(token["value"]))}

    def _token_nud_quoted_identifier(self, token: dict[str, Any]) -> Tree:
        return {**super()._token_nud_quoted_identifier(token), "at": (token["start"], len(token["value"]) + 2)}

    def _token_nud_literal(self, token: dict[str, Any]) -> Tree:
        return {**super()._token_nud_literal(token), "at": (token["start"], 1)}

    def _token_led_lparen(self, left: Tree) -> Tree:
        return {**super()._token_led_lparen(left), "at": left.get("at", (0, 1))}


def _parse(text: str) -> Tree:
    if not text.strip():
        raise ExpressionError("the expression is empty", code="E201")
    if len(text) > LONGEST_SOURCE:
        raise ExpressionError(f"an expression has at most {LONGEST_SOURCE} characters", code="E209", length=len(text))
    try:
        return _Parser().parse_tree(text)
    except RecursionError:
        raise ExpressionError("the expression is nested too deeply", code="E209", length=len(text)) from None
    except jmespath.exceptions.ParseError as error:
        raise _parse_problem(text, error) from None


def _parse_problem(text: str, error: Any) -> ExpressionError:
    offset = min(int(error.lex_position), max(len(text) - 1, 0))
    if isinstance(error, jmespath.exceptions.IncompleteExpressionError) or error.token_type == "EOF":  # noqa: S105
        fix = "a `)` is missing" if text.count("(") > text.count(")") else None
        return ExpressionError("the expression ends too early", offset=max(len(text.rstrip()) - 1, 0), suggestion=fix)
    token = str(error.token_value)
    if error.token_type == "NUMBER":  # noqa: S105
        return ExpressionError(
            f"a bare number such as `{token}` is no value",
            offset=offset,
            length=len(token),
            suggestion=f"write `` `{token}` ``",
        )
    if token == "=":  # noqa: S105
        return ExpressionError("`=` is no comparison", offset=offset, suggestion="write `==`")
    if token.startswith(("Unclosed", "'", '"', "`")) or "Unclosed" in str(error.msg):
        return ExpressionError("a quote is opened and never closed", offset=offset)
    if text[offset] in "+-*/":
        return ExpressionError(
            f"`{text[offset]}` is not allowed here: expressions don't calculate",
            offset=offset,
            suggestion="`sum([a, b])` adds",
        )
    fix = 'a template is written {text: "…"}' if "{{" in text else None
    if token[:1] in "“”„‘’":
        fix = "write straight quotes"
    if text[offset:].partition(" ")[0] in _WORDS:
        fix = f"write `{_WORDS[text[offset:].partition(' ')[0]]}`"
    if fix is None and re.fullmatch(r"\w+(?: \w+)+", text):
        fix = f"a fixed text is written {{const: {text}}}"
    length = max(1, min(len(token), 40))
    return ExpressionError(f"`{token[:40]}` is not expected here", offset=offset, length=length, suggestion=fix)


def _check(tree: Tree, text: str) -> None:
    selects = 0
    todo = [(tree, 1, 0)]
    while todo:
        node, depth, texts = todo.pop()
        kind = node["type"]
        selects += kind in {"multi_select_list", "multi_select_dict"}
        texts += kind == "function_expression" and node["value"] in {"join", "to_string"}
        if depth > DEEPEST or selects > MOST_SELECTS or texts > MOST_TEXTS:
            raise ExpressionError(_too_much(depth, selects), code="E209", length=len(text))
        if kind == "function_expression":
            _check_call(node)
        if kind in _WALKS and node["children"][0]["type"] == "not_expression":
            _refuse_early_not(node)
        if kind != "slice":
            todo += [(child, depth + 1, texts) for child in node["children"]]


_WALKS = frozenset({"subexpression", "flatten", "projection", "value_projection", "filter_projection"})


def _refuse_early_not(node: Tree) -> None:
    """`!a.b` means `(!a).b` in JMESPath, which is always null: nobody ever wants it."""
    at, _ = next((found for found in _places(node["children"][0])), (1, 1))
    raise ExpressionError(
        "`!` is applied before what follows the name, so this is always null",
        offset=max(at - 1, 0),
        suggestion="put parentheses around all of it: `!(a.b)`",
    )


def _places(node: Tree) -> Iterator[tuple[int, int]]:
    if "at" in node:
        yield node["at"]
    for child in node["children"]:
        yield from _places(child)


def _too_much(depth: int, selects: int) -> str:
    if depth > DEEPEST:
        return f"the expression is nested more than {DEEPEST} deep"
    if selects > MOST_SELECTS:
        return f"an expression builds at most {MOST_SELECTS} lists or objects"
    return f"`join` and `to_string` may stand at most {MOST_TEXTS} deep inside one another"


def _check_call(node: Tree) -> None:
    name, children = node["value"], node["children"]
    offset, length = node["at"]
    entry = FUNCTIONS.get(name)
    if entry is None:
        near = did_you_mean(name, FUNCTIONS)
        raise ExpressionError(
            f"there is no function `{name}`", code="E203", offset=offset, length=length, suggestion=near
        )
    wrong = arity_problem(entry, len(children))
    if wrong:
        raise ExpressionError(wrong, code="E204", offset=offset, length=length)
    constants = [child["value"] if child["type"] == "literal" else UNGIVEN for child in children]
    for index, (child, constant) in enumerate(zip(children, constants, strict=True)):
        wrong = _argument_problem(entry, index, child, constant)
        if wrong:
            at, size = child.get("at", (offset, length))
            raise ExpressionError(wrong, code="E204", offset=at, length=size)
    wrong = entry.check(constants) if entry.check else None
    if wrong:
        code = "E211" if "regular expression" in wrong else "E212"
        raise ExpressionError(wrong, code=code, offset=offset, length=length)


def _argument_problem(entry: Any, index: int, child: Tree, constant: Any) -> str | None:
    wants = "function" in entry.argument(index).kinds
    if wants != (child["type"] == "expref"):
        place = f"`{entry.argument(index).name}` of `{entry.usage}`"
        return f"{place} is an expression with `&` before it" if wants else f"{place} is a value, without `&`"
    if constant is UNGIVEN or (constant is None and entry.nulls and index == 0):
        return None
    return misfit(entry, index, constant)


def _simple_closure(steps: tuple[str | int, ...]) -> Callable[[Mapping[str, Any]], Any]:
    if len(steps) == 1 and isinstance(steps[0], str):
        name = steps[0]
        return lambda scope: read_member(scope, name)

    def run(scope: Any) -> Any:
        for step in steps:
            scope = read_member(scope, step) if isinstance(step, str) else read_item(scope, step)
        return scope

    return run


def _bounded_closure(tree: Tree) -> Callable[[Mapping[str, Any]], Any]:
    run = compile_tree(tree)

    def bounded(scope: Mapping[str, Any]) -> Any:
        result = run(scope, [MOST_ELEMENTS])
        if isinstance(result, list | dict):
            count_nodes(result, MOST_ELEMENTS)
        return result

    return bounded


def _exact(text: str) -> Decimal:
    number = Decimal(text)
    try:
        plain(number)
    except RecordError as error:
        raise ValueError(str(error)) from None
    return number


def _whole(text: str) -> int:
    _exact(text)
    return int(text)


def _refuse(text: str) -> Any:
    raise ValueError(f"`{text}` is no number")

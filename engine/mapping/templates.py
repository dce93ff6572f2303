"""Templates: Jinja parses, an allow-list of its syntax tree is evaluated here. Nothing of Jinja runs, so nothing of it can be escaped from.

Allowed are names and members of records, items by number, constants, comparisons, `and`/`or`/`not`, `a if b else c`, `~`, + - * / on
numbers, and filters of the function library. The result is always text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from engine.errors import RecordError
from engine.mapping.expressions import ExpressionError
from engine.mapping.functions import FILTERS
from engine.mapping.paths import Path
from engine.mapping.template_tree import Part, Reader, compile_part
from engine.mapping.text import to_text
from engine.redaction import exposed

LONGEST_SOURCE = 2048
LONGEST_RESULT = 64 * 1024

_environment = ImmutableSandboxedEnvironment(
    undefined=jinja2.StrictUndefined, autoescape=False, keep_trailing_newline=True
)
_environment.filters = dict.fromkeys(FILTERS, str)
_environment.globals = {}
_environment.tests = {}
_BLOCK = re.compile(r"\{%-?\s*(\w*)|\{#")


class Template:
    """A compiled template. `paths` are the fields it reads; `pieces` its literal texts and simple paths when it is made of nothing else."""

    __slots__ = ("_parts", "paths", "pieces", "roots", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        reader = Reader(text)
        self._parts = [_part(child, reader) for child in _outputs(text)]
        self.paths: tuple[Path, ...] = reader.paths()
        self.roots = frozenset(path.names[0] for path in self.paths)
        self.pieces = tuple(part if isinstance(part, str) else part.simple for part in self._parts)

    def __call__(self, scope: Mapping[str, Any]) -> str:
        """The text in that scope. Raises RecordError that names the template when a value is missing, empty or no text."""
        try:
            shown = [part if isinstance(part, str) else _shown(part, scope) for part in self._parts]
        except RecordError as error:
            raise RecordError(f"`{self.text}`: {error}", waits=error.waits, hold=error.hold) from None
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise RecordError(f"`{self.text}` can't be worked out: {error}") from error
        if sum(map(len, shown)) > LONGEST_RESULT:
            raise RecordError(f"`{self.text}` gives more than {LONGEST_RESULT} characters")
        return "".join(shown)

    def __repr__(self) -> str:
        return f"Template({self.text!r})"


def _shown(part: Part, scope: Mapping[str, Any]) -> str:
    value = exposed(part.run(scope))
    if value is None:
        raise RecordError(f"`{part.source}` is empty; `| default('…')` says what to write then")
    return to_text(value)


def _outputs(text: str) -> list[nodes.Expr]:
    if len(text) > LONGEST_SOURCE:
        raise ExpressionError(f"a template has at most {LONGEST_SOURCE} characters", code="E209", length=len(text))
    block = _BLOCK.search(text)
    if block:
        what = f"`{{% {block[1]} %}}`" if block[1] else "a comment or block"
        raise ExpressionError(
            f"{what} is not allowed: templates are made of `{{{{ … }}}}` only",
            code="E205",
            offset=block.start(),
            length=2,
        )
    try:
        tree = _environment.parse(text)
    except jinja2.TemplateSyntaxError as error:
        raise _syntax_problem(text, error) from None
    except (RecursionError, ValueError, OverflowError):
        raise ExpressionError("the template is nested too deeply", code="E209", length=len(text)) from None
    return [child for output in tree.body for child in _children(output)]


def _children(output: nodes.Node) -> list[nodes.Expr]:
    if not isinstance(output, nodes.Output):
        raise ExpressionError("templates are made of `{{ … }}` only", code="E205")
    return output.nodes


def _syntax_problem(text: str, error: jinja2.TemplateSyntaxError) -> ExpressionError:
    said = error.message or "it does not parse"
    lines = text.splitlines(keepends=True)
    start = sum(map(len, lines[: max(0, error.lineno - 1)]))
    begin = text.find("{{", start)
    offset = begin if begin >= 0 else min(start, max(len(text) - 1, 0))
    if "unexpected end of template" in said or "unexpected 'end" in said:
        said = "a `{{` is never closed"
    unexpected = re.search(r"unexpected (?:char )?'(.+?)'", said)
    if unexpected and text.find(unexpected[1], offset + 2) >= 0:
        offset = text.find(unexpected[1], offset + 2)
    return ExpressionError(f"the template does not parse: {said}", code="E205", offset=offset)


def _part(child: nodes.Expr, reader: Reader) -> str | Part:
    if isinstance(child, nodes.TemplateData):
        reader.skip_literal(child.data)
        return child.data
    return compile_part(child, reader)

"""Reads a YAML file into nodes that know their place. The only module that knows the YAML library.

The file is read as a flat stream of events, so that nothing deep, cyclic or exploding is ever built, and the tree is made from
them by our own rules: every scalar keeps the form it was written in, every duplicate key is told.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML, events  # noqa: TID251 - this is the one place
from ruamel.yaml.error import MarkedYAMLError, YAMLError  # noqa: TID251

from engine.errors import Problem
from engine.spec.builder import Builder, RawScalar, Refusal
from engine.spec.nodes import Mark, Node
from engine.spec.problems import Problems
from engine.spec.yaml_errors import Complaint, plainly

__all__ = ["MAX_BYTES", "MAX_DEPTH", "Mark", "Node", "Problems", "read_document", "read_text"]

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 64

_LINE_END = re.compile(r"\r\n|\r|\n")
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]"
)
_STYLES: dict[str | None, Any] = {"'": "single", '"': "double", "|": "literal", ">": "folded"}


def read_document(path: Path, problems: Problems, *, shown: str | None = None) -> Node | None:
    """The file's one document, or None where it can't be read as one; what is wrong is added to `problems`. `shown` names the file."""
    name = shown if shown is not None else str(path)
    start = Mark(name, 1, 1)
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        problems.add("E001", start, f"there is no file `{name}`")
        return None
    except OSError as error:
        problems.add("E001", start, f"`{name}` can't be read: {error.strerror}")
        return None
    if len(data) > MAX_BYTES:
        problems.add("E003", start, f"the file is larger than {MAX_BYTES // 1024} KiB")
        return None
    text = _decode(data, name, problems)
    return None if text is None else read_text(text, problems, shown=name)


def read_text(text: str, problems: Problems, *, shown: str) -> Node | None:
    """The same for a text at hand."""
    root, found = _read_once(text, shown)
    problems.take(found)
    return root


@lru_cache(maxsize=32)
def _read_once(text: str, shown: str) -> tuple[Node | None, tuple[Problem, ...]]:
    """By what the file holds, so never stale: one system file serves every integration and test that uses it."""
    root, found = _read_anywhere(text)
    return root and root.elsewhere(shown), tuple(replace(problem, file=shown) for problem in found)


@lru_cache(maxsize=32)
def _read_anywhere(text: str) -> tuple[Node | None, tuple[Problem, ...]]:
    """The same whatever the file is called: a copy of a specs folder is read in a tenth of the time."""
    problems = Problems()
    return _parsed(text, problems, ""), problems.every


def _parsed(text: str, problems: Problems, shown: str) -> Node | None:
    lines = tuple(_LINE_END.split(text))
    if _refuse_characters(lines, shown, problems):
        return None
    builder = Builder(lines, shown, problems, max_depth=MAX_DEPTH)
    long_quote: tuple[int, int] | None = None
    try:
        for event in YAML(typ="safe", pure=True).parse("\n".join(lines)):
            if isinstance(event, events.ScalarEvent) and event.style in {"'", '"'}:
                open_, close = event.start_mark, event.end_mark
                long_quote = (open_.line, open_.column) if open_.line != close.line else None
            _feed(builder, event)
    except Refusal:
        return None
    except MarkedYAMLError as error:
        _explain(error, long_quote, lines, shown, problems)
        return None
    except YAMLError:
        problems.add("E006", Mark(shown, 1, 1), "this is no YAML")
        return None
    if builder.root is None:
        problems.add("E017", Mark(shown, 1, 1), "the file is empty", suggestion="start with `mlconnector: 1`")
    return builder.root


def _feed(builder: Builder, event: Any) -> None:
    """Hands one event on; whatever the language does not have is refused here."""
    place = (event.start_mark.line, event.start_mark.column) if event.start_mark else (0, 0)
    if isinstance(event, events.DocumentStartEvent):
        builder.start_document(place, directive=bool(event.version or event.tags))
        return
    if isinstance(event, events.AliasEvent):
        builder.refuse_alias(place)
    if isinstance(event, events.NodeEvent) and (event.anchor or getattr(event, "tag", None)):
        builder.refuse_property(place, anchor=event.anchor)
    if isinstance(event, events.ScalarEvent):
        end = (event.end_mark.line, event.end_mark.column)
        style = _STYLES.get(event.style, "plain")
        builder.scalar(RawScalar(text=event.value, style=style, place=place, end=end))
    elif isinstance(event, events.MappingStartEvent | events.SequenceStartEvent):
        is_map = isinstance(event, events.MappingStartEvent)
        builder.open("map" if is_map else "list", place, flow=bool(event.flow_style))
    elif isinstance(event, events.MappingEndEvent | events.SequenceEndEvent):
        builder.close()


def _explain(
    error: MarkedYAMLError,
    long_quote: tuple[int, int] | None,
    lines: tuple[str, ...],
    shown: str,
    problems: Problems,
) -> None:
    mark, opened = error.problem_mark, error.context_mark
    said = Complaint(
        context=error.context or "",
        problem=error.problem or "",
        opened=(opened.line, opened.column) if opened else None,
        place=(mark.line, mark.column) if mark else (0, 0),
        long_quote=long_quote,
    )
    told = plainly(said, lines)
    place = Mark(shown, told.place[0] + 1, told.place[1] + 1)
    problems.add(told.code, place, told.message, suggestion=told.suggestion)


def _decode(data: bytes, shown: str, problems: Problems) -> str | None:
    try:
        return data.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        problems.add("E002", Mark(shown, line, column), "this byte is no UTF-8", suggestion="save the file as UTF-8")
        return None


def _refuse_characters(lines: tuple[str, ...], shown: str, problems: Problems) -> bool:
    refused = False
    for number, line in enumerate(lines, 1):
        for match in _FORBIDDEN.finditer(line):
            refused = True
            code = f"U+{ord(match.group()):04X}"
            place = Mark(shown, number, match.start() + 1)
            problems.add("E005", place, f"the invisible or control character {code} is not allowed in a spec")
    return refused

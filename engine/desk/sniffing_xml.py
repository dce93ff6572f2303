"""The shape of an XML file: its root, its namespaces, which elements repeat and what is in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from engine.desk.sniffed import MOST_BYTES
from engine.formats.xml_keys import DEEPEST, XmlKeys
from engine.formats.xml_walk import Pass, check_element, walk

_MOST_PATHS = 5_000
_MOST_NAMESPACES = 100
_EVERY = 2_000
"""Elements after which is asked whether enough was seen."""
LINE_LIKE = re.compile(r"(?i).*(?:line|item|detail|row|entry|position|pos|distribution|split)s?")


@dataclass(slots=True)
class Spot:
    """One element by its path. `most` is how many there were in one parent, `filled` how many had text of their own."""

    name: str
    count: int = 0
    most: int = 0
    filled: int = 0
    line: int = 0
    attributes: dict[str, int] = field(default_factory=dict)
    children: dict[str, Spot] = field(default_factory=dict)
    here: int = 0

    @property
    def leaf(self) -> bool:
        return not self.children


@dataclass(slots=True)
class Shape:
    """What was seen of a file. `whole` is False where it was left before its end."""

    root: Spot = field(default_factory=lambda: Spot(""))
    namespaces: dict[str, str] = field(default_factory=dict)
    elements: int = 0
    whole: bool = True
    crowded: bool = False


def shape_of(stream: BinaryIO, encoding: str, shape: Shape) -> None:
    """Fills the shape. Raises ParcelError where the file breaks; what was seen until then stays."""
    kind = XmlKeys(records="x", encoding="latin-1" if encoding in {"cp1252", "latin-1"} else "utf-8")
    for byte in walk(kind, stream, _Watch(shape).attach):
        if byte > MOST_BYTES:
            shape.whole = False
            return


class _Watch:
    """Follows the elements; only names and counts are kept."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._paths = 0

    def attach(self, one: Pass[int]) -> None:
        shape, stack, texts, parser = self._shape, [self._shape.root], one.texts, one.parser
        declared = parser.StartNamespaceDeclHandler

        def namespace(prefix: str | None, uri: str | None) -> None:
            if declared is not None:
                declared(prefix or "", uri or "")
            if uri and len(shape.namespaces) < _MOST_NAMESPACES:
                shape.namespaces.setdefault(uri, prefix or "")

        def start(name: str, attributes: list[str]) -> None:
            if len(stack) > DEEPEST or attributes:
                check_element(len(stack), attributes, one)
            parent = stack[-1]
            self._fill(parent, texts)
            texts.clear()
            spot = self._below(parent, name.rpartition("}")[2])
            if not spot.count:
                spot.line = parser.CurrentLineNumber
            spot.count += 1
            spot.here += 1
            spot.most = max(spot.most, spot.here)
            for child in spot.children.values():
                child.here = 0
            for at in range(0, len(attributes), 2):
                title = attributes[at].rpartition("}")[2]
                if title in spot.attributes or len(spot.attributes) < DEEPEST:
                    spot.attributes[title] = spot.attributes.get(title, 0) + 1
            stack.append(spot)
            shape.elements += 1
            if not shape.elements % _EVERY:
                one.done.append(parser.CurrentByteIndex)

        def end(_name: str) -> None:
            self._fill(stack.pop(), texts)
            texts.clear()

        parser.StartNamespaceDeclHandler = namespace
        parser.StartElementHandler, parser.EndElementHandler = start, end

    def _below(self, parent: Spot, name: str) -> Spot:
        spot = parent.children.get(name)
        if spot is None:
            spot = Spot(name)
            if self._paths < _MOST_PATHS:
                self._paths += 1
                parent.children[name] = spot
            else:
                self._shape.crowded = True
        return spot

    def _fill(self, spot: Spot, texts: list[str]) -> None:
        spot.filled += any(text.strip() for text in texts)


def spots(root: Spot, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Spot]]:
    """Every element by its path from the root, in the order they came."""
    todo = [(path, root)]
    while todo:
        before, spot = todo.pop()
        if spot.name:
            yield before, spot
        todo.extend(((*before, name), child) for name, child in reversed(spot.children.items()))


def record_path(root: Spot) -> tuple[str, ...]:
    """The element that seems to be a record: one that repeats below the root, the only one there is, or the root itself."""
    path: tuple[str, ...] = (next(iter(root.children)),)
    spot = root.children[path[0]]
    for _ in range(DEEPEST):
        branches = {name: child for name, child in spot.children.items() if child.children or child.attributes}
        repeated = {name: child for name, child in branches.items() if child.most > 1}
        if repeated and not (len(spot.children) > 1 and all(LINE_LIKE.fullmatch(name) for name in repeated)):
            return (*path, max(repeated, key=lambda name: repeated[name].count))
        if len(spot.children) != 1 or not branches:
            below = _records_below(spot)
            return (*path, *below) if below else path
        (name,) = branches
        if len(branches[name].children) > 1 or not branches[name].children:
            deeper = _records_below(branches[name])
            return (*path, name, *deeper)
        path, spot = (*path, name), branches[name]
    return path


def _records_below(spot: Spot) -> tuple[str, ...]:
    """A list of records beside other things: repeated children of one child, whose name is not that of lines."""
    for name, child in spot.children.items():
        if LINE_LIKE.fullmatch(name):
            continue
        for inner, grandchild in child.children.items():
            if grandchild.most > 1 and grandchild.children and not LINE_LIKE.fullmatch(inner):
                return (name, inner)
    return ()


def at(root: Spot, path: tuple[str, ...]) -> Spot:
    """The element at a path that exists."""
    for name in path:
        root = root.children[name]
    return root


def line_path(record: Spot) -> tuple[str, ...]:
    """Below a record: the elements that seem to be its lines; empty where nothing repeats."""
    best: tuple[tuple[bool, int, int], tuple[str, ...]] | None = None
    for path, spot in spots(Spot("", children=record.children)):
        named = bool(LINE_LIKE.fullmatch(path[-1]))
        if (spot.most < 2 and not named) or not (spot.children or spot.attributes):
            continue
        if spot.most < 2 and any(child.children for child in spot.children.values()):
            continue  # `Lines` around `Line`
        score = (named, spot.most > 1, len(spot.children) + len(spot.attributes))
        if best is None or score > best[0]:
            best = (score, path)
    return best[1] if best else ()


def facts(shape: Shape) -> dict[str, Any]:
    """What a person is told of it."""
    if not shape.root.children:
        return {}
    root = next(iter(shape.root.children))
    repeats = [
        {"path": "/".join(path), "elements": spot.count, "most in one parent": spot.most, "first at line": spot.line}
        for path, spot in spots(shape.root)
        if spot.most > 1
    ]
    return {
        "root": root,
        "namespaces": [f"{prefix or '(no prefix)'}: {uri}" for uri, prefix in shape.namespaces.items()],
        "elements": shape.elements,
        "repeating": repeats[:50],
    }

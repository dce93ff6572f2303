"""XML to plain records: every element of a record as text, map or list, for whoever reads it without a `document:`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from engine.contracts import BadRow, Record
from engine.errors import ParcelError
from engine.formats.xml_keys import DEEPEST, MOST_LINES, Step, XmlKeys, fits, path_of
from engine.formats.xml_walk import Pass, check_count, check_element, walk, wrong_root

Found = tuple[int, Record] | BadRow


def records(kind: XmlKeys, stream: BinaryIO) -> Iterator[Found]:
    """Line number and record, by local names: `Vendor.Id`, `"@unit"` of an element with others inside, `"Amount@unit"` of one with text.

    An element stands in a list where `repeat` names it; one that repeats and is not named there makes its record a BadRow,
    as it would be text in one record and a list in the next. Raises ParcelError.
    """
    steps = path_of(kind.records, kind.namespaces).steps

    def attach(one: Pass[tuple[str, Found]]) -> None:
        _attach(one, steps, _Tree(kind, one), lambda name: wrong_root(kind, name, one))

    for count, (place, item) in enumerate(walk(kind, stream, attach), 1):
        check_count(kind, count, place)
        yield item


def _attach(one: Pass[Any], steps: tuple[Step, ...], tree: _Tree, root: Callable[[str], ParcelError]) -> None:
    depth, on_path, texts = 0, 0, one.texts

    def start(name: str, attributes: list[str]) -> None:
        nonlocal depth, on_path
        if depth >= DEEPEST or attributes:
            check_element(depth + 1, attributes, one)
        if one.since is not None:
            tree.open(name, attributes)
        elif depth == on_path and fits(steps[depth], name):
            on_path += 1
            if on_path == len(steps):
                tree.begin(attributes)
        elif not depth:
            raise root(name)
        depth += 1
        texts.clear()

    def end(_name: str) -> None:
        nonlocal depth, on_path
        depth -= 1
        if depth >= len(steps):
            if one.since is not None:
                tree.close()
        elif on_path > depth:
            if on_path == len(steps):
                tree.finish()
            on_path -= 1
        texts.clear()

    one.parser.StartElementHandler, one.parser.EndElementHandler = start, end


class _Tree:
    """The record that stands open, as far as it goes: for each open element what is in it, and the pieces of its text."""

    def __init__(self, kind: XmlKeys, one: Pass[tuple[str, Found]]) -> None:
        self._kind, self._one = kind, one
        self._lists = [path_of(path, kind.namespaces).steps for path in kind.repeat]
        self._inside: list[tuple[Record, list[str]]] = []
        self._names: list[str] = []
        self._place, self._line, self._count = "", 0, 0
        self._error: tuple[str, str] | None = None

    def begin(self, attributes: list[str]) -> None:
        parser = self._one.parser
        self._one.since = parser.CurrentByteIndex
        self._line, self._place, self._count, self._error = parser.CurrentLineNumber, self._one.place, 0, None
        self._inside, self._names = [(self._attributes(attributes), [])], []

    def open(self, name: str, attributes: list[str]) -> None:
        self._count += 1
        if self._count > MOST_LINES:
            raise ParcelError(f"a record has more than {MOST_LINES} elements", place=self._one.place)
        self._inside[-1][1].extend(self._one.texts)
        self._names.append(name)
        self._inside.append((self._attributes(attributes), []))

    def close(self) -> None:
        found, text = self._closed()
        name, into = self._names[-1].rpartition("}")[2], self._inside[-1][0]
        if self._lists and self._repeats():
            into.setdefault(name, []).append(_with_text(found, text) if found else text)
        elif name in into:
            path = "/".join(part.rpartition("}")[2] for part in self._names)
            self._object(f"`{path}` is there twice: name it in `repeat` if it may be", path)
        elif all(key.startswith("@") for key in found):
            into[name] = text
            into.update({name + key: value for key, value in found.items()})
        else:
            into[name] = _with_text(found, text)
        self._names.pop()

    def finish(self) -> None:
        one = self._one
        if one.parser.CurrentByteIndex - (one.since or 0) > self._kind.max_record:
            longest = self._kind.max_record
            raise ParcelError(f"the record is longer than {longest} bytes (`max_record`)", place=self._place)
        values = _with_text(*self._closed())
        if self._error is None:
            one.done.append((self._place, (self._line, values)))
        else:
            error, at = self._error
            one.done.append((self._place, BadRow(place=self._place, values=values, error=error, field=at)))
        one.since = None

    def _closed(self) -> tuple[Record, str]:
        found, pieces = self._inside.pop()
        pieces.extend(self._one.texts)
        text = pieces[0] if len(pieces) == 1 else "".join(pieces)
        if len(text) > self._kind.max_field:
            longest = self._kind.max_field
            raise ParcelError(f"a text is longer than {longest} characters (`max_field`)", place=self._one.place)
        return found, text

    def _attributes(self, attributes: list[str]) -> Record:
        found = {"@" + attributes[at].rpartition("}")[2]: attributes[at + 1] for at in range(0, len(attributes), 2)}
        if 2 * len(found) != len(attributes):
            self._object("an element has two attributes whose names differ by their namespace only", "")
        return found

    def _repeats(self) -> bool:
        path = self._names
        return any(len(steps) == len(path) and all(map(fits, steps, path)) for steps in self._lists)

    def _object(self, error: str, field: str) -> None:
        self._error = self._error or (error, field)


def _with_text(found: Record, text: str) -> Record:
    """Text beside elements stands under `.`; blanks between tags are none."""
    if text.strip():
        found["."] = text
    return found

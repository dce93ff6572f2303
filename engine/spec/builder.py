"""Builds nodes from a flat stream of YAML events, with our own rules for scalars and keys."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal, NoReturn

from engine.spec.nodes import Mark, Node, Style, step
from engine.spec.plain_scalars import fix_for, read_plain
from engine.spec.problems import Problems

_PROPERTIES = re.compile(r"(?:[!&][^\s,\[\]{}]*\s+)+$")

Place = tuple[int, int]
"""Line and column, 0-based as the parser counts."""


class Refusal(Exception):
    """The document holds something no tree is made from; the problem has been noted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RawScalar:
    """A scalar as the parser hands it over."""

    text: str
    style: Style
    place: Place
    end: Place


@dataclass(slots=True)
class _Open:
    """A map or list that is still being filled; `key` waits for its value."""

    kind: Literal["map", "list"]
    place: Place
    flow: bool
    path: str
    members: dict[str, Node] = field(default_factory=dict)
    items: list[Node] = field(default_factory=list)
    keys: dict[str, Mark] = field(default_factory=dict)
    key: str | None = None
    dropped: bool = False
    last: Node | None = None


class Builder:
    """Takes events one by one; `root` is the document once its last event is in."""

    def __init__(self, lines: tuple[str, ...], shown: str, problems: Problems, *, max_depth: int) -> None:
        self.root: Node | None = None
        self._lines, self._shown, self._problems, self._max_depth = lines, shown, problems, max_depth
        self._stack: list[_Open] = []
        self._documents = 0

    def start_document(self, place: Place, *, directive: bool) -> None:
        """Refuses a second document and any directive."""
        self._documents += 1
        if self._documents > 1:
            self._refuse("E013", place, "a second document starts here; a spec file holds one")
        if directive or any(line.startswith("%") for line in self._lines[: place[0] + 1]):
            row = next((row for row, line in enumerate(self._lines) if line.startswith("%")), 0)
            self._refuse("E012", (row, 0), "a YAML directive (`%…`) is not allowed in a spec", "remove the line")

    def refuse_alias(self, place: Place) -> NoReturn:
        """An alias (`*name`) would make one value stand in two places."""
        self._refuse(
            "E010", place, "an alias (`*…`) is not allowed in a spec", self._quoted(place, "write the value out")
        )

    def refuse_property(self, place: Place, *, anchor: str | None) -> NoReturn:
        """Refuses an anchor (`&name`) or a tag (`!name`)."""
        line = self._lines[place[0]]
        if match := _PROPERTIES.search(line[: place[1]]):
            place = (place[0], match.start())
            anchor = anchor if line[place[1]] == "&" else None
        if anchor:
            self._refuse("E010", place, "an anchor (`&…`) is not allowed in a spec", self._quoted(place, "remove it"))
        self._refuse("E011", place, "a tag (`!…`) is not allowed in a spec", self._quoted(place, "remove it"))

    def open(self, kind: Literal["map", "list"], place: Place, *, flow: bool) -> None:
        """A map or list begins."""
        if len(self._stack) >= self._max_depth:
            self._refuse("E004", place, f"more than {self._max_depth} levels deep")
        if self._wants_key():
            self._refuse_key(kind, place)
        self._stack.append(_Open(kind=kind, place=place, flow=flow, path=self._next_path()))

    def close(self) -> None:
        """The innermost map or list is complete."""
        done = self._stack.pop()
        node = Node(
            kind=done.kind,
            value=done.members if done.kind == "map" else done.items,
            mark=self._mark(done.place),
            keys=done.keys,
            path=done.path,
            style="flow" if done.flow else "block",
            lines=self._lines,
        )
        self._place(node)

    def scalar(self, raw: RawScalar) -> None:
        """A key or a value."""
        if self._wants_key():
            self._key(raw)
            return
        same_line = raw.place[0] == raw.end[0]
        mark = self._mark(raw.place, max(1, raw.end[1] - raw.place[1]) if same_line else 1)
        top = self._stack[-1] if self._stack else None
        if raw.style == "plain" and not raw.text and top and top.key in top.keys and not top.flow:
            mark = top.keys[top.key]  # nothing is written: the parser's place would be that of the next line
        if raw.style == "plain":
            kind, value, wrong = read_plain(raw.text)
            if wrong:
                self._problems.add("E014", mark, wrong, suggestion=fix_for(raw.text), path=self._next_path())
        else:
            kind, value = "text", raw.text
            self._check_text(raw.text, mark)
        self._place(
            Node(kind=kind, value=value, mark=mark, keys={}, path=self._next_path(), style=raw.style, lines=self._lines)
        )

    def _key(self, raw: RawScalar) -> None:
        top = self._stack[-1]
        mark = self._mark(raw.place, max(1, raw.end[1] - raw.place[1]))
        if raw.style == "plain":
            if raw.text == "<<":
                self._refuse("E010", raw.place, "a merge key (`<<`) is not allowed in a spec", "write the keys out")
            kind, _, wrong = read_plain(raw.text)
            if wrong or kind != "text":
                self._problems.add(
                    "E016",
                    mark,
                    f"the key `{raw.text}` must be quoted",
                    suggestion=f'write "{raw.text}"',
                    path=top.path,
                )
        top.key, top.dropped = raw.text, raw.text in top.keys
        if top.dropped:
            first = top.keys[raw.text]
            self._problems.add(
                "E009",
                mark,
                f"the key `{raw.text}` is here twice",
                suggestion=f"first used on line {first.line}",
                path=step(top.path, raw.text),
            )
        else:
            top.keys[raw.text] = mark

    def _place(self, node: Node) -> None:
        if not self._stack:
            self.root = node
            return
        top = self._stack[-1]
        if top.kind == "list":
            top.items.append(node)
            return
        if self._torn(top, node):
            top.keys.pop(top.key or "", None)
        elif not top.dropped and top.key is not None:
            top.members[top.key] = node
        top.key, top.dropped, top.last = None, False, node

    def _torn(self, top: _Open, node: Node) -> bool:
        """`{total: decimal(18,2)}`: inside braces the comma ends the text, and the rest looks like a key without a value."""
        before = top.last
        if not (top.flow and node.kind == "null" and node.style == "plain" and before and before.style == "plain"):
            return False
        text = str(before.value)
        if before.kind != "text" or text.count("(") <= text.count(")") or self._written(node):
            return False
        self._problems.add(
            "E019",
            before,
            "inside braces a comma ends an unquoted text",
            suggestion=f'write "{text},{top.key}"',
            path=before.path,
        )
        return True

    def _written(self, node: Node) -> bool:
        line = self._lines[node.mark.line - 1]
        return line[: node.mark.column - 1].rstrip().endswith(":") or line.startswith("null", node.mark.column - 1)

    def _wants_key(self) -> bool:
        return bool(self._stack) and self._stack[-1].kind == "map" and self._stack[-1].key is None

    def _next_path(self) -> str:
        if not self._stack:
            return ""
        top = self._stack[-1]
        return step(top.path, len(top.items) if top.kind == "list" else top.key or "")

    def _refuse_key(self, kind: str, place: Place) -> NoReturn:
        outer = self._stack[-1]
        if kind == "map" and outer.flow and not outer.members:
            rest = self._lines[outer.place[0]][outer.place[1] :]
            text = rest[: rest.rfind("}}") + 2] if "}}" in rest else rest
            fix = "put the whole text in quotes" if '"' in text else f'write "{text}"'
            self._refuse("E015", outer.place, "an unquoted `{{` is read as a map, not as a template", fix, outer.path)
        self._refuse("E016", place, f"a key must be a text, not a {kind}", path=outer.path)

    def _check_text(self, text: str, mark: Mark) -> None:
        if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
            self._problems.add("E005", mark, "this text has an escape for a character no system can take")

    def _quoted(self, place: Place, otherwise: str) -> str:
        rest = self._lines[place[0]][place[1] :].strip()
        if self._stack and self._stack[-1].flow:
            return f"{otherwise}, or put the text in quotes"
        return f'{otherwise}, or write "{rest}"' if '"' not in rest else f"{otherwise}, or put the text in quotes"

    def _mark(self, place: Place, length: int = 1) -> Mark:
        return Mark(self._shown, place[0] + 1, place[1] + 1, length)

    def _refuse(
        self, code: str, place: Place, message: str, suggestion: str | None = None, path: str | None = None
    ) -> NoReturn:
        shown_path = self._next_path() if path is None else path
        self._problems.add(code, self._mark(place), message, suggestion=suggestion, path=shown_path)
        raise Refusal(message)

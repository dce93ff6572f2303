"""The operations of value trees, each compiled to a closure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.mapping.crosswalk import Crosswalk
from engine.mapping.evaluate import read_member
from engine.mapping.lookups import LookupObject, joined, looked_up
from engine.mapping.modifier_nodes import ReadModifiers, read_modifiers
from engine.mapping.modifiers import MODIFIERS, Missing, Modifiers, Run, build_steps
from engine.mapping.scope import item_scopes
from engine.mapping.structures import merge_two, parse_place, put_all, without
from engine.mapping.values import LookupUse, Source, Value, compile_expression, compile_template, const_hint
from engine.spec.problems import did_you_mean, one_of

if TYPE_CHECKING:
    from engine.spec.document import Node, Problems

PARTNERS: Mapping[str, tuple[str, ...]] = {
    "const": (),
    "from": (),
    "text": (),
    "need": (),
    "merge": (),
    "set": ("at",),
    "without": ("keys",),
    "each": ("map",),
    "join": ("with",),
    "object": (),
    "lookup": ("match", "take", "on_many"),
}
"""Operations and the keys that belong to them."""

MODIFIED = ("const", "from", "text", "need", "join", "lookup")
"""Operations that take modifiers."""


class TreeCompiler:
    """Compiles the trees of one place of a spec, noting problems and every text compiled."""

    def __init__(
        self,
        problems: Problems,
        *,
        crosswalks: Mapping[str, Crosswalk] | None = None,
        lookups: bool = False,
        objects: Mapping[str, LookupObject] | None = None,
    ) -> None:
        self._problems = problems
        self._crosswalks = crosswalks
        self._lookups = lookups
        self._objects = objects
        self._texts: list[tuple[Node, Source]] = []

    def compile(self, node: Node) -> Value | None:
        """The tree, or None where it has problems."""
        before = len(self._texts)
        compiled = self._tree(node)
        if compiled is None:
            return None
        return replace(compiled, expressions=tuple(self._texts[before:]))

    def _tree(self, node: Node) -> Value | None:
        if node.kind == "text":
            return self._from(node, node)
        if node.kind == "list":
            return self._list(node)
        if node.kind != "map":
            bare = f"`{str(node.value).lower()}`" if node.kind != "null" else "nothing"
            self._problems.add("E210", node, f"a bare {bare} is no value", suggestion=const_hint(node))
            return None
        operations = [key for key in node.keys if key in PARTNERS]
        if not operations:
            return self._plain_object(node)
        if len(operations) > 1:
            names = " and ".join(f"`{name}`" for name in operations)
            self._problems.add(
                "E210",
                node,
                f"{names} can't stand together",
                suggestion="an object with such members is written {object: {…}}",
            )
            return None
        return self._operation(node, operations[0])

    def _plain_object(self, node: Node) -> Value | None:
        modifiers = [key for key in node.keys if key in MODIFIERS]
        if modifiers and len(modifiers) == len(node.keys):
            named = ", ".join(f"`{name}`" for name in modifiers)
            self._problems.add("E210", node, f"{named}: of what?", suggestion="say it with `from`, `text` or `const`")
            return None
        return self._object(node, node)

    def _operation(self, node: Node, name: str) -> Value | None:
        allowed = (name, *PARTNERS[name], *(MODIFIERS if name in MODIFIED else ()))
        sound = True
        for key in node.keys:
            if key not in allowed:
                close = did_you_mean(key, allowed) or "an object with such members is written {object: {…}}"
                self._problems.add(
                    "E210", node.keys[key], f"`{key}` can't stand next to `{name}`", suggestion=close, path=node.path
                )
                sound = False
        body = node.get(name)
        compiled = self._builders()[name](node, body) if body is not None else None
        modifiers = self._modified(node, name)
        if compiled is None or modifiers is None or not sound:
            return None
        return self._with_modifiers(compiled, *modifiers)

    def _builders(self) -> dict[str, Callable[[Node, Node], Value | None]]:
        return {
            "const": self._const,
            "from": self._from,
            "text": self._text,
            "need": self._need,
            "merge": self._merge,
            "set": self._set,
            "without": self._without,
            "each": self._each,
            "join": self._join,
            "object": self._object,
            "lookup": self._lookup,
        }

    def _modified(self, node: Node, name: str) -> ReadModifiers | None:
        if name not in MODIFIED or len(node.keys) == 1:
            return Modifiers(), None, None
        return read_modifiers(node, name, self._problems, self._crosswalks, self._tree)

    def _with_modifiers(
        self, value: Value, modifiers: Modifiers, default: Value | None, otherwise: Value | None
    ) -> Value:
        steps = [step for _, step in build_steps(modifiers)]
        if not steps:
            return value
        base = value.run

        def run(scope: Mapping[str, Any]) -> Any:
            found = base(scope)
            for step in steps:
                found = step(found, scope)
            return found

        return replace(value, run=run, modifiers=modifiers, default=default, otherwise=otherwise)

    def _from(self, node: Node, body: Node) -> Value | None:
        expression = compile_expression(body, self._problems)
        if expression is None:
            return None
        self._texts.append((body, expression))
        return Value(node=node, operation="from", run=expression, source=expression)

    def _const(self, node: Node, body: Node) -> Value | None:
        constant = body.plain()
        return Value(node=node, operation="const", run=lambda _scope: constant, constant=constant)

    def _text(self, node: Node, body: Node) -> Value | None:
        template = compile_template(body, self._problems)
        if template is None:
            return None
        self._texts.append((body, template))
        return Value(node=node, operation="text", run=template, source=template)

    def _need(self, node: Node, body: Node) -> Value | None:
        if body.kind != "text":
            self._problems.add("E303", body, "`need` names a setting")
            return None
        names = str(body.value).split(".")

        def run(scope: Mapping[str, Any]) -> Any:
            value = scope.get("need")
            for name in names:
                value = read_member(value, name)
            return value

        return Value(node=node, operation="need", run=run, constant=str(body.value))

    def _list(self, node: Node) -> Value | None:
        return self._gather(node, node, "list", lambda runs: lambda scope: [run(scope) for run in runs])

    def _merge(self, node: Node, body: Node) -> Value | None:
        def build(runs: list[Run]) -> Run:
            def run(scope: Mapping[str, Any]) -> Any:
                merged = None
                for each in runs:
                    merged = merge_two(merged, each(scope))
                return merged

            return run

        return self._gather(node, body, "merge", build)

    def _join(self, node: Node, body: Node) -> Value | None:
        with_ = node.get("with")
        if with_ is not None and with_.kind != "text":
            self._problems.add("E210", with_, "`with` is the text between the parts")
            return None
        separator = str(with_.value) if with_ else ""

        def build(runs: list[Run]) -> Run:
            return lambda scope: joined([run(scope) for run in runs], separator)

        return self._gather(node, body, "join", build)

    def _gather(self, node: Node, body: Node, name: str, build: Callable[[list[Run]], Run]) -> Value | None:
        if body.kind != "list":
            self._problems.add("E210", body, f"`{name}` takes a list of values")
            return None
        parts = [self._tree(child) for child in body.value]
        found = {str(index): part for index, part in enumerate(parts) if part is not None}
        if len(found) < len(parts):
            return None
        return Value(node=node, operation=name, run=build([part.run for part in found.values()]), parts=found)

    def _object(self, node: Node, body: Node) -> Value | None:
        members = self._members(body, "object")
        if members is None:
            return None
        runs = [(name, part.run) for name, part in members.items()]
        return Value(
            node=node, operation="object", run=lambda scope: {name: run(scope) for name, run in runs}, parts=members
        )

    def _members(self, body: Node | None, name: str) -> dict[str, Value] | None:
        if body is None or body.kind != "map":
            if body is not None:
                self._problems.add("E210", body, f"`{name}` takes a map of values")
            return None
        parts = {key: self._tree(child) for key, child in body.items()}
        found = {key: part for key, part in parts.items() if part is not None}
        return found if len(found) == len(parts) else None

    def _set(self, node: Node, body: Node) -> Value | None:
        base = self._tree(body)
        at = node.get("at")
        if at is None:
            self._problems.add("E210", node, "`set` needs `at`: the places to change and their values")
        members = self._members(at, "at")
        if at is None or base is None or members is None:
            return None
        places = []
        for place, part in members.items():
            try:
                places.append((place, parse_place(place), part.run))
            except ValueError as error:
                self._problems.add("E210", at.keys[place], str(error), path=at.path)
        if len(places) < len(members):
            return None
        start = base.run

        def run(scope: Mapping[str, Any]) -> Any:
            return put_all(start(scope), ((shown_, steps, value(scope)) for shown_, steps, value in places))

        return Value(node=node, operation="set", run=run, parts={**members, "\0base": base})

    def _without(self, node: Node, body: Node) -> Value | None:
        base = self._tree(body)
        keys = node.get("keys")
        names = [child.value for child in keys.value if child.kind == "text"] if keys and keys.kind == "list" else []
        if keys is None or keys.kind != "list" or len(names) < len(keys.value):
            self._problems.add("E210", keys or node, "`without` needs `keys`: a list of member names")
            return None
        if base is None:
            return None
        start = base.run
        return Value(node=node, operation="without", run=lambda scope: without(start(scope), names), parts={"0": base})

    def _each(self, node: Node, body: Node) -> Value | None:
        expression = compile_expression(body, self._problems)
        map_ = node.get("map")
        if map_ is None:
            self._problems.add("E210", node, "`each` needs `map`: what is made of each item")
        item = self._tree(map_) if map_ is not None else None
        if expression is None or item is None:
            return None
        self._texts.append((body, expression))
        make = item.run

        def run(scope: Mapping[str, Any]) -> Any:
            return [make(inner) for inner in item_scopes(expression, scope)]

        return Value(node=node, operation="each", run=run, source=expression, parts={"map": item})

    def _lookup(self, node: Node, body: Node) -> Value | None:
        take, on_many = node.get("take"), node.get("on_many")
        if not self._lookups:
            self._problems.add("E210", node.keys["lookup"], "`lookup` is for a flow's `map`", path=node.path)
            return None
        if body.kind != "text" or take is None or node.get("match") is None:
            self._problems.add("E210", node, "`lookup` needs an `alias.object`, `match` and `take`")
            return None
        if on_many is not None and on_many.value not in {"hold", "quarantine"}:
            self._problems.add("E210", on_many, "`on_many` is `hold` or `quarantine`: nothing is chosen among several")
            return None
        match = self._members(node.get("match"), "match")
        taken = compile_expression(take, self._problems)
        if match is None or taken is None:
            return None
        if any(part.looks_up for part in match.values()) or not match:
            self._problems.add(
                "E210", node, "`match` is made of the record's own fields, one at least, and of no other lookup"
            )
            return None
        ordered = self._in_key_order(node, body, match)
        if ordered is None:
            return None
        use = LookupUse(str(body.value), tuple(ordered), node)
        on_missing = node.get("on_missing")
        outcome: Missing = on_missing.value if on_missing else "quarantine"
        runs = [part.run for part in ordered.values()]
        run = looked_up(use, runs, taken, outcome, hold=not on_many or on_many.value == "hold")
        return Value(node=node, operation="lookup", run=run, source=taken, parts=ordered, lookup=use)

    def _tell_match(self, name: str, node: Node, found: LookupObject, match: dict[str, Value]) -> None:
        """At the field that is not looked up by, else at `match`, which lacks one."""
        place, fields = node.value["match"], one_of(found.by)
        wrong = next((field for field in match if field not in found.by), None)
        if wrong is None:
            self._problems.add("E302", node.key_mark("match"), f"`{name}` is looked up by {fields}", path=place.path)
            return
        message = f"`{name}` is looked up by {fields}, not by `{wrong}`"
        close = did_you_mean(wrong, [field for field in found.by if field not in match])
        self._problems.add("E302", place.key_mark(wrong), message, suggestion=close, path=place.value[wrong].path)

    def _in_key_order(self, node: Node, body: Node, match: dict[str, Value]) -> dict[str, Value] | None:
        """The match fields in the order of the object's own `lookup: by`, where that is known."""
        if self._objects is None:
            return match
        name = str(body.value)
        found = self._objects.get(name)
        if found is None:
            near = did_you_mean(name, self._objects)
            self._problems.add("E302", body, f"`{name}` is no object that can be looked up", suggestion=near)
            return None
        if not found.by:
            return match
        if set(found.by) != set(match):
            self._tell_match(name, node, found, match)
            return None
        return {field: match[field] for field in found.by}

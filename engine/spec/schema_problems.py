"""From a mistake the schema found to a problem people can act on: the exact place, plain words, the fix."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from engine.spec.fragments import Schema, fragment, property_schema
from engine.spec.nodes import Mark, Node, found_words, step
from engine.spec.problems import Problems, nearest, one_of

_TYPES = {
    "object": "a map",
    "array": "a list",
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Mistake:
    """What the schema found: the keyword that fails, what it asks for, the data and its path."""

    keyword: str
    value: Any
    instance: Any
    schema: Schema
    path: tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """A mistake with the node it is about."""

    mistake: Mistake
    node: Node
    key: str
    key_mark: Mark


def tell(found: Sequence[Mistake], root: Node, problems: Problems) -> None:
    """Adds the problems of all mistakes; a missing key that is only misspelt is told once."""
    misspelt: set[tuple[tuple[str | int, ...], str]] = set()
    for mistake in found:
        if mistake.keyword == "additionalProperties":
            misspelt |= _unknown_keys(_place(mistake, root), found, problems)
    for mistake in found:
        told = _TELLERS.get(mistake.keyword)
        if mistake.keyword == "required":
            _missing_keys(_place(mistake, root), misspelt, problems)
        elif mistake.keyword == "chooseOne" and any((mistake.path, name) in misspelt for name in mistake.value["of"]):
            continue
        elif told is not None:
            told(_place(mistake, root), problems)


def _place(mistake: Mistake, root: Node) -> _Place:
    node, key, mark = root, "", root.mark
    for part in mistake.path:
        if isinstance(part, str):
            key, mark = part, node.key_mark(part)
            node = node.value[part]
        else:
            node = node.value[part]
            mark = node.mark
    return _Place(mistake=mistake, node=node, key=key, key_mark=mark)


def _unknown_keys(at: _Place, found: Sequence[Mistake], problems: Problems) -> set[tuple[tuple[str | int, ...], str]]:
    schema = at.mistake.schema
    known: dict[str, Schema] = schema.get("properties", {})
    patterns = [re.compile(pattern) for pattern in schema.get("patternProperties", {})]
    missing = {
        key
        for other in found
        if other.keyword in {"required", "chooseOne"} and other.path == at.mistake.path
        for key in (other.value if other.keyword == "required" else other.value["of"])
        if key not in at.mistake.instance
    }
    absent = [key for key in known if key not in at.mistake.instance]
    misspelt = set()
    for key in at.mistake.instance:
        if key in known or any(pattern.search(key) for pattern in patterns):
            continue
        if _second_operation(at, key, problems):
            continue
        close = nearest(key, missing) or nearest(key, absent)
        if close in missing:
            misspelt.add((at.mistake.path, str(close)))
        there = nearest(key, known)
        elsewhere = f"`{there}` is here already" if there and there.startswith(key[:3]) else None
        problems.add(
            "E101",
            at.node.key_mark(key),
            f"`{key}` is no key of {_name_of(at)}",
            suggestion=f"did you mean `{close}`?" if close else schema.get("note") or elsewhere or _keys_there(absent),
            path=step(at.node.path, key),
        )
    return misspelt


def _second_operation(at: _Place, key: str, problems: Problems) -> bool:
    """`{from: Name, const: x}`: a value comes from one place; said once, at the second."""
    operations = fragment("value")["byKey"]["of"]
    first = next((name for name in at.mistake.schema.get("required", ()) if name in operations), None)
    if first is None or key not in operations:
        return False
    one, two = sorted((first, key), key=list(at.mistake.instance).index)
    message, path = f"`{one}` and `{two}` exclude each other", step(at.node.path, two)
    problems.add("E106", at.node.key_mark(two), message, suggestion="keep one of them", path=path)
    return True


def _keys_there(known: Sequence[str]) -> str | None:
    return f"keys not used here yet: {one_of(known)}" if known else None


def _missing_keys(at: _Place, misspelt: set[tuple[tuple[str | int, ...], str]], problems: Problems) -> None:
    for key in at.mistake.value:
        if key in at.mistake.instance or (at.mistake.path, key) in misspelt:
            continue
        described = property_schema(at.mistake.schema, key)
        examples = described.get("examples", ())
        short = next((str(e) for e in examples if not isinstance(e, dict | list | bool) and " " not in str(e)), "…")
        problems.add(
            "E102",
            at.key_mark,
            f"`{key}` is missing in {_name_of(at)}",
            suggestion=f"add `{key}: {short}`",
            path=at.node.path,
        )


def _wrong_type(at: _Place, problems: Problems) -> None:
    expected: list[str] = [at.mistake.value] if isinstance(at.mistake.value, str) else list(at.mistake.value)
    words = " or ".join(_TYPES[name] for name in expected)
    problems.add(
        "E103",
        at.node,
        f"{_subject(at)} must be {words}, not {found_words(at.node)}",
        suggestion=_other_form(at, expected),
    )


def _other_form(at: _Place, expected: list[str]) -> str | None:
    node, said = at.node, at.mistake.schema.get("errorMessage")
    shown = str(node.value).lower() if node.kind == "bool" else str(node.value)
    if said and "{const: …}" in said and node.kind in {"int", "decimal", "bool", "null"}:
        return str(said).replace("…", "null" if node.kind == "null" else shown)
    if node.kind == "text" and "integer" in expected and re.fullmatch(r"-?(?:0|[1-9][0-9]*)", node.value):
        return f"remove the quotes: {shown}"
    if node.kind == "text" and "boolean" in expected:
        word = {"yes": "true", "on": "true", "true": "true", "no": "false", "off": "false", "false": "false"}
        return f"write {word[shown.lower()]}" if shown.lower() in word else "write true or false"
    if node.kind in {"int", "decimal", "bool"} and "string" in expected:
        return f'write "{shown}"' if said is None else said
    if expected == ["array"] and node.kind in {"text", "int"}:
        return f"write [{shown}]"
    examples = at.mistake.schema.get("examples", ())
    return said or (f"such as {_short(examples[0])}" if examples and len(_short(examples[0])) < 60 else None)


def _not_listed(at: _Place, problems: Problems) -> None:
    allowed = [str(value) for value in at.mistake.value]
    close = nearest(str(at.mistake.instance), allowed)
    if isinstance(at.mistake.instance, str) and at.node.kind == "map":  # a key, checked by `propertyNames`
        key, suggestion = at.mistake.instance, f"did you mean `{close}`?" if close else f"write {one_of(allowed)}"
        message = f"`{key}` can't be a key of {_name_of(at)}"
        problems.add("E101", at.node.key_mark(key), message, suggestion=suggestion, path=step(at.node.path, key))
        return
    problems.add(
        "E104",
        at.node,
        f"{_subject(at)} can't be {found_words(at.node)}",
        suggestion=f"did you mean `{close}`?" if close else f"write {one_of(allowed)}",
    )


def _not_the_one(at: _Place, problems: Problems) -> None:
    said = at.mistake.schema.get("errorMessage") or f"write {at.mistake.value}"
    code = "E108" if at.key == "mlconnector" else "E104"
    problems.add(code, at.node, f"{_subject(at)} can't be {found_words(at.node)}", suggestion=said)


def _wrong_form(at: _Place, problems: Problems) -> None:
    said = at.mistake.schema.get("errorMessage")
    examples = at.mistake.schema.get("examples", ())
    suggestion = said or (f"such as {_short(examples[0])}" if examples else None)
    if isinstance(at.mistake.instance, str) and at.node.kind == "map":  # a key, checked by `propertyNames`
        key = at.mistake.instance
        place = at.node.key_mark(key)
        problems.add("E105", place, f"`{key}` is no name", suggestion=suggestion, path=step(at.node.path, key))
        return
    problems.add("E105", at.node, f"{_subject(at)} can't be {found_words(at.node)}", suggestion=suggestion)


def _out_of_range(at: _Place, problems: Problems) -> None:
    words = {
        "minimum": "at least {}",
        "maximum": "at most {}",
        "minLength": "at least {} characters long",
        "maxLength": "at most {} characters long",
        "minItems": "a list of at least {}",
        "maxItems": "a list of at most {}",
        "minProperties": "a map with at least {} keys",
        "maxProperties": "a map with at most {} keys",
    }[at.mistake.keyword].format(at.mistake.value)
    if at.mistake.keyword in {"minLength", "minItems", "minProperties"} and at.mistake.value == 1:
        words = "filled in"
    said = at.mistake.schema.get("errorMessage") if at.node.kind == "text" else None
    problems.add("E107", at.node, f"{_subject(at)} must be {words}", suggestion=said)


def _twice(at: _Place, problems: Problems) -> None:
    seen: list[Any] = []
    for child in at.node.children():
        if child.plain() in seen:
            problems.add("E107", child, f"{found_words(child)} is in this list twice")
        seen.append(child.plain())


def _choice(at: _Place, problems: Problems) -> None:
    names, present = at.mistake.value["of"], at.mistake.value["present"]
    if present:
        both = " and ".join(f"`{name}`" for name in present[:2])
        mark, path = at.node.key_mark(present[1]), step(at.node.path, present[1])
        problems.add("E106", mark, f"{both} exclude each other", suggestion=f"keep one of {one_of(names)}", path=path)
        return
    problems.add(
        "E106",
        at.key_mark,
        f"{_name_of(at)} needs one of {one_of(names)}",
        suggestion=f"add `{names[0]}: …`",
        path=at.node.path,
    )


def _not_here(at: _Place, problems: Problems) -> None:
    problems.add("E109", at.key_mark, f"`{at.key}` can't stand here: {at.mistake.value}", path=at.node.path)


def _not_alone(at: _Place, problems: Problems) -> None:
    for key, needed in at.mistake.value.items():
        absent = [name for name in needed if name not in at.mistake.instance]
        if key in at.mistake.instance and absent:
            path = step(at.node.path, key)
            problems.add("E109", at.node.key_mark(key), f"`{key}` has a meaning only with {one_of(absent)}", path=path)


def _subject(at: _Place) -> str:
    last = at.mistake.path[-1] if at.mistake.path else ""
    return f"`{last}`" if isinstance(last, str) and last else f"an item of `{at.key}`" if at.key else "the file"


def _name_of(at: _Place) -> str:
    if not at.mistake.path:
        return f"a file for one {str(at.mistake.schema.get('title', 'spec')).lower()}"
    title = at.mistake.schema.get("title")
    return f"`{at.key}`" if isinstance(at.mistake.path[-1], str) else f"this {str(title).lower() if title else 'item'}"


def _short(value: Any) -> str:
    return str(value).replace("'", "") if isinstance(value, dict | list) else str(value)


_TELLERS: dict[str, Callable[[_Place, Problems], None]] = {
    "type": _wrong_type,
    "enum": _not_listed,
    "const": _not_the_one,
    "pattern": _wrong_form,
    "uniqueItems": _twice,
    "chooseOne": _choice,
    "never": _not_here,
    "dependencies": _not_alone,
    **dict.fromkeys(
        ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
        _out_of_range,
    ),
}

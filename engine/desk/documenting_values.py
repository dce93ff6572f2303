"""Where a target field's value comes from, in plain words: a mapping's tree, told for people who read no YAML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.spec.nodes import Node

_STEPS: Mapping[str, str] = {
    "trim": "blanks at both ends taken off",
    "cut": "cut when longer",
    "required": "must be there",
}
_MISSING: Mapping[str, str] = {
    "hold": "held for a person when nothing is found",
    "wait": "waits until it is found",
    "empty": "left empty when nothing is found",
    "quarantine": "set aside when nothing is found",
}
_MANY: Mapping[str, str] = {
    "hold": "held for a person when there are several",
    "quarantine": "set aside when there are several",
    "first": "the first where there are several",
}
_OTHERS = frozenset({"choose", "set", "at", "merge", "without", "keys"})
_TOLD = frozenset({"from", "const", "need", "text", "join", "with", "lookup", "match", "take", "object", "each", "map"})
Row = tuple[str, str]
"""A target field and where its value comes from, both as Markdown."""


def code(text: str) -> str:
    """Text as Markdown code in one line, whatever is in it."""
    flat = " ".join(text.split())
    fence = "``" if "`" in flat else "`"
    pad = " " if flat.startswith("`") or flat.endswith("`") else ""
    return f"{fence}{pad}{flat}{pad}{fence}" if flat else "(empty)"


def plain(text: str) -> str:
    """A person's own words as Markdown shows them: nothing in them is markup, and no line break."""
    flat = " ".join(text.split())
    for mark in "\\`*_[]<>#":
        flat = flat.replace(mark, f"\\{mark}" if mark not in "<>" else {"<": "&lt;", ">": "&gt;"}[mark])
    return flat


def field_rows(map_: Node | None, prefix: str = "") -> Iterator[Row]:
    """A row a target field, those of lines after the list they stand in."""
    for name, value in map_.items() if map_ is not None else ():
        if value.kind == "map" and "each" in value and (inner := value.get("map")) is not None and inner.kind == "map":
            each = value.get("each")
            yield code(prefix + name), f"a line for each of {value_told(each)}" if each is not None else ""
            yield from field_rows(inner, f"{prefix}{name}[].")
        else:
            yield code(prefix + name), value_told(value)


def value_told(node: Node) -> str:
    """One value with all that is done to it."""
    if node.kind == "list":
        return "the list of " + "; ".join(value_told(each) for each in node.children())
    if node.kind != "map":
        return code(written(node))
    start = _start(node)
    done = list(_modifiers(node))
    return start + "".join(f", {each}" for each in done)


def _start(node: Node) -> str:
    asked, const, need, text, join = (node.get(key) for key in ("from", "const", "need", "text", "join"))
    if asked is not None:
        return value_told(asked)
    if const is not None:
        return f"always {code(written(const))}"
    if need is not None:
        return f"the setting {code(written(need))}"
    if text is not None:
        return f"the text {code(written(text))}"
    if join is not None:
        between = node.get("with")
        by = f" with {code(str(between.value))} between" if between is not None and between.value else ""
        return f"joined{by}: " + "; ".join(f"({value_told(each)})" for each in join.children())
    if (looked := node.get("lookup")) is not None:
        return _lookup(node, looked)
    if (members := node.get("object")) is not None:
        return "an object of " + "; ".join(f"{code(name)}: {value_told(each)}" for name, each in members.items())
    if (each := node.get("each")) is not None and (inner := node.get("map")) is not None:
        return f"for each of {value_told(each)}: {value_told(inner)}"
    if not _OTHERS.isdisjoint(node.keys):
        return code(written(node))
    return "an object of " + "; ".join(f"{code(name)}: {value_told(each)}" for name, each in node.items())


def _lookup(node: Node, looked: Node) -> str:
    take, match = node.get("take"), node.get("match")
    pairs = [f"{code(name)} is ({value_told(value)})" for name, value in match.items()] if match is not None else []
    taken = code(written(take)) if take is not None else "the record"
    return f"{taken} of the {code(written(looked))} whose {' and '.join(pairs)}"


def _modifiers(node: Node) -> Iterator[str]:
    told = any(key in node for key in _TOLD)
    for key, value in node.items() if told else ():
        if key in _STEPS:
            if value.value:
                yield _STEPS[key]
        elif key == "values":
            yield "translated: " + ", ".join(
                f"{code(name)} becomes {code(written(new))}" for name, new in value.items()
            )
        elif key == "else":
            yield f"anything else becomes {value_told(value)}"
        elif key == "default":
            yield f"or, where that is empty, ({value_told(value)})"
        elif key == "crosswalk":
            yield f"translated by the crosswalk {code(written(value))}"
        elif key == "on_missing":
            yield _MISSING.get(str(value.value), f"where it is missing: {code(written(value))}")
        elif key == "on_many":
            yield _MANY.get(str(value.value), f"where there are several: {code(written(value))}")
        elif key == "max_length":
            yield f"at most {written(value)} characters"
        elif key == "type":
            yield f"as {code(written(value))}"
        elif key == "format":
            yield f"written as {code(written(value))}"
        elif key == "round":
            yield f"rounded to {written(value)} places"
        elif key not in _TOLD:
            yield f"{key} {code(written(value))}"


def written(node: Node) -> str:
    """A value in one line, as it would stand in a spec."""
    if node.kind == "map":
        return "{" + ", ".join(f"{key}: {written(child)}" for key, child in node.items()) + "}"
    if node.kind == "list":
        return "[" + ", ".join(written(child) for child in node.children()) + "]"
    if node.kind == "null":
        return "null"
    return str(node.value).lower() if node.kind == "bool" else str(node.value)

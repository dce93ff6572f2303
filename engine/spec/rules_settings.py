"""Rules for what an integration supplies to a system."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import re2

from engine.spec.nodes import Mark, Node, found_words
from engine.spec.problems import Problems, did_you_mean, nearest, one_of
from engine.spec.tree import SystemTree

_TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "string": ((str,), "a text"),
    "url": ((str,), "an address"),
    "integer": ((int,), "a whole number"),
    "decimal": ((int, Decimal), "a number"),
    "boolean": ((bool,), "true or false"),
}
_UNKNOWN = object()


def check_settings(system: SystemTree, problems: Problems) -> None:
    """Every setting supplied is known, fits, and is needed; every setting needed is supplied."""
    needs = system.node.get("needs")
    declared: dict[str, Node] = dict(needs.items()) if needs else {}
    known = {name: _value(system.settings.get(name), need) for name, need in declared.items()}
    meant: set[str | None] = set()
    for name, given in system.settings.items():
        need = declared.get(name)
        if need is None:
            meant.add(_unknown(name, system, declared, problems))
            continue
        _fits(name, given, need, problems)
        if not _applies(need, known):
            mark = _mark(system, name)
            message = f"`{name}` is not needed with these settings"
            problems.add("W405", mark, message, suggestion="remove it", path=given.path)
    for name, need in declared.items():
        if name not in system.settings and _is_due(need, known) and name not in meant:
            _missing(name, need, system, problems)


def _unknown(name: str, system: SystemTree, declared: dict[str, Node], problems: Problems) -> str | None:
    """Tells it; the name that was meant, which is not missing then."""
    free = [other for other in declared if other not in system.settings]
    problems.add(
        "E303",
        _mark(system, name),
        f"`{name}` is no setting of this system",
        suggestion=did_you_mean(name, free) or did_you_mean(name, declared),
        path=system.settings[name].path,
    )
    return nearest(name, free)


def _missing(name: str, need: Node, system: SystemTree, problems: Problems) -> None:
    secret = _type(need) == "secret"
    how = f"{{secret: {system.alias}.{name}}}" if secret else f"{{env: {system.alias.upper()}_{name.upper()}}}"
    title = need.get("title")
    shown = f" ({title.value})" if title is not None else ""
    place: Node | Mark = system.use.key_mark("with") if system.use is not None else system.node.mark
    path = f"{system.use.path}.with" if system.use is not None else ""
    message = f"`{system.alias}` needs the setting `{name}`{shown}"
    problems.add("E304", place, message, suggestion=f"add `{name}: {how}`", path=path)


def _fits(name: str, given: Node, need: Node, problems: Problems) -> None:
    kind = _type(need)
    if given.kind == "map":
        if kind == "choice" and "env" in given:
            message = f"`{name}` decides what the spec means, so its value must stand here"
            problems.add("E314", given, message, suggestion=f"write {_choices(need)}")
        if kind == "secret" and "env" in given:
            _literal_secret(name, given, problems, "is a secret and can't come from the environment")
        return
    if kind == "secret":
        _literal_secret(name, given, problems, "is a secret and can't stand in a spec")
        return
    of = need.get("of")
    if of is not None:
        values = [str(item.value) for item in of.children()]
        if given.value not in values:
            suggestion = did_you_mean(str(given.value), values) or f"write {one_of(values)}"
            problems.add("E314", given, f"`{name}` can't be {found_words(given)}", suggestion=suggestion)
        return
    _fits_type(name, given, need, kind, problems)


def _fits_type(name: str, given: Node, need: Node, kind: str, problems: Problems) -> None:
    types, words = _TYPES.get(kind, ((object,), ""))
    wrong_bool = isinstance(given.value, bool) and kind != "boolean"
    if not isinstance(given.value, types) or wrong_bool:
        fix = f'write "{given.value}"' if types == (str,) and given.kind in {"int", "decimal"} else None
        problems.add("E314", given, f"`{name}` must be {words}, not {found_words(given)}", suggestion=fix)
        return
    if kind == "url" and not re.match(r"https?://[^/\s]+", str(given.value)):
        example = need.get("example")
        shown = f"such as {example.value}" if example is not None else "start with https://"
        problems.add("E314", given, f"`{name}` is no address: `{given.value}`", suggestion=shown)
    pattern = need.get("pattern")
    if pattern is not None and not _matches(str(pattern.value), str(given.value)):
        example = need.get("example")
        shown = f"such as {example.value}" if example is not None else f"it must match {pattern.value}"
        problems.add("E314", given, f"`{name}` can't be {found_words(given)}", suggestion=shown)


def _literal_secret(name: str, given: Node, problems: Problems, why: str) -> None:
    problems.add(
        "E305",
        given,
        f"`{name}` {why}",
        suggestion=f"write {{secret: {name}}} and store it with `mlconnector secrets set {name}`",
    )


def _value(given: Node | None, need: Node) -> Any:
    """What a setting will be, as far as the spec says so."""
    of = need.get("of")
    if given is not None:
        wrong = of is not None and given.value not in [item.value for item in of.children()]
        return _UNKNOWN if wrong or given.kind == "map" else given.value
    default = need.get("default")
    return default.value if default is not None else None


def _applies(need: Node, known: dict[str, Any]) -> bool:
    when = need.get("when")
    for name, wanted in when.items() if when else ():
        value = known.get(name)
        accepted = [child.value for child in wanted.children()] or [wanted.value]
        if value is not _UNKNOWN and value not in accepted:
            return False
    return True


def _is_due(need: Node, known: dict[str, Any]) -> bool:
    optional, when = need.get("optional"), need.get("when")
    if "default" in need or (optional is not None and optional.value is True):
        return False
    unsure = any(known.get(name) is _UNKNOWN for name, _ in when.items()) if when else False
    return not unsure and _applies(need, known)


def _matches(pattern: str, value: str) -> bool:
    try:
        return re2.fullmatch(pattern, value) is not None
    except re2.error:
        return True  # the pattern's own problem


def _choices(need: Node) -> str:
    of = need.get("of")
    return one_of([str(item.value) for item in of.children()]) if of else "its value"


def _type(need: Node) -> str:
    kind = need.get("type")
    return str(kind.value) if kind is not None else "string"


def _mark(system: SystemTree, name: str) -> Mark:
    given = system.use.get("with") if system.use is not None else None
    return given.key_mark(name) if given is not None else system.node.mark

"""Rules for a system file on its own."""

from __future__ import annotations

import re

import re2

from engine.spec.nodes import Node, step
from engine.spec.problems import Problems, did_you_mean, one_of
from engine.spec.rules_columns import check_columns
from engine.spec.rules_documents import check_documents
from engine.spec.tree import SystemTree
from engine.spec.walk import every_map, text_of

_HOLE = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_NEED = re.compile(r"(?<![\w.'\"])need\.([A-Za-z_]\w*)")


def check_system(system: SystemTree, problems: Problems) -> None:
    """Settings named in the file exist, choices are complete, object keys are fields, money can be looked up."""
    needs = system.node.get("needs")
    declared: dict[str, Node] = dict(needs.items()) if needs else {}
    for place in ("http", "sftp", "folder", "webhook", "objects"):
        for found in every_map(system.node.get(place)):
            _need_exists(found, declared, problems)
            _choice_is_whole(found, declared, problems)
            _needs_in_text_exist(text_of(found, "text"), declared, problems)
    for place in ("http", "objects"):
        check_documents(system.node.get(place), problems)
    _conditions_exist(declared, problems)
    _books_exist(system.node, declared, problems)
    _patterns_are_sound(system.node, declared, problems)
    objects = system.node.get("objects")
    for name, node in objects.items() if objects else ():
        _key_is_a_field(name, node, problems)
        _asked_by_fields(name, node, problems)
        check_columns(node, problems)
        _money_can_be_looked_up(name, node, problems)
        _blind_is_accepted(node, problems)
        _commits_are_checked(node, problems)


def _need_exists(found: Node, declared: dict[str, Node], problems: Problems) -> None:
    need = text_of(found, "need")
    if need is not None and need.value not in declared:
        problems.add(
            "E303",
            need,
            f"`{need.value}` is not among this system's `needs`",
            suggestion=did_you_mean(need.value, declared),
        )


def _needs_in_text_exist(template: Node | None, declared: dict[str, Node], problems: Problems) -> None:
    """Of every branch of a choice, the ones not chosen too."""
    for hole in _HOLE.finditer(template.value) if template is not None else ():
        for match in _NEED.finditer(hole.group()):
            if template is not None and match[1] not in declared:
                mark = template.at(hole.start() + match.start(1), len(match[1]))
                message = f"`{match[1]}` is not among this system's `needs`"
                close = did_you_mean(match[1], declared)
                problems.add("E303", mark, message, suggestion=close, path=template.path)


def _choice_is_whole(found: Node, declared: dict[str, Node], problems: Problems) -> None:
    choose = text_of(found, "choose")
    if choose is None:
        return
    setting = declared.get(choose.value)
    of = setting.get("of") if setting else None
    if of is None:
        choices = [name for name, need in declared.items() if "of" in need]
        suggestion = did_you_mean(choose.value, choices) or (f"choices are {one_of(choices)}" if choices else None)
        problems.add("E318", choose, f"`{choose.value}` is no setting of type `choice`", suggestion=suggestion)
        return
    values = [str(item.value) for item in of.children()]
    for key in found.keys:
        if key not in {"choose", *values}:
            message = f"`{key}` is not a value of `{choose.value}`"
            suggestion = did_you_mean(key, values) or f"values are {one_of(values)}"
            problems.add("E318", found.key_mark(key), message, suggestion=suggestion, path=step(found.path, key))
    missing = [value for value in values if value not in found]
    if missing:
        problems.add("E318", choose, f"nothing is said for {one_of(missing)}", suggestion=f"add `{missing[0]}: …`")


def _conditions_exist(declared: dict[str, Node], problems: Problems) -> None:
    for need in declared.values():
        when = need.get("when")
        for name, values in when.items() if when else ():
            other = declared.get(name)
            if when is not None and other is None:
                problems.add(
                    "E303",
                    when.key_mark(name),
                    f"`{name}` is not among these `needs`",
                    suggestion=did_you_mean(name, declared),
                )
                continue
            of = other.get("of") if other else None
            known = [item.value for item in of.children()] if of else None
            for value in values.children() or [values]:
                if known is not None and value.value not in known:
                    message = f"`{value.value}` is not a value of `{name}`"
                    problems.add("E314", value, message, suggestion=did_you_mean(str(value.value), map(str, known)))


def _books_exist(system: Node, declared: dict[str, Node], problems: Problems) -> None:
    books = system.get("books")
    for name in books.children() if books else ():
        if name.kind == "text" and name.value not in declared:
            problems.add(
                "E303",
                name,
                f"`{name.value}` is not among this system's `needs`",
                suggestion=did_you_mean(name.value, declared),
            )


def _known_fields(node: Node) -> list[str]:
    document = node.get("document")
    header = document.get("header") if document else None
    fields = node.get("fields")
    return [*(header.keys if header else ()), *(fields.keys if fields else ())]


def _key_is_a_field(name: str, node: Node, problems: Problems) -> None:
    known = _known_fields(node)
    keys = [node.get("key"), *(block.get("key") for block in [node.get("document")] if block)]
    for key in keys:
        for item in key.children() if key and known else ():
            if item.kind == "text" and item.value not in known:
                message = f"`{item.value}` is not a field of `{name}`"
                problems.add("E321", item, message, suggestion=did_you_mean(item.value, known))


def _asked_by_fields(name: str, node: Node, problems: Problems) -> None:
    """What a list is ordered by, asked for changes by and looked up by."""
    fields, listing, lookup = node.get("fields"), node.get("list"), node.get("lookup")
    order = listing.get("order") if listing else None
    by = [block.get("by") for block in (order, lookup) if block is not None]
    asked = [item for each in by if each is not None for item in each.children()]
    changed = text_of(listing, "changed", "field")
    for item in [*asked, *([changed] if changed is not None else [])]:
        if fields is not None and item.kind == "text" and item.value not in fields:
            message = f"`{item.value}` is not a field of `{name}`"
            problems.add("E321", item, message, suggestion=did_you_mean(item.value, fields.keys))


def _patterns_are_sound(system: Node, declared: dict[str, Node], problems: Problems) -> None:
    http = system.get("http")
    errors = http.get("errors") if http else None
    rules = errors.children() if errors else []
    looked = [rule.get("headers") for rule in rules if rule.kind == "map"]
    texts = [text_of(rule, "says") for rule in rules]
    texts += [each for headers in looked if headers is not None for _, each in headers.items() if each.kind == "text"]
    for text in [*texts, *(text_of(need, "pattern") for need in declared.values())]:
        if text is not None and (wrong := _pattern_error(text.value)):
            message = f"`{text.value}` is no regular expression (RE2): {wrong}"
            problems.add("E105", text, message, suggestion="a character that is meant as such is written \\( \\. \\*")


def _pattern_error(pattern: str) -> str | None:
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        said = error.args[0] if error.args else "it does not parse"
        return said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    return None


def _money_can_be_looked_up(name: str, node: Node, problems: Problems) -> None:
    money = node.get("money")
    if money is not None and money.value is True and "create" in node and "find" not in node:
        message = f"`{name}` moves money and has `create` but no `find`: a lost answer could not be settled"
        problems.add("E313", node.key_mark("create"), message, suggestion="add `find`", path=step(node.path, "create"))


def _blind_is_accepted(node: Node, problems: Problems) -> None:
    write = node.get("create")
    promise = text_of(write, "guarantee", "class")
    if write is None or promise is None or promise.value != "blind":
        return
    accepted = write.get("accept")
    if accepted is None:
        message = "a blind write can't be looked up after a lost answer"
        problems.add("E320", promise, message, suggestion="add `accept: [blind]` if a person settles those")
    else:
        problems.add("W402", accepted, "blind writes are accepted: after a lost answer a person has to look")


def _commits_are_checked(node: Node, problems: Problems) -> None:
    """A commit step that expects nothing of its answer takes an error inside a 200 for a success."""
    written = (block.get("steps") for way in ("create", "update") if (block := node.get(way)) is not None)
    for found in (each for steps in written for each in every_map(steps)):
        commits = found.get("commits")
        if commits is not None and commits.value is True and "expect" not in found and "keep" not in found:
            message = "this commit step checks nothing in its answer"
            suggestion = "say with `expect` what shows that it was saved"
            problems.add("W407", found.key_mark("commits"), message, suggestion=suggestion, path=found.path)

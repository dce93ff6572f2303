"""Rules for the columns of a CSV file that is written: each is known, has one meaning, and fits into a cell."""

from __future__ import annotations

from engine.spec.nodes import Node
from engine.spec.problems import Problems, did_you_mean, one_of
from engine.spec.walk import text_of


def check_columns(node: Node, problems: Problems) -> None:
    """Of one object. What is written are fields of the document and, with `each`, of the items of one of its lists."""
    csv, fields = node.get("csv"), node.get("fields")
    if csv is None or csv.kind != "map":
        return
    each = text_of(csv, "each")
    if "drop" not in node:
        if each is not None:
            advice = "take it out: for reading, `document` puts the rows of one key together"
            problems.add(
                "E311", each, "`each` is for files that are written, and there is no `drop`", suggestion=advice
            )
        return
    own = dict(fields.items()) if fields is not None and fields.kind == "map" else {}
    items = _fields_of_items(each, own, problems) if each is not None else {}
    if items is None or not own:
        return
    columns = csv.get("columns")
    if columns is None:
        _without_lists(csv, own, problems)
        return
    for column in columns.children():
        if column.kind == "text":
            _check_column(column, own, items, each, problems)


def _fields_of_items(each: Node, own: dict[str, Node], problems: Problems) -> dict[str, Node] | None:
    """What the items of the list hold; None after a problem."""
    found = own.get(each.value)
    lists = [name for name, type_ in own.items() if _is_list(type_)]
    if found is None or not _is_list(found):
        what = "no field of this object" if found is None else "no list"
        known = did_you_mean(each.value, lists) or (f"its lists are {one_of(lists)}" if lists else None)
        advice = known or "declare it: `lines: {list: {amount: …}}` among `fields`"
        problems.add(
            "E321", each, f"`{each.value}` is {what}: `each` names the list whose items become rows", suggestion=advice
        )
        return None
    inner = found.get("list")
    return dict(inner.items()) if inner is not None and inner.kind == "map" else None  # told by its shape


def _check_column(
    column: Node, own: dict[str, Node], items: dict[str, Node], each: Node | None, problems: Problems
) -> None:
    name = column.value
    if name in own and name in items and each is not None:
        message = (
            f"`{name}` is a field of the document and of the items of `{each.value}`: nobody can tell which is meant"
        )
        problems.add("E321", column, message, suggestion=f"give one of them another name, like `{each.value}_{name}`")
    elif name not in own and name not in items:
        where = "`fields`" if each is None else f"`fields`, nor among those of `{each.value}`"
        message = f"the column `{name}` is not among {where}"
        problems.add("E321", column, message, suggestion=did_you_mean(name, [*own, *items]))
    elif _is_list(items.get(name) or own[name]):
        _refuse_list(column, name, own, each, problems)


def _without_lists(csv: Node, own: dict[str, Node], problems: Problems) -> None:
    """Where no columns are named, every field is one."""
    for name, type_ in own.items():
        if _is_list(type_):
            _refuse_list(csv, name, own, text_of(csv, "each"), problems)
            return


def _refuse_list(at: Node, name: str, own: dict[str, Node], each: Node | None, problems: Problems) -> None:
    message = f"`{name}` is a list, and a list does not fit into one cell"
    advice = "name fields of its items instead"
    if each is None and name in own:
        advice = f"say `each: {name}` for a row an item, and name fields of its items among `columns`"
    problems.add("E207", at, message, suggestion=advice)


def _is_list(type_: Node) -> bool:
    return type_.kind == "map" and "list" in type_

"""Reading entities of the Acumatica stand-in: query options, and records in the vendor's wrapped form.

Lines and linked entities come only when `$expand` names them. There is no page cap and no `$orderby`; an option the
documents do not have is refused, though a real server may pass over it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.sandbox.acumatica_errors import Refusal, failed
from engine.sandbox.acumatica_filter import BadFilter, Predicate, compile_filter
from engine.sandbox.acumatica_record import Record
from engine.sandbox.acumatica_shapes import Shape, spell_out
from engine.sandbox.acumatica_store import Store

_OPTIONS = frozenset({"$filter", "$select", "$expand", "$top", "$skip", "$custom"})


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """What of a record is shown: paths of lines and linked entities, paths of fields (None: all), custom fields."""

    expand: frozenset[str] = frozenset()
    select: frozenset[str] | None = None
    custom: tuple[str, ...] = ()
    files: bool = False
    keep: Predicate | None = None
    top: int | None = None
    skip: int = 0
    base: str = field(default="", repr=False)


def read_view(store: Store, shape: Shape, options: Mapping[str, str], base: str) -> View:
    """The options of a request; `base` is the entity's URL path. Refuses what the entity or the documents don't know."""
    for name in options:
        if name.startswith("$") and name not in _OPTIONS:
            raise bad_option(store, f"The query option '{name}' is not supported.")
        if not name.startswith("$"):
            store.ignored.add(f"?{name}")
    expand = _names(options.get("$expand"))
    known = dict(spell_out(shape))
    for name in expand - {"files"}:
        if name not in known:
            raise bad_option(store, f"The '{name}' of $expand is nothing {shape.name} has.")
    select = _names(options["$select"]) if "$select" in options else None
    for name in select or ():
        head, _, last = name.rpartition("/")
        owner = known.get(head, _NOTHING) if head else shape
        if last not in owner.fields and name not in known:
            raise bad_option(store, f"Could not find a property named '{name}' on type '{shape.name}'.")
    return View(
        expand=frozenset(part for name in expand - {"files"} for part in _prefixes(name)),
        select=select,
        custom=tuple(_custom(store, shape, options.get("$custom", ""))),
        files="files" in expand,
        keep=_filter(store, shape, options.get("$filter")),
        top=_whole(store, options, "$top"),
        skip=_whole(store, options, "$skip") or 0,
        base=base,
    )


def bad_option(store: Store, message: str) -> Refusal:
    """What the server can't make of a query: an exception by default, a plain 400 where set up so."""
    if store.rules.bad_filter == 400:
        return Refusal(400, {"message": message})
    return failed(message, kind="Microsoft.OData.Core.ODataException")


def read_list(store: Store, shape: Shape, view: View) -> list[dict[str, Any]]:
    """The records the options ask for, without `$top` all of them."""
    records = store.all(shape.name, view.keep)
    end = None if view.top is None else view.skip + view.top
    return [show(store, shape, record, view, n) for n, record in enumerate(records[view.skip : end], 1)]


def show(store: Store, shape: Shape, record: Record, view: View, number: int = 1) -> dict[str, Any]:
    """A record as an answer has it."""
    shown: dict[str, Any] = {"id": record.id, "rowNumber": number, "note": {"value": record.note}}
    shown |= _inner(store, shape, record, view, "")
    shown["custom"] = _shown_custom(store, shape, record, view)
    if view.files:
        shown["files"] = [
            {"id": file_id, "filename": name, "comment": comment, "href": f"{view.base}/files/{file_id}"}
            for name, (file_id, _, comment) in record.files.items()
        ]
    if store.rules.links:
        own = f"{view.base}/{record.id}"
        shown["_links"] = {"self": own, "files:put": f"{own}/files/{{filename}}"}
    return shown


def _inner(store: Store, shape: Shape, record: Record, view: View, prefix: str) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name in shape.fields:
        if view.select is None or prefix + name in view.select or prefix.rstrip("/") in view.select:
            value = store.shown_key(shape, name, record.values[name])
            shown[name] = {} if value is None else {"value": value}
    for name, inner in shape.links.items():
        if prefix + name in view.expand and _wanted(view, prefix + name):
            head = {"id": record.links[name].id, "rowNumber": 1, "note": None}
            shown[name] = {**head, **_inner(store, inner, record.links[name], view, f"{prefix}{name}/"), "custom": {}}
    for name, inner in shape.lists.items():
        if prefix + name in view.expand and _wanted(view, prefix + name):
            shown[name] = [
                {"id": line.id, "rowNumber": n, "note": None}
                | _inner(store, inner, line, view, f"{prefix}{name}/")
                | {"custom": {}}
                for n, line in enumerate(record.lists[name], 1)
            ]
    return shown


def _wanted(view: View, path: str) -> bool:
    """Whether a list or linked entity is selected, wholly or in part."""
    return view.select is None or any(name == path or name.startswith(f"{path}/") for name in view.select)


def _shown_custom(store: Store, shape: Shape, record: Record, view: View) -> dict[str, dict[str, Any]]:
    shown: dict[str, dict[str, Any]] = {}
    for full in view.custom:
        head, _, name = full.partition(".")
        kind = store.customs[shape.name][full]
        value = record.custom.get(full)
        shown.setdefault(head, {})[name] = {"type": kind} | ({} if value is None else {"value": value})
    return shown


def _custom(store: Store, shape: Shape, text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in store.customs.get(shape.name, {}):
            raise bad_option(store, f"There is no custom field '{name}' on {shape.name}.")
    return names


def _filter(store: Store, shape: Shape, text: str | None) -> Predicate | None:
    if text is None:
        return None
    try:
        return compile_filter(text, shape, store.customs.get(shape.name, {}))
    except BadFilter as error:
        raise bad_option(store, str(error)) from None


def _whole(store: Store, options: Mapping[str, str], name: str) -> int | None:
    text = options.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise bad_option(store, f"Invalid value '{text}' for {name}.")
    return int(text)


def _names(text: str | None) -> frozenset[str]:
    return frozenset(name.strip() for name in (text or "").split(",") if name.strip())


def _prefixes(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[: n + 1]) for n in range(len(parts))]


_NOTHING = Shape(name="", fields={})

"""A file's format block and the places of its columns, as `init` proposes them: one draft for each format."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.desk import sniffing_csv, sniffing_fixed, sniffing_json, sniffing_xml
from engine.desk.sniffed import Sniffed
from engine.desk.starting_draft import Draft
from engine.errors import UsageError
from engine.formats.fixed_structure import typed_records
from engine.formats.xml import Xml
from engine.formats.xml_keys import path_of

MOST_COLUMNS = 300
_SCALARS = {"text", "integer", "decimal", "true or false", "null"}


def draft_of(sniffed: Sniffed) -> Draft:
    """The draft for the sample's format. Raises ParcelError for a broken file, UsageError for one nothing can be proposed for."""
    if sniffed.kind is None:
        raise UsageError(f"`{sniffed.path}` can't be a sample: {sniffed.why}")
    draft = _DRAFTS[sniffed.kind](sniffed)
    if not draft.header:
        raise UsageError(f"`{sniffed.path}` has no columns a `document` could take")
    if draft.each is not None:
        draft.notes.append(f"`{draft.each}` is taken for the lines")
    if len(draft.header) + len(draft.lines) > MOST_COLUMNS:
        draft.notes.append(f"only the first {MOST_COLUMNS} columns are written")
        draft.header = draft.header[:MOST_COLUMNS]
        draft.lines = draft.lines[: MOST_COLUMNS - len(draft.header)]
        if not draft.lines:
            draft.each = None
    return draft


def _csv(sniffed: Sniffed) -> Draft:
    dialect = sniffing_csv.dialect_of(sniffed)
    notes = []
    if dialect.repeated:
        notes.append(
            f"the header names {', '.join(dialect.repeated)} more than once: it is skipped, and columns go by position"
        )
    elif not dialect.header:
        notes.append("the file has no header: name the columns in `columns`, in their order")
    if dialect.footer is not None:
        notes.append("the last row is taken for a footer: `count` and `sum` may name the columns of its totals")
    if "" in dialect.columns:
        notes.append("a column without a name is left out")
    return Draft(
        name="csv",
        keys=dialect.keys(sniffed.encoding),
        format=dialect.format(sniffed.encoding),
        by="column",
        header=[name for name in dialect.columns if name],
        flat=True,
        notes=notes,
    )


def _json(sniffed: Sniffed) -> Draft:
    kind = sniffing_json.layout_of(sniffed)
    members = sniffing_json.Members()
    with sniffed.path.open("rb") as stream:
        for _, record in kind.records_of(stream):
            members.see(record)
            if members.records >= 20_000:
                break
    each, notes = _json_lines(members), list[str]()
    header, lines = list[str](), list[str]()
    for path, member in members.found.items():
        mine = lines if each is not None and path.startswith(each + "[].") else header
        below = path.removeprefix(f"{each}[].") if mine is lines else path
        if member.types <= _SCALARS and "[]" not in below:
            mine.append(below)
        elif not member.types <= {"object", "null"} and path != each and not below.count("[]"):
            notes.append(f"`{below}` holds {' or '.join(sorted(member.types))}: left out")
    if not lines:
        each = None
    keys = sniffing_json.keys_of(kind)
    return Draft(
        name="json",
        keys=keys,
        format=kind,
        by="path",
        header=header,
        lines=lines,
        each=each,
        flat=each is None,
        notes=notes,
    )


def _json_lines(members: sniffing_json.Members) -> str | None:
    lists = {
        path: member.count
        for path, member in members.found.items()
        if "list of objects" in member.types
        and "[]" not in path
        and member.types <= {"list of objects", "empty list", "null"}
    }
    named = {path: count for path, count in lists.items() if sniffing_xml.LINE_LIKE.fullmatch(path.rpartition(".")[2])}
    return max(named or lists, key=lambda path: lists[path], default=None)


def _xml(sniffed: Sniffed) -> Draft:
    shape = sniffing_xml.Shape()
    with sniffed.path.open("rb") as stream:
        sniffing_xml.shape_of(stream, sniffed.encoding, shape)
    path = sniffing_xml.record_path(shape.root)
    record = sniffing_xml.at(shape.root, path)
    below = sniffing_xml.line_path(record)
    notes = [f"`{'/'.join(path)}` is taken for the record's element"]
    header = _xml_columns(record, below, notes)
    lines = _xml_columns(sniffing_xml.at(record, below), (), notes) if below else []
    keys: dict[str, Any] = {"records": "/".join(path)}
    if sniffed.encoding in {"cp1252", "latin-1"}:
        keys["encoding"] = "latin-1"
    each = "/".join(below) if lines else None
    return Draft(
        name="xml", keys=keys, format=Xml(**keys), by="path", header=header, lines=lines, each=each, notes=notes
    )


def _xml_columns(top: sniffing_xml.Spot, apart: tuple[str, ...], notes: list[str]) -> list[str]:
    """Paths of what has one text in each record; `apart` is where the lines are."""
    found: list[str] = []
    todo: list[tuple[tuple[str, ...], sniffing_xml.Spot]] = [((), top)]
    while todo:
        path, spot = todo.pop()
        if path and path == apart:
            continue
        if path and spot.most > 1:
            notes.append(f"`{'/'.join(path)}` repeats: left out")
            continue
        found += [one for name in spot.attributes if _sayable(one := "/".join((*path, f"@{name}")))]
        if spot.leaf and (path or spot.filled):
            found += [one] if _sayable(one := "/".join(path) or ".") else []
        elif spot.filled:
            notes.append(f"`{'/'.join(path) or '.'}` has text beside elements: left out")
        todo.extend(((*path, name), child) for name, child in reversed(spot.children.items()))
    return found


def _sayable(path: str) -> bool:
    try:
        path_of(path, {})
    except ValueError:
        return False
    return True


def _fixed(sniffed: Sniffed) -> Draft:
    types = sniffing_fixed.types_of(sniffed)
    if not types:
        raise UsageError(f"`{sniffed.path}` has no records")
    kind = sniffing_fixed.format_of(sniffed, types)
    most = _most_in_one(sniffed, kind)
    repeating = [one for one in types if one.stands == "within" and most.get(one.name, 0) > 1]
    line = max(repeating, key=lambda one: one.count, default=None)
    notes = [
        "where fields begin and end is guessed: compare with the layout, and name the fields",
        "add `totals` if the trailer has any",
    ]
    notes += [f"`{one.name}` repeats within a document: left out" for one in repeating if one is not line]
    paths = {one.name: [f"{one.name}.at_{first}" for first, _ in one.fields] for one in types}
    taken = [one for one in types if one not in repeating and one.stands != "last"]
    taken.sort(key=lambda one: one.stands != "opens")
    header = [path for one in taken for path in paths[one.name]]
    return Draft(
        name="fixed",
        keys=sniffing_fixed.keys_of(sniffed, types),
        format=kind,
        by="path",
        header=header,
        lines=paths[line.name] if line is not None else [],
        each=line.name if line is not None else None,
        notes=notes,
    )


def _most_in_one(sniffed: Sniffed, kind: Any) -> dict[str, int]:
    """How many records of a type there are in one document at most."""
    most: dict[str, int] = {}
    here: dict[str, int] = {}
    with sniffed.path.open("rb") as stream:
        for name, _ in typed_records(kind, stream):
            if kind.stand(name) == "opens":
                here = {}
            here[name] = here.get(name, 0) + 1
            most[name] = max(most.get(name, 0), here[name])
    return most


def _x12(sniffed: Sniffed) -> Draft:
    from engine.desk.starting_x12 import draft_x12

    return draft_x12(sniffed)


_DRAFTS: dict[str, Callable[[Sniffed], Draft]] = {"csv": _csv, "json": _json, "xml": _xml, "fixed": _fixed, "x12": _x12}

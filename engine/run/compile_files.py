"""What an object's files look like, checked: document columns lead somewhere, X12 sets are described."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine.formats.layouts import Format, wrong_path
from engine.formats.reading import Wanted
from engine.formats.x12 import X12, compile_set
from engine.mapping.convert import format_error
from engine.mapping.documents import Documents, DocumentShape
from engine.mapping.types import FieldType
from engine.run.model import ObjectKind
from engine.spec.document import Node, Problems
from engine.spec.sets import ACKNOWLEDGEMENT, SetFile
from engine.spec.walk import every_map, text_of


def compile_files(kind: ObjectKind, node: Node, sets: Mapping[str, SetFile], problems: Problems) -> ObjectKind:
    """The object with the X12 sets it names; what is wrong with its `document` or its fields is in `problems`."""
    if kind.x12 is not None and kind.x12.set_ in sets:
        kind = _described(kind, kind.x12, sets[kind.x12.set_], problems)
    if kind.document is not None:
        _check_document(kind, kind.document, node, problems)
    if kind.drop is not None and kind.x12 is not None:
        if kind.x12.send is None:
            problems.add("E106", node.get("x12") or node, "an X12 file that is written needs `send`: who sends to whom")
        if kind.x12.description is not None:
            _check_fields(kind, kind.x12, node, problems)
    return kind


def answers_format(sets: Mapping[str, SetFile], problems: Problems) -> X12 | None:
    """How files that acknowledge ours are read; None where the system asks for none."""
    found = sets.get(ACKNOWLEDGEMENT)
    if found is None:
        return None
    return _described(ObjectKind(), X12(set_=ACKNOWLEDGEMENT, duplicates="read"), found, problems).x12


def _described(kind: ObjectKind, x12: X12, found: SetFile, problems: Problems) -> ObjectKind:
    try:
        return replace(kind, x12=x12.described(compile_set(found.node.plain())))
    except ValueError as error:
        problems.add("E105", found.node, str(error))
        return kind


def _check_document(kind: ObjectKind, shape: DocumentShape, node: Node, problems: Problems) -> None:
    for found in every_map(node.get("document")):
        type_, form = text_of(found, "type"), text_of(found, "format")
        if type_ is not None and form is not None:
            wrong = format_error(type_.value.partition("(")[0], form.value)
            if wrong is not None:
                problems.add("E212", form, wrong)
    try:
        documents = Documents(shape)
    except ValueError as error:
        problems.add("E105", node.get("document") or node, str(error))
        return
    if kind.format is not None:
        _check_columns(kind.format, shape.each, documents, node, problems)


def _check_columns(format_: Format, each: str | None, documents: Documents, node: Node, problems: Problems) -> None:
    """Each column on its own, so that what is wrong is told where it stands."""

    def check(place: Node | None, header: Sequence[Wanted] = (), lines: Sequence[Wanted] = ()) -> bool:
        wrong = wrong_path(format_, header, lines, each)
        if wrong is not None:
            problems.add("E105", place or node, wrong)
        return wrong is None

    document = node.get("document")
    if document is None or (each is not None and not check(document.get("each"))):
        return
    for field in documents.header:
        check(_said(document, "header", field.name), header=[Wanted(names=field.names)])
    for field in documents.lines:
        check(_said(document, "lines", field.name), lines=[Wanted(names=field.names)])


def _said(document: Node, part: str, name: str) -> Node | None:
    """Where a column is said: its path or name, else the field."""
    columns = document.get(part)
    column = columns.get(name) if columns else None
    return (column.get("path") or column.get("column") or column) if column is not None else None


def _check_fields(kind: ObjectKind, x12: X12, node: Node, problems: Problems) -> None:
    """What is written goes to a place the set has."""
    from engine.formats.x12_paths import Spot, wrong_names

    fields = node.get("fields")
    for name, wrong in wrong_names(Spot(loop=x12.loaded().latest), _names(kind.fields)):
        found = fields.get(name) if fields is not None else None
        problems.add("E105", found or node, wrong)


def _names(fields: Mapping[str, FieldType]) -> dict[str, Any]:
    return {name: _names(type_.fields) if type_.fields is not None else None for name, type_ in fields.items()}

"""Records to XML: a tree for each of them, the same bytes for the same records, and no name or letter that a parser would refuse."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import islice
from typing import Any
from xml.etree import ElementTree as ET  # builds, never parses

from engine.contracts import Record
from engine.errors import RecordError
from engine.formats.written import written
from engine.formats.xml_keys import XmlKeys, path_of

_BATCH = 200
_NAME = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_.\-]*:)?[A-Za-z_][A-Za-z0-9_.\-]*")
_REFUSED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_CODECS = {"utf-8": "utf-8", "utf-16": "utf-16-le", "latin-1": "iso-8859-1", "cp1252": "cp1252"}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """Where a field goes: elements by their written names, an attribute of the last one or None."""

    steps: tuple[str, ...]
    attribute: str | None = None


def encode(kind: XmlKeys, records: Iterable[Record], columns: Sequence[str]) -> Iterator[bytes]:
    """The file in pieces of some hundred records. Raises RecordError that names the field of a value XML has no form for."""
    *around, name = (_checked(part, kind) for part in kind.records.split("/"))
    if not around:
        raise ValueError("`xml` writes records inside a root element: `records` needs both, like `Invoices/Invoice`")
    writer = _Writer(kind, columns)
    codec = _CODECS[kind.encoding]
    declared = {"latin-1": "ISO-8859-1", "cp1252": "Windows-1252"}.get(kind.encoding, kind.encoding.upper())
    spaces = "".join(f' xmlns:{prefix}="{escape(uri)}"' for prefix, uri in kind.namespaces.items())
    opening = "".join(f"<{part}{'' if n else spaces}>\n" for n, part in enumerate(around))
    mark = "\ufeff" if kind.encoding == "utf-16" else ""
    yield f'{mark}<?xml version="1.0" encoding="{declared}"?>\n{opening}'.encode(codec)
    iterator = iter(records)
    while batch := list(islice(iterator, _BATCH)):
        text = "".join(writer.record(name, record) for record in batch)
        yield text.encode(codec, "xmlcharrefreplace")
    yield "".join(f"</{part}>\n" for part in reversed(around)).encode(codec)


class _Writer:
    """Fields to elements, by the spec's paths or by their own names."""

    def __init__(self, kind: XmlKeys, columns: Sequence[str]) -> None:
        self._kind = kind
        self._columns: dict[str, list[str]] = {}
        for column in columns:
            self._add(column)
        self._places: dict[str, _Place] = {}

    def _add(self, column: str) -> None:
        owner, dot, inner = column.rpartition(".")
        if dot:
            if inner not in self._columns.setdefault(owner, []):
                self._columns[owner].append(inner)
            self._add(owner)
        elif column not in self._columns.setdefault("", []):
            self._columns[""].append(column)

    def record(self, name: str, record: Record) -> str:
        """One record and a line end."""
        element = ET.Element(name)
        self._fill(element, record, "")
        # A bare CR would come back as a line feed.
        return ET.tostring(element, encoding="unicode", short_empty_elements=False).replace("\r", "&#13;") + "\n"

    def _fill(self, element: ET.Element, record: Mapping[str, Any], owner: str) -> None:
        made: dict[tuple[str, ...], ET.Element] = {(): element}
        for key in self._columns.get(owner) or record:
            value = record.get(key)
            if value is None:
                continue
            field = f"{owner}.{key}" if owner else key
            place = self._place(field, key)
            if isinstance(value, list | tuple):
                self._repeat(made, place, value, field)
            elif isinstance(value, Mapping):
                self._fill(_reach(made, self._element(place, field)), value, field)
            elif place.attribute is not None:
                self._attribute(_reach(made, place.steps), place.attribute, self._text(value, field), field)
            else:
                at = _reach(made, place.steps)
                if at.text is not None:
                    raise RecordError("another field stands at the same place (`paths`)", field=field)
                at.text = self._text(value, field)

    def _repeat(
        self, made: dict[tuple[str, ...], ET.Element], place: _Place, values: Sequence[Any], field: str
    ) -> None:
        steps = self._element(place, field)
        for value in values:
            item = ET.SubElement(_reach(made, steps[:-1]), steps[-1])
            if isinstance(value, Mapping):
                self._fill(item, value, field)
            elif value is not None:
                item.text = self._text(value, field)

    def _element(self, place: _Place, field: str) -> tuple[str, ...]:
        if place.attribute is not None or not place.steps:
            raise RecordError("a list or a map needs an element, not an attribute or a text (`paths`)", field=field)
        return place.steps

    def _attribute(self, element: ET.Element, name: str, text: str, field: str) -> None:
        if element.get(name) is not None:
            raise RecordError("another field stands at the same place (`paths`)", field=field)
        element.set(name, text)

    def _text(self, value: Any, field: str) -> str:
        text = written(value, field, "XML")
        found = _REFUSED.search(text)
        if found is not None:
            raise RecordError(f"the text holds {found[0]!a}, which XML has no form for", field=field)
        return text

    def _place(self, field: str, key: str) -> _Place:
        place = self._places.get(field)
        if place is None:
            place = self._places[field] = self._placed(field, key)
        return place

    def _placed(self, field: str, key: str) -> _Place:
        path = self._kind.paths.get(field, key)
        if path == ".":
            return _Place(steps=())
        *steps, last = path.split("/")
        try:
            if last.startswith("@"):
                attribute = _checked(last[1:], self._kind)
                return _Place(steps=tuple(_checked(step, self._kind) for step in steps), attribute=attribute)
            return _Place(steps=tuple(_checked(step, self._kind) for step in (*steps, last)))
        except ValueError as error:
            raise RecordError(str(error), field=field) from None


def _reach(made: dict[tuple[str, ...], ET.Element], steps: tuple[str, ...]) -> ET.Element:
    """The element these steps lead to, made once for all fields that go there."""
    found = made.get(steps)
    if found is None:
        found = made[steps] = ET.SubElement(_reach(made, steps[:-1]), steps[-1])
    return found


def _checked(name: str, kind: XmlKeys) -> str:
    """An element's or attribute's name as it is written. Raises ValueError for one XML, or an old parser, would not take."""
    if not _NAME.fullmatch(name) or name.casefold().startswith("xmlns"):
        raise ValueError(
            f"`{name[:60]}` can't be an element: letters, digits, `.`, `-` and `_` of ASCII, a letter first"
        )
    path_of(name, kind.namespaces)
    return name

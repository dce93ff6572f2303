"""The shape of a JSON file: one document or an object a line, where the list of records is, and what records hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from engine.contracts import Record
from engine.desk.sniffed import Sniffed
from engine.desk.starting_types import shown_type
from engine.formats.json import Json

_MOST_PATHS = 2_000
_DEEPEST = 12
_PAGING = re.compile(
    r"(?i).*(?:page|pages|count|size|next|prev|previous|limit|offset|status|message|success|more|cursor|token|meta|links)"
)


@dataclass(slots=True)
class Member:
    """One dotted path of the records: how many have it, and of which types it is."""

    count: int = 0
    types: set[str] = field(default_factory=set)


def layout_of(sniffed: Sniffed) -> Json:
    """The format that reads it, the whole file read once where it is one document. Raises ParcelError for what is no JSON."""
    lines = [line.strip() for line in sniffed.lines if line.strip()]
    if len(lines) > 1 and all(line.startswith("{") and line.endswith("}") for line in lines[:50]):
        return Json(layout="lines", encoding=sniffed.encoding)
    kind = Json(encoding=sniffed.encoding)
    if not sniffed.text.lstrip("\ufeff \t\r\n").startswith("{"):
        return kind
    with sniffed.path.open("rb") as stream:
        record = next((record for _, record in kind.records_of(stream)), {})
    found = max(_lists(record), key=lambda one: (one[1], -one[0].count(".")), default=None)
    return Json(encoding=sniffed.encoding, records=found[0]) if found is not None and not _is_record(record) else kind


def _is_record(whole: Record) -> bool:
    """Whether the document is a record itself: it has an id and lines, rather than a list of records and little beside it."""
    from engine.desk.sniffing_xml import LINE_LIKE

    lists = [name for name, _ in _lists(whole)]
    beside = [name for name, value in whole.items() if not isinstance(value, list) and not _PAGING.fullmatch(name)]
    return bool(lists) and bool(beside) and all(LINE_LIKE.fullmatch(name.rpartition(".")[2]) for name in lists)


def _lists(value: Record, before: str = "", depth: int = 0) -> Iterator[tuple[str, int]]:
    """Dotted paths of lists of objects, and how long they are; none inside a list."""
    for name, item in value.items():
        if not name or "." in name:
            continue
        if isinstance(item, list) and item and all(isinstance(one, dict) for one in item):
            yield before + name, len(item)
        elif isinstance(item, dict) and depth < _DEEPEST:
            yield from _lists(item, f"{before}{name}.", depth + 1)


class Members:
    """The members of records seen so far, by dotted path; those of the items of a list behind `[]`."""

    def __init__(self) -> None:
        self.records = 0
        self.found: dict[str, Member] = {}
        self.crowded = False

    def see(self, record: Record) -> None:
        self.records += 1
        self._see(record, "", 0)

    def _see(self, value: Record, before: str, depth: int) -> None:
        for name, item in value.items():
            path = before + name
            member = self.found.get(path)
            if member is None:
                member = Member()
                if len(self.found) >= _MOST_PATHS:
                    self.crowded = True
                    return
                self.found[path] = member
            member.count += 1
            if not name or "." in name:
                member.types.add("a name no path can say")
                continue
            member.types.add(self._type_of(item))
            if depth >= _DEEPEST:
                continue
            if isinstance(item, dict):
                self._see(item, path + ".", depth + 1)
            elif isinstance(item, list):
                for one in item:
                    if isinstance(one, dict):
                        self._see(one, path + "[].", depth + 1)

    def _type_of(self, item: Any) -> str:
        if isinstance(item, list):
            kinds = {shown_type(one) for one in item}
            return "list of objects" if kinds == {"object"} else "empty list" if not kinds else "list of values"
        return shown_type(item)


def keys_of(kind: Json) -> dict[str, Any]:
    """The keys of `json:` that differ from what holds where nothing is said."""
    said: dict[str, Any] = {}
    if kind.layout != "document":
        said["layout"] = kind.layout
    if kind.records is not None:
        said["records"] = kind.records
    if kind.encoding != "utf-8-sig":
        said["encoding"] = kind.encoding
    return said

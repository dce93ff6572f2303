"""pyx12, an X12 reader by other people, asked what it thinks of a file: so that our writer and our reader can't agree on one mistake."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyx12.params
import pyx12.x12file
import pyx12.x12n_document


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What it read: each segment's elements, the id first, and the kind and code of every error."""

    segments: list[list[str]]
    errors: list[tuple[str, str]]

    def of(self, name: str) -> list[list[str]]:
        return [segment for segment in self.segments if segment[0] == name]


def seen(data: bytes) -> Seen:
    """The file by its reader, which looks at envelopes, counts and numbers, and at nothing inside a set."""
    reader = pyx12.x12file.X12Reader(io.StringIO(data.decode("ascii"), newline=""))
    segments = [segment.format(seg_term="").split(reader.ele_term) for segment in reader]
    errors = [(kind, code) for kind, code, *_ in reader.err_list]
    reader.err_list = []
    reader.cleanup()
    return Seen(segments=segments, errors=errors + [(kind, code) for kind, code, *_ in reader.pop_errors()])


def faults(data: bytes) -> list[str]:
    """What it finds wrong by its map of the set, for those it has one of: 997 in 004010, 820 in 004010X061A1 and 005010X218."""
    told = io.StringIO()
    source = io.StringIO(data.decode("ascii"), newline="")
    good = pyx12.x12n_document.x12n_document(pyx12.params.params(), source, None, None, fd_json=told)
    found = list(_errors(json.loads(told.getvalue())))
    return found if good or found else ["it is not valid"]


def _errors(tree: Any, place: str = "") -> Iterator[str]:
    if isinstance(tree, list):
        for each in tree:
            yield from _errors(each, place)
    elif isinstance(tree, dict):
        place = tree.get("seg_id", place)
        if "err_cde" in tree:
            yield f"{place}: {tree['err_cde']} {tree.get('err_str', '')}"
        for each in tree.values():
            yield from _errors(each, place)

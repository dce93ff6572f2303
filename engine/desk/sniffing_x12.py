"""The envelopes of an X12 file, and its sets where one of the packaged descriptions knows them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

from engine.desk.sniffed import MOST_BYTES
from engine.formats.x12 import X12, compile_set
from engine.formats.x12_envelope import Envelopes
from engine.formats.x12_findings import Group, Interchange, Notes, shown
from engine.formats.x12_read import read_head
from engine.spec.document import Problems, read_document

SETS = Path(__file__).resolve().parents[2] / "specs" / "x12"
MOST_LISTED = 20
_MOST = 10_000
_HEAD = 4096


class Part:
    """A stream that ends early where there are more interchanges or bytes than are looked at; `cut` tells."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._left, self.cut = stream, MOST_BYTES, False
        self.envelopes: Envelopes | None = None

    def read(self, size: int = -1) -> bytes:
        enough = self.envelopes is not None and len(self.envelopes.interchanges) > _MOST
        piece = b"" if enough or self._left <= 0 else self._stream.read(size)
        self._left -= len(piece)
        self.cut = self.cut or ((enough or self._left <= 0) and bool(self._stream.read(1)))
        return piece


@dataclass(slots=True)
class Seen:
    """What a file's envelopes say."""

    interchanges: list[Interchange] = field(default_factory=list)
    sets: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    guides: set[str] = field(default_factory=set)
    cut: bool = False

    @property
    def groups(self) -> list[Group]:
        return [group for each in self.interchanges for group in each.groups]


def envelopes_of(stream: BinaryIO, seen: Seen) -> None:
    """Fills it. Raises ParcelError for what is no X12; a broken interchange is told by itself."""
    notes, part = Notes(), Part(stream)
    part.envelopes = Envelopes(cast("BinaryIO", part), leniency="normal", notes=notes, keep=False, most=10_000_000)
    seen.interchanges = part.envelopes.interchanges
    try:
        for raw in part.envelopes.sets():
            name = raw.id if len(seen.sets) < _MOST or raw.id in seen.sets else "other sets"
            seen.sets[name] += 1
            if raw.guide and len(seen.guides) < MOST_LISTED:
                seen.guides.add(raw.guide)
    finally:
        seen.findings, seen.cut = list(notes), part.cut


def broken(seen: Seen) -> list[str]:
    """What is wrong with interchanges and groups; where the file was left before its end, not that they do not end."""
    told = []
    for each in seen.interchanges:
        if each.verdict == "R" and not (each.incomplete and seen.cut):
            told.append(f"{shown(each.at)}: interchange {each.control}: {each.message} (TA1 code {each.note})")
        for group in each.groups:
            if group.rejected and not seen.cut:
                told += [f"{shown(group.at)}: group {group.control}: {message}" for message in group.messages]
    return told


def facts(seen: Seen, head: bytes) -> dict[str, Any]:
    """What a person is told of it."""
    listed = [
        {
            "interchange": each.control,
            "from": f"{each.sender.qualifier}/{each.sender.id}",
            "to": f"{each.receiver.qualifier}/{each.receiver.id}",
            "date": f"{each.date} {each.time}",
            "version": each.version,
            "usage": each.usage,
            "groups": len(each.groups),
            "sets": sum(group.received for group in each.groups),
        }
        for each in seen.interchanges[:MOST_LISTED]
    ]
    groups = [
        {"group": g.control, "functional": g.functional, "from": g.sender, "to": g.receiver, "version": g.version, "sets": g.received}
        for g in seen.groups[:MOST_LISTED]
    ]  # fmt: skip
    answers = sum(len(each.answers) for each in seen.interchanges)
    return {
        **_delimiters(head),
        "interchanges": len(seen.interchanges),
        "groups": len(seen.groups),
        "sets": sum(seen.sets.values()),
        "set ids": [f"{name}: {count}" for name, count in seen.sets.most_common(MOST_LISTED)],
        **({"acknowledged interchanges (TA1)": answers} if answers else {}),
        "each interchange": listed,
        "each group": groups,
    }


def _delimiters(head: bytes) -> dict[str, Any]:
    start = head.find(b"ISA")
    found, _ = read_head(head[start : start + _HEAD], (1, 1, start))
    marks = found.delimiters
    said = {
        "element delimiter": marks.element,
        "segment terminator": {"\n": "line feed", "\r": "carriage return"}.get(marks.segment, marks.segment),
        "component delimiter": marks.component or "none",
        "repetition delimiter": marks.repetition or "none",
    }
    return dict(said)


def described(seen: Seen) -> X12 | None:
    """The format for the one set of the file; None where it holds several, or one that no packaged description knows."""
    names = list(seen.sets)
    if len(names) != 1 or not re.fullmatch(r"[0-9]{3}", names[0]):
        return None
    path = SETS / f"{names[0]}.yaml"
    node = read_document(path, Problems()) if path.is_file() else None
    if node is None:
        return None
    versions = dict.fromkeys(group.version for group in seen.groups if re.fullmatch(r"[0-9]{6}\w*", group.version))
    known: Mapping[str, Any] = {"versions": tuple(versions)} if versions else {}
    return X12(set_=names[0], **known).described(compile_set(node.plain()))

"""What a spec says of an XML file, and the paths it says it in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

DEEPEST = 64
MOST_ATTRIBUTES = 256
MOST_NAMES = 5_000
"""Different names of elements, attributes and namespaces in one file: the parser keeps each of them to the end."""
MOST_LINES = 100_000
"""Lines of one record."""
LONGEST_NAME = 1_000
"""Characters of a name together with its namespace."""
LONGEST_TAG = 1024 * 1024
"""Bytes of one tag with its attributes, or of a comment: the time to read it grows with its square in older parsers."""

_NAME = r"[^\W\d][\w.\-]*"
_STEP = re.compile(rf"(?:({_NAME}):)?({_NAME})")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]*")
_PREFIX_OF_XML = {"xml": "http://www.w3.org/XML/1998/namespace"}


@dataclass(frozen=True, kw_only=True, slots=True)
class XmlKeys:
    """The keys of `xml:`. `records` is the path of the record element from the root: `Invoices/Invoice`.

    `columns` are the fields that are written, in which order (`lines.amount` for one of a list's), `paths` where each of them
    goes where that is not an element of its own name. `encoding` is that of files written, and of files that declare none.
    """

    records: str
    namespaces: Mapping[str, str] = field(default_factory=dict)
    repeat: tuple[str, ...] = ()
    encoding: Literal["utf-8", "utf-16", "latin-1", "cp1252"] = "utf-8"
    columns: tuple[str, ...] = ()
    paths: Mapping[str, str] = field(default_factory=dict)
    max_record: int = 16 * 1024 * 1024
    max_field: int = 1024 * 1024
    max_rows: int | None = None

    def __post_init__(self) -> None:
        for prefix, address in self.namespaces.items():
            if not _PLAIN.fullmatch(prefix) or prefix.casefold().startswith("xml"):
                raise ValueError(f"`{prefix}` is no prefix: a letter, then letters, digits, `.`, `-` and `_`")
            if not address or len(address) > LONGEST_NAME or not address.isprintable():
                raise ValueError(f"the namespace of `{prefix}` is no address")
        for title, paths in (("records", (self.records,)), ("repeat", self.repeat)):
            for path in paths:
                if path_of(path, self.namespaces).attribute or path == ".":
                    raise ValueError(f"`{title}` leads to an element, and `{path}` does not")
        if len(path_of(self.records, self.namespaces).steps) >= DEEPEST:
            raise ValueError(f"`records` is deeper than {DEEPEST} elements")
        for path in self.paths.values():
            path_of(path, self.namespaces)
        if len(set(self.columns)) != len(self.columns):
            raise ValueError("`columns` names a field twice")


Step = tuple[str | None, str]
"""Namespace (None: whichever) and local name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Path:
    """A path taken apart: the elements to go through, and the attribute at its end. Neither: the element's own text."""

    steps: tuple[Step, ...] = ()
    attribute: Step | None = None


def path_of(text: str, namespaces: Mapping[str, str]) -> Path:
    """`Vendor/Id`, `@currency`, `Amount/@unit`, `inv:Id` or `.`. Raises ValueError for anything else."""
    if text == ".":
        return Path()
    *before, last = text.split("/")
    steps = [_step(part, text, namespaces) for part in before]
    if last.startswith("@"):
        return Path(steps=tuple(steps), attribute=_step(last[1:], text, namespaces))
    return Path(steps=(*steps, _step(last, text, namespaces)))


def _step(part: str, text: str, namespaces: Mapping[str, str]) -> Step:
    found = _STEP.fullmatch(part)
    if found is None:
        raise ValueError(
            f"`{text}` is no path: elements are separated by `/`, an attribute at its end starts with `@`, and `.` is the"
            " element's own text"
        )
    if found[1] is None:
        return None, found[2]
    known = {**_PREFIX_OF_XML, **namespaces}
    if found[1] not in known:
        raise ValueError(f"the prefix `{found[1]}` of `{text}` is not declared in `namespaces`")
    return known[found[1]], found[2]


def fits(step: Step, name: str) -> bool:
    """Whether the parser's name (`namespace}local`, or `local`) is the one the step means."""
    namespace, _, local = name.rpartition("}")
    return local == step[1] and step[0] in {None, namespace}

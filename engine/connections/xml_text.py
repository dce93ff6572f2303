"""Plain data to an XML document: elements in the order of the data, every value escaped, nothing pasted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape, quoteattr  # writes, never parses

from engine.connections.wire import DEEPEST, Wire, text_of
from engine.errors import RecordError

_NAME = re.compile(r"(?:[A-Za-z_][\w.\-]*:)?[A-Za-z_][\w.\-]*", re.ASCII)
_REFUSED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def encode_xml(value: Any, wire: Wire) -> str:
    """An object with one member, the root, as a document without a declaration. Raises RecordError.

    A member is an element, one called `@name` an attribute, `.` the element's own text; a list repeats its element, null
    leaves it out, an empty text is an empty element.
    """
    if not isinstance(value, Mapping) or len(value) != 1:
        raise RecordError("an XML document has one root: its tree must yield an object with one member")
    ((name, content),) = value.items()
    if content is None or isinstance(content, list | tuple):
        raise RecordError("the root of an XML document is one element, neither nothing nor a list", field=str(name))
    pieces: list[str] = []
    _element(pieces, str(name), content, wire, str(name), 1)
    return "".join(pieces)


def _element(pieces: list[str], name: str, content: Any, wire: Wire, path: str, level: int) -> None:
    if level > DEEPEST:
        raise RecordError(f"the document is nested deeper than {DEEPEST} levels", field=path)
    _check(name, path)
    if not isinstance(content, Mapping):
        pieces.append(f"<{name}>{_text(content, wire, path)}</{name}>")
        return
    attributes = "".join(
        f" {_check(str(key)[1:], path)}={quoteattr(_plain(member, wire, f'{path}/{key}'), _IN_ATTRIBUTES)}"
        for key, member in content.items()
        if str(key).startswith("@") and member is not None
    )
    pieces.append(f"<{name}{attributes}>")
    for key, member in content.items():
        if key == ".":
            pieces.append(_text(member, wire, path) if member is not None else "")
        elif not str(key).startswith("@"):
            for item in member if isinstance(member, list | tuple) else (member,):
                if item is not None:
                    _element(pieces, str(key), item, wire, f"{path}/{key}", level + 1)
    pieces.append(f"</{name}>")


_IN_ATTRIBUTES = {"\r": "&#13;", "\n": "&#10;", "\t": "&#9;"}


def _text(value: Any, wire: Wire, path: str) -> str:
    return escape(_plain(value, wire, path), {"\r": "&#13;"})


def _plain(value: Any, wire: Wire, path: str) -> str:
    try:
        text = text_of(value, wire)
    except RecordError as error:
        raise RecordError(str(error), field=path) from None
    found = _REFUSED.search(text)
    if found is not None:
        raise RecordError(f"the text holds {found[0]!a}, which XML has no form for", field=path)
    return text


def _check(name: str, path: str) -> str:
    if not _NAME.fullmatch(name):
        raise RecordError(f"`{name[:60]}` can't be the name of an element or attribute", field=path)
    return name

"""The body of an answer as plain data: JSON, or XML and bare text that say inside a 200 whether a call worked."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal
from xml.parsers import expat

from engine.connections.wire import DEEPEST, Broken, decode_json

MOST_ELEMENTS = 500_000
"""Elements of one answer."""

_ENCODINGS = {"utf-8": "utf-8-sig", "us-ascii": "ascii", "iso-8859-1": "latin-1", "windows-1252": "cp1252"}
_SAME = {
    "utf8": "utf-8",
    "ascii": "us-ascii",
    "latin-1": "iso-8859-1",
    "latin1": "iso-8859-1",
    "cp1252": "windows-1252",
}
_CHARSET = re.compile(r"""(?i)\bcharset\s*=\s*"?([\w.:-]+)""")
_DECLARED = re.compile(rb"""\s*<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_DECLARATION = re.compile(r"\s*<\?xml[^>]*\?>")
_PAGE = re.compile(r"(?i)\s*(<\?xml[^>]*\?>\s*)?<(!doctype\s+)?html\b")
_WRAPPED = re.compile(r"<string[\s/>]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """The keys of `answers`. Without `as: xml` an answer is JSON and the rest says nothing.

    `unwrap`: the answer stands inside a JSON string or an element `<string>`. `encoding` is that of bytes that say none.
    `names` folds the names of elements and attributes, `repeat` names elements that are lists even when they come once.
    """

    as_: Literal["json", "xml"] = "json"
    unwrap: bool = False
    encoding: Literal["utf-8", "cp1252", "latin-1"] = "utf-8"
    names: Literal["exact", "lower"] = "exact"
    repeat: tuple[str, ...] = ()


JSON = Answers()
"""What an answer is where a system file says nothing."""


def read_answer(kind: Answers, body: bytes, content_type: str = "") -> Any:
    """The data of a body. An XML answer is an object with its root as the one member; bare text stands under `text`.

    An element is its text, or an object of its attributes (`@name`) and elements; one that comes several times is a list.
    Raises Broken.
    """
    if kind.as_ == "json":
        if body.lstrip()[:1] == b"<":
            raise Broken("it is a web page or XML, not JSON")
        return decode_json(body)
    text = _decoded(kind, body, content_type)
    if kind.unwrap:
        text = _unwrapped(text)
    if not text.strip():
        raise Broken("it is empty")
    if _PAGE.match(text):
        raise Broken("it is a web page")
    if text.lstrip()[:1] != "<":
        return {"text": text}
    name, content = _Reader(lower=kind.names == "lower", repeat=kind.repeat).read(text)
    return {name: content}


def _decoded(kind: Answers, body: bytes, content_type: str) -> str:
    """What the message says of itself wins over what is written inside it (RFC 7303, 3.2)."""
    said, declared = _CHARSET.search(content_type), _DECLARED.match(body)
    name = said[1] if said else declared[1].decode() if declared else kind.encoding
    codec = _ENCODINGS.get(_SAME.get(name.lower(), name.lower()))
    if codec is None:
        raise Broken(f"it is encoded as `{name[:40]}`; read are {', '.join(_ENCODINGS)}")
    try:
        return body.decode(codec)
    except UnicodeDecodeError:
        raise Broken(f"it is not encoded as {name}, which it says it is") from None


def _unwrapped(text: str) -> str:
    """The text inside a JSON string or a `<string>` element; any other text as it is."""
    bare = text.strip()
    if bare.startswith('"') and bare.endswith('"'):
        try:
            return str(decode_json(bare.encode()))
        except (Broken, UnicodeEncodeError):
            raise Broken("it begins like a JSON string and is none") from None
    head = _DECLARATION.sub("", bare, count=1).lstrip()
    if _WRAPPED.match(head):
        _, content = _Reader(lower=False).read(bare)
        return str(content.get(".", "")) if isinstance(content, dict) else str(content)
    return text


class _Reader:
    """Builds plain data while the parser walks. A DTD is refused, so there are no entities to expand."""

    def __init__(self, *, lower: bool, repeat: Collection[str] = ()) -> None:
        self._lower = lower
        self._repeat = {name.lower() for name in repeat} if lower else set(repeat)
        self._open: list[tuple[str, dict[str, Any], list[str]]] = [("", {}, [])]
        self._elements = 0

    def read(self, text: str) -> tuple[str, Any]:
        """The root's name and content. Raises Broken."""
        parser = expat.ParserCreate("utf-8", "}")  # the text is decoded already: what it declares is stale
        parser.buffer_text = True
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = _refuse_doctype
        try:
            parser.Parse(text.lstrip("\ufeff \t\r\n").encode(), True)
        except expat.ExpatError as error:
            raise Broken(f"it is no XML: {expat.ErrorString(error.code)} in line {error.lineno}") from None
        except UnicodeEncodeError:
            raise Broken("a text in it holds half a character") from None
        ((name, content),) = self._open[0][1].items()
        return name, content[0] if isinstance(content, list) else content

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if len(self._open) > DEEPEST or self._elements > MOST_ELEMENTS:
            raise Broken(f"it has more than {DEEPEST} levels or {MOST_ELEMENTS} elements")
        found = {f"@{self._named(key)}": value for key, value in attributes.items()}
        self._open.append((self._named(name), found, []))

    def _text(self, text: str) -> None:
        self._open[-1][2].append(text)

    def _end(self, _name: str) -> None:
        name, found, pieces = self._open.pop()
        text = "".join(pieces)
        if found and text.strip():
            found["."] = text
        _put(self._open[-1][1], name, found or text, several=name in self._repeat)

    def _named(self, name: str) -> str:
        local = name.rpartition("}")[2]
        return local.lower() if self._lower else local


def _put(into: dict[str, Any], name: str, value: Any, *, several: bool) -> None:
    if name not in into:
        into[name] = [value] if several else value
    elif isinstance(into[name], list):
        into[name].append(value)
    else:
        into[name] = [into[name], value]


def _refuse_doctype(*_: object) -> None:
    raise Broken("it has a DTD (`<!DOCTYPE`), which is refused")

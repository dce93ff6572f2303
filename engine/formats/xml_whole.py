"""Whether an XML file is whole, looked at before it is read: its end closes the element its beginning opened."""

from __future__ import annotations

import io
import re
from typing import BinaryIO
from xml.parsers import expat

from engine.errors import ParcelError
from engine.formats.lines import place_of_end
from engine.formats.xml_keys import XmlKeys

PIECE = 64 * 1024
_ENCODINGS = frozenset({"utf-8", "utf-16", "utf-16le", "utf-16be", "iso-8859-1", "windows-1252", "cp1252", "us-ascii"})
_UNDECLARED = {"latin-1": "iso-8859-1", "cp1252": "windows-1252"}
_DECLARES = re.compile(rb"\s*<\?xml[^>]*\sencoding\s*=")
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<")


class _Begun(Exception):
    """The root element stands open: the rest is not for this look."""


def parser_for(kind: XmlKeys, head: bytes, *, separator: str | None = "}") -> expat.XMLParserType:
    """A parser that refuses every DTD and every encoding but those that are safe to read; `head` is how the file begins.

    Without a DTD there are no entities: nothing can be expanded, fetched or included. expat itself refuses control characters.
    """
    declared = head.startswith(_MARKS) or _DECLARES.match(head)
    name = None if declared else _UNDECLARED.get(kind.encoding)
    # One dictionary of names for each parser, so that they can be counted.
    parser = expat.ParserCreate(name, separator, intern={})

    def declaration(_version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.casefold() not in _ENCODINGS:
            raise ParcelError(
                f"the file declares the encoding `{encoding[:40]}`, and UTF-8, UTF-16, ISO-8859-1, Windows-1252 and US-ASCII are read",
                place="line 1",
            )

    def doctype(*_: object) -> None:
        raise ParcelError("the file has a DTD (`<!DOCTYPE`), which is refused", place=place_of(parser))

    parser.XmlDeclHandler = declaration
    parser.StartDoctypeDeclHandler = doctype
    return parser


def ensure_whole(kind: XmlKeys, stream: BinaryIO) -> bytes:
    """Raises ParcelError for a file that is empty or cut off; the stream stands where it stood. Returns how it begins."""
    start = stream.tell()
    head = stream.read(PIECE)
    if not head.strip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n"):
        raise ParcelError("the file is empty", place="line 1")
    root = _root_name(kind, head)
    if root is not None and root.isascii():
        size = stream.seek(0, io.SEEK_END) - start
        stream.seek(start + max(0, size - PIECE) // 2 * 2)
        if not _is_closed(stream.read(PIECE + 2), root, head):
            stream.seek(start)
            raise ParcelError(
                f"the file does not end with `</{root}>`: the upload is incomplete, or something stands behind the end",
                place=place_of_end(stream),
            )
    stream.seek(start)
    return head


def _root_name(kind: XmlKeys, head: bytes) -> str | None:
    """The root element as the file writes it, prefix included. None where it is not in the head, or the head is broken."""
    parser = parser_for(kind, head, separator=None)
    found: list[str] = []

    def start(name: str, _attributes: object) -> None:
        found.append(name)
        raise _Begun

    parser.StartElementHandler = start
    try:
        parser.Parse(head)
    except _Begun:
        return found[0]
    except (expat.ExpatError, ValueError, LookupError):
        return None  # reading it will tell what is wrong, and where
    return None


def _is_closed(tail: bytes, root: str, head: bytes) -> bool:
    text = tail.decode(_encoding_of(head), "replace").strip("\0 \t\r\n\ufeff")
    for opens, closes in (("<!--", "-->"), ("<?", "?>")) * 8:
        if text.endswith(closes) and opens in text:
            text = text[: text.rindex(opens)].rstrip()
    if text.endswith(("-->", "?>")):
        return True  # more of it than this look sees
    last = text[text.rfind("<") :]
    name = last.removeprefix("</").removeprefix("<").rstrip("/>").split(maxsplit=1)
    return last.endswith(">") and name[:1] == [root] and (last.startswith("</") or last.endswith("/>"))


def _encoding_of(head: bytes) -> str:
    """What is enough to find ASCII markup at the end."""
    if head.startswith((b"\xff\xfe", b"<\0")):
        return "utf-16-le"
    return "utf-16-be" if head.startswith((b"\xfe\xff", b"\0<")) else "latin-1"


def place_of(parser: expat.XMLParserType) -> str:
    return f"line {parser.CurrentLineNumber}, byte {parser.CurrentByteIndex}"

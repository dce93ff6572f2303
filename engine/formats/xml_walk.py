"""One pass over an XML file, piece by piece: limits kept, errors named with line and byte, no tree of the whole file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Generic, TypeVar
from xml.parsers import expat

from engine.errors import ParcelError
from engine.formats.xml_keys import DEEPEST, LONGEST_NAME, LONGEST_TAG, MOST_ATTRIBUTES, MOST_NAMES, XmlKeys
from engine.formats.xml_whole import PIECE, ensure_whole, parser_for, place_of

Item = TypeVar("Item")

_CUT = frozenset(
    expat.errors.codes[said]
    for said in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
    )
)
_ADVICE = {
    expat.errors.codes[expat.errors.XML_ERROR_INVALID_TOKEN]: (
        ": a `&` or `<` that is not written `&amp;` or `&lt;`, a control character, or another encoding than the declared one"
    ),
    expat.errors.codes[expat.errors.XML_ERROR_UNDEFINED_ENTITY]: ": only `&amp; &lt; &gt; &quot; &apos;` are known",
}


@dataclass(kw_only=True, slots=True)
class Pass(Generic[Item]):
    """What the handlers of one pass share with it: finished items, text since the last tag, where the open record began (byte)."""

    parser: expat.XMLParserType
    done: list[Item] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    since: int | None = None

    @property
    def place(self) -> str:
        """Where the tag stands that is being read."""
        return place_of(self.parser)


Attach = Callable[[Pass[Item]], None]
"""Sets the handlers of elements."""


def walk(kind: XmlKeys, stream: BinaryIO, attach: Attach[Any]) -> Iterator[Any]:
    """What the handlers finish, as they finish it. Raises ParcelError; for a file cut off before anything is handed over."""
    parser = parser_for(kind, ensure_whole(kind, stream))
    parser.ordered_attributes = True
    parser.buffer_text = True
    names: dict[str, str] = parser.intern
    one: Pass[Any] = Pass(parser=parser)
    parser.CharacterDataHandler = one.texts.append
    parser.StartNamespaceDeclHandler = lambda _prefix, uri: _check_namespace(uri, one)
    attach(one)
    fed, last = 0, False
    while not last:
        piece = stream.read(PIECE)
        last = not piece
        fed += len(piece)
        try:
            parser.Parse(piece, last)
        except expat.ExpatError as error:
            raise _broken(error, parser, at_end=last) from error
        except (LookupError, ValueError) as error:
            raise ParcelError(f"the text can't be decoded: {error}", place=one.place) from error
        if len(names) > MOST_NAMES:
            raise ParcelError(f"the file has more than {MOST_NAMES} different names", place=one.place)
        _check_size(kind, one, fed)
        yield from one.done
        one.done.clear()


def check_element(depth: int, attributes: list[str], one: Pass[Any]) -> None:
    """Raises ParcelError for an element too deep, or with too many attributes; `attributes` are names and values in turn."""
    if depth > DEEPEST:
        raise ParcelError(f"elements are nested deeper than {DEEPEST}", place=one.place)
    if len(attributes) > 2 * MOST_ATTRIBUTES:
        raise ParcelError(f"an element has more than {MOST_ATTRIBUTES} attributes", place=one.place)


def check_count(kind: XmlKeys, count: int, place: str) -> None:
    """Raises ParcelError behind the last record a file may have."""
    if kind.max_rows is not None and count > kind.max_rows:
        raise ParcelError(f"the file has more than {kind.max_rows} records (`max_rows`)", place=place)


def wrong_root(kind: XmlKeys, name: str, one: Pass[Any]) -> ParcelError:
    """The file is another one than the spec describes; `name` as the parser has it."""
    shown, wanted = name.rpartition("}")[2][:60], kind.records.partition("/")[0]
    return ParcelError(f"the root element is `{shown}`, and `records` begins with `{wanted}`", place=one.place)


def _check_namespace(uri: str | None, one: Pass[Any]) -> None:
    # Each name of an element is handed over with its namespace before it: a long one would be multiplied.
    if uri is not None and len(uri) > LONGEST_NAME:
        raise ParcelError(f"a namespace is longer than {LONGEST_NAME} characters", place=one.place)


def _check_size(kind: XmlKeys, one: Pass[Any], fed: int) -> None:
    # Within a tag or a comment the parser waits for the end of it, and starts over with every piece: its place is where that begins.
    begin = max(one.parser.CurrentByteIndex, 0)
    longest = min(LONGEST_TAG, kind.max_record)
    if one.since is None:
        one.texts.clear()
    elif fed - one.since > kind.max_record + PIECE:
        raise ParcelError(
            f"the record is longer than {kind.max_record} bytes (`max_record`)", place=f"byte {one.since}"
        )
    if fed - begin > longest + PIECE:
        raise ParcelError(f"a tag or comment is longer than {longest} bytes", place=f"byte {begin}")


def _broken(error: expat.ExpatError, parser: expat.XMLParserType, *, at_end: bool) -> ParcelError:
    place = f"line {error.lineno}, byte {parser.ErrorByteIndex}"
    if at_end and error.code in _CUT:
        return ParcelError("the file ends inside an element: the upload is incomplete", place=place)
    said = expat.errors.messages.get(error.code, "unknown error")
    return ParcelError(f"this is not XML: {said}{_ADVICE.get(error.code, '')}", place=place)

"""Answers of the SYSPRO stand-in: always 200, told apart by their text; cp1252, in one of three frames."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from xml.etree import ElementTree as ET

from engine.sandbox.syspro_rules import Framing, Rules
from engine.sandbox.web_messages import Response

DEAD_SESSION = (
    "The supplied UserID is invalid. Either you were not logged in; or your session has expired. "
    "You will need to logon again."
)
_DECLARATION = '<?xml version="1.0" encoding="Windows-1252"?>\n'
_ATTRIBUTES = {
    "Language": "05",
    "Language2": "EN",
    "CssStyle": "",
    "DecFormat": "1",
    "DateFormat": "01",
    "Role": "01",
    "Version": "7.0.111",
    "OperatorPrimaryRole": "   ",
}

BAD_DATE, BLANK, NOT_NUMERIC, NOT_FOUND = 100028, 100030, 100031, 240004
"""Numbers seen on real servers."""
EXISTS, INVALID, OUT_OF_BALANCE, PERIOD_CLOSED, WARNED = 990001, 990002, 990003, 990004, 990005
"""Numbers of this stand-in's own: the real ones are not public, and nobody may decide by them."""


class Trouble(Exception):  # it is an answer, not a fault of ours
    """The whole call fails: `ERROR: ` and this text, at HTTP 200."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldError:
    """What is wrong with one field; `below` names the elements it stands in. A warning may be waved through."""

    field: str
    value: str
    number: int
    text: str
    below: Sequence[str] = ()
    warning: bool = False


def root_of(rules: Rules, name: str) -> ET.Element:
    """The root of a posting or setup answer, with the usual attributes."""
    return ET.Element(name.lower() if rules.root_case == "lower" else name, _ATTRIBUTES)


def add(parent: ET.Element, name: str, text: str = "") -> ET.Element:
    """A new child with this text."""
    child = ET.SubElement(parent, name)
    child.text = text
    return child


def add_error(item: ET.Element, error: FieldError, *, lower: bool = False, waved: bool = False) -> None:
    """The block of a field error below its item; `waved` tells a warning the caller asked to pass over."""
    at = item
    for name in (*error.below, error.field):
        at = ET.SubElement(at, name.lower() if lower else name)
    add(at, "Value", error.value)
    if waved:
        add(at, "WarningDescription", error.text)
    else:
        add(at, "ErrorNumber", str(error.number))
        add(at, "ErrorDescription", error.text)


def xml_text(root: ET.Element) -> str:
    """The document with its declaration; what cp1252 does not have goes out as character references."""
    body: bytes = ET.tostring(root, encoding="cp1252", xml_declaration=False)
    return _DECLARATION + body.decode("cp1252")


def frame(text: str, framing: Framing) -> Response:
    """The answer on the wire.

    Bare text is cp1252, as declared. In the other two frames the server puts the finished text into a message of its
    own: that is UTF-8, and the declaration inside, which still says Windows-1252, is stale.
    """
    if framing == "json":
        body = json.dumps(text, ensure_ascii=False).encode()
        return Response(body=body, content_type="application/json; charset=utf-8")
    if framing == "string":
        space = "http://schemas.microsoft.com/2003/10/Serialization/"
        wrapped = f'<string xmlns="{space}">{escape(text, quote=False)}</string>'
        return Response(body=wrapped.encode(), content_type="application/xml; charset=utf-8")
    return Response(body=text.encode("cp1252", "replace"), content_type="application/octet-stream")


def page(status: int, title: str, **headers: str) -> Response:
    """What the web server in front says by itself, in HTML."""
    body = (
        f"<!DOCTYPE html><html><head><title>{escape(title)}</title></head><body><h1>{escape(title)}</h1></body></html>"
    )
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status=status, body=body.encode(), content_type="text/html; charset=us-ascii", headers=named)

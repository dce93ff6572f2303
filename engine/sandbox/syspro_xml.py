"""XML a client sends to the SYSPRO stand-in: read without DTD, held against the order of the XSD, fields typed."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NoReturn
from xml.etree import ElementTree as ET

from engine.sandbox.syspro_answers import BAD_DATE, BLANK, INVALID, NOT_NUMERIC, FieldError, Trouble

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MONEY = re.compile(r"[+-]?\d{1,13}(\.\d{1,2})?", re.ASCII)
_ENCODING = re.compile(r"""^(\s*<\?xml\b[^>]*?)\s+encoding\s*=\s*("[^"]*"|'[^']*')""")


class _Tree(ET.TreeBuilder):
    def doctype(self, name: str, pubid: str | None, system: str | None) -> NoReturn:
        raise Trouble("A DTD is not allowed in the XML")


def read_xml(text: str, what: str) -> ET.Element:
    """The root element; Trouble for anything not well-formed, and for any DTD. A declared encoding does not count."""
    parser = ET.XMLParser(target=_Tree(), encoding="utf-8")  # noqa: S314  # a DTD ends it, so nothing can be expanded
    try:
        parser.feed(_ENCODING.sub(r"\1", text).encode())
        root = parser.close()
    except ET.ParseError as error:
        raise Trouble(f"{what} is not well-formed XML: {error}") from None
    except UnicodeEncodeError:
        raise Trouble(f"{what} is not well-formed XML: a character is no character") from None
    assert isinstance(root, ET.Element)
    return root


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """The children of an element in the order of the XSD; `within` has the shape of those that have children.

    A name ending in `+` may repeat, one ending in `*` stands for all that begin so, one ending in `?` may hold anything.
    """

    names: tuple[str, ...]
    within: Mapping[str, Shape] = field(default_factory=dict)

    def place(self, name: str) -> int | None:
        """Where a child belongs; None when the XSD does not have it."""
        for number, known in enumerate(self.names):
            if known.rstrip("+?") == name or (known.endswith("*") and name.startswith(known[:-1])):
                return number
        return None


def shape(names: str, **within: Shape) -> Shape:
    return Shape(names=tuple(names.split()), within=within)


def check_shape(element: ET.Element, expected: Shape, *, strict: bool, ignored: set[str]) -> None:
    """Trouble for an element that is unknown, out of order, repeated or nested; if not `strict`, it is noted only."""
    at = 0
    for child in element:
        wrong = _wrong(element, child, expected, at)
        if wrong is not None:
            if strict:
                raise Trouble(wrong)
            ignored.add(wrong)
        place = expected.place(child.tag)
        if place is None:
            continue
        at = max(at, place + (not expected.names[place].endswith(("+", "*"))))
        if child.tag in expected.within:
            check_shape(child, expected.within[child.tag], strict=strict, ignored=ignored)


def _wrong(parent: ET.Element, child: ET.Element, expected: Shape, at: int) -> str | None:
    place = expected.place(child.tag)
    if place is None:
        return f"The element '{child.tag}' is not expected in '{parent.tag}'"
    if place < at:
        return f"The element '{child.tag}' is out of order or repeated in '{parent.tag}'"
    if len(child) and child.tag not in expected.within and not expected.names[place].endswith("?"):
        return f"The element '{child.tag}' in '{parent.tag}' holds elements, and must hold text"
    return None


def expect_root(root: ET.Element, name: str) -> None:
    if root.tag != name:
        raise Trouble(f"The root element is '{root.tag}', and must be '{name}'")


@dataclass(kw_only=True)
class Fields:
    """The fields of one element; what is wrong with them gathers in `errors`, which elements below may share."""

    element: ET.Element
    errors: list[FieldError]
    below: tuple[str, ...] = ()

    def raw(self, name: str) -> str:
        """The text without blanks around it, empty when the element is missing."""
        return (self.element.findtext(name) or "").strip()

    def given(self, name: str) -> bool:
        return self.element.find(name) is not None

    def inner(self, name: str) -> Iterator[Fields]:
        """The elements of this name below."""
        for child in self.element.findall(name):
            yield Fields(element=child, errors=self.errors, below=(*self.below, name))

    def wrong(self, name: str, number: int, text: str, *, warning: bool = False) -> None:
        found = FieldError(
            field=name, value=self.raw(name), number=number, text=text, below=self.below, warning=warning
        )
        self.errors.append(found)

    def needed(self, name: str) -> str:
        """The text; an error when it is blank or missing."""
        text = self.raw(name)
        if not text:
            self.wrong(name, BLANK, f"{name} must not be spaces")
        return text

    def money(self, name: str) -> Decimal:
        """A plain decimal with at most two places; 0 when blank or missing."""
        text = self.raw(name)
        if not text:
            return Decimal(0)
        if not _MONEY.fullmatch(text):
            self.wrong(name, NOT_NUMERIC, f"{name} '{text}' must be numeric")
            return Decimal(0)
        return Decimal(text)

    def whole(self, name: str) -> int | None:
        text = self.raw(name)
        if not text:
            return None
        if not re.fullmatch(r"[0-9]{1,9}", text):
            self.wrong(name, NOT_NUMERIC, f"{name} '{text}' must be numeric")
            return None
        return int(text)

    def day(self, name: str) -> date | None:
        """A date written CCYY-MM-DD; None when blank or missing."""
        text = self.raw(name)
        if not text:
            return None
        try:
            if _DATE.fullmatch(text):
                return date.fromisoformat(text)
        except ValueError:
            pass
        self.wrong(name, BAD_DATE, f"{name} '{text}' is not a valid date, use CCYY-MM-DD")
        return None

    def one_of(self, name: str, allowed: Collection[str], default: str) -> str:
        text = self.raw(name) or default
        if text not in allowed:
            self.wrong(name, INVALID, f"{name} must be one of {', '.join(sorted(allowed))}")
            return default
        return text


def read_options(root: ET.Element, allowed: Mapping[str, str]) -> dict[str, str]:
    """The parameters of a call; `allowed` has the letters each may hold, the default first. Trouble for another letter."""
    found: dict[str, str] = {}
    for name, letters in allowed.items():
        text = (root.findtext(f"Parameters/{name}") or "").strip() or letters[0]
        if text not in letters or len(text) != 1:
            raise Trouble(f"The parameter '{name}' does not take '{text}'; use one of {', '.join(letters)}")
        found[name] = text
    return found

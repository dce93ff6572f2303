"""What a spec says of X12 files: which set, how strictly it is read, and the envelope of what is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Leniency = Literal["strict", "normal", "lenient"]
NewLine = Literal["none", "lf", "crlf"]
DelimiterInData = Literal["refuse", "replace"]
Tree = Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class X12Party:
    """`sender:` and `receiver:`. `application` is GS02 or GS03 where it differs from the id."""

    qualifier: Tree
    id: Tree
    application: Tree | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class X12Delimiters:
    """`delimiters:` of what is written; what is read has its own."""

    element: str = "*"
    segment: str = "~"
    component: str = ">"
    repetition: str = "^"


@dataclass(frozen=True, kw_only=True, slots=True)
class X12Send:
    """`send:` of an X12 object: needed to write sets. `usage` is P or T."""

    sender: X12Party
    receiver: X12Party
    usage: Tree | None = None
    version: str = "004010"
    ack_wanted: bool = False
    newline: NewLine = "lf"
    delimiters: X12Delimiters = X12Delimiters()


@dataclass(frozen=True, kw_only=True, slots=True)
class X12Keys:
    """The keys of `x12:`. `set_` names the file of the set's description; `duplicates` are interchanges whose number came before."""

    set_: str
    versions: tuple[str, ...] = ("004010", "005010")
    leniency: Leniency = "normal"
    balance: Literal["warn", "error", "off"] = "warn"
    encoding: Literal["utf-8", "cp1252", "latin-1"] = "utf-8"
    delimiter_in_data: DelimiterInData = "refuse"
    duplicates: Literal["refuse", "read"] = "refuse"
    max_segments: int = 100_000

    def __post_init__(self) -> None:
        if not self.versions or not all(version[:6].isdigit() and len(version) >= 6 for version in self.versions):
            raise ValueError(
                "`versions` are six digits, such as `004010`, with a guide's name behind them where there is one"
            )
        if self.max_segments < 1:
            raise ValueError("`max_segments` must be at least 1")

"""A file's looks, as far as every format asks for them."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.formats.lines import Encoding

HEAD = 1024 * 1024
"""Bytes looked at closely."""
MOST_BYTES = 256 * 1024 * 1024
"""Bytes counted at most; what is behind them is told as not looked at."""

Kind = Literal["csv", "xml", "json", "fixed", "x12"]
KINDS: tuple[Kind, ...] = ("csv", "xml", "json", "fixed", "x12")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sniffed:
    """A file's looks. `text` is its beginning, whole lines only; `whole` says that it is all of it. `kind` None: nothing to read, `why`."""

    path: Path
    size: int
    kind: Kind | None
    why: str = ""
    encoding: Encoding = "utf-8-sig"
    mark: str = ""
    text: str = ""
    whole: bool = True
    ascii: bool = True
    findings: tuple[str, ...] = ()

    @property
    def lines(self) -> list[str]:
        """The lines of `text` without their ends."""
        found = self.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        return found[:-1] if found and not found[-1] else found

    @property
    def line_ends(self) -> dict[str, int]:
        """How often each line end stands in `text`."""
        crlf = self.text.count("\r\n")
        counts = {"crlf": crlf, "lf": self.text.count("\n") - crlf, "cr": self.text.count("\r") - crlf}
        return {name: count for name, count in counts.items() if count}


def text_lines(text: str) -> list[str]:
    """Lines with their ends, by the line ends that files have and no others."""
    return io.StringIO(text, newline="").readlines()

"""What `init` proposes for a sample, before it is written as YAML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from engine.contracts import BadRow
from engine.desk.sniffed import Sniffed
from engine.formats.csv import Csv
from engine.formats.json import Json
from engine.formats.layouts import Whole
from engine.formats.reading import Wanted

Values = tuple[Sequence[Any], Sequence[Sequence[Any]]]
"""What one record holds: the values of the header's columns, and those of each line."""


@dataclass(kw_only=True, slots=True)
class Draft:
    """`keys` are those of the format's block. `header` and `lines` are columns as the file names them; `flat`: each row has both.

    `texts` and `line_texts` are those that are text whatever they look like.
    """

    name: str
    keys: dict[str, Any]
    format: Any
    by: Literal["column", "path"]
    header: list[str]
    lines: list[str] = field(default_factory=list)
    each: str | None = None
    flat: bool = False
    texts: frozenset[str] = frozenset()
    line_texts: frozenset[str] = frozenset()
    notes: list[str] = field(default_factory=list)

    def values(self, sniffed: Sniffed) -> Iterator[Values]:
        """The sample's values, bad rows left out. Raises ParcelError."""
        head = [Wanted(names=(name,)) for name in self.header]
        with sniffed.path.open("rb") as stream:
            if self.flat:
                for item in cast("Csv | Json", self.format).decode(stream, head):
                    if not isinstance(item, BadRow):
                        yield item[1], ()
                return
            lines = [Wanted(names=(name,)) for name in self.lines]
            for found in cast("Whole", self.format).nest(stream, head, lines, self.each):
                if not isinstance(found, BadRow):
                    yield found.header, [values for _, values in found.lines]

"""The formats a file may have, by what they hand over: rows to be grouped, or documents that come whole."""

from __future__ import annotations

from engine.formats.csv import Csv
from engine.formats.fixed import Fixed
from engine.formats.json import Json
from engine.formats.xml import Xml

Format = Csv | Json | Xml | Fixed
Whole = Json | Xml | Fixed


def comes_whole(format_: Format, each: str | None) -> Whole | None:
    """The format where its documents come whole; JSON records may also be rows, without `each`. None for rows."""
    if isinstance(format_, Xml | Fixed) or (isinstance(format_, Json) and each is not None):
        return format_
    return None

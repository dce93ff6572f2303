"""The formats a file may have, by what they hand over: rows to be grouped, or documents that come whole."""

from __future__ import annotations

from collections.abc import Sequence

from engine.formats import fixed_read, xml_read
from engine.formats.csv import Csv
from engine.formats.fixed import Fixed
from engine.formats.json import Json
from engine.formats.reading import Wanted
from engine.formats.x12 import X12
from engine.formats.xml import Xml

Format = Csv | Json | Xml | Fixed | X12
Whole = Json | Xml | Fixed | X12


def comes_whole(format_: Format, each: str | None) -> Whole | None:
    """The format where its documents come whole; JSON records may also be rows, without `each`. None for rows."""
    if isinstance(format_, Xml | Fixed | X12) or (isinstance(format_, Json) and each is not None):
        return format_
    return None


def wrong_path(format_: Format, header: Sequence[Wanted], lines: Sequence[Wanted], each: str | None) -> str | None:
    """Why these columns can't be picked from such a file; None where they can, or where only the file itself can tell."""
    try:
        if isinstance(format_, Xml):
            xml_read.plan(format_, header, lines, each)
        elif isinstance(format_, Fixed):
            fixed_read.plan(format_, header, lines, each)
        elif isinstance(format_, X12) and format_.description is not None:
            from engine.formats.x12_paths import check_names

            check_names(format_.loaded(), [w.names[0] for w in header], [w.names[0] for w in lines], each)
    except ValueError as error:
        return str(error)
    return None

"""What we write is read back by the standard library's reader, cell by cell, in every dialect and encoding we have."""

from __future__ import annotations

import csv
import io
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.formats.csv import Csv

NAMES = ("a", "b b", 'c"c')
CELLS = st.text(
    st.characters(exclude_characters="\0\ufeff", exclude_categories=("Cs",)) | st.sampled_from(",;\t|'\"\r\n "),
    max_size=8,
)
DIALECTS = {
    "delimiter": st.sampled_from([",", ";", "\t", "|"]),
    "quote": st.sampled_from(['"', "'"]),
    "newline": st.sampled_from(["lf", "crlf"]),
    "header": st.sampled_from(["row", "none"]),
    "encoding": st.sampled_from(["utf-8-sig", "utf-8", "utf-16"]),
    "byte_order_mark": st.booleans(),
}


def read_back(raw: bytes, kind: Csv) -> list[list[str]]:
    text = raw.decode("utf-16" if kind.encoding == "utf-16" else "utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=kind.delimiter, quotechar=kind.quote, strict=True))


@given(
    table=st.lists(st.lists(st.none() | CELLS, min_size=3, max_size=3), max_size=6),
    width=st.integers(1, 3),
    keys=st.fixed_dictionaries(DIALECTS),
)
def test_every_cell_comes_back(table: list[list[str | None]], width: int, keys: dict[str, Any]) -> None:
    columns = NAMES[:width]
    kind = Csv(columns=columns, **keys)

    found = read_back(b"".join(kind.encode(dict(zip(NAMES, row, strict=True)) for row in table)), kind)

    head = [list(columns)] if kind.header == "row" else []
    assert found == head + [[cell or "" for cell in row[:width]] for row in table]

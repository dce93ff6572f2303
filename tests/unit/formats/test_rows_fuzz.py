"""Hostile CSV and JSON: damaged files and random bytes end in a ParcelError or in documents, never in anything else."""

from __future__ import annotations

import io
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.contracts import BadRow, ReadAgain, Row
from engine.errors import ParcelError
from engine.formats.csv import Csv, Footer
from engine.formats.json import Json
from engine.mapping.documents import Column, DocumentShape
from engine.sources.pickup_rows import FileRows

CSV = (
    'number,total,day,line,amount\nA1,30.00,2026-11-01,1,10.00\nA1,30.00,2026-11-01,2,"20,0"\n'
    'B2,"5.00",2026-11-02,1,5.00\n# note\nC3,1,2026-11-03,"x\ny",1\nTOTAL,4,,,36.00\n'
)
JSON = (
    '{"d": {"items": [{"number": "A1", "total": 30.00, "day": "2026-11-01", "lines": [{"line": 1, "amount": 10.5}]},'
    ' {"number": "B2", "total": 1e2, "day": null, "lines": []}]}}\n'
)
LINES = '{"number": "A1", "total": 30.00, "day": "2026-11-01", "line": 1, "amount": 1}\n{"number": "B2", "total": -0}\n'
SHAPE = DocumentShape(
    key=("number",),
    header={
        "number": Column(type="string"),
        "total": Column(type="decimal"),
        "day": Column(type="date"),
    },
    lines={"line": Column(type="string"), "amount": Column(type="decimal")},
)
EACH = DocumentShape(key=SHAPE.key, header=SHAPE.header, lines=SHAPE.lines, each="lines")
CSV_KINDS = (
    Csv(comment="#", max_field=64),
    Csv(comment="#", ragged="pad", footer=Footer(pattern="TOTAL.*", count="total", sum="amount")),
    Csv(ragged="error", delimiter=";", unknown_columns="error"),
    Csv(footer=Footer(skip_last=1), skip_rows=1, match="casefold", max_rows=3),
)
JSON_KINDS = (
    (Json(records="d.items"), EACH, JSON),
    (Json(layout="lines"), SHAPE, LINES),
    (Json(records="d.items", max_rows=1), SHAPE, JSON),
    (Json(), SHAPE, "[" + LINES.strip().replace("\n", ",") + "]"),
)
CODECS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"])
SOME = [
    *(
        b",",
        b";",
        b'"',
        b'""',
        b"\r",
        b"\n",
        b"\r\n",
        b"\0",
        b"\xff",
        b"\xef\xbb\xbf",
        b"#",
        b"TOTAL",
        b" ",
        b"x" * 100,
    ),
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b":",
        b"[" * 200,
        b"1e999999",
        b"NaN",
        b"-",
        b"\\ud800",
        b"\\u0000",
        b"9" * 200,
        b"null",
        b"true",
    ),
    *(
        b"A1,30.00,2026-11-01,3,1.00\n",
        b"B2,6.00,2026-11-02,1,5.00\n",
        b"number",
        b'"number": "A1",',
        b'{"number": "C3"}',
    ),
]
EDITS = st.lists(
    st.tuples(st.integers(0, 300), st.integers(0, 30), st.sampled_from(SOME) | st.binary(max_size=4)), max_size=6
)


def damaged(text: str, codec: str, edits: list[tuple[int, int, bytes]]) -> bytes:
    raw = text.encode(codec)
    for at, away, piece in edits:
        raw = raw[:at] + piece + raw[at + away :]
    return raw


class Held:
    """A file in memory, where a reader expects a path."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def open(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._raw)


def outcome(format_: Any, shape: DocumentShape | None, raw: bytes, *, rush: bool = False) -> list[Row | BadRow] | str:
    """What comes out, or the error that ended it; any other exception is one of the test."""
    try:
        return list(FileRows(format_, shape).read(Held(raw), lambda _text: None, rush=rush))  # type: ignore[arg-type]
    except ParcelError as error:
        return str(error)


def plain(rows: list[Row | BadRow]) -> list[Row | str]:
    """Of a bad one only where it stands: which of its faults is told first depends on the way."""
    return [row if isinstance(row, Row) else row.place for row in rows]


@pytest.mark.parametrize("number", ["1e" + "9" * 200, "-1.5E-" + "9" * 30, "1" * 200])
def test_a_number_beyond_all_numbers_is_an_error(number):
    said = outcome(Json(), SHAPE, f'[{{"number": "A1", "total": {number}}}]'.encode())
    assert isinstance(said, str)
    assert "is no amount" in said


def check(format_: Any, shape: DocumentShape, raw: bytes) -> None:
    """Typed documents, the same ones again; in a rush the same or a look back."""
    found = outcome(format_, shape, raw)
    assert found == outcome(format_, shape, raw)
    try:
        hurried = outcome(format_, shape, raw, rush=True)
    except ReadAgain:
        hurried = found
    assert isinstance(hurried, str) or isinstance(found, str) or plain(hurried) == plain(found)
    assert isinstance(outcome(format_, None, raw), str | list)
    for each in found if isinstance(found, list) else ():
        assert each.place.isprintable()
        if isinstance(each, Row):
            assert each.values["number"]
            assert isinstance(each.values["day"], date | None)
            amounts = [each.values["total"], *(line["amount"] for line in each.values["lines"])]
            assert all(amount is None or (isinstance(amount, Decimal) and amount.is_finite()) for amount in amounts)


CSV_FILES = st.builds(damaged, st.just(CSV), CODECS, EDITS) | st.binary(max_size=300).map(
    lambda raw: b"number,total,day,line,amount\n" + raw
)


def json_files(text: str) -> st.SearchStrategy[bytes]:
    return st.builds(damaged, st.just(text), CODECS, EDITS) | st.binary(max_size=200)


JSON_FILES = st.sampled_from(JSON_KINDS).flatmap(lambda kind: st.tuples(st.just(kind), json_files(kind[2])))


@given(kind=st.sampled_from(CSV_KINDS), raw=CSV_FILES)
def test_damaged_csv_is_an_error_or_documents(kind, raw):
    check(kind, SHAPE, raw)


@given(one=JSON_FILES)
def test_damaged_json_is_an_error_or_documents(one):
    (kind, shape, _), raw = one
    check(kind, shape, raw)


@pytest.mark.faults
@pytest.mark.timeout(3600)
@settings(max_examples=50_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(kind=st.sampled_from(CSV_KINDS), raw=CSV_FILES)
def test_fifty_thousand_csv_files(kind, raw):
    check(kind, SHAPE, raw)


@pytest.mark.faults
@pytest.mark.timeout(3600)
@settings(max_examples=50_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(one=JSON_FILES)
def test_fifty_thousand_json_files(one):
    (kind, shape, _), raw = one
    check(kind, shape, raw)

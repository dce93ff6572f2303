"""Hostile XML: damaged files and random bytes end in a ParcelError or in texts, never in anything else."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.contracts import BadRow
from engine.errors import ParcelError
from engine.formats.reading import Wanted
from engine.formats.xml import Xml

KIND = Xml(
    records="i:Invoices/Invoice", namespaces={"i": "urn:i"}, repeat=("Lines/Line",), max_record=4096, max_field=64
)
GOOD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<i:Invoices xmlns:i="urn:i"><!-- c --><Invoice currency="USD">'
    "<Vendor><Id>V1</Id></Vendor><Number>1&amp;2</Number><Note><![CDATA[<x>]]></Note>"
    '<Lines><Line no="1"><Amount>10.00</Amount></Line><Line no="2">Ü</Line></Lines></Invoice>'
    "<Invoice><Number>2</Number></Invoice><?pi x?></i:Invoices>\n"
)
HEADER = [Wanted(names=("Number", "Nr"), required=True), Wanted(names=("@currency",)), Wanted(names=("Vendor/Id",))]
LINES = [Wanted(names=("@no",)), Wanted(names=("Amount",)), Wanted(names=(".",))]

PIECES = st.sampled_from(
    [
        *(b"<", b">", b"&", b"/>", b'"', b"]]>", b"<!--", b"-->", b"<![CDATA[", b"<!DOCTYPE a>", b"<?x", b"\r"),
        *(b"&#0;", b"&#xD800;", b"&#xFFFF;", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80"),
        *(b"<Line>", b"</Invoice>", b"<Invoice>", b" xmlns='y'", b" i:a='1'", b"<a>" * 70, b"x" * 5000),
        *(b"UTF-16", b"ISO-8859-1"),
    ]
)
EDITS = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 30), PIECES | st.binary(max_size=4)), max_size=5)
CODECS = st.sampled_from(["utf-8", "utf-16", "utf-16-be", "latin-1"])


def damaged(codec: str, edits: list[tuple[int, int, bytes]]) -> bytes:
    raw = GOOD.encode(codec)
    for at, away, piece in edits:
        raw = raw[:at] + piece + raw[at + away :]
    return raw


def outcome(read: Callable[[], Iterable[Any]]) -> list[Any]:
    """What comes out, or the error that ended it; any other exception is one of the test."""
    try:
        return list(read())
    except ParcelError as error:
        return [str(error)]


def check(raw: bytes) -> None:
    """Texts, a bad record, or one kind of error; what is read once is read the same again."""
    found = outcome(lambda: KIND.nest(io.BytesIO(raw), HEADER, LINES, "Lines/Line"))
    assert found == outcome(lambda: KIND.nest(io.BytesIO(raw), HEADER, LINES, "Lines/Line"))
    for one in found:
        if not isinstance(one, BadRow | str):
            values = [*one.header, *(value for _, row in one.lines for value in row)]
            assert isinstance(one.header[0], str)
            assert all(value is None or isinstance(value, str) for value in values)
    assert all(isinstance(one, BadRow | tuple | str) for one in outcome(lambda: KIND.records_of(io.BytesIO(raw))))


@given(codec=CODECS, edits=EDITS)
def test_a_damaged_file_is_an_error_or_texts(codec, edits):
    check(damaged(codec, edits))


@given(raw=st.binary(max_size=300))
def test_random_bytes_are_an_error(raw):
    check(raw)


@pytest.mark.faults
@pytest.mark.timeout(1800)
@settings(max_examples=50_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(raw=st.builds(damaged, CODECS, EDITS) | st.binary(max_size=300).map(lambda raw: b"<?xml" + raw))
def test_fifty_thousand_files(raw):
    check(raw)

"""Hostile fixed-width files: damaged ones and random bytes end in a ParcelError or in texts, never in anything else."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.contracts import BadRow
from engine.errors import ParcelError, RecordError
from engine.formats.fixed import Fixed, FixedField, FixedRecord, FixedTotal
from engine.formats.reading import Wanted


def field(first: int, last: int, **keys: object) -> FixedField:
    return FixedField(slice=(first, last), **keys)


RECORDS = {
    "head": FixedRecord(at=(1, 1), is_="H", stands="first", fields={"mark": field(2, 4, const="ABC")}),
    "bill": FixedRecord(
        at=(1, 1), is_="B", stands="opens", fields={"no": field(2, 6), "sum": field(7, 12, type="decimal", implied=2)}
    ),
    "line": FixedRecord(
        at=(1, 1),
        is_="L",
        most=3,
        fields={"no": field(2, 6), "paid": field(7, 12, type="decimal", implied=2, overpunch=True)},
    ),
    "end": FixedRecord(
        at=(1, 1),
        is_="T",
        stands="last",
        fields={"lines": field(2, 5, type="decimal", implied=0), "paid": field(6, 12, type="decimal", implied=2)},
        totals=(FixedTotal(field="lines", count=("line",)), FixedTotal(field="paid", sum=("line.paid",))),
    ),
}
KINDS = {
    "plain": Fixed(records=RECORDS),
    "filled": Fixed(records=RECORDS, record_length=12, block_factor=4, encoding="ascii"),
    "blocks": Fixed(records=RECORDS, record_length=12, newline="none", encoding="latin-1"),
    "letters": Fixed(records=RECORDS, encoding="utf-8", positions="characters"),
    "letter blocks": Fixed(
        records=RECORDS, record_length=12, newline="none", encoding="utf-8", positions="characters", block_factor=3
    ),
}
GOOD = [
    "HABC        ",
    "B00001001000",
    "L0000100050{",
    "L0000200050{",
    "B00002000001",
    "L0000300000J",
    "T00030000999",
    "9" * 12,
]
HEADER = [Wanted(names=("bill.no",), required=True), Wanted(names=("bill.sum",))]
LINES = [Wanted(names=("line.no",)), Wanted(names=("line.paid",))]
PIECES = st.sampled_from(
    [
        *(b"\n", b"\r", b"\r\n", b"\n\n", b"\0", b"\x1a", b"\x81", b"\xc3", b"\xef\xbb\xbf"),
        *(b"{", b"}", b"-", b"H", b"B", b"L", b"T", b"9" * 12, b" " * 12, b"-00001", b"00001-", b"L0000300000J"),
        *("é".encode(), "٣".encode()),
    ]
)
EDITS = st.lists(st.tuples(st.integers(0, 110), st.integers(0, 14), PIECES | st.binary(max_size=4)), max_size=4)
NAMES = st.sampled_from(sorted(KINDS))


def damaged(name: str, edits: list[tuple[int, int, bytes]]) -> tuple[str, bytes]:
    separator = "" if KINDS[name].newline == "none" else "\n"
    raw = separator.join(GOOD if KINDS[name].block_factor else GOOD[:-1]).encode()
    for at, away, piece in edits:
        raw = raw[:at] + piece + raw[at + away :]
    return name, raw


def outcome(read: Callable[[], Iterable[Any]]) -> list[Any]:
    """What comes out, or the error that ended it; any other exception is one of the test."""
    try:
        return list(read())
    except ParcelError as error:
        return [str(error)]


def check(name: str, raw: bytes) -> None:
    """Texts, a bad record, or one kind of error; amounts that come out are amounts."""
    kind = KINDS[name]
    for one in outcome(lambda: kind.nest(io.BytesIO(raw), HEADER, LINES, "line")):
        if not isinstance(one, BadRow | str):
            assert all(value is None or isinstance(value, str) for value in one.header)
            assert all(not row[1] or Decimal(row[1]).is_finite() for _, row in one.lines)
    assert all(isinstance(one, BadRow | tuple | str) for one in outcome(lambda: kind.records_of(io.BytesIO(raw))))


def test_the_undamaged_file_is_read():
    for name, kind in KINDS.items():
        found = list(kind.nest(io.BytesIO(damaged(name, [])[1]), HEADER, LINES, "line"))
        assert [(one.header, len(one.lines)) for one in found] == [(["00001", "10.00"], 2), (["00002", "0.01"], 1)]


@given(name=NAMES, edits=EDITS)
def test_a_damaged_file_is_an_error_or_texts(name, edits):
    check(*damaged(name, edits))


@given(name=NAMES, raw=st.binary(max_size=120))
def test_random_bytes_are_an_error_or_texts(name, raw):
    check(name, raw)


VALUES = st.none() | st.text(max_size=7) | st.decimals() | st.integers() | st.booleans() | st.binary(max_size=3)


@given(
    name=NAMES,
    no=VALUES,
    amount=VALUES,
    lines=st.lists(st.dictionaries(st.sampled_from(["no", "paid"]), VALUES), max_size=4) | VALUES,
)
def test_any_value_is_written_as_it_is_or_refused(name, no, amount, lines):
    try:
        raw = b"".join(KINDS[name].encode([{"no": no, "sum": amount, "line": lines}]))
    except RecordError:
        return
    check(name, raw)


@pytest.mark.faults
@pytest.mark.timeout(1800)
@settings(max_examples=50_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=st.builds(damaged, NAMES, EDITS) | st.tuples(NAMES, st.binary(max_size=120)))
def test_fifty_thousand_files(case):
    check(*case)

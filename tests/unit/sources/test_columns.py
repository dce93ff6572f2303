"""The generated reader of records makes what the careful one makes, or refuses with its words."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from engine.errors import RecordError
from engine.mapping.types import parse_type
from engine.sources.columns import compile_record, typed_record

KINDS = ("string", "string(4)!", "integer", "decimal", "decimal(9,2)", "boolean", "date", "datetime", "any")
FIELDS = {f'"{kind}"': parse_type(kind) for kind in KINDS} | {"it's": parse_type("string"), "{v}": parse_type("date")}

values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=10**17, max_value=10**19),
    st.decimals(allow_nan=True, allow_infinity=True),
    st.decimals(min_value=-1000, max_value=1000, places=2),
    st.text(max_size=12),
    st.dates().map(date.isoformat),
    st.sampled_from(["2026-11-21", "2026-11-21T10:15:00Z", "2026-02-30", " ", "", "12.50", "true", Decimal("1E+90")]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


def outcome(read, record):
    try:
        return repr(read(record))
    except RecordError as error:
        return error.field, str(error)


@given(st.lists(st.dictionaries(st.sampled_from([*FIELDS, "unknown"]), values), min_size=1, max_size=5))
def test_every_record_is_read_as_the_careful_reader_reads_it(records):
    """Again and again with one compiled reader, so that what it remembers is asked too."""
    quick = compile_record(FIELDS)
    for record in records:
        assert outcome(quick, record) == outcome(lambda each: typed_record(each, FIELDS), record)


def test_a_day_that_was_read_is_read_once_and_stays_the_same():
    quick = compile_record({"day": parse_type("date")})
    first, again = (quick({"day": text})["day"] for text in ("2026-11-21", "2026-11-21"))
    assert first is again
    assert first == date(2026, 11, 21)

"""CSV: nothing lost in silence, every break named with its line."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contracts import BadRow
from engine.errors import ParcelError, RecordError
from engine.formats.csv import Csv, Footer
from engine.formats.csv_write import _cell, _plainly
from engine.formats.reading import Decoding, Wanted


def wanted(*names: str) -> list[Wanted]:
    return [Wanted(names=(name.rstrip("!"),), required=name.endswith("!")) for name in names]


def decoding(text: str | bytes, *names: str, **keys: Any) -> Decoding:
    raw = text.encode() if isinstance(text, str) else text
    return Csv(**keys).decode(io.BytesIO(raw), wanted(*names))


def rows(text: str | bytes, *names: str, **keys: Any) -> list[Any]:
    return list(decoding(text, *names, **keys))


def broken(text: str | bytes, *names: str, **keys: Any) -> str:
    with pytest.raises(ParcelError) as caught:
        rows(text, *(names or ("a",)), **keys)
    return str(caught.value)


def test_columns_are_picked_in_the_order_asked_for() -> None:
    assert rows("a,b,c\n1,2,3\n", "c", "a") == [(2, ("3", "1"))]


def test_one_column_and_none_are_still_tuples() -> None:
    assert rows("a,b\n1,2\n", "b") == [(2, ("2",))]
    assert rows("a,b\n1,2\n") == [(2, ())]


def test_an_absent_optional_column_gives_none() -> None:
    assert rows("a\n1\n", "z", "a") == [(2, (None, "1"))]


def test_an_alias_finds_the_column_under_its_other_name() -> None:
    asked = [Wanted(names=("amount", "Total"), required=True)]
    assert list(Csv().decode(io.BytesIO(b"x,Total\n1,2\n"), asked)) == [(2, ("2",))]


def test_two_names_of_one_field_in_the_header_are_refused() -> None:
    with pytest.raises(ParcelError, match="several columns for the same field"):
        list(Csv().decode(io.BytesIO(b"amount,Total\n1,2\n"), [Wanted(names=("amount", "Total"))]))


def test_line_numbers_are_physical_ones_with_line_breaks_inside_values() -> None:
    text = 'a,b\r\n"x\r\ny",1\r\n\r\nz,2\r\n'
    assert rows(text, "a") == [(2, ("x\r\ny",)), (5, ("z",))]


def test_line_numbers_hold_over_many_blocks_with_line_breaks_and_blank_rows() -> None:
    parts = ["a,b\n"]
    expected, at = [], 2
    for n in range(700):
        parts.append(f'"x\n\r\ny\rz",{n}\n\n' if n % 7 == 0 else f"x,{n}\r\n")
        expected.append((at, (str(n),)))
        at += 5 if n % 7 == 0 else 1
    assert rows("".join(parts), "b") == expected
    assert broken("".join(parts) + 'a,"b"c\n').startswith(
        f"line {at}, record 701, byte {len(''.join(parts))}: text follows a"
    )


def test_any_line_end_is_read() -> None:
    assert rows(b"a,b\r1,2\r\n3,4\n5,6", "b") == [(2, ("2",)), (3, ("4",)), (4, ("6",))]


def test_unicode_separators_do_not_end_a_line() -> None:
    assert rows("a,b\nx\u2028\x0by\x85,2\n", "a", "b") == [(2, ("x\u2028\x0by\x85", "2"))]


def test_header_names_are_trimmed_and_folded_where_asked() -> None:
    assert rows(" A ,b\n1,2\n", "a", match="casefold") == [(2, ("1",))]
    assert "lacks `a` (is it" in broken("Aa,b\n1,2\n", "a!") or "lacks `a`" in broken("Aa,b\n1,2\n", "a!")


def test_a_missing_column_is_named_with_what_was_found_and_probably_meant() -> None:
    message = broken("vendor_id,invoce_number\n1,2\n", "invoice_number!")
    assert "lacks `invoice_number` (is it `invoce_number`?)" in message
    assert "it has `vendor_id`, `invoce_number`" in message


def test_a_repeated_header_is_refused() -> None:
    assert "`a` more than once" in broken("a,b,a\n1,2,3\n")
    assert "more than once" in broken("a,A\n1,2\n", match="casefold")


def test_unknown_columns_warn_fail_or_pass() -> None:
    warned = decoding("a,extra,\n1,2,\n", "a")
    assert list(warned) == [(2, ("1",))]
    assert warned.findings == ["the file has columns the spec does not read: `extra`, `(column 3, no name)`"]
    quiet = decoding("a,extra\n1,2\n", "a", unknown_columns="ignore")
    assert list(quiet)
    assert quiet.findings == []
    assert "`extra`" in broken("a,extra\n1,2\n", "a", unknown_columns="error")


def test_an_unclosed_quote_is_named_by_the_line_it_opens_on() -> None:
    assert broken('a,b\n1,2\n"3,4\n5,6\n') == "line 3, record 2, byte 8: a quote opened in this row is never closed"


def test_text_after_a_closing_quote_is_refused() -> None:
    assert broken('a,b\n"1"x,2\n').startswith("line 2, record 1, byte 4: text follows a closing quote")


def test_a_field_without_end_is_taken_for_an_unclosed_quote() -> None:
    message = broken('a,b\n1,2\n"' + "x" * 2_000_000 + "\n")
    assert message.startswith("line 3, record 2, byte 8: a field is longer than 1048576 characters: is a quote opened")
    assert broken("a,b\n1,23456\n", max_field=4).startswith("line 2, record 1, byte 4: a field is longer than 4")


def test_nul_is_refused_and_utf_16_is_suspected() -> None:
    assert broken(b"a,b\n1,\0\n").startswith("line 2, byte 6: the text holds NUL")
    assert "UTF-16" in broken("a,b\n1,2\n".encode("utf-16-le"))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_decides(encoding: str) -> None:
    assert rows("a,b\nä,2\n".encode(encoding), "a") == [(2, ("ä",))]


def test_declared_one_byte_encodings_are_read_and_a_mark_contradicts_them() -> None:
    assert rows("a\n€\n".encode("cp1252"), "a", encoding="cp1252") == [(2, ("€",))]
    assert "mark of utf-8" in broken("\ufeffa\n1\n".encode(), encoding="cp1252")
    assert "no byte order mark" in broken(b"a\n1\n", encoding="utf-16")


def test_a_wrong_byte_is_named_by_offset_and_line() -> None:
    assert broken(b"a,b\n1,2\n3,\xe4x\n").startswith("line 3, byte 10: hex e4 is not utf-8")
    late = b"a,b\n" + b"1,2\n" * 200_000 + b"3,\xff\n"
    assert broken(late).startswith(f"line 200002, byte {len(late) - 2}: ")
    assert broken(b"a\n\xc3").startswith("line 2, byte 2: ")


def test_an_empty_file_has_no_header() -> None:
    assert "no header" in broken(b"")
    assert rows(b"a,b\n", "a") == []


def test_a_ragged_row_is_a_bad_row_an_end_or_padded() -> None:
    text = "a,b,c\n1,2\n1,2,3,4\n5,6,7\n"
    short, long, good = rows(text, "a", "c")
    assert isinstance(short, BadRow)
    assert (short.place, short.values) == ("row 2", {"a": "1", "b": "2"})
    assert isinstance(long, BadRow)
    assert "4 columns and the header 3" in long.error
    assert good == (4, ("5", "7"))
    assert broken(text, ragged="error").startswith("line 2, record 1, byte 6: the row has 2 columns")
    assert rows("a,b\n1\n1,2,,\n", "b", ragged="pad") == [(2, ("",)), (3, ("2",))]


def test_blank_rows_are_left_out_unless_they_count() -> None:
    assert rows("a,b\n\n,\n1,2\n", "a") == [(4, ("1",))]
    assert len(rows("a,b\n,\n1,2\n", "a", skip_blank=False)) == 2


def test_lines_before_the_header_comments_and_a_separator_line_are_skipped() -> None:
    text = 'Report "1\nsep=;\na;b\n# it\'s "open\n1;2\n"x\n# data";3\n'
    assert rows(text, "a", delimiter=";", skip_rows=1, comment="#") == [(5, ("1",)), (6, ("x\n# data",))]
    assert "its delimiter is `,`" in broken("sep=,\na;b\n", delimiter=";")
    assert "fewer than" in broken("a\n", skip_rows=3)


def test_a_file_without_header_takes_names_from_the_spec() -> None:
    assert rows("1,2\n", "b", header="none", columns=("a", "b")) == [(1, ("2",))]


def test_words_for_null_become_none() -> None:
    assert rows("a,b\nNULL,x\n", "a", "b", null_values=("NULL",)) == [(2, (None, "x"))]


def test_a_missing_last_line_break_means_an_incomplete_upload_where_required() -> None:
    assert "upload is incomplete" in broken("a\n1", final_newline="require")
    assert rows("a\n1\n", "a", final_newline="require") == [(2, ("1",))]


def test_too_many_rows_are_refused() -> None:
    assert "more than 1 rows" in broken("a\n1\n2\n", max_rows=1)


TOTALS = Footer(pattern="^TOTAL", count="b", sum="c")


def test_a_footer_is_left_out_and_its_totals_hold() -> None:
    assert rows("a,b,c\nx,1,10.20\ny,1,0.10\nTOTAL,2,10.3\n", "a", footer=TOTALS) == [(2, ("x",)), (3, ("y",))]
    assert rows("a,b\nx,1\nend\nof file\n", "a", footer=Footer(skip_last=2)) == [(2, ("x",))]


def test_a_footer_taken_by_its_place_must_not_look_like_data() -> None:
    """A file that lost its footer must not lose its last row as well."""
    last = Footer(skip_last=1)
    assert broken("a,b\nx,1\ny,2\n", footer=last).startswith(
        "line 3, record 2, byte 8: the row looks like data and `skip_last`"
    )
    assert broken("a,b\nx,\ny,\n", footer=last).startswith("line 3, record 2, byte 7: the row looks like data")
    assert rows("a,b\nx,1\nTOTAL,\n", "a", footer=last) == [(2, ("x",))]
    assert rows("a,b\nTOTAL,\n", "a", footer=last) == []
    assert rows("a,b\nx,1\n2,1\n", "a", footer=Footer(skip_last=1, sum="b")) == [(2, ("x",))]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a,b,c\nx,1,1\n", "without its footer"),
        ("a,b,c\nx,1,1\nTOTAL,2,1\n", "states rows 2 and the data has 1"),
        ("a,b,c\nx,1,1\nTOTAL,1,9\n", "states the sum 9 and the data has 1"),
        ("a,b,c\nx,1,1\nTOTAL\n", "does not state rows"),
        ("a,b,c\nx,1,1e5\nTOTAL,1,1\n", "is not a number"),
        ("a,b,c\nTOTAL,0,0\nx,1,1\n", "a row follows the footer"),
    ],
)
def test_a_footer_that_does_not_hold_refuses_the_file(text: str, says: str) -> None:
    assert says in broken(text, footer=TOTALS)


@pytest.mark.parametrize(
    "keys",
    [{"delimiter": ",,"}, {"delimiter": '"'}, {"quote": "\n"}, {"header": "none"}, {"columns": ("a", "a")}],
)
def test_a_kind_that_can_not_work_says_so_at_once(keys: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="`"):
        Csv(**keys)


@pytest.mark.parametrize("keys", [{}, {"skip_last": 1, "pattern": "x"}, {"pattern": "("}])
def test_a_footer_needs_one_rule_that_works(keys: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="`"):
        Footer(**keys)


def test_records_come_by_name() -> None:
    found = list(Csv(null_values=("-",)).records_of(io.BytesIO(b"a,b,\n1,-,\n2\n")))
    assert found[0] == (2, {"a": "1", "b": None})
    assert isinstance(found[1], BadRow)


@given(st.binary(max_size=400), st.sampled_from(["bad_row", "error", "pad"]), st.sampled_from(["any", "require"]))
def test_whatever_the_bytes_only_a_parcel_error_comes_out(raw: bytes, ragged: Any, final: Any) -> None:
    for head in (b"", b"a,b\n"):
        kind = Csv(ragged=ragged, final_newline=final, comment="#")
        try:
            found = list(kind.decode(io.BytesIO(head + raw), wanted("a", "b")))
        except ParcelError:
            continue
        assert all(isinstance(item, BadRow) or len(item[1]) == 2 for item in found)


class Dripping(io.BytesIO):
    """Hands out a few bytes at a time, so that every border between pieces is met."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(3)


CELLS = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=8)


@given(
    st.lists(st.lists(CELLS, min_size=2, max_size=2).filter(any), max_size=8),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["lf", "crlf"]),
    st.sampled_from(["utf-8-sig", "utf-16"]),
)
def test_what_is_written_is_read_back(table: list[list[str]], delimiter: str, newline: Any, encoding: Any) -> None:
    kind = Csv(delimiter=delimiter, newline=newline, encoding=encoding, columns=("a", "b"))
    raw = b"".join(kind.encode(dict(zip("ab", row, strict=True)) for row in table))
    for stream in (io.BytesIO(raw), Dripping(raw)):
        found = list(kind.decode(stream, wanted("a!", "b!")))
        assert [list(item[1]) for item in found if not isinstance(item, BadRow)] == table


@given(st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=6))
def test_the_standard_reader_sees_the_same_rows(table: Sequence[Sequence[str]]) -> None:
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows([["a", "b"], *table])
    ours = list(Csv(skip_blank=False).records_of(Dripping(buffer.getvalue().encode())))
    expected = list(csv.reader(io.StringIO(buffer.getvalue(), newline=""), strict=True))[1:]
    assert len(ours) == len(expected)
    assert [list(o[1].values()) for o in ours if not isinstance(o, BadRow)] == [e for e in expected if len(e) == 2]


def written(records: list[dict[str, Any]], **keys: Any) -> bytes:
    return b"".join(Csv(**{"columns": ("a", "b"), **keys}).encode(records))


def test_values_are_written_in_one_form() -> None:
    when = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)
    records = [
        {"a": Decimal("1E+2"), "b": Decimal("-0.00")},
        {"a": True, "b": date(2026, 11, 21)},
        {"a": None, "b": when},
        {"a": 7, "b": 'x"y'},
    ]
    assert written(records) == b'a,b\r\n100,0.00\r\ntrue,2026-11-21\r\n,2026-11-21T10:15:00Z\r\n7,"x""y"\r\n'


def test_writing_heeds_newline_header_and_mark() -> None:
    assert written([{"a": 1}], newline="lf", header="none") == b"1,\n"
    assert written([], byte_order_mark=True) == b"\xef\xbb\xbfa,b\r\n"
    assert written([]) == b"a,b\r\n"


def test_formulas_are_defused_in_files_for_people_and_numbers_never() -> None:
    assert written([{"a": "=1+1", "b": Decimal(-5)}], excel_safe=True, newline="lf") == b"a,b\n'=1+1,-5\n"
    assert written([{"a": "-5", "b": "@x"}], newline="lf") == b"a,b\n-5,@x\n"


@pytest.mark.parametrize(
    ("value", "keys"),
    [("a\0b", {}), (["x"], {}), (Decimal("NaN"), {}), (Decimal("1E+999999"), {}), ("Ω", {"encoding": "cp1252"})],
)
def test_what_csv_can_not_say_is_refused_with_its_field(value: Any, keys: dict[str, Any]) -> None:
    with pytest.raises(RecordError, match="`b`"):
        written([{"a": "x", "b": value}], **keys)


LETTERS = st.text(st.sampled_from("ab ,;|\t\"'\r\n=-é"), max_size=6)
VALUES = st.one_of(
    st.none(), LETTERS, st.integers(), st.booleans(), st.decimals(allow_nan=False, allow_infinity=False, places=2)
)


@given(
    st.lists(st.dictionaries(st.sampled_from("abc"), VALUES), max_size=8),
    st.sampled_from([("a",), ("a", "b"), ("c", "a", "b")]),
    st.sampled_from([",", ";", "\t", "|", " "]),
    st.sampled_from(['"', "'"]),
    st.sampled_from(["lf", "crlf"]),
    st.booleans(),
)
def test_the_standard_writer_makes_the_same_bytes(
    records: list[dict[str, Any]], columns: tuple[str, ...], delimiter: str, quote: str, newline: Any, excel_safe: bool
) -> None:
    """Cells are quoted column by column here, and one by one there."""
    kind = Csv(columns=columns, delimiter=delimiter, quote=quote, newline=newline, excel_safe=excel_safe)
    rows = [[_cell(kind, record.get(name), name) for name in columns] for record in records]

    wanted_bytes = _plainly(kind, [columns, *rows], "\r\n" if newline == "crlf" else "\n").encode()

    assert b"".join(kind.encode(records)) == wanted_bytes


def test_the_field_of_a_value_without_a_form_is_named() -> None:
    with pytest.raises(RecordError, match="no form in CSV") as caught:
        written([{"a": "1", "b": "2"}, {"a": "1", "b": ["2"]}])
    assert caught.value.field == "b"

"""Where a flat file is wrong: line, record and byte, counted here a second time from the bytes themselves."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ParcelError
from engine.formats.csv import Csv, Footer
from engine.formats.json import Json
from engine.formats.lines import read_lines
from engine.formats.reading import Wanted

CODECS = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "cp1252": "cp1252", "latin-1": "latin-1"}
MARKS = {"utf-16": b"\xff\xfe"}


def refused(raw: bytes, *columns: str, **keys: Any) -> str:
    """The place, from reading rows of the wanted columns, and the same from reading whole records."""
    wanted = [Wanted(names=(name,), required=True) for name in columns or ("a",)]
    with pytest.raises(ParcelError) as caught:
        list(Csv(**keys).decode(io.BytesIO(raw), wanted))
    if not columns:
        with pytest.raises(ParcelError) as again:
            list(Csv(**keys).records_of(io.BytesIO(raw)))
        assert again.value.place == caught.value.place
    return caught.value.place


def test_a_row_is_told_by_its_line_its_number_behind_the_header_and_its_first_byte() -> None:
    assert refused(b'a,b\n1,2\n"x\ny",2\n3,4,5\n', ragged="error") == "line 5, record 3, byte 16"
    assert refused(b"1,2\n3,4,5\n", header="none", columns=("a", "b"), ragged="error") == "line 2, record 2, byte 4"
    assert refused(b"\xef\xbb\xbfa\n1\n2,2\n", ragged="error") == "line 3, record 2, byte 7"


def test_what_stands_before_the_header_and_between_rows_is_no_record() -> None:
    raw = b"exported today\nsep=;\na;b\n# all\n\n1;2\n3;4;5\n"
    keys = {"skip_rows": 1, "delimiter": ";", "comment": "#", "ragged": "error"}
    assert refused(raw, **keys) == f"line 7, record 2, byte {raw.index(b'3;4;5')}"


def test_a_header_is_told_by_its_line_and_byte() -> None:
    assert refused(b"old\nx,y\n1,2\n", "a", skip_rows=1) == "header, line 2, byte 4"
    assert refused(b"a,a\n", "a") == "header, line 1, byte 0"
    assert refused(b'"a,b\n1,2\n') == "line 1, byte 0"
    assert refused(b"") == "line 1, byte 0"


def test_an_end_is_told_by_the_last_line_and_all_bytes_before_it() -> None:
    assert refused(b"a,b\n1,2\n3,4\n", footer=Footer(pattern="^TOTAL")) == "line 3, byte 12"
    assert refused(b"one\ntwo\n", skip_rows=3) == "line 2, byte 8"
    assert refused(b"a\n1\n23", final_newline="require") == "line 3, byte 4"


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252"])
def test_a_mark_that_contradicts_the_declaration_has_a_place(encoding: Any) -> None:
    raw = b"a\n1\n" if encoding == "utf-16" else b"\xef\xbb\xbfa\n1\n"
    with pytest.raises(ParcelError, match=r"^line 1, byte 0: "):
        list(read_lines(io.BytesIO(raw), encoding))


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_a_nul_is_told_by_its_own_byte_beyond_the_first_piece_too(encoding: Any) -> None:
    raw = "äö,1\r\n".encode(encoding) * 60_000
    for at, line in ((len(raw), 60_001), (raw.index(b",", len(raw) // 2), 30_001)):
        with pytest.raises(ParcelError) as caught:
            list(read_lines(io.BytesIO(raw[:at] + b"\0" + raw[at:]), encoding))
        assert caught.value.place == f"line {line}, byte {at}"


CELLS = st.text(st.sampled_from('ab ,"\r\nä'), max_size=5)


@given(
    st.lists(st.tuples(CELLS, CELLS).filter(any), max_size=12),
    st.sampled_from(sorted(CODECS)),
    st.sampled_from(["lf", "crlf"]),
    st.sampled_from([b"x", b'"x', b'"x"y']),
)
def test_the_byte_is_that_of_the_rows_beginning(
    table: list[tuple[str, str]], encoding: Any, newline: Any, wrong: bytes
) -> None:
    """A row too short, a quote never closed, a text behind a quote; before it any rows, in any encoding."""
    kind = Csv(columns=("a", "b"), encoding=encoding, newline=newline, ragged="error")
    good = b"".join(kind.encode({"a": a, "b": b} for a, b in table))
    raw = good + wrong.decode().encode(CODECS[encoding])
    place = refused(raw, encoding=encoding, ragged="error")
    line = len(
        io.StringIO(good.removeprefix(MARKS.get(encoding, b"")).decode(CODECS[encoding]), newline="").readlines()
    )
    assert place == f"line {line + 1}, record {len(table) + 1}, byte {len(good)}"


def test_an_object_a_line_is_told_by_line_and_byte() -> None:
    raw = '{"ä": 1}\n\n{"a": 1, "a": 2}\n'.encode()
    with pytest.raises(ParcelError) as caught:
        list(Json(layout="lines").records_of(io.BytesIO(raw)))
    assert caught.value.place == f"line 3, byte {raw.index(b'{', 1)}"
    with pytest.raises(ParcelError) as caught:
        list(Json(layout="lines").records_of(io.BytesIO(b'{"a": 1}\n\n3\n')))
    assert caught.value.place == "line 3, record 2"


@given(
    st.lists(st.dictionaries(CELLS, CELLS | st.integers(), max_size=3), min_size=1, max_size=5),
    st.sampled_from(sorted(CODECS)),
)
def test_json_is_told_by_the_byte_where_it_breaks(records: list[Any], encoding: Any) -> None:
    text = json.dumps(records, ensure_ascii=False, indent=1)
    raw = MARKS.get(encoding, b"") + text.encode(CODECS[encoding])
    with pytest.raises(ParcelError) as caught:
        list(Json(encoding=encoding).records_of(io.BytesIO(raw + "}".encode(CODECS[encoding]))))
    assert caught.value.place.endswith(f", byte {len(raw)}")
    assert caught.value.place.startswith(f"line {text.count(chr(10)) + 1}, ")


@given(
    st.lists(st.tuples(CELLS, CELLS), max_size=12),
    st.sampled_from(sorted(CODECS)),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_every_row_is_found_by_its_line_in_any_order(
    table: list[tuple[str, str]], encoding: Any, header: bool, random: Any
) -> None:
    kind = Csv(columns=("a", "b"), encoding=encoding, newline="lf", header="row" if header else "none")
    expected = []
    for n, (a, b) in enumerate(table):
        before = b"".join(kind.encode({"a": x, "b": y} for x, y in table[:n]))
        line = (
            len(
                io.StringIO(
                    before.removeprefix(MARKS.get(encoding, b"")).decode(CODECS[encoding]), newline=""
                ).readlines()
            )
            + 1
        )
        number = 1 + sum(bool(x or y) for x, y in table[:n])
        if a or b:
            expected.append(
                (line, f"line {line}, record {number}, byte {max(len(before), len(MARKS.get(encoding, b'')))}")
            )
    raw = b"".join(kind.encode({"a": a, "b": b} for a, b in table))
    random.shuffle(expected)
    places = kind.whereabouts(io.BytesIO(raw))
    assert [places.of(line) for line, _ in expected] == [place for _, place in expected]


def test_lines_far_back_are_looked_for_again_only_so_often() -> None:
    raw = b"a\n" + b"x\n" * 5000
    places = Csv().whereabouts(io.BytesIO(raw))
    far, near = [], []
    for _ in range(30):
        near.append(places.of(5001))
        far.append(places.of(2))
    assert far == ["line 2, record 1, byte 2"] * 16 + ["line 2"] * 14
    assert set(near) == {"line 5001, record 5000, byte 10000"}
    assert places.of(9999) == "line 9999"


@given(
    st.lists(
        st.sampled_from([b"a", b",", b"\n", b"\r", b'"', b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"#", b"\xc3"]),
        max_size=30,
    ),
    st.sampled_from(sorted(CODECS)),
    st.sampled_from([None, Footer(skip_last=1), Footer(pattern="a")]),
    st.integers(0, 2),
)
def test_whatever_the_bytes_a_refusal_names_a_byte_within_them(
    pieces: list[bytes], encoding: Any, footer: Footer | None, skipped: int
) -> None:
    raw = b"".join(pieces)
    kind = Csv(encoding=encoding, footer=footer, skip_rows=skipped, comment="#", ragged="error", max_rows=3)
    kind.whereabouts(io.BytesIO(raw)).of(2)
    place = ""
    try:
        list(kind.decode(io.BytesIO(raw), [Wanted(names=("a",), required=True)]))
    except ParcelError as error:
        place = error.place
    assert not place or 0 <= int(place.rpartition("byte ")[2]) <= len(raw)

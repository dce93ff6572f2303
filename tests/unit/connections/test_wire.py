"""What goes on the wire and comes off it is exact, or refused."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.connections.wire import Broken, Wire, decode_json, encode_form, encode_json, encode_query
from engine.errors import RecordError
from engine.redaction import Secret

PLAIN = Wire()


@pytest.mark.parametrize("text", ["10.10", "0.00", "-5.005", "123456789012345678.90", "0.0000000001"])
def test_a_decimal_keeps_its_digits_both_ways(text: str) -> None:
    assert encode_json({"a": Decimal(text)}, PLAIN) == b'{"a":' + text.encode() + b"}"
    assert str(decode_json(b"[" + text.encode() + b"]")[0]) == str(Decimal(text))


def test_a_decimal_with_an_exponent_is_written_plain() -> None:
    assert encode_json(Decimal("1E+3"), PLAIN) == b"1000"


def test_decimals_become_strings_where_the_system_wants_them() -> None:
    assert encode_json([Decimal("1.50"), 2], Wire(decimal="string")) == b'["1.50",2]'


def test_integers_stay_integers_of_any_length() -> None:
    value = decode_json(b'{"id": 12345678901234567890123}')["id"]
    assert value == 12345678901234567890123
    assert type(value) is int


def test_dates_are_written_the_systems_way_and_never_shifted() -> None:
    wire = Wire(date="%Y-%m-%dT00:00:00")
    late = datetime(2026, 11, 20, 23, 30, tzinfo=timezone(timedelta(hours=-5)))
    assert json.loads(encode_json([date(2026, 11, 20), late], wire)) == ["2026-11-20T00:00:00", "2026-11-21T04:30:00Z"]
    assert json.loads(encode_json(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), wire)) == "2026-01-02T03:04:05Z"


def test_secrets_are_opened_only_on_the_wire() -> None:
    assert encode_json({"p": Secret("hunter22")}, PLAIN) == b'{"p":"hunter22"}'
    assert encode_form({"p": Secret("a b&c")}, PLAIN) == b"p=a+b%26c"


@pytest.mark.parametrize("value", [1.5, Decimal("NaN"), Decimal("1E+999999"), {1, 2}, b"x"])
def test_what_has_no_exact_form_is_refused(value: object) -> None:
    with pytest.raises(RecordError):
        encode_json({"a": value}, PLAIN)


def test_a_query_encodes_what_would_change_its_meaning_and_leaves_out_none() -> None:
    query = encode_query({"$filter": "Name eq 'O''Brien & Söhne+'", "$top": 5, "x": None, "n": [True, "b"]}, PLAIN)
    assert query == "$filter=Name%20eq%20'O''Brien%20%26%20S%C3%B6hne%2B'&$top=5&n=true&n=b"


def test_a_nested_value_in_a_form_names_its_field() -> None:
    with pytest.raises(RecordError, match="`a`"):
        encode_form({"a": {"b": 1}}, PLAIN)
    with pytest.raises(RecordError):
        encode_form([1], PLAIN)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "Infinity"),
        (b'{"a": 1, "a": 2}', "same member twice"),
        (b'{"a": 1e999999999}', "too many digits"),
        (b"[" + b"9" * 5000 + b"]", "too many digits"),
        (b"[" * 65 + b"]" * 65, "deeper"),
        (b"[" * 100_000, "deeper"),
        (b'{"a": "\xff"}', "UTF-8"),
        (b'["\\ud800"]', "half a character"),
        (b'{"a": 1', "no JSON"),
        (b"<html>", "no JSON"),
        (b"", "no JSON"),
    ],
)
def test_an_answer_that_is_not_strict_json_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(Broken, match=why):
        decode_json(body)


def test_brackets_in_texts_do_not_count_as_levels() -> None:
    text = '"' + "[{" * 500 + '\\"' + "[" * 500
    assert decode_json(json.dumps([text]).encode()) == [text]
    assert decode_json(b"[" * 64 + b"]" * 64)


def test_a_byte_order_mark_and_whole_characters_beyond_the_first_plane_are_fine() -> None:
    assert decode_json(b'\xef\xbb\xbf["\\ud83d\\ude00"]') == ["😀"]


JSON_TEXTS = st.recursive(
    st.one_of(
        st.sampled_from(["null", "true", "12", "-0.50", "1e5", "1E+60", "NaN", '"a"', '""', '"\\u00e9"', '":"', '" : "', "[]", "{}"]),
        st.integers().map(str),
        st.decimals(allow_nan=False, allow_infinity=False).map(str),
        st.text(max_size=6).map(json.dumps),
        st.text(max_size=6).map(lambda text: json.dumps(text, ensure_ascii=False)),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]"),
        st.lists(st.tuples(st.sampled_from(["a", "b", "c:", "d"]), inner), max_size=4).map(
            lambda pairs: "{" + ", ".join(f'"{name}": {text}' for name, text in pairs) + "}"
        ),
    ),
    max_leaves=12,
)  # fmt: skip


def read(body: bytes) -> str:
    try:
        return repr(decode_json(body))
    except Broken as broken:
        return f"refused: {broken}"


@given(JSON_TEXTS, st.sampled_from(["", " ", "]", '"', "\ufeff"]))
def test_the_fast_reader_and_the_careful_one_say_the_same(text: str, beside: str) -> None:
    """A backslash anywhere leaves an answer to the careful reader alone: within a name that is dropped again it changes nothing else."""
    quick, careful = f"[{text}{beside}]", f'[{text}{beside},"\\u0061"]'
    found, wanted = read(quick.encode("utf-8", "surrogatepass")), read(careful.encode("utf-8", "surrogatepass"))

    if found.startswith("refused") or wanted.startswith("refused"):
        assert found.startswith("refused") == wanted.startswith("refused")
    else:
        assert wanted == found[:-1] + ", 'a']"


@pytest.mark.parametrize("body", [
    '{"value": [{"a": 1, "a": 2}]}', '{"value": [{"a": "1", "b": "2"}, {"a": "1", "a": "2"}]}', '{"a": {"b" : 1, "b": ":"}}',
    '[{"a": []}, {"a": [], "a": []}]',
])  # fmt: skip
def test_a_name_that_comes_twice_is_seen_by_the_fast_reader(body: str) -> None:
    with pytest.raises(Broken, match="twice"):
        decode_json(body.encode())

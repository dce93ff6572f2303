"""XML written: by a builder, the same bytes each time, nothing a parser would refuse, and read back as it was."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import RecordError
from engine.formats.reading import Wanted
from engine.formats.xml import Xml


def written(rows: list[dict[str, Any]], columns: tuple[str, ...] = (), **keys: Any) -> str:
    kind = Xml(**{"records": "Vendors/Vendor", **keys})
    return b"".join(kind.encode(rows, columns)).decode({"latin-1": "latin-1"}.get(kind.encoding, kind.encoding))


def inside(record: dict[str, Any], **keys: Any) -> str:
    return written([record], **keys).splitlines()[2].removeprefix("<Vendor>").removesuffix("</Vendor>")


def test_fields_are_elements_of_their_names_in_the_order_of_the_columns():
    assert written([{"id": "1", "name": "A & <B>"}, {"name": None, "id": ""}], ("name", "id")) == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        "<Vendors>\n"
        "<Vendor><name>A &amp; &lt;B&gt;</name><id>1</id></Vendor>\n"
        "<Vendor><id></id></Vendor>\n"
        "</Vendors>\n"
    )


def test_paths_say_where_a_field_goes():
    paths = {"id": "@id", "name": "Names/Name", "short": "Names/Short", "lang": "Names/@lang", "total": "."}
    record = {"id": "7", "name": "Acme", "short": "A", "lang": "en", "total": Decimal("1E+2")}
    assert written([record], paths=paths).splitlines()[2] == (
        '<Vendor id="7">100<Names lang="en"><Name>Acme</Name><Short>A</Short></Names></Vendor>'
    )


def test_lists_are_elements_that_repeat_and_maps_are_nested():
    record = {
        "lines": [{"no": 1, "amount": Decimal("2.50")}, {"no": 2}],
        "tags": ["a", None, "b"],
        "bank": {"iban": "X"},
        "none": [],
    }
    paths = {"lines": "Lines/Line", "lines.no": "@no", "lines.amount": "Amount/Net", "tags": "Tag"}
    assert inside(record, paths=paths) == (
        '<Lines><Line no="1"><Amount><Net>2.50</Net></Amount></Line><Line no="2"></Line></Lines>'
        "<Tag>a</Tag><Tag></Tag><Tag>b</Tag><bank><iban>X</iban></bank>"
    )


def test_columns_choose_inside_of_lists_too():
    record = {"lines": [{"a": "1", "b": "2", "c": "3"}], "x": "y"}
    assert inside(record, columns=("lines.c", "lines.a")) == "<lines><c>3</c><a>1</a></lines>"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (7, "7"),
        (Decimal("-0.00"), "0.00"),
        (date(2026, 11, 21), "2026-11-21"),
        (datetime(2026, 11, 21, 9, 5, tzinfo=UTC), "2026-11-21T09:05:00Z"),
        ("a\r\nb\tc", "a&#13;\nb\tc"),
        ("]]>", "]]&gt;"),
    ],
)
def test_values_have_one_form(value, text):
    assert written([{"f": value}]).split("<f>")[1].split("</f>")[0] == text


def test_namespaces_are_declared_once_with_their_prefixes():
    spaces = {"v": "urn:vendors?a=1&b=2"}
    raw = written([{"id": "1"}], records="v:Vendors/v:Vendor", namespaces=spaces, paths={"id": "v:Id"})
    assert raw.splitlines()[1:3] == [
        '<v:Vendors xmlns:v="urn:vendors?a=1&amp;b=2">',
        "<v:Vendor><v:Id>1</v:Id></v:Vendor>",
    ]
    assert ET.fromstring(raw)[0][0].tag == "{urn:vendors?a=1&b=2}Id"


def test_letters_an_encoding_has_not_are_written_by_their_number():
    kind = Xml(records="Vendors/Vendor", encoding="latin-1")
    raw = b"".join(kind.encode([{"n": "M\u00fcller \u20ac"}]))
    assert b"<n>M\xfcller &#8364;</n>" in raw
    assert ET.fromstring(raw)[0][0].text == "Müller €"


@pytest.mark.parametrize(
    ("record", "keys", "said"),
    [
        ({"f": "a\x00"}, {}, "`f`: the text holds '\\x00', which XML has no form for"),
        ({"f": "a\x1b"}, {}, "the text holds '\\x1b'"),
        ({"f": "\ud800"}, {}, "the text holds '\\ud800'"),
        ({"f": "\uffff"}, {}, "the text holds '\\uffff'"),
        ({"f": Decimal("NaN")}, {}, "`f`: `NaN` is not an amount"),
        ({"f": b"x"}, {}, "`f`: a bytes has no form in XML"),
        ({"a><b": "x"}, {}, "`a><b` can't be an element"),
        ({"a b": "x"}, {}, "can't be an element"),
        ({"1a": "x"}, {}, "can't be an element"),
        ({"p:a": "x"}, {}, "the prefix `p` of `p:a` is not declared"),
        ({"xmlns": "x"}, {"paths": {"xmlns": "@xmlns"}}, "can't be an element"),
        ({"\u00e9": "x"}, {}, "can't be an element"),
        ({"a": "1", "b": "2"}, {"paths": {"b": "a"}}, "`b`: another field stands at the same place"),
        ({"a": "1", "b": "2"}, {"paths": {"a": "@x", "b": "@x"}}, "`b`: another field stands at the same place"),
        ({"l": ["1"]}, {"paths": {"l": "@l"}}, "`l`: a list or a map needs an element"),
        ({"l": {"a": 1}}, {"paths": {"l": "."}}, "`l`: a list or a map needs an element"),
        ({"l": [{"f": "\x02"}]}, {}, "`l.f`: the text holds"),
        ({"l": [["x"]]}, {}, "`l`: a list has no form in XML"),
    ],
)
def test_what_has_no_form_is_told_with_its_field(record, keys, said):
    with pytest.raises(RecordError) as caught:
        written([record], **keys)
    assert said in str(caught.value)


def test_records_need_a_root_around_them():
    with pytest.raises(ValueError, match="inside a root element"):
        written([], records="Vendor")
    with pytest.raises(ValueError, match="can't be an element"):
        written([], records="Éléments/Vendor")
    assert ET.fromstring(written([], records="A/B/C")).find("B") is not None


LETTERS = st.characters(exclude_characters="\ufdd0\ufdd1\ufffe\uffff\x85", exclude_categories=("Cs", "Cc", "Cn"))
TEXTS = st.text(LETTERS | st.sampled_from("\r\n\t&<>\"']"), max_size=12)
VENDORS = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.none() | TEXTS,
            "name": st.none() | TEXTS,
            "lines": st.lists(st.fixed_dictionaries({"no": TEXTS, "amount": st.none() | TEXTS}), max_size=3),
        }
    ),
    max_size=4,
)


@given(vendors=VENDORS, encoding=st.sampled_from(["utf-8", "utf-16", "latin-1"]))
def test_what_is_written_is_read_back_by_us_and_by_a_stranger(vendors, encoding):
    kind = Xml(
        records="Vendors/Vendor",
        encoding=encoding,
        paths={"id": "@id", "name": "Names/Name", "lines": "Lines/Line", "lines.no": "@no", "lines.amount": "."},
    )
    raw = b"".join(kind.encode(vendors))
    assert raw == b"".join(kind.encode(vendors))
    found = kind.nest(
        io.BytesIO(raw),
        [Wanted(names=("@id",)), Wanted(names=("Names/Name",))],
        [Wanted(names=("@no",)), Wanted(names=(".",))],
        "Lines/Line",
    )
    expected = [
        (one["id"], one["name"], [(line["no"], line["amount"] or "") for line in one["lines"]]) for one in vendors
    ]
    assert [(*one.header, [tuple(row) for _, row in one.lines]) for one in found] == expected
    assert [
        (
            one.get("id"),
            one.findtext("Names/Name"),
            [(line.get("no"), line.text or "") for line in one.iterfind("Lines/Line")],
        )
        for one in ET.fromstring(raw)
    ] == expected

"""XML: what stands at a path, header and lines together; nothing expanded, nothing guessed, every error with line and byte."""

from __future__ import annotations

import io
from typing import Any

import pytest

from engine.contracts import BadRow
from engine.errors import ParcelError
from engine.formats.nesting import Nested
from engine.formats.reading import Wanted
from engine.formats.xml import Xml

INVOICES = """<?xml version="1.0" encoding="UTF-8"?>
<Invoices made="2026-11-21">
  <!-- two of them -->
  <Invoice currency="USD">
    <Vendor><Id>V1</Id><Name>Smith &amp; Sons</Name></Vendor>
    <Number>INV-1</Number><Total unit="each">12.50</Total>
    <Lines><Line no="1"><Amount>10.00</Amount></Line><Line no="2"><Amount>2.50</Amount></Line></Lines>
  </Invoice>
  <Invoice><Number>INV-2</Number><Lines/></Invoice>
</Invoices>
"""
KIND = Xml(records="Invoices/Invoice")


def wanted(*names: str) -> list[Wanted]:
    return [Wanted(names=(name.rstrip("!"),), required=name.endswith("!")) for name in names]


def documents(raw: str | bytes, header: Any = ("Number",), lines: Any = (), each: Any = None, **keys: Any) -> list[Any]:
    kind = Xml(**{"records": "Invoices/Invoice", **keys})
    stream = io.BytesIO(raw.encode() if isinstance(raw, str) else raw)
    return list(kind.nest(stream, wanted(*header), wanted(*lines), each))


def broken(raw: str | bytes, *asked: Any, **keys: Any) -> str:
    with pytest.raises(ParcelError) as caught:
        documents(raw, *asked, **keys)
    return str(caught.value)


def invoice(inside: str) -> str:
    return f"<Invoices><Invoice>{inside}</Invoice></Invoices>"


def test_header_and_lines_stand_together():
    header = ("@currency", "Vendor/Id", "Vendor/Name", "Number!", "Total/@unit", "Total")
    first, second = documents(INVOICES, header, ("@no", "Amount"), "Lines/Line")
    assert first == Nested(
        place="line 4, byte 93",
        header=["USD", "V1", "Smith & Sons", "INV-1", "each", "12.50"],
        lines=(("line 7, byte 250", ["1", "10.00"]), ("line 7, byte 292", ["2", "2.50"])),
    )
    assert second == Nested(place="line 9, byte 357", header=[None, None, None, "INV-2", None, None])
    assert INVOICES[93:].startswith("<Invoice ")
    assert INVOICES[292:].startswith('<Line no="2"')


def test_a_record_may_be_the_root_itself():
    assert documents("<Invoice><Number>1</Number></Invoice>", records="Invoice")[0].header == ["1"]


def test_the_text_of_a_line_element_itself():
    found = documents(invoice("<Tags><Tag>a</Tag><Tag/><Tag>b<i>x</i>c</Tag></Tags>"), (), (".",), "Tags/Tag")
    assert [row for _, row in found[0].lines] == [["a"], [""], ["bc"]]


def test_text_in_pieces_is_one_text():
    assert documents(invoice("<Number>A<![CDATA[<&>]]>B<!-- x -->C&#100;</Number>"))[0].header == ["A<&>BCd"]


def test_an_alias_is_another_path_of_the_same_value():
    kind, asked = KIND, [Wanted(names=("Number", "No"), required=True)]
    found = list(kind.nest(io.BytesIO(invoice("<No>7</No>").encode()), asked))
    assert found[0].header == ["7"]
    both = list(kind.nest(io.BytesIO(invoice("<No>7</No><Number>8</Number>").encode()), asked))
    assert both[0].error.startswith("`Number` is there twice")


def test_a_value_there_twice_stops_its_record_only():
    bad, good = documents(
        "<Invoices><Invoice><Number>1</Number><Number>2</Number></Invoice><Invoice><Number>3</Number></Invoice></Invoices>"
    )
    assert isinstance(bad, BadRow)
    assert (bad.place, bad.field, bad.values) == ("line 1, byte 10", "Number", {"Number": "1"})
    assert bad.error == "`Number` is there twice: one value is expected; elements that repeat are taken by `each`"
    assert good.header == ["3"]


def test_an_element_with_others_inside_has_no_text():
    found = documents(invoice("<Vendor><Id>1</Id></Vendor>"), ("Vendor",))
    assert found[0].error == "`Vendor` holds elements, not text: is `Vendor/Id` meant?"


def test_what_is_required_and_not_there_stops_the_record():
    assert documents(invoice("<Number/>"), ("Number!",))[0].header == [""]
    assert documents(invoice(""), ("Number!", "Total!"))[0].error == "the record lacks `Number`, `Total`"
    found = documents(invoice("<L><A>1</A></L><L/>"), (), ("A!",), "L")
    assert found[0].error == "the line at line 1, byte 34 lacks `A`"


def test_a_name_without_prefix_is_the_local_one_and_one_with_it_is_exact():
    raw = '<Invoices xmlns="urn:i" xmlns:x="urn:other"><Invoice><x:Number>X</x:Number><Number x:a="1">I</Number></Invoice></Invoices>'
    assert documents(raw)[0].error.startswith("`Number` is there twice")
    spaces = {"inv": "urn:i", "o": "urn:other"}
    assert documents(raw, ("inv:Number", "o:Number", "inv:Number/@o:a"), namespaces=spaces)[0].header == ["I", "X", "1"]
    assert documents(raw, ("inv:Number",), records="inv:Invoices/inv:Invoice", namespaces=spaces)[0].header == ["I"]
    assert "the root element is `Invoices`" in broken(raw, records="o:Invoices/Invoice", namespaces=spaces)


def test_the_prefix_of_the_file_does_not_matter():
    raw = '<a:Invoices xmlns:a="urn:i"><a:Invoice><a:Number>1</a:Number></a:Invoice></a:Invoices>'
    assert documents(raw, ("n:Number",), namespaces={"n": "urn:i"})[0].header == ["1"]


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [("utf-8", "UTF-8"), ("utf-8-sig", "utf-8"), ("utf-16", "UTF-16"), ("latin-1", "ISO-8859-1"), ("utf-8", None)],
)
def test_the_declared_encoding_is_the_one_that_is_read(encoding, declared):
    head = f'<?xml version="1.0" encoding="{declared}"?>\n' if declared else ""
    found = documents((head + invoice("<Number>Müller</Number>")).encode(encoding))
    assert found[0].header == ["Müller"]


def test_a_file_that_declares_none_may_be_said_to_be_latin_1():
    raw = invoice("<Number>Müller</Number>").encode("latin-1")
    assert documents(raw, encoding="latin-1")[0].header == ["Müller"]
    assert "line 1, byte 28: this is not XML: not well-formed" in broken(raw)
    said = b'<?xml version="1.0" encoding="UTF-8"?>' + invoice("<Number>M\u00fcller</Number>").encode()
    assert documents(said, encoding="latin-1")[0].header == ["Müller"]


@pytest.mark.parametrize("name", ["windows-1251", "utf-7", "cp037", "shift_jis", "utf-32", "base64", "no-such"])
def test_any_other_encoding_is_refused(name):
    raw = f'<?xml version="1.0" encoding="{name}"?>'.encode() + invoice("").encode()
    assert f"the file declares the encoding `{name}`, and UTF-8, UTF-16" in broken(raw)


BOMB = '<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    "head",
    [
        BOMB,
        '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd">',
        '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1/x.dtd"> %p;]>',
        "<!DOCTYPE Invoices>",
        '<?xml version="1.0" standalone="yes"?>\n<!DOCTYPE Invoices>',
        "<!-- " + "x" * 70_000 + " --><!DOCTYPE Invoices>",
    ],
)
def test_a_dtd_is_refused_before_anything_of_it_is_read(head):
    assert "the file has a DTD (`<!DOCTYPE`), which is refused" in broken(head + invoice("<Number>&b;</Number>"))


def test_an_entity_nobody_declared_is_no_text():
    assert "line 1, byte 27: this is not XML: undefined entity: only `&amp;" in broken(
        invoice("<Number>&euro;</Number>")
    )


@pytest.mark.parametrize("cut", range(1, len(INVOICES) - len("</Invoices>\n"), 7))
def test_a_file_that_was_cut_is_told_before_anything_is_handed_over(cut):
    nesting = KIND.nest(io.BytesIO(INVOICES.encode()[:-cut] if cut > 1 else INVOICES.encode()[:-2]), wanted("Number"))
    with pytest.raises(ParcelError, match=r"incomplete|is empty"):
        next(iter(nesting))


def test_every_cut_of_every_encoding_is_an_error():
    for codec in ("utf-8", "utf-16", "latin-1"):
        raw = INVOICES.replace("UTF-8", {"latin-1": "ISO-8859-1"}.get(codec, codec)).rstrip().encode(codec)
        assert len(documents(raw)) == 2
        for cut in range(1, len(raw)):
            with pytest.raises(ParcelError):
                documents(raw[:cut])


@pytest.mark.parametrize(
    "tail", ["<!-- end -->", "<?end of file?>\n<!-- -->", " \r\n\n", "<!--" + "x" * 70_000 + "-->"]
)
def test_what_may_follow_the_root_is_passed_over(tail):
    assert len(documents(INVOICES + tail)) == 2


def test_what_may_not_follow_the_root_is_an_error():
    assert "something stands behind the end" in broken(INVOICES + "<More/>")
    assert "something stands behind the end" in broken(INVOICES + "text")


def test_an_empty_root_has_no_documents_and_needs_no_end():
    assert documents("<Invoices/>") == []
    assert documents('<Invoices a="/>"  />') == []
    assert documents("<Invoices></Invoices >") == []
    assert broken("") == broken("\ufeff \n") == "line 1: the file is empty"


def test_a_file_of_another_kind_is_told():
    assert "the root element is `Orders`, and `records` begins with `Invoices`" in broken("<Orders></Orders>")
    nesting = KIND.nest(io.BytesIO(b"<Invoices><Order/><Bill/><Order/></Invoices>"), wanted("Number"))
    assert list(nesting) == []
    assert nesting.findings == ["there is no `Invoices/Invoice` in the file; below its root stand `Order`, `Bill`"]


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        ("<a></b>", "mismatched tag"),
        ("a & b", "a `&` or `<` that is not written `&amp;` or `&lt;`"),
        ("<a x='1' x='2'/>", "duplicate attribute"),
        ("\x01", "a control character"),
        ("&#1;", "reference to invalid character number"),
        ("<p:a/>", "unbound prefix"),
    ],
)
def test_what_is_not_well_formed_is_told_with_its_place(inside, said):
    message = broken(invoice(inside))
    assert said in message
    assert message.startswith("line 1, byte ")


def test_depth_attributes_and_sizes_are_limited():
    deep = invoice("<a>" * 63 + "</a>" * 63)
    assert "elements are nested deeper than 64" in broken(deep)
    assert len(documents(invoice("<a>" * 62 + "</a>" * 62))) == 1
    many = " ".join(f'a{n}=""' for n in range(257))
    assert "an element has more than 256 attributes" in broken(invoice(f"<a {many}/>"))
    assert "the record is longer than 1000 bytes (`max_record`)" in broken(invoice("<a/>" * 300), max_record=1000)
    assert "longer than 9 characters (`max_field`)" in broken(invoice("<Number>1234567890</Number>"), max_field=9)
    assert "longer than 9 characters" in broken(invoice("<Number a='1234567890'/>"), ("Number/@a",), max_field=9)
    assert "more than 1 records (`max_rows`)" in broken(INVOICES, max_rows=1)
    assert "more than 100000 lines" in broken(invoice("<l/>" * 100_001), (), ("a",), "l")
    names = "".join(f"<n{n}/>" for n in range(5_001))
    assert "more than 5000 different names" in broken(invoice(names))
    assert "a namespace is longer than 1000" in broken(invoice(f"<a xmlns='{'x' * 1001}'/>"))


@pytest.mark.parametrize(
    "begin", ["<Invoices><Invoice><a x='", "<Invoices><!--", "<Invoices><Invoice>", "<Invoices><", "<Invoices a='"]
)
def test_what_never_ends_is_given_up_early(begin):
    read = 0

    class Endless(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            nonlocal read
            read += size or 0
            return super().read(size)

    stream = Endless(begin.encode() + b"x" * 2_000_000 + b"</Invoices>")
    with pytest.raises(ParcelError, match="longer than 100000"):
        list(
            Xml(records="Invoices/Invoice", max_record=100_000, max_field=1_000_000_000).nest(stream, wanted("Number"))
        )
    assert read < 600_000


def test_much_outside_of_the_records_is_no_matter():
    raw = f"<Invoices>{' ' * 300_000}<Other>{'x' * 300_000}<y/>{'z' * 200_000}</Other><Invoice/></Invoices>"
    assert len(documents(raw, max_record=100_000)) == 1


def test_a_long_attachment_inside_a_record_is_no_matter():
    scan = "x" * 3_000_000
    raw = invoice(f"<Scan>{scan}</Scan><Scan><![CDATA[{scan}]]></Scan><Number>1</Number>")
    assert documents(raw)[0].header == ["1"]
    assert "a tag or comment is longer than 1048576 bytes" in broken(invoice(f"<!--{scan}-->"))


def test_the_same_thing_can_not_be_asked_for_with_a_prefix_and_without():
    with pytest.raises(ValueError, match="with a prefix and without"):
        documents(INVOICES, ("Number", "x:Number"), namespaces={"x": "urn:x"})


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"records": "Invoices/@a"}, "leads to an element"),
        ({"records": "."}, "leads to an element"),
        ({"records": "/Invoices"}, "is no path"),
        ({"records": "a//b"}, "is no path"),
        ({"records": "a[1]/b"}, "is no path"),
        ({"records": "a/" * 70 + "a"}, "deeper than 64"),
        ({"records": "x:a/b"}, "prefix `x` of `x:a/b` is not declared"),
        ({"namespaces": {"a b": "urn:x"}}, "is no prefix"),
        ({"namespaces": {"xmlns": "urn:x"}}, "is no prefix"),
        ({"namespaces": {"a": ""}}, "is no address"),
        ({"repeat": ("a/@b",)}, "leads to an element"),
        ({"paths": {"a": "b c"}}, "is no path"),
        ({"columns": ("a", "a")}, "names a field twice"),
    ],
)
def test_keys_that_mean_nothing_are_refused(keys, said):
    with pytest.raises(ValueError, match=said.replace("[", r"\[")):
        Xml(**{"records": "Invoices/Invoice", **keys})


@pytest.mark.parametrize(
    ("lines", "each", "said"), [(("A",), None, "need `each`"), ((), "@a", "`each` leads"), ((), ".", "`each` leads")]
)
def test_lines_need_the_path_of_their_element(lines, each, said):
    with pytest.raises(ValueError, match=said):
        documents(INVOICES, (), lines, each)


def records(raw: str, **keys: Any) -> list[Any]:
    return list(Xml(**{"records": "Invoices/Invoice", **keys}).records_of(io.BytesIO(raw.encode())))


def test_whole_records_are_maps_texts_and_lists_where_they_are_declared():
    found = records(INVOICES, repeat=("Lines/Line",))
    assert found == [
        (
            4,
            {
                "@currency": "USD",
                "Vendor": {"Id": "V1", "Name": "Smith & Sons"},
                "Number": "INV-1",
                "Total": "12.50",
                "Total@unit": "each",
                "Lines": {"Line": [{"@no": "1", "Amount": "10.00"}, {"@no": "2", "Amount": "2.50"}]},
            },
        ),
        (9, {"Number": "INV-2", "Lines": ""}),
    ]


def test_a_list_nobody_declared_is_never_made():
    found = records(INVOICES)
    assert isinstance(found[0], BadRow)
    assert found[0].error == "`Lines/Line` is there twice: name it in `repeat` if it may be"
    assert found[1][1]["Number"] == "INV-2"


def test_text_beside_elements_is_kept():
    raw = invoice('top<Note>see <b>this</b> now</Note><T a="1">x</T><L a="1">y</L><L>z</L>')
    assert records(raw, repeat=("L",)) == [
        (
            1,
            {
                ".": "top",
                "Note": {"b": "this", ".": "see  now"},
                "T": "x",
                "T@a": "1",
                "L": [{"@a": "1", ".": "y"}, "z"],
            },
        )
    ]


def test_whole_records_keep_the_same_limits():
    for raw, said in (
        (invoice("<a>" * 63 + "</a>" * 63), "deeper than 64"),
        (invoice("<a/>" * 100_001), "more than 100000 elements"),
        ("<Orders></Orders>", "the root element is"),
    ):
        with pytest.raises(ParcelError, match=said):
            records(raw)
    with pytest.raises(ParcelError, match="longer than 1000 bytes"):
        records(invoice("<a>x</a>" * 200), max_record=1000, repeat=("a",))
    with pytest.raises(ParcelError, match="longer than 10 characters"):
        records(invoice("<a>x<b/>" + "y" * 10 + "</a>"), max_field=10)
    with pytest.raises(ParcelError, match="more than 1 records"):
        records(INVOICES, max_rows=1, repeat=("Lines/Line",))


def test_attributes_that_differ_by_their_namespace_only_are_no_guess():
    raw = '<Invoices xmlns:x="urn:x"><Invoice><a b="1" x:b="2"/></Invoice></Invoices>'
    assert "two attributes whose names differ by their namespace only" in records(raw)[0].error


def test_only_records_at_the_path_are_records():
    raw = (
        "<Invoices><Batch><Invoice><Number>1</Number></Invoice></Batch>"
        "<Invoice><Invoice><Number>2</Number></Invoice></Invoice></Invoices>"
    )
    assert records(raw) == [(1, {"Invoice": {"Number": "2"}})]
    assert [one.header for one in documents(raw)] == [[None]]
    assert [one.header for one in documents(raw, records="Invoices/Batch/Invoice")] == [["1"]]

"""Fixed width: what stands where, in which order, and adding up to what it says; every error with its line, record and byte."""

from __future__ import annotations

import io
from typing import Any

import pytest

from engine.contracts import BadRow
from engine.errors import ParcelError
from engine.formats.fixed import Fixed, FixedField, FixedRecord, FixedTotal
from engine.formats.nesting import Nested
from engine.formats.reading import Wanted


def wanted(*names: str) -> list[Wanted]:
    return [Wanted(names=(name.rstrip("!"),), required=name.endswith("!")) for name in names]


def text(first: int, last: int, **keys: Any) -> FixedField:
    return FixedField(slice=(first, last), **keys)


def number(first: int, last: int, **keys: Any) -> FixedField:
    return FixedField(slice=(first, last), type="decimal", **keys)


FLAT = Fixed(
    records={"vendor": FixedRecord(fields={"id": text(1, 6), "name": text(7, 16), "limit": number(17, 23, implied=2)})}
)

INVOICES = Fixed(
    records={
        "file": FixedRecord(at=(1, 1), is_="H", stands="first", fields={"made": text(2, 9)}),
        "invoice": FixedRecord(
            at=(1, 1), is_="I", stands="opens", fields={"number": text(2, 7), "total": number(8, 15, implied=2)}
        ),
        "line": FixedRecord(
            at=(1, 1), is_="L", fields={"account": text(2, 7), "amount": number(8, 15, implied=2, overpunch=True)}
        ),
        "note": FixedRecord(at=(1, 1), is_="N", most=2, fields={"text": text(2, 15)}),
        "end": FixedRecord(
            at=(1, 1),
            is_="T",
            stands="last",
            fields={
                "records": number(2, 5, implied=0),
                "sum": number(6, 15, implied=2),
                "hash": text(16, 17, pad="0", justify="right"),
            },
            totals=(
                FixedTotal(field="records", count=("file", "invoice", "line", "note", "end")),
                FixedTotal(field="sum", sum=("line.amount",)),
                FixedTotal(field="hash", sum=("line.account",), modulo=97),
            ),
        ),
    }
)
FILE = (
    "H20261121\r\n"
    "IINV-0100012000\r\n"
    "L4000  0001000{\r\n"
    "NFirst\r\n"
    "L5000  0000200{\r\n"
    "IINV-0200000250\r\n"
    "L4000  0000025}\r\n"
    "T0008000001175002\r\n"
)
HEADER, LINES = ("file.made", "invoice.number!", "invoice.total"), ("line.account", "line.amount")


def documents(kind: Fixed, raw: str | bytes, header: Any = HEADER, lines: Any = LINES, each: Any = "line") -> list[Any]:
    stream = io.BytesIO(raw.encode("cp1252") if isinstance(raw, str) else raw)
    return list(kind.nest(stream, wanted(*header), wanted(*lines), each))


def flat(raw: str | bytes, kind: Fixed = FLAT) -> list[Any]:
    return documents(kind, raw, ("vendor.id", "vendor.name", "vendor.limit"), (), None)


def broken(raw: str | bytes, kind: Fixed = INVOICES, **asked: Any) -> str:
    """What is wrong, seen before the first document."""
    found = kind.nest(
        io.BytesIO(raw.encode("cp1252") if isinstance(raw, str) else raw),
        wanted(*asked.get("header", HEADER)),
        wanted(*asked.get("lines", LINES)),
        asked.get("each", "line"),
    )
    with pytest.raises(ParcelError) as caught:
        next(iter(found))
    return str(caught.value)


def test_a_flat_file_has_a_document_in_each_line():
    assert flat("V00001Acme Corp 0012345\nV00002Bolt      000000-\n".replace("000000-", "-000001")) == [
        Nested(place="line 1, record 1, byte 0", header=["V00001", "Acme Corp", "123.45"]),
        Nested(place="line 2, record 2, byte 24", header=["V00002", "Bolt", "-0.01"]),
    ]


def test_header_and_lines_stand_together_and_the_files_own_fields_with_each():
    first, second = documents(INVOICES, FILE)
    assert first.header == ["20261121", "INV-01", "120.00"]
    assert first.lines == (
        ("line 3, record 3, byte 28", ["4000", "100.00"]),
        ("line 5, record 5, byte 53", ["5000", "20.00"]),
    )
    assert (second.header[1], second.lines[0][1]) == ("INV-02", ["4000", "-2.50"])


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("T0008", "T0009", "line 8, record 8, byte 105: `records` states 9 and the file has 8"),
        ("T00080000011750", "T00080000011751", "byte 109: `sum` states 117.51 and the file has 117.50"),
        ("02\r\n", "03\r\n", "byte 119: `hash` states 3 and the file has 2"),
        ("L5000  0000200{\r\n", "", "`records` states 8 and the file has 7: records are missing"),
        (
            "T0008000001175002\r\n",
            "",
            "behind line 7, record 7, byte 87: the file ends without its `end` record: the upload is incomplete",
        ),
        ("H20261121\r\n", "", "line 1, record 1, byte 0: a `invoice` record stands where no other may"),
        ("IINV-0100012000\r\n", "", "line 2, record 2, byte 11: a `line` record stands outside of any document"),
        ("NFirst", "XFirst", "line 4, record 4, byte 45: `X` at 1-1 is no record type; known are `H` (file)"),
        ("NFirst", "H20261121", "line 4, record 4, byte 45: a second `file` record"),
        ("02\r\n", "02\r\nNmore\r\n", "a `note` record stands behind the `end`, which is the last"),
        ("0000200{", "00O0200{", "byte 60: `line.amount`: `00O0200{` is no number"),
        ("T0008", "T00x8", "`end.records`: `00x8` is no number"),
        ("NFirst", "NF\x81st", "line 4, byte 47: hex 81 is not cp1252"),
    ],
)
def test_a_structure_that_does_not_hold_is_told_before_anything_is_handed_over(before, after, said):
    assert before in FILE
    assert said in broken(FILE.replace(before, after, 1).encode("latin-1"))


def test_a_record_that_can_not_be_read_stops_its_document_only():
    found = documents(INVOICES, FILE.replace("INV-0100012000", "INV-01000120x0"))
    assert isinstance(found[0], BadRow)
    assert found[0].error == (
        "`invoice.total` at line 2, record 2, byte 18: `000120x0` is no number (digits, the last 2 of them decimals, no point)"
    )
    assert (found[0].place, found[0].field) == ("line 2, record 2, byte 11", "invoice.total")
    assert found[0].values["invoice.number"] == "INV-01"
    assert found[1].header[1] == "INV-02"


def test_how_many_records_a_document_may_have_is_kept():
    many = FILE.replace("NFirst\r\n", "NFirst\r\n" * 3).replace("T0008", "T0010")
    assert documents(INVOICES, many)[0].error == "the document has 3 `note` records, and 2 are the most"
    needed = Fixed(
        records={"a": FixedRecord(at=(1, 1), is_="A", stands="opens"), "b": FixedRecord(at=(1, 1), is_="B", least=1)}
    )
    assert [x.error for x in documents(needed, "A\nA\nB\n", (), (), None) if isinstance(x, BadRow)] == [
        "the document has 0 `b` records, and 1 are the least"
    ]


def test_a_field_there_twice_is_never_a_guess():
    found = documents(INVOICES, FILE.replace("NFirst\r\n", "NFirst\r\n" * 2).replace("T0008", "T0009"), ("note.text",))
    assert "`note.text` is there twice in one document, the second time at line 5, record 5, byte 54" in found[0].error


def test_a_required_field_of_a_record_the_document_has_not():
    found = documents(INVOICES, FILE, ("note.text!",))
    assert found[0].header == ["First"]
    assert found[1].error == "the document lacks `note.text`: it has no such record"


def test_a_constant_must_be_what_it_is():
    kind = Fixed(records={"v": FixedRecord(fields={"mark": text(1, 3, const="VND"), "id": text(4, 6)})})
    good, bad = documents(kind, "VND001\nVNX002\n", ("v.id",), (), None)
    assert good.header == ["001"]
    assert bad.error == "`v.mark` at line 2, record 2, byte 7: `VNX` stands where `VND` must be"


def test_a_document_may_be_closed_by_its_own_totals():
    kind = Fixed(
        records={
            "head": FixedRecord(at=(1, 2), is_="BH", stands="opens", fields={"id": text(3, 5)}),
            "item": FixedRecord(at=(1, 2), is_="BD", fields={"code": text(3, 3), "amount": number(4, 8, implied=2)}),
            "foot": FixedRecord(
                at=(1, 2),
                is_="BT",
                stands="closes",
                fields={
                    "debits": number(3, 8, implied=2),
                    "credits": number(9, 14, implied=2),
                    "items": number(15, 16),
                },
                totals=(
                    FixedTotal(field="debits", sum=("item.amount",), only={"item.code": ("D",)}),
                    FixedTotal(field="credits", sum=("item.amount",), only={"item.code": ("C", "K")}),
                    FixedTotal(field="items", count=("item",)),
                ),
            ),
        }
    )
    raw = "BH001\nBDD00100\nBDC00050\nBDK00007\nBT00010000005703\nBH002\nBT00000000000000\n"
    asked = {"header": ("head.id", "foot.debits"), "lines": ("item.amount",), "each": "item"}
    found = documents(kind, raw, **asked)
    assert [(one.header, len(one.lines)) for one in found] == [(["001", "1.00"], 3), (["002", "0.00"], 0)]
    assert "`credits` states 0.58 and the file has 0.57" in broken(raw.replace("005703", "005803"), kind, **asked)
    assert "the `foot` record of the document before is missing" in broken(
        raw.replace("BT00010000005703\n", ""), kind, **asked
    )
    assert "ends without the `foot` record of its last" in broken(raw.removesuffix("BT00000000000000\n"), kind, **asked)


def test_records_without_line_breaks_are_told_by_their_length():
    kind = Fixed(records=FLAT.records, newline="none", record_length=24)
    raw = b"V00001Acme      0012345 V00002Bolt      0000100 "
    assert [(x.place, x.header[0]) for x in flat(raw, kind)] == [
        ("record 1, byte 0", "V00001"),
        ("record 2, byte 24", "V00002"),
    ]
    assert len(flat(raw + b"\r\n\x1a", kind)) == 2
    asked = {"header": ("vendor.id",), "lines": (), "each": None}
    assert "record 2, byte 24: the file ends after 10 of 24 characters" in broken(raw[:34], kind, **asked)
    assert "record 1, byte 0: the record holds a line break" in broken(raw[:23] + b"\n" + raw[24:], kind, **asked)
    assert "NUL" in broken(raw[:23] + b"\0" + raw[24:], kind, **asked)


def test_a_declared_length_is_kept():
    kind = Fixed(records=FLAT.records, record_length=23)
    said = broken("V00001Acme      001234\n", kind, header=("vendor.id",), lines=(), each=None)
    assert said.startswith("line 1, record 1, byte 0: the record has 22 characters and `record_length` is 23")


def test_without_a_declared_length_blanks_may_be_missing_but_no_digits():
    short, cut = flat("V00001Ac\nV00002Bolt      00123\n")
    assert short.header == ["V00001", "Ac", ""]
    assert cut.error.endswith("line 2, record 2, byte 25: the record ends within the number `00123`")


def test_letters_of_several_bytes_need_positions_that_count_letters():
    with pytest.raises(ValueError, match="positions: characters"):
        Fixed(records=FLAT.records, encoding="utf-8")
    kind = Fixed(records=FLAT.records, encoding="utf-8", positions="characters")
    raw = "V00001Müller    0012345\nV00002Größe     00x2345\n".encode()
    good, bad = flat(b"\xef\xbb\xbf" + raw, kind)
    assert (good.place, good.header[1]) == ("line 1, record 1, byte 3", "Müller")
    assert "line 2, record 2, byte 46:" in bad.error
    assert raw[46 - 3 :].startswith(b"00x")
    block = Fixed(records=FLAT.records, encoding="utf-8", positions="characters", newline="none", record_length=23)
    assert [x.place for x in flat(raw.replace(b"\n", b""), block)] == ["record 1, byte 0", "record 2, byte 24"]


def test_filling_of_the_last_block_is_passed_over_where_it_is_declared():
    raw = FILE + ("9" * 17 + "\r\n") * 2
    assert "`9` at 1-1 is no record type" in broken(raw)
    kind = Fixed(records=INVOICES.records, block_factor=10)
    assert len(documents(kind, raw)) == 2
    assert "a record stands behind the filling" in broken(raw + "NFirst\r\n", kind)


def test_text_behind_the_last_described_position_is_a_finding():
    nesting = FLAT.nest(io.BytesIO(b"V00001Acme      0012345  what\n"), wanted("vendor.id"))
    assert len(list(nesting)) == 1
    assert nesting.findings == [
        "a `vendor` record has text behind position 23, the last one described (line 1, record 1, byte 0)"
    ]


def test_an_empty_file_has_no_documents_unless_a_frame_is_due():
    assert flat("") == []
    assert flat("\r\n\r\n\x1a") == []
    assert "no records, not even its `file`" in broken("")


@pytest.mark.parametrize(
    ("keys", "raw", "value"),
    [
        ({"implied": 2}, "0012345", "123.45"),
        ({"implied": 2}, "-012345", "-123.45"),
        ({"implied": 2}, "   -500", "-5.00"),
        ({"implied": 2}, "0000000", "0.00"),
        ({"implied": 2}, "-000000", "0.00"),
        ({"implied": 0}, "0000042", "42"),
        ({"implied": 2}, "       ", ""),
        ({"implied": 2, "overpunch": True}, "000123{", "12.30"),
        ({"implied": 2, "overpunch": True}, "000123R", "-12.39"),
        ({"implied": 2, "overpunch": True}, "0001234", "12.34"),
        ({"implied": 2, "overpunch": True}, "000000}", "0.00"),
        ({"implied": 2, "sign": "trailing"}, "001234-", "-12.34"),
        ({"implied": 2, "sign": "trailing"}, "001234 ", "12.34"),
        ({}, "0012.50", "12.50"),
        ({}, "  -3.05", "-3.05"),
        ({"pad": "*"}, "***3.05", "3.05"),
    ],
)
def test_numbers_come_out_as_plain_text(keys, raw, value):
    kind = Fixed(records={"r": FixedRecord(fields={"n": number(1, 7, **keys)})})
    assert documents(kind, raw, ("r.n",), (), None)[0].header == [value]


@pytest.mark.parametrize(
    ("keys", "raw"),
    [
        ({"implied": 2}, "0012.45"),
        ({"implied": 2}, "001234-"),
        ({"implied": 2}, "00 1234"),
        ({"implied": 2}, "00123E4"),
        ({"implied": 2}, "+-01234"),
        ({"implied": 2}, "000123J"),
        ({"implied": 2, "sign": "none"}, "-001234"),
        ({"implied": 2, "overpunch": True}, "-00123{"),
        ({"implied": 2, "overpunch": True}, "0001{23"),
        ({}, "1,234.5"),
        ({}, "  .50  "),
        ({}, "٠٠١٢٣٤٥"),
        ({}, "    NaN"),
        ({}, "      -"),
    ],
)
def test_what_is_no_number_is_never_read_as_one(keys, raw):
    kind = Fixed(
        records={"r": FixedRecord(fields={"n": number(1, 7, **keys)})}, encoding="utf-8", positions="characters"
    )
    found = documents(kind, raw.encode(), ("r.n",), (), None)
    assert isinstance(found[0], BadRow)
    assert "is no number" in found[0].error


def test_padding_goes_and_stays_where_asked():
    fields = {
        "a": text(1, 6, pad="0", justify="right"),
        "b": text(7, 12, pad="0", justify="right", trim=False),
        "c": text(13, 16, pad="_"),
    }
    kind = Fixed(records={"r": FixedRecord(fields=fields)})
    assert documents(kind, "000120000120ab__", ("r.a", "r.b", "r.c"), (), None)[0].header == ["120", "000120", "ab"]


def test_records_without_a_document_carry_their_type():
    found = list(INVOICES.records_of(io.BytesIO(FILE.encode())))
    assert found[:2] == [
        (2, {"record": "invoice", "number": "INV-01", "total": "120.00"}),
        (3, {"record": "line", "account": "4000", "amount": "100.00"}),
    ]
    assert len(found) == 6


def test_the_number_of_records_is_limited():
    kind = Fixed(records=FLAT.records, max_rows=1)
    assert "line 2, record 2, byte 24: the file has more than 1 records" in broken(
        "V00001Acme      0012345\n" * 2, kind, header=("vendor.id",), lines=(), each=None
    )


@pytest.mark.parametrize(
    ("header", "lines", "each", "said"),
    [
        (("invoice.nmber",), (), None, "`invoice.nmber` is no field of the file's records: there are `file.made`"),
        (("end.sum",), (), None, "`end.sum` stands in the file's last record"),
        (("line.amount",), ("line.amount",), "line", "`line.amount` is a field of the lines"),
        (("invoice.number",), ("note.text",), "line", "`note.text` is no field of the lines (`each: line`)"),
        (("invoice.number",), ("line.amount",), None, "columns of lines need `each`"),
        (("invoice.number",), (), "invoice", "`each: invoice` must be a record type that stands within a document"),
    ],
)
def test_what_can_not_be_taken_is_told(header, lines, each, said):
    with pytest.raises(ValueError, match=said.split("(")[0]):
        documents(INVOICES, FILE, header, lines, each)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: text(5, 4), "the first and the last position"),
        (lambda: text(0, 4), "from 1"),
        (lambda: text(1, 4, implied=2), "are for `type: decimal`"),
        (lambda: number(1, 4, implied=20), "from 0 to 18"),
        (lambda: number(1, 4, overpunch=True, sign="trailing"), "has the sign in the last digit"),
        (lambda: number(1, 4, justify="left"), "zeros behind it would change it"),
        (lambda: number(1, 4, pad="5"), "0, a blank or a mark"),
        (lambda: text(1, 2, const="ABC"), "at most 2 printable"),
        (lambda: text(1, 2, pad="ab"), "one printable character"),
        (lambda: FixedRecord(at=(1, 1)), "told by `at` and `is` together"),
        (lambda: FixedRecord(at=(1, 2), is_="A"), "not as long as `at` is wide"),
        (lambda: FixedRecord(fields={"a": text(1, 4), "b": text(4, 6)}), "`a` and `b` share a position"),
        (lambda: FixedRecord(least=2, most=1), "`least` and `most`"),
        (lambda: FixedTotal(field="x"), "either `count`"),
        (lambda: FixedTotal(field="x", count=("a",), modulo=0), "at least 1"),
        (lambda: Fixed(records=FLAT.records, newline="none"), "needs `record_length`"),
        (lambda: Fixed(records=FLAT.records, record_length=10), "a position beyond `record_length`"),
        (lambda: Fixed(records=FLAT.records, fill="99"), "one printable character"),
        (lambda: Fixed(records=FLAT.records, block_factor=0), "at least 1"),
        (
            lambda: Fixed(records={"a": FixedRecord(at=(1, 1), is_="A"), "b": FixedRecord(at=(1, 1), is_="B")}),
            "`stands: opens`",
        ),
        (
            lambda: Fixed(records={"a": FixedRecord(stands="opens"), "b": FixedRecord()}),
            "nothing tells `a` and `b` apart",
        ),
        (
            lambda: Fixed(
                records={"a": FixedRecord(at=(1, 1), is_="A", stands="opens"), "b": FixedRecord(at=(1, 1), is_="A")}
            ),
            "the same `at` and `is`",
        ),
        (lambda: Fixed(records={"a": FixedRecord(stands="opens", most=2)}), "are for records within a document"),
        (
            lambda: Fixed(
                records={
                    "a": FixedRecord(
                        stands="opens", fields={"n": text(1, 2)}, totals=(FixedTotal(field="n", count=("a",)),)
                    )
                }
            ),
            "`a` is neither",
        ),
    ],
)
def test_what_does_not_hold_together_is_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()

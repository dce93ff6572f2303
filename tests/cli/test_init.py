"""`init --from-sample`: what it writes validates, and reads the sample to the sample's own documents."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from engine.contracts import BadRow
from engine.run.compile import compile_system
from engine.sources.pickup_read import compile_reader
from engine.spec.document import Problems
from engine.spec.tree import load_system, load_tree
from tests.unit.formats import x12_samples

SPECS = Path(__file__).parents[2] / "specs"


def started(desk, name, data, *words, code=0):
    """The file `init` writes for a sample of these bytes, validated by the command, and its one object."""
    sample = desk.folder / name
    sample.write_bytes(data.encode() if isinstance(data, str) else data)
    output = desk.folder / "systems" / "start.yaml"
    output.unlink(missing_ok=True)
    result = desk("init", "--from-sample", str(sample), "-o", str(output), *words)
    assert result.exit_code == code, result.stderr
    checked = desk("validate", str(output), "--strict")
    assert checked.exit_code == 0, checked.stdout
    problems = Problems()
    tree = load_tree(output, problems)
    (kind,) = compile_system("start", load_system(tree, problems), problems).objects.values()
    assert kind.pickup.takes(name)
    return kind, sample, output.read_text(encoding="utf-8")


def read(desk, name, data, *words):
    """The documents a run would read from the sample with what `init` wrote."""
    kind, sample, _ = started(desk, name, data, *words)
    rows = list(compile_reader(kind.format, kind.document, note=lambda *_: None)(sample))
    assert not [row for row in rows if isinstance(row, BadRow)], rows
    return kind.document.key, [row.values for row in rows]


# CSV ------------------------------------------------------------------------------------------------------------------

ROWS = (
    ("Vendor No", "Invoice#", "InvoiceDate", "Total", "Line", "Line Amount", "GL Account"),
    ("00042", "A-1", "21.11.2026", "1.234,50", "1", "1.000,00", "0600"),
    ("00042", "A-1", "21.11.2026", "1.234,50", "2", "234,50", "0610"),
    ("00043", "A-2", "05.12.2026", "-20,00", "1", "-20,00", "0600"),
)
DOCUMENTS = [
    {
        "vendor_no": "00042",
        "invoice_no": "A-1",
        "invoice_date": date(2026, 11, 21),
        "total": Decimal("1234.50"),
        "lines": [
            {"line": 1, "line_amount": Decimal("1000.00"), "gl_account": "0600"},
            {"line": 2, "line_amount": Decimal("234.50"), "gl_account": "0610"},
        ],
    },
    {
        "vendor_no": "00043",
        "invoice_no": "A-2",
        "invoice_date": date(2026, 12, 5),
        "total": Decimal("-20.00"),
        "lines": [{"line": 1, "line_amount": Decimal("-20.00"), "gl_account": "0600"}],
    },
]


def table(delimiter, quote, end, *, header=True, before=""):
    def cell(text):
        return f"{quote}{text}{quote}" if delimiter in text else text

    return before + "".join(delimiter.join(map(cell, row)) + end for row in (ROWS if header else ROWS[1:]))


@pytest.mark.parametrize(
    "data",
    [
        table(",", '"', "\r\n"),
        table(";", '"', "\n"),
        table("\t", '"', "\r\n").encode("utf-16"),
        table("|", '"', "\n").encode("utf-8-sig"),
        table(",", "'", "\r\n"),
        table(";", '"', "\n", before="sep=;\n"),
        table(";", '"', "\n", before="# made by us\n"),
        table(";", '"', "\r\n", before="Invoices of November\r\n\r\n"),
        table(";", '"', "\n") + "TOTAL;;;1.214,50;;;\n",
        table(";", '"', "\n") + "3 rows\n",
    ],
    ids=[
        "comma",
        "semicolon",
        "tab utf-16",
        "pipe with mark",
        "single quotes",
        "sep",
        "comment",
        "preamble",
        "footer",
        "short footer",
    ],
)
def test_rows_with_lines_in_every_dialect(desk, data):
    assert read(desk, "invoices_20261121.csv", data) == (("vendor_no", "invoice_no"), DOCUMENTS)


def test_words_of_another_language(desk):
    data = "Belegnr;Kreditor;Betrag\nR-1;70001;1.234,00\nR-2;70001;12,00\n"

    assert read(desk, "a.csv", data) == (
        ("kreditor", "belegnr"),
        [
            {"belegnr": "R-1", "kreditor": "70001", "betrag": Decimal("1234.00")},
            {"belegnr": "R-2", "kreditor": "70001", "betrag": Decimal("12.00")},
        ],
    )


def test_windows_letters(desk):
    key, documents = read(desk, "a.csv", "id;name;city\r\n1;Söhne;Köln\r\n2;Café;Öhr\r\n".encode("cp1252"))

    assert (key, documents[0]) == (("id",), {"id": "1", "name": "Söhne", "city": "Köln"})


def test_without_a_header_columns_go_by_position(desk):
    key, documents = read(desk, "a.csv", "00042,Harbor,12.50\n00043,Söhne,7.00\n")

    assert key == ("column_1",)
    assert documents[0] == {"column_1": "00042", "column_2": "Harbor", "column_3": Decimal("12.50")}


def test_a_header_that_repeats_a_name_is_skipped_and_said(desk):
    _, _, text = started(desk, "a.csv", "id,name,name\n1,a,b\n2,c,d\n")
    _, documents = read(desk, "a.csv", "id,name,name\n1,a,b\n2,c,d\n")

    assert "CHECK: the header names name more than once" in text
    assert documents[1] == {"column_1": "2", "column_2": "c", "column_3": "d"}


@pytest.mark.parametrize(
    ("values", "type_", "first"),
    [
        (["2026-11-21", "2026-01-02"], "date", date(2026, 11, 21)),
        (["20261121", "20260102"], "date", date(2026, 11, 21)),
        (["11/21/2026", "01/02/2026"], "date", date(2026, 11, 21)),
        (["21-Nov-2026", "02-Jan-2026"], "date", date(2026, 11, 21)),
        (["01/02/2026", "03/04/2026"], "string", "01/02/2026"),
        (["2026-11-21T10:15:00Z", "2026-11-21T10:16:00Z"], "datetime", datetime(2026, 11, 21, 10, 15, tzinfo=UTC)),
        (["11/21/2026 10:15", "11/22/2026 10:15"], "datetime", datetime(2026, 11, 21, 10, 15, tzinfo=UTC)),
        (["10.50", "3"], "decimal", Decimal("10.50")),
        (['"1,234.50"', "3.00"], "decimal", Decimal("1234.50")),
        (['"1,234"', '"5,678"'], "string", "1,234"),
        (["1.234", "5.678"], "string", "1.234"),
        (["(12.00)", "3.00"], "decimal", Decimal("-12.00")),
        (["12.00-", "3.00"], "decimal", Decimal("-12.00")),
        (["5", "7"], "integer", 5),
        (["05", "7"], "string", "05"),
        (["5", "NULL"], "integer", 5),
        (["$5.00", "$6.00"], "string", "$5.00"),
        (["true", "false"], "string", "true"),
        (["12345678901234567890", "3"], "string", "12345678901234567890"),
        (["1234567890123456", "3"], "string", "1234567890123456"),
        (["1e5", "NaN"], "string", "1e5"),
        (["30.02.2026", "01.01.2026"], "string", "30.02.2026"),
    ],
)
def test_types_are_guessed_and_in_doubt_it_is_text(desk, values, type_, first):
    data = "id,count\n" + "".join(f"{n},{value}\n" for n, value in enumerate(values, 1))
    kind, sample, _ = started(desk, "a.csv", data)
    rows = list(compile_reader(kind.format, kind.document, note=lambda *_: None)(sample))

    assert kind.document.header["count"].type == type_
    assert rows[0].values["count"] == first


@pytest.mark.parametrize("name", ["Vendor ID", "zip", "PO Number", "account", "Cust. No.", "BankCode"])
def test_an_id_stays_text_whatever_it_looks_like(desk, name):
    kind, _, _ = started(desk, "a.csv", f"{name},text\n1001,a\n1002,b\n")

    assert [column.type for column in kind.document.header.values()] == ["string", "string"]


def test_a_day_that_could_be_a_month_says_what_to_check(desk):
    _, _, text = started(desk, "a.csv", "id,day\n1,01/02/2026\n2,03/04/2026\n")

    assert '# CHECK: `01/02/2026`: type date with format "%m/%d/%Y" or "%d/%m/%Y"?' in text


def test_required_is_what_no_row_leaves_empty(desk):
    kind, _, _ = started(desk, "a.csv", "id,name,city\n1,a,x\n2,,y\n")

    assert [name for name, column in kind.document.header.items() if column.required] == ["id", "city"]


@pytest.mark.parametrize(
    "data",
    ["sep=;\n1;a\n2;b\n", "sep=;\nid;id\n1;a\n2;b\n", 'Of\nus\n\n"a\nb";"a\nb"\n1;a\n2;b\n', "#1\n#2\n1;a\n2;b\n"],
)
def test_what_stands_before_rows_without_names_is_skipped(desk, data):
    assert read(desk, "a.csv", data)[1] == [{"column_1": "1", "column_2": "a"}, {"column_1": "2", "column_2": "b"}]


def test_names_are_made_safe_and_different(desk):
    kind, _, _ = started(
        desk, "a.csv", "ID,1st Name,Straße,Lines,Größe (cm),größe cm,日本\n1,a,b,c,d,e,f\n2,g,h,i,j,k,l\n"
    )

    assert list(kind.document.header) == [
        "id",
        "n_1st_name",
        "strasse",
        "lines_2",
        "grosse_cm",
        "grosse_cm_2",
        "column_7",
    ]


@pytest.mark.parametrize("sample", sorted((SPECS / "samples").glob("*.csv")), ids=lambda path: path.name)
def test_every_sample_of_ours_can_be_a_start(desk, sample):
    result = desk("init", "--from-sample", str(sample), "--format", "json", "--name", "start")
    told = json.loads(result.stdout)

    assert told["exit_code"] == result.exit_code
    assert told["documents"] + told["bad"] > 0
    path = desk.folder / "systems" / "start.yaml"
    path.write_text(told["text"], encoding="utf-8")
    assert desk("validate", str(path), "--strict").exit_code == 0


# JSON, XML, fixed width, X12 ------------------------------------------------------------------------------------------

INVOICES = [
    {"id": 7, "vendor": {"code": "0042"}, "total": 10.3, "paid": True, "lines": [{"amount": 4.1}, {"amount": 6.2}]},
    {"id": 8, "vendor": {"code": "0043"}, "total": 1, "paid": False, "lines": [{"amount": 1}]},
]
READ = [
    {
        "id": 7,
        "vendor_code": "0042",
        "total": Decimal("10.3"),
        "paid": True,
        "lines": [{"amount": Decimal("4.1")}, {"amount": Decimal("6.2")}],
    },
    {"id": 8, "vendor_code": "0043", "total": Decimal(1), "paid": False, "lines": [{"amount": Decimal(1)}]},
]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(INVOICES),
        json.dumps({"page": {"size": 2}, "data": {"invoices": INVOICES}}, indent=1),
        "".join(json.dumps(one) + "\n" for one in INVOICES),
    ],
    ids=["list", "inside", "lines"],
)
def test_json(desk, text):
    key, documents = read(desk, "invoices.json", text)

    assert key == ("vendor_code", "id")
    assert [dict(one) for one in documents] == READ


def test_a_page_of_json_records_is_a_list_of_them(desk):
    items = [{"id": "a", "invoices": [{"number": "1"}]}, {"id": "b", "invoices": []}]
    kind, _, _ = started(desk, "a.json", json.dumps({"page": 1, "total_pages": 1, "items": items}))

    assert (kind.json.records, kind.document.each, kind.document.key) == ("items", "invoices", ("id",))


def test_one_json_record_with_its_lines(desk):
    assert read(desk, "invoice.json", json.dumps(INVOICES[0]))[1] == READ[:1]


def test_json_rows_are_grouped_like_those_of_a_table(desk):
    rows = [{"invoice_no": n, "total": 3, "line": line, "amount": line + 0.5} for n in ("A", "B") for line in (1, 2)]
    key, documents = read(desk, "a.json", json.dumps(rows))

    assert key == ("invoice_no",)
    assert documents[0] == {
        "invoice_no": "A",
        "total": Decimal(3),
        "lines": [{"line": 1, "amount": Decimal("1.5")}, {"line": 2, "amount": Decimal("2.5")}],
    }


XML_RECORD = """<Invoice currency="USD"><Number>00{n}</Number><Vendor id="0042"><Name>Söhne &amp; Co</Name></Vendor><Tag>a</Tag><Tag>b</Tag>
<Lines><Line no="1"><Amount unit="h">4.10</Amount></Line><Line no="2"><Amount unit="h">6.20</Amount></Line></Lines></Invoice>"""


def xml_read(n):
    return {
        "currency": "USD",
        "number": f"00{n}",
        "vendor_id": "0042",
        "vendor_name": "Söhne & Co",
        "lines": [
            {"no": "1", "amount_unit": "h", "amount": Decimal("4.10")},
            {"no": "2", "amount_unit": "h", "amount": Decimal("6.20")},
        ],
    }


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
@pytest.mark.parametrize("count", [1, 3])
def test_xml(desk, encoding, count):
    records = "".join(XML_RECORD.replace("{n}", str(n)) for n in range(count))
    data = f'<?xml version="1.0" encoding="{encoding}"?>\n<Invoices>{records}</Invoices>'
    key, documents = read(desk, "a.xml", data.replace("latin-1", "iso-8859-1").encode(encoding))

    assert key == ("vendor_id", "number")
    assert documents == [xml_read(n) for n in range(count)]


def test_xml_whose_root_is_the_record(desk):
    kind, _, text = started(desk, "a.xml", XML_RECORD.replace("{n}", "1"))

    assert (kind.xml.records, kind.document.each) == ("Invoice", "Lines/Line")
    assert "`Tag` repeats: left out" in text
    assert read(desk, "a.xml", XML_RECORD.replace("{n}", "1"))[1] == [xml_read(1)]


def test_xml_in_a_namespace_below_other_things(desk):
    record = XML_RECORD.replace("{n}", "1").replace("<Invoice ", "<Bill ").replace("</Invoice>", "</Bill>")
    data = (
        f'<m:Msg xmlns:m="urn:x" xmlns="urn:y"><m:Head><m:Id>7</m:Id></m:Head><m:Body>{record}{record}</m:Body></m:Msg>'
    )
    kind, _, _ = started(desk, "a.xml", data)

    assert (kind.xml.records, kind.document.each) == ("Msg/Body/Bill", "Lines/Line")


FIXED = (
    "H20261121NORTHBANK           ",
    "IA-0001  00042Harbor Paper   ",
    "L000010000600                ",
    "L000020000610                ",
    "IA-0002  00043Soehne         ",
    "L000010000600                ",
    "T00006                       ",
)


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_fixed_width(desk, end):
    key, documents = read(desk, "a.txt", end.join(FIXED) + end)

    assert key == ("document_i_at_2",)
    assert [(one["document_i_at_2"], len(one["lines"])) for one in documents] == [("A-0001", 2), ("A-0002", 1)]
    assert documents[0]["file_header_at_2"] == date(2026, 11, 21)
    assert documents[0]["lines"][0] == {"line_l_at_2": "000010000600"}


def test_fixed_width_of_one_type(desk):
    data = "00042Harbor Paper   0001250\n00043Söhne & Co     0000700\n00044Newco          0001000\n"
    kind, _, text = started(desk, "a.txt", data)
    _, documents = read(desk, "a.txt", data)

    assert (kind.fixed.encoding, kind.fixed.positions) == ("utf-8", "characters")
    assert [list(one.values()) for one in documents][1] == ["00043", "Söhne & Co", "0000700"]
    assert "compare with the layout" in text


def test_the_fixed_sample_of_ours(desk):
    _, documents = read(desk, "a.txt", (SPECS / "samples" / "partner_vendors.txt").read_bytes())

    assert [one["document_v_at_2"] for one in documents][:2] == ["NEWCO", "ACME"]


def test_x12(desk):
    bodies = [[segment.replace("EFT0099", f"EFT009{n}") for segment in x12_samples.BODY] for n in (1, 2)]
    data = x12_samples.file(
        x12_samples.group(*(x12_samples.one_set(b, number=f"000{n}") for n, b in enumerate(bodies, 1)))
    )
    kind, _, _ = started(desk, "a.820", data)
    key, documents = read(desk, "a.820", data)

    assert (kind.x12.set_, kind.document.each, len(documents)) == ("820", "remittances", 2)
    assert key == ("payer_id", "trace_number")
    assert documents[0]["payment_amount"] == Decimal("150.5")
    assert documents[0]["payment_date"] == date(2026, 11, 21)
    assert documents[0]["payment_payer_bank"] == "021000021", "an id keeps its zero"
    assert documents[0]["references_bt_value"] == "77"
    assert [(line["reference"], line["amount"]) for line in documents[0]["lines"]] == [
        ("INV-1", Decimal(100)),
        ("INV-2", Decimal(60)),
    ]


def test_an_x12_set_nobody_has_described_can_be_no_start(desk):
    sample = desk.folder / "a.edi"
    sample.write_bytes(x12_samples.file(x12_samples.group(x12_samples.one_set(["BIG*20261121*1"], name="810"))))
    result = desk("init", "--from-sample", str(sample))

    assert (result.exit_code, result.stdout) == (2, "")
    assert "810" in result.stderr


# The command ----------------------------------------------------------------------------------------------------------


def sample_of(desk, text="id,name\n1,a\n2,b\n"):
    path = desk.folder / "vendors_20261121.csv"
    path.write_text(text)
    return str(path)


def test_it_goes_to_standard_output_and_remarks_to_standard_error(desk):
    result = desk("init", "--from-sample", sample_of(desk))

    assert result.exit_code == 0
    assert result.stdout.startswith("# Proposed by `mlconnector init` from vendors_20261121.csv.")
    assert "system: vendors\n" in result.stdout
    assert 'match: "vendors_*.csv"' in result.stdout
    assert result.stderr == "the sample read with it: 2 documents\n"


def test_what_can_not_be_read_of_the_sample_is_told(desk):
    result = desk("init", "--from-sample", sample_of(desk, "id,name\n1,a\n2,b\n3,c,d\n4,e\n"))

    assert result.exit_code == 1
    assert "3 documents, 1 can't be read" in result.stderr


def test_a_file_that_is_there_is_never_overwritten(desk):
    output = desk.folder / "systems" / "partner.yaml"
    before = output.read_text()
    result = desk("init", "--from-sample", sample_of(desk), "-o", str(output))

    assert (result.exit_code, output.read_text()) == (2, before)
    assert "is there already" in result.stderr


@pytest.mark.parametrize(
    ("text", "words", "says"),
    [
        ("", [], "empty"),
        ("id,name\n", [], "has no record in it"),
        ('id,name\n1,"a\n', [], "never closed"),
        ("id\n1\n", ["--name", "Not A Slug"], "is no name for a system"),
        ("id\n1\n", ["--name", "other", "-o", "systems/start.yaml"], "is not the file of a system"),
        ("<a/>", [], "no columns"),
        ("[]", ["--as", "json"], "no columns"),
    ],
)
def test_a_sample_that_is_none_is_wrong_usage(desk, text, words, says):
    result = desk("init", "--from-sample", sample_of(desk, text), *words)

    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr

"""`inspect`: what it tells of a file nobody has described, and of one a flow reads."""

from __future__ import annotations

import io
import json
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from engine.desk import inspecting_looks, sniffing
from engine.desk.inspecting import inspect_file
from tests.unit.formats import x12_samples

SPECS = Path(__file__).parents[2] / "specs"


def told(desk, name, data, *words):
    """What `inspect --format json` says of a file of these bytes."""
    path = desk.folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    result = desk("inspect", str(path), "--format", "json", *words)
    assert result.stdout, result.stderr
    found = json.loads(result.stdout)
    assert found["exit_code"] == result.exit_code
    return found


def by_name(rows, key):
    return {row[key]: row for row in rows}


# CSV ------------------------------------------------------------------------------------------------------------------


def test_a_csv_is_told_with_its_columns_and_first_records(desk):
    found = told(
        desk,
        "a.csv",
        "supplier;name;opened\r\n00042;Harbor Paper;21.11.2026\r\n00043;Söhne & Co;\r\n",
        "--records",
        "1",
    )

    assert found["understood_as"] == "CSV"
    assert (found["delimiter"], found["header"], found["encoding"]) == (";", "names the columns", "UTF-8")
    assert (found["line_ends"], found["rows"], found["columns"]) == ("CRLF", 2, 3)
    columns = by_name(found["each_column"], "column")
    assert columns["supplier"]["looks like"] == "string", "it has zeros before it"
    assert columns["opened"] == {"column": "opened", "looks like": "date", "empty": 1, "longest": 10}
    assert found["records_shown"] == [
        {"place": "line 2", "record": {"supplier": "00042", "name": "Harbor Paper", "opened": "21.11.2026"}}
    ]
    assert (found["problems"], found["exit_code"]) == ([], 0)


@pytest.mark.parametrize(
    ("text", "delimiter", "rows"),
    [
        ("a\tb\n1\t2\n3\t4\n", "tab", 2),
        ("a|b,c\n1|2,5\n3|4,5\n", "|", 2),
        ("sep=;\nid;text\n1;x,y\n2;z,w\n", ";", 2),
        ('id,text\n1,"a;b;c"\n2,"d;e;f"\n', ",", 2),
        ("id,text\n1,'a,b'\n2,'c,d'\n", ",", 2),
        ("name\nAcme\nWidget\n", "none", 2),
        ("Report of today\n\nid,name\n1,a\n2,b\n3,c\n", ",", 3),
        ("# made by us\nid,name\n1,a\n2,b\n", ",", 2),
    ],
)
def test_dialects(desk, text, delimiter, rows):
    found = told(desk, "a.csv", text)

    assert (found["delimiter"], found["rows"], found["problems"]) == (delimiter, rows, [])


def test_a_footer_is_no_row_and_is_told(desk):
    found = told(desk, "a.csv", "id,amount\n1,5.00\n2,6.00\n3,7.00\nTOTAL,18.00\n")

    assert found["rows"] == 3
    assert any("footer" in text for text in found["findings"])


def test_rows_of_another_width_are_problems_with_their_place(desk):
    found = told(desk, "a.csv", "id,name,city\n1,a,x\n2,b,y,z\n3,c,w\n4,d,v\n")

    assert (found["exit_code"], found["rows"], found["bad_rows"]) == (1, 4, 1)
    assert found["problems"][0].startswith("row 3")
    assert "the row has 4 columns and the header 3: is a `,` in a value that is not quoted?" in found["problems"][0]


def test_an_unclosed_quote_is_a_problem_not_a_crash(desk):
    found = told(desk, "a.csv", 'id,name\n1,"a\n2,b\n3,c\n')

    assert (found["exit_code"], len(found["problems"])) == (1, 1)
    assert found["problems"][0].startswith("line 2")
    assert found["problems"][0].endswith("a quote opened in this row is never closed")


def test_a_file_without_header_says_so(desk):
    found = told(desk, "a.csv", "4711,12.50\n4712,13.00\n")

    assert (found["header"], found["rows"]) == ("none", 2)
    assert list(found["records_shown"][0]["record"]) == ["column_1", "column_2"]


# Encodings and bytes --------------------------------------------------------------------------------------------------


def test_windows_text_is_a_hint_with_its_place(desk):
    found = told(desk, "a.csv", "id;name\r\n1;Söhne\r\n".encode("cp1252"))

    assert found["encoding"] == "cp1252"
    assert "line 2, byte 12 (hex f6): this is no UTF-8" in found["findings"][0]
    assert found["records_shown"][0]["record"]["name"] == "Söhne"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_byte_order_marks(desk, encoding):
    found = told(desk, "a.csv", "id;name\r\n1;Söhne\r\n".encode(encoding))

    assert "byte order mark" in found["encoding"]
    assert (found["rows"], found["problems"]) == (1, [])


def test_mixed_line_ends_are_worth_noticing(desk):
    assert any("CRLF" in text for text in told(desk, "a.csv", "a,b\r\n1,2\n3,4\r\n")["findings"])


def _zipped():
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("a.txt", "x")
    return data.getvalue()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf\r\n", "empty"),
        (b"a,b\n1,\0\n", "line 2, byte 6: the file holds NUL characters"),
        (_zipped(), "Excel"),
        (b"%PDF-1.7\n", "PDF"),
    ],
)
def test_what_can_not_be_read_is_said_in_a_sentence(desk, data, says):
    found = told(desk, "a", data)

    assert (found["exit_code"], found["understood_as"]) == (1, "not understood")
    assert says in found["problems"][0]


# XML, JSON, fixed width, X12 ------------------------------------------------------------------------------------------

XML = """<?xml version="1.0"?>
<inv:Batch xmlns:inv="urn:example:invoices">
  <inv:Sender>Acme</inv:Sender>
  <inv:Invoice id="7"><inv:Number>001</inv:Number><inv:Line><inv:Amount>4.10</inv:Amount></inv:Line>
    <inv:Line><inv:Amount>6.20</inv:Amount></inv:Line></inv:Invoice>
  <inv:Invoice id="8"><inv:Number>002</inv:Number><inv:Line><inv:Amount>1.00</inv:Amount></inv:Line></inv:Invoice>
</inv:Batch>
"""


def test_xml_is_told_with_namespaces_and_what_repeats(desk):
    found = told(desk, "a.xml", XML)

    assert (found["root"], found["record_element"], found["records"]) == ("Batch", "Batch/Invoice", 2)
    assert found["namespaces"] == ["inv: urn:example:invoices"]
    repeats = by_name(found["repeating"], "path")
    assert repeats["Batch/Invoice/Line"]["most in one parent"] == 2
    assert found["records_shown"][0]["record"]["Line"] == [{"Amount": "4.10"}, {"Amount": "6.20"}]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("<a><b>1</b>", "does not end with `</a>`"),
        ("<a><b>1</c></a>", "this is not XML: mismatched tag"),
        ('<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "DTD"),
        ("<a>" * 200 + "</a>" * 200, "nested deeper"),
    ],
)
def test_broken_xml_is_told_with_line_and_byte(desk, text, says):
    found = told(desk, "a.xml", text)

    assert found["exit_code"] == 1
    assert says in found["problems"][0]


def test_json_is_told_with_its_members(desk):
    text = json.dumps({"data": {"invoices": [{"no": "1", "lines": [{"amount": 1.5}]}, {"no": 2, "paid": True}]}})
    found = told(desk, "a.json", text)

    assert (found["layout"], found["records_at"], found["records"]) == ("one document", "data.invoices", 2)
    members = by_name(found["each_member"], "path")
    assert members["no"]["holds"] == "integer or text"
    assert members["lines[].amount"] == {"path": "lines[].amount", "holds": "decimal", "times": 1}


def test_json_lines(desk):
    found = told(desk, "a.jsonl", '{"a": 1}\n{"a": 2}\n')

    assert (found["layout"], found["records"]) == ("one object a line", 2)


@pytest.mark.parametrize("text", ["[1, 2, 3]", '{"a": 1, "a": 2}', '[{"a": NaN}]', '{"a": [', "[" * 5000])
def test_json_nobody_can_use_is_a_problem(desk, text):
    assert told(desk, "a.json", text)["exit_code"] == 1


def test_fixed_width_is_told_by_record_type(desk):
    found = told(desk, "a.txt", (SPECS / "samples" / "partner_vendors.txt").read_bytes())

    assert (found["understood_as"], found["record_length"], found["records"]) == ("fixed width", 220, 7)
    types = by_name(found["each_record_type"], "begins with")
    assert {code: (one["records"], one["stands"]) for code, one in types.items()} == {
        "H": (1, "first"),
        "V": (3, "opens"),
        "A": (2, "within"),
        "T": (1, "last"),
    }
    assert types["V"]["fields"].startswith("2-21 22-71")


def test_a_fixed_width_file_that_was_cut_off_is_still_one(desk):
    whole = (SPECS / "samples" / "partner_vendors.txt").read_bytes()
    found = told(desk, "a.txt", whole[:1_200])

    assert (found["understood_as"], found["exit_code"]) == ("fixed width", 1)
    assert found["problems"] == ["line 6, record 6, byte 1105: the record has 95 characters, and others like it 220"]


def test_x12_is_told_with_its_envelopes_and_sets(desk):
    found = told(desk, "a.edi", x12_samples.sample())

    assert (found["understood_as"], found["interchanges"], found["sets"], found["set_ids"]) == ("X12", 1, 1, ["820: 1"])
    (each,) = found["each_interchange"]
    assert (each["interchange"], each["from"], each["to"]) == ("000000101", "ZZ/PAYER", "ZZ/PAYEE")
    assert found["each_group"][0]["version"] == "004010"
    assert found["records_shown"][0]["record"]["payment"]["amount"] == "150.5"


def test_a_cut_interchange_and_a_bad_set_are_problems_with_their_place(desk):
    cut = told(desk, "cut.edi", x12_samples.sample().partition(b"IEA")[0])
    bad = told(desk, "bad.edi", x12_samples.changed("RMR*IV*INV-1", "RMR*IV*INV-1**ten*110*10"))

    assert "segment 1 (line 1, byte 0): interchange 000000101: the interchange has no end (IEA)" in cut["problems"][0]
    assert bad["exit_code"] == 1
    assert "`RMR`" in bad["problems"][0]


def test_what_does_not_add_up_is_worth_noticing(desk):
    found = told(desk, "a.edi", x12_samples.changed("ADX*-9.5", "ADX*-9.6*04"))

    assert found["exit_code"] == 0
    assert any("add up to" in text for text in found["findings"])


def test_a_set_nobody_has_described_is_told_by_its_envelope(desk):
    data = x12_samples.file(x12_samples.group(x12_samples.one_set(["BIG*20261121*1"], name="810")))
    found = told(desk, "a.edi", data)

    assert (found["set_ids"], found["exit_code"]) == (["810: 1"], 0)
    assert any("810" in text for text in found["findings"])


# Options, text, limits ------------------------------------------------------------------------------------------------


def test_what_it_is_can_be_said(desk):
    data = "AB1,2\nAB3,4\n"

    assert told(desk, "a.txt", data)["understood_as"] == "CSV"
    assert told(desk, "a.txt", data, "--as", "fixed")["understood_as"] == "fixed width"
    assert told(desk, "a.txt", data, "--as", "xml")["exit_code"] == 1


def test_text_for_people_is_safe_on_a_terminal(desk):
    path = desk.folder / "a.csv"
    path.write_text("id,na\x1b]0;me\n1,\x1b[2Jx\u202e\n2,b\n")
    result = desk("inspect", str(path))

    assert result.exit_code == 0
    assert not set(result.stdout) & {"\x1b", "\u202e"}
    assert "\\u001b" in result.stdout
    assert result.stdout.startswith(f"{path}: CSV, ")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nowhere.csv"], "does not exist"),
        (["{sample}", "--flow", "invoices"], "--flow needs --spec"),
        (["{sample}", "--spec", "{spec}", "--as", "csv"], "Choose one"),
        (["{sample}", "--spec", "{spec}", "--flow", "nosuch"], "has no flow `nosuch`"),
        (["/dev/zero"], "is no file"),
    ],
)
def test_unusable_arguments_end_with_2(desk, words, says):
    (desk.folder / "a.csv").write_text("number,total\n1,1.00\n")
    filled = [word.format(sample=desk.folder / "a.csv", spec=desk.spec) for word in words]
    result = desk("inspect", *filled)

    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr


def test_nothing_is_written(desk, monkeypatch):
    monkeypatch.chdir(desk.folder)
    before = {path: path.stat().st_mtime_ns for path in desk.folder.rglob("*")}
    for words in (["inspect", "books.yaml"], ["inspect", "books.yaml", "--spec", "books.yaml"]):
        desk(*words)

    assert {path: path.stat().st_mtime_ns for path in desk.folder.rglob("*")} == before


def test_a_large_file_is_counted_in_bounded_memory(desk):
    path = desk.folder / "large.csv"
    with path.open("w") as file:
        file.write("id,name,amount\n")
        file.writelines(f"{n},name {n},{n}.50\n" for n in range(40_000))
    inspect_file(path, records=1)
    tracemalloc.start()
    found = inspect_file(path, records=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert found.facts["rows"] == 40_000
    assert peak < 16 * 1024 * 1024


def test_of_a_huge_file_a_part_is_counted_and_said(desk, monkeypatch):
    for room in (sniffing, inspecting_looks):
        monkeypatch.setattr(room, "MOST_BYTES", 300_000)
    found = told(desk, "a.csv", "id,name\n" + "".join(f"{n},x\n" for n in range(200_000)))

    assert found["counted"] == "the first 300,000 bytes"
    assert 0 < found["rows"] < 200_000


# As a flow reads it ---------------------------------------------------------------------------------------------------


def as_flow(desk, sample, flow, spec="epicor-kinetic--stampli.yaml"):
    result = desk("inspect", str(sample), "--spec", str(SPECS / spec), "--flow", flow, "--format", "json")
    assert result.stdout, result.stderr
    return json.loads(result.stdout)


def test_a_flow_shows_its_documents_and_what_they_add_up_to(desk):
    found = as_flow(desk, SPECS / "samples" / "invoice_two_lines.csv", "invoices")

    assert (found["format"], found["documents"], found["lines"], found["bad"]) == ("csv", 1, 2, 0)
    totals = found["adds_up_to"]
    assert (totals["invoice_total"], totals["lines.line_amount"]) == ("10.30", "10.30")
    (shown,) = found["records_shown"]
    assert shown["record"]["invoice_number"] == "00123"
    assert [line["line_amount"] for line in shown["lines"]] == ["4.10", "6.20"]
    assert found["exit_code"] == 0


def test_totals_a_file_states_of_itself_are_told_once_they_were_compared(desk):
    samples, spec = SPECS / "samples", "epicor-kinetic--sftp-files.yaml"
    right = as_flow(desk, samples / "partner_vendors.txt", "vendors_fixed_in", spec)
    wrong = as_flow(desk, samples / "partner_vendors_wrong_count.txt", "vendors_fixed_in", spec)

    assert right["control_totals"] == "end.vendors, end.records: as the file states them"
    assert "control_totals" not in wrong
    assert wrong["problems"][0].startswith("a run would refuse the whole file")


def test_a_flow_tells_bad_rows_with_their_reason(desk):
    found = as_flow(desk, SPECS / "samples" / "one_bad_row.csv", "invoices")

    assert (found["exit_code"], found["bad"]) == (1, 1)
    assert found["problems"][0].startswith("row ")
    assert "is not a number" in found["problems"][0]


def test_a_flow_that_would_refuse_the_file_says_why(desk):
    found = as_flow(desk, SPECS / "samples" / "not_a_file_of_ours.csv", "invoices")

    assert found["exit_code"] == 1
    assert found["problems"][0].startswith("a run would refuse the whole file: header")


def test_a_name_the_flow_does_not_take_is_worth_noticing(desk):
    sample = desk.folder / "other.dat"
    sample.write_text("number,total\n1,10.50\n")
    result = desk("inspect", str(sample), "--spec", desk.spec)

    assert result.exit_code == 0
    assert "a run would not take a file of this name" in result.stdout
    assert "total=10.50" in result.stdout


def test_a_flow_that_reads_an_api_is_told_so(desk):
    result = desk("inspect", desk.spec, "--spec", str(SPECS / "epicor-kinetic--stampli.yaml"), "--flow", "vendors")

    assert result.exit_code == 2
    assert "is read from an API" in result.stderr


def test_a_spec_with_mistakes_ends_with_1(desk):
    desk.break_spec()
    (desk.folder / "a.csv").write_text("number,total\n")
    result = desk("inspect", str(desk.folder / "a.csv"), "--spec", desk.spec)

    assert (result.exit_code, result.stdout) == (1, "")
    assert "books.yaml:" in result.stderr

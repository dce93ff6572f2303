"""`map`: a sample becomes documents at the desk, with no network and no workspace, and what is not known says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

SPECS = Path(__file__).parents[2] / "specs"
INVOICES = SPECS / "epicor-kinetic--stampli.yaml"
ANSWERS = SPECS / "epicor-kinetic--stampli.test.yaml"


def mapped(desk, flow, sample, *words):
    result = desk("map", str(INVOICES), "--flow", flow, "--input", str(sample), "--format", "json", *words, environ={})
    assert result.stdout, result.stderr
    told = json.loads(result.stdout)
    assert told["exit_code"] == result.exit_code
    return told


def test_a_sample_file_becomes_documents_with_marks_for_what_only_the_systems_know(desk, monkeypatch):
    monkeypatch.chdir(desk.folder)
    told = mapped(desk, "invoices", SPECS / "samples" / "invoice_two_lines.csv")

    (shown,) = told["documents"]
    assert told["counts"] == {"ready": 1}
    assert shown["document"]["VendorNum"] == "<VendorNum of epicor.vendors with VendorID 'ACME'>"
    assert shown["document"]["DocInvoiceVendorAmt"] == "10.30"
    assert shown["document"]["APInvDtls"][0]["GLAccount"] == "6100|00|10", "a field that is looked up by is known"
    assert any("epicor.vendors" in text for text in told["unknown"])
    assert not (desk.folder / ".mlconnector").exists()


def test_rows_of_a_test_file_answer(desk):
    told = mapped(desk, "invoices", SPECS / "samples" / "invoice_two_lines.csv", "--answers", str(ANSWERS))

    assert told["documents"][0]["document"]["VendorNum"] == 12
    assert told["unknown"] == []


def test_who_is_not_among_the_answers_is_missing_as_in_a_run(desk):
    told = mapped(desk, "invoices", SPECS / "samples" / "invoice_unknown_vendor.csv", "--answers", str(ANSWERS))

    assert (told["exit_code"], told["counts"]) == (3, {"waiting": 1})
    assert "has no record with VendorID 'NEWCO'" in told["documents"][0]["reason"]


@pytest.mark.parametrize(
    ("sample", "state", "says"),
    [
        ("one_bad_row.csv", "quarantined", "is not a number"),
        ("invoice_wrong_sum.csv", "held", "Lines do not add up"),
        ("invoice_unknown_gl.csv", "held", "crosswalk"),
    ],
)
def test_records_that_fail_are_shown_with_their_reason(desk, sample, state, says):
    told = mapped(desk, "invoices", SPECS / "samples" / sample)

    assert told["exit_code"] == 3
    assert any(shown["state"] == state and says in shown["reason"] for shown in told["documents"])


def test_records_the_flow_does_not_want_are_counted(desk):
    assert mapped(desk, "invoices", SPECS / "samples" / "invoice_not_approved.csv")["passed_over"] == 1


@pytest.mark.parametrize("whole", [True, False])
def test_a_list_takes_json_records_or_a_saved_answer(desk, whole):
    rows = [{"VendorID": "ACME", "VendorNum": 3, "Name": "Acme", "Inactive": False, "SysRevID": 9}, {"VendorID": 7.5}]
    sample = desk.folder / "vendors.json"
    sample.write_text(json.dumps({"value": rows} if whole else rows))
    told = mapped(desk, "vendors", sample)

    assert told["read"] == 2
    assert told["documents"][0]["document"]["vendor_id"] == "ACME"
    assert (told["exit_code"], told["documents"][1]["state"]) == (3, "quarantined")


@pytest.mark.parametrize(
    ("flow", "text", "says"),
    [
        ("vendors", "not json", "is no JSON"),
        ("vendors", '{"rows": 1}', "holds no records"),
        ("invoices", "wrong,columns\n1,2\n", "can't be read as `stampli.invoices`"),
        ("invoises", "", "did you mean `invoices`?"),
    ],
)
def test_a_sample_that_does_not_fit_is_wrong_usage(desk, flow, text, says):
    sample = desk.folder / "sample"
    sample.write_text(text)
    result = desk("map", str(INVOICES), "--flow", flow, "--input", str(sample))

    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr


def test_the_only_flow_needs_no_name_and_settings_not_given_are_marked(desk):
    spec = Path(desk.spec)
    spec.write_text(
        spec.read_text().replace("number: number,", "number: {text: '{{ need.partner.code }}-{{ number }}'},")
    )
    sample = desk.folder / "a.csv"
    sample.write_text("number,total\n1,10.50\n")

    blank = desk("map", desk.spec, "--input", str(sample), environ={"PARTNER_CODE": ""})
    known = desk("map", desk.spec, "--input", str(sample))

    assert "<setting partner.code, from PARTNER_CODE>-1" in blank.stdout
    assert "number: x-1" in known.stdout
    assert known.stdout.startswith("invoices: 1 record: 1 mapped\n")
    assert not (desk.folder / ".mlconnector").exists()


def test_several_flows_ask_for_a_name(desk):
    result = desk("map", str(INVOICES), "--input", str(INVOICES))

    assert result.exit_code == 2
    assert "Say which flow with --flow" in result.stderr

"""Invoices in the XML template, beside the CSV one: the same invoice is posted once, whichever way it comes first."""

from __future__ import annotations

import json

import pytest

from engine.sandbox.faults import Fault
from engine.sandbox.stampli import render_xml

from .world import invoice, line, payment

FLOW = "invoices_xml"


def polled(world, flow):
    return world.counts(world.run(flow), flow)


def refused(world, raw):
    """Why a file was not taken: it stands in the error folder with that reason beside it, and the ERP was not called."""
    world.stampli.write("invoices_001.xml", raw)
    result = world.run(FLOW, "credit_memos_xml")
    (told,) = [bad for each in result.flows for bad in each.bad_files]
    beside = json.loads((world.stampli.path("/outbound/error") / "invoices_001.xml.error.json").read_text())
    assert result.exit_code == 3
    assert (world.stampli.path("/outbound/error") / "invoices_001.xml").read_bytes() == raw
    assert world.outbound() == []
    assert world.numbers() == []
    assert world.epicor.history.effects("*") == []
    assert beside["what"] in told
    return told


def test_an_invoice_in_xml_is_posted_whole(world):
    world.offer_xml("invoices_001.xml", invoice())
    assert polled(world, FLOW) == {"posted": 1}
    world.assert_whole("00123")
    world.assert_understood()
    found = world.document("00123")
    assert found.place.startswith("line 3, byte ")
    assert world.outbound() == ["invoices_001.xml"], "the flow for credit memos has not read it yet"
    assert polled(world, "credit_memos_xml") == {"passed_over": 1}
    assert [name.partition("_")[0] for name in world.outbound("/archive")] == ["invoices"]


@pytest.mark.parametrize(("first", "second"), [("invoices", FLOW), (FLOW, "invoices")], ids=["csv first", "xml first"])
@pytest.mark.parametrize("at_once", [True, False], ids=["one run", "two runs"])
def test_the_same_invoice_by_csv_and_by_xml_is_posted_once(world, first, second, at_once):
    world.offer("invoices_001.csv", invoice())
    world.offer_xml("invoices_001.xml", invoice())
    if at_once:
        result = world.run("invoices", FLOW)
        assert [world.counts(result, flow) for flow in ("invoices", FLOW)] == [{"posted": 1}, {"seen": 1}]
    else:
        assert [polled(world, flow) for flow in (first, second)] == [{"posted": 1}, {"seen": 1}]
    world.assert_whole("00123")
    assert len(world.documents("00123")) == 1


def test_the_form_of_an_amount_or_a_blank_around_it_makes_no_other_invoice(world):
    world.offer("invoices_001.csv", invoice("00123", line(1, "10.10"), line(2, "0.20", "FREIGHT", "")))
    world.offer_xml("invoices_001.xml", invoice(" 00123 ", line(1, " 10.1\n"), line(2, "0.200", "FREIGHT", "")))
    result = world.run("invoices", FLOW)
    assert [world.counts(result, flow) for flow in ("invoices", FLOW)] == [{"posted": 1}, {"seen": 1}]
    assert world.saved("00123") == 1


@pytest.mark.parametrize(("first", "second"), [("invoices", FLOW), (FLOW, "invoices")], ids=["csv first", "xml first"])
def test_another_amount_under_the_same_number_waits_for_a_person(world, first, second):
    offers = {"invoices": (world.offer, "csv"), FLOW: (world.offer_xml, "xml")}
    for flow, amount, came in ((first, "10.10", {"posted": 1}), (second, "99.10", {"conflict": 1})):
        offer, ending = offers[flow]
        offer(f"invoices_001.{ending}", invoice("00123", line(1, amount), line(2, "0.20", "FREIGHT", "")))
        assert polled(world, flow) == came
    world.assert_whole("00123")
    assert [one.state.value for one in world.documents("00123")] in (["posted", "conflict"], ["conflict", "posted"])


@pytest.mark.parametrize("kind", ["lost_answer", "500_after", "truncated"])
def test_while_the_fate_of_one_is_unknown_the_other_is_not_posted(world, kind):
    world.offer("invoices_001.csv", invoice())
    world.epicor.faults.add(Fault(kind=kind, at="*UpdateMaster*"))
    world.run("invoices")
    assert world.state("00123") in {"in_doubt", "rejected", "ready"}
    world.offer_xml("invoices_001.xml", invoice())
    assert polled(world, FLOW) == {"seen": 1}
    for _ in range(2):
        world.run("invoices", FLOW)
    assert world.state("00123") in {"posted", "adopted"}
    assert world.saved("00123") == 1


def test_a_credit_memo_by_both_ways_is_posted_once(world):
    memo = invoice("CM-5", line(1, "-25.50"), document_type="CREDIT_MEMO")
    world.offer("invoices_001.csv", memo)
    world.offer_xml("invoices_001.xml", memo)
    result = world.run("credit_memos", "credit_memos_xml")
    assert [world.counts(result, f"credit_memos{end}") for end in ("", "_xml")] == [{"posted": 1}, {"seen": 1}]
    assert world.saved("CM-5") == 1


def test_a_payment_waits_for_its_invoice_that_came_by_xml(world):
    world.masters_are_fresh("invoices")
    world.offer_xml("invoices_001.xml", invoice(vendor_id="NEWCO"))
    world.stampli.write_payments("payments_001.csv", [payment(vendor_id="NEWCO")])
    result = world.run(FLOW, "payments")
    assert [world.counts(result, flow) for flow in (FLOW, "payments")] == [{"waiting": 1}, {"waiting": 1}]
    world.epicor.seed(vendors=[{"VendorNum": 99, "VendorID": "NEWCO", "Name": "Newco Services"}])
    world.run(FLOW, "payments")
    assert (world.state("00123"), world.state("5001")) == ("posted", "posted")


def test_a_bad_invoice_is_kept_with_its_place_and_the_others_go_on(world):
    raw = render_xml([invoice("A-1"), invoice("A-2"), invoice("A-3")])
    at = [n for n in range(len(raw)) if raw.startswith(b"<Invoice>", n)][1]
    line_at = raw.index(b"<Line>", at)
    raw = raw[:at] + raw[at:].replace(b"<Amount>10.10<", b"<Amount>1O.10<", 1)
    world.stampli.write("invoices_001.xml", raw)
    assert polled(world, FLOW) == {"posted": 2, "quarantined": 1}
    bad = world.document("A-2")
    assert bad.place == f"line {raw[:at].count(10) + 1}, byte {at}"
    where = f"line {raw[:line_at].count(10) + 1}, byte {line_at}"
    assert bad.reason.startswith(f"`line_amount`: {where}: column `Amount`: '1O.10' is not a number")


def test_two_totals_in_one_invoice_are_a_bad_invoice(world):
    raw = render_xml([invoice("A-1"), invoice("A-2"), invoice("A-3")])
    raw = raw.replace(b"<InvoiceNumber>A-2", b"<InvoiceTotal>1.00</InvoiceTotal><InvoiceNumber>A-2")
    world.stampli.write("invoices_001.xml", raw)
    assert polled(world, FLOW) == {"posted": 2, "quarantined": 1}
    assert "`InvoiceTotal` is there twice" in world.document("A-2").reason


BOMB = "".join(f'<!ENTITY l{n} "{"&l" + str(n - 1) + ";"}{"&l" + str(n - 1) + ";"}">' for n in range(1, 30))


@pytest.mark.parametrize(
    "dtd",
    [
        "<!DOCTYPE StampliExport>",
        '<!DOCTYPE StampliExport SYSTEM "http://127.0.0.1:9/x.dtd">',
        '<!DOCTYPE StampliExport [<!ENTITY l0 "lol">' + BOMB + "]>",
        '<!DOCTYPE StampliExport [<!ENTITY l29 SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE StampliExport [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x.dtd"> %x;]>',
    ],
    ids=["bare", "external", "bomb", "file", "parameter"],
)
def test_a_dtd_is_refused_and_nothing_it_says_is_followed(world, dtd):
    raw = render_xml([invoice(vendor_name="VENDOR")]).replace(b"VENDOR", b"&l29;")
    head, _, rest = raw.partition(b"\n")
    told = refused(world, head + b"\n" + dtd.encode() + rest)
    assert "DTD" in told
    assert "line 2" in told
    assert "root:" not in told


@pytest.mark.parametrize("cut", ["</StampliExport>", "</Invoice>", "</Lines>", "</Amount>", "<Lines>", "<Invoice>"])
def test_an_export_that_was_cut_off_is_put_aside_whole_wherever_the_cut_is(world, cut):
    """Invoices before the cut are not taken either: the whole file comes again."""
    raw = render_xml([invoice("A-1"), invoice("A-2")])
    at = raw.rindex(cut.encode())
    told = refused(world, raw[:at])
    assert "line " in told
    assert "byte " in told


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff\xfe",
        b"not xml at all",
        b"<StampliExport><Invoice></Wrong></Invoice></StampliExport>",
        b"<Other><Invoice/></Other>",
        b'<?xml version="1.0" encoding="utf-7"?><StampliExport/>',
        b"<StampliExport>&nobody;</StampliExport>",
        b"<StampliExport/><StampliExport/>",
        b"<StampliExport>\x00</StampliExport>",
        b"<StampliExport>\xff</StampliExport>",
    ],
)
def test_what_is_no_export_is_put_aside(world, raw):
    refused(world, raw)

"""The partner's fixed-width vendor file into the ERP: what is right arrives, what is not is told with line, record and byte."""

from __future__ import annotations

from datetime import date

import pytest

from engine.desk.sampling import sample_problems
from engine.run.load import load
from engine.sandbox.partner import fixed_vendors

FLOW = "vendors_fixed_in"
LENGTH = 222
"""Bytes of a record with its line end."""
NEWCO = {
    "vendor_id": "NEWCO",
    "vendor_name": "Newco & Söhne",
    "legal_name": "Newco LLC",
    "address1": "12 Harbor Road",
    "address2": "Dock 3",
    "city": "Tacoma",
    "state": "WA",
    "postal_code": "00401",
    "country": "USA",
    "email": "ap@newco.example",
    "phone": "253 555 0100",
    "payment_terms": "N30",
    "currency": "EUR",
    "tax_id": "001234567",
}
ACME = {"vendor_id": "ACME", "vendor_name": "Acme Industrial Supply", "country": "USA"}


def polled(world, flow=FLOW):
    return world.counts(world.run(flow), flow)


def put(world, records, *, name="vendors_001.txt", end="\r\n"):
    world.partner.write(name, "".join(record + end for record in records).encode("cp1252"))


def records(*vendors):
    given = [{"vendor_name": one["vendor_id"], "status": "ACTIVE", **one} for one in vendors]
    return fixed_vendors(given, date(2026, 3, 2))


@pytest.mark.parametrize("name", ["vendors_001.txt", "vendors_20260302.dat"])
def test_a_new_vendor_has_every_field_of_both_its_records(partner_world, name):
    partner_world.fixed_vendors(NEWCO, name=name)
    assert polled(partner_world) == {"posted": 1}
    fields = {
        "Name": "Newco & Söhne",
        "LegalName": "Newco LLC",
        "Address1": "12 Harbor Road",
        "Address2": "Dock 3",
        "City": "Tacoma",
        "State": "WA",
        "ZIP": "00401",
        "Country": "USA",
        "EMailAddress": "ap@newco.example",
        "PhoneNum": "253 555 0100",
        "TermsCode": "N30",
        "CurrencyCode": "EUR",
        "TaxPayerID": "001234567",
        "Inactive": False,
    }
    found = partner_world.vendor("NEWCO")
    assert {field: found[field] for field in fields} == fields
    assert (partner_world.partner.path("/archive") / name).is_file()
    partner_world.assert_understood()


def test_a_changed_vendor_is_brought_up_to_date_and_an_unchanged_one_left_alone(partner_world):
    partner_world.fixed_vendors({**ACME, "city": "Boulder"}, {"vendor_id": "NWFRT", "vendor_name": "Northwind Freight"})
    assert polled(partner_world) == {"posted": 1, "adopted": 1}
    assert (partner_world.vendor("ACME")["City"], partner_world.vendor_saves("ACME")) == ("Boulder", 1)
    partner_world.fixed_vendors({**ACME, "city": "Reno"}, name="vendors_002.txt")
    assert polled(partner_world) == {"posted": 1}
    assert (partner_world.vendor("ACME")["City"], partner_world.vendor_saves("ACME")) == ("Reno", 2)
    assert partner_world.vendor_saves("NWFRT") == 0


def test_a_vendor_without_an_address_record_keeps_the_address_it_has(partner_world):
    partner_world.epicor.touch_vendor("ACME", Address1="1 Main St", City="Denver")
    partner_world.fixed_vendors({"vendor_id": "ACME", "vendor_name": "Acme Ltd"})
    assert polled(partner_world) == {"posted": 1}
    found = partner_world.vendor("ACME")
    assert (found["Name"], found["Address1"], found["City"]) == ("Acme Ltd", "1 Main St", "Denver")


@pytest.mark.parametrize("first", ["csv", "fixed"])
def test_the_same_vendors_in_both_formats_are_written_once(partner_world, first):
    rows = [{**NEWCO, "status": "ACTIVE"}, {**ACME, "city": "Boulder"}]
    flows = ("vendors_in", FLOW) if first == "csv" else (FLOW, "vendors_in")
    partner_world.vendors(*rows)
    partner_world.fixed_vendors(*rows)
    assert [polled(partner_world, flow) for flow in flows] == [{"posted": 2}, {"seen": 2}]
    assert (partner_world.vendor_saves("NEWCO"), partner_world.vendor_saves("ACME")) == (1, 1)


def test_a_file_without_vendors_is_no_mistake(partner_world):
    partner_world.fixed_vendors()
    assert polled(partner_world) == {}
    assert (partner_world.partner.path("/archive") / "vendors_001.txt").is_file()


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_of_any_kind_are_read_and_the_last_one_may_be_missing(partner_world, end):
    raw = "".join(record + end for record in records(NEWCO)).removesuffix(end).encode("cp1252")
    partner_world.partner.write("vendors_001.txt", raw)
    assert polled(partner_world) == {"posted": 1}


@pytest.mark.parametrize(("vendors", "both", "said"), [("9", "2", "`vendors`"), ("1", "3", "`records`")])
def test_a_trailer_that_counts_otherwise_stops_the_whole_file(partner_world, vendors, both, said):
    *rest, _ = records(NEWCO)
    put(partner_world, [*rest, f"T{vendors:>08}{both:>08}".ljust(220)])
    told = partner_world.refused(FLOW)
    at = 1 if vendors == "9" else 9
    assert f"line 4, record 4, byte {3 * LENGTH + at}" in told
    assert said in told


@pytest.mark.parametrize(
    ("cut", "said"),
    [
        (1, "line 1, record 1, byte 0"),
        (LENGTH, "ends without its `end` record"),
        (2 * LENGTH, "ends without its `end` record"),
        (2 * LENGTH + 100, "line 3, record 3, byte 444"),
        (3 * LENGTH, "ends without its `end` record"),
        (3 * LENGTH + 17, "line 4, record 4, byte 666"),
    ],
)
def test_a_file_that_was_cut_off_is_put_aside_whole_wherever_the_cut_is(partner_world, cut, said):
    put(partner_world, records(NEWCO))
    path = partner_world.partner.path("/inbound") / "vendors_001.txt"
    partner_world.partner.write("vendors_001.txt", path.read_bytes()[:cut])
    assert said in partner_world.refused(FLOW)


@pytest.mark.parametrize("change", [lambda text: text[:-1], lambda text: text + " ", lambda text: text[:180]])
def test_a_record_that_is_too_short_or_too_long_stops_the_whole_file(partner_world, change):
    head, first, *rest = records(ACME, NEWCO)
    put(partner_world, [head, change(first), *rest])
    assert f"line 2, record 2, byte {LENGTH}" in partner_world.refused(FLOW)


def test_a_file_in_utf_8_is_told_by_its_longer_records(partner_world):
    raw = "".join(record + "\r\n" for record in records(ACME, NEWCO)).encode()
    partner_world.partner.write("vendors_001.txt", raw)
    told = partner_world.refused(FLOW)
    assert "the record has 221 characters and `record_length` is 220" in told
    assert f"line 4, record 4, byte {3 * LENGTH}" in told


@pytest.mark.parametrize(
    ("put_in", "said"),
    [
        ((1, "X"), "`X` at 1-1 is no record type"),
        ((1, "A"), "stands outside of any document"),
        ((1, "H"), "a second `file` record"),
        ((0, "V"), "the file begins with one `file`"),
    ],
)
def test_records_that_are_unknown_or_out_of_order_stop_the_whole_file(partner_world, put_in, said):
    at, kind = put_in
    rows = records(ACME, NEWCO)
    rows.insert(at, kind.ljust(220))
    put(partner_world, rows)
    told = partner_world.refused(FLOW)
    assert said in told
    assert f"line {at + 1}, record {at + 1}, byte {at * LENGTH}" in told


def test_a_header_whose_date_is_none_stops_the_whole_file(partner_world):
    head, *rest = records(ACME)
    put(partner_world, [head.replace("20260302", "2026-3-2"), *rest])
    told = partner_world.refused(FLOW)
    assert "`file.date`" in told
    assert "line 1, record 1, byte 1" in told


def test_bad_records_are_kept_with_their_place_and_the_others_go_on(partner_world):
    head, *rows, end = records({**ACME, "city": "Boulder"}, {"vendor_id": "NONAME", "vendor_name": ""}, NEWCO)
    twice = [*records({"vendor_id": "TWICE", "city": "Reno"})[1:3], "A".ljust(220)]
    put(partner_world, [head, *rows, *twice, f"{end[:1]}{4:08}{8:08}".ljust(220)])
    assert polled(partner_world) == {"posted": 2, "quarantined": 2}
    noname = partner_world.now(FLOW, "NONAME")
    assert "`vendor.name`: is required and is empty" in noname.reason
    assert noname.place == f"line 4, record 4, byte {3 * LENGTH}"
    twice = partner_world.now(FLOW, "TWICE")
    assert twice.place == f"line 7, record 7, byte {6 * LENGTH}"
    assert f"the second time at line 9, record 9, byte {8 * LENGTH + 1}" in twice.reason
    assert partner_world.vendor("ACME")["City"] == "Boulder"
    assert partner_world.vendor("NEWCO")["City"] == "Tacoma"


def test_a_status_nobody_knows_puts_aside_that_vendor_only(partner_world):
    partner_world.fixed_vendors({"vendor_id": "ODD", "status": "MAYBE"}, NEWCO)
    assert polled(partner_world) == {"posted": 1, "quarantined": 1}
    odd = partner_world.now(FLOW, "ODD")
    assert (odd.place, "MAYBE" in odd.reason) == (f"line 2, record 2, byte {LENGTH}", True)


def test_many_vendors_arrive_each_once(partner_world):
    partner_world.fixed_vendors(*({"vendor_id": f"V{n:04}", "city": "Reno"} for n in range(60)))
    assert polled(partner_world) == {"posted": 60}
    numbers = [row["VendorNum"] for row in partner_world.epicor.vendors()]
    assert len(set(numbers)) == len(numbers) == 62


def test_a_sample_is_told_with_the_line_it_is_wrong_in(partner_world, tmp_path):
    path = tmp_path / "vendors_sample.txt"
    path.write_text("".join(f"{record}\n" for record in records(ACME, {"vendor_id": "NONAME", "vendor_name": ""})))
    found = sample_problems(load(partner_world.spec), path)
    assert [(problem.line, problem.code) for problem in found] == [(4, "E215")]

"""The partner's vendor file into the ERP: added, brought up to date or left alone, and told where the ERP says no."""

from __future__ import annotations

import pytest

from engine.desk.people import release
from engine.desk.replay import replay_documents
from engine.sandbox.faults import Fault

FLOW = "vendors_in"
UPDATE = "*VendorSvc/Update"
READ = "*VendorSvc/GetByVendID"


def strike(world, kind, at, nth=1, value=None):
    world.epicor.faults.add(Fault(kind=kind, at=at, nth=nth, value=value))


def polled(world, **options):
    return world.counts(world.run(FLOW, **options), FLOW)


def but(row, *names):
    return {name: value for name, value in row.items() if name not in {*names, "SysRevID"}}


def test_a_new_vendor_has_every_field_of_the_file(partner_world):
    partner_world.vendors(
        {
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
    )
    assert polled(partner_world) == {"posted": 1}
    found = partner_world.vendor("NEWCO")
    assert (
        found
        | {
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
        == found
    )
    assert partner_world.vendor_saves("NEWCO") == 1
    partner_world.assert_understood()


def test_one_changed_field_changes_that_field_and_nothing_else(partner_world):
    before = partner_world.epicor.touch_vendor("ACME", PhoneNum="1", Address1="old", FaxNum="5", Print1099=True)
    partner_world.vendors({"vendor_id": "ACME", "vendor_name": "Acme Industrial Supply", "city": "Boulder"})
    assert polled(partner_world) == {"posted": 1}
    after = partner_world.vendor("ACME")
    assert (after["City"], after["SysRevID"] > before["SysRevID"]) == ("Boulder", True)
    assert but(after, "City") == but(before, "City")
    assert partner_world.now(FLOW, "ACME").reference == "vendor ACME"
    partner_world.assert_understood()


def test_a_vendor_that_is_there_as_the_file_says_is_adopted(partner_world):
    before = partner_world.vendor("ACME")
    partner_world.vendors({"vendor_id": "ACME", "vendor_name": "Acme Industrial Supply", "country": "USA"})
    assert polled(partner_world) == {"adopted": 1}
    assert (partner_world.vendor("ACME"), partner_world.vendor_saves("ACME")) == (before, 0)


def test_the_same_file_again_and_the_same_rows_in_another_file_write_nothing(partner_world):
    rows = [{"vendor_id": "NEWCO"}, {"vendor_id": "ACME", "city": "Boulder"}]
    partner_world.vendors(*rows)
    assert polled(partner_world) == {"posted": 2}
    partner_world.vendors(*rows)
    assert polled(partner_world) == {}, "the same name, the same content"
    partner_world.vendors(*reversed(rows), name="vendors_002.csv")
    assert polled(partner_world) == {"seen": 2}
    assert (partner_world.vendor_saves("NEWCO"), partner_world.vendor_saves("ACME")) == (1, 1)


def test_a_vendor_that_changes_again_is_written_again(partner_world):
    for turn, city in enumerate(["Boulder", "Reno", "Boulder"]):
        partner_world.vendors(
            {"vendor_id": "ACME", "vendor_name": "Acme Industrial Supply", "city": city}, name=f"vendors_{turn}.csv"
        )
        assert polled(partner_world) == {"posted": 1}
        assert partner_world.vendor("ACME")["City"] == city
    assert partner_world.vendor_saves("ACME") == 3


def test_what_a_person_changed_in_between_stays_while_the_file_says_nothing_new(partner_world):
    partner_world.vendors({"vendor_id": "ACME", "vendor_name": "Acme Industrial Supply", "city": "Boulder"})
    polled(partner_world)
    partner_world.epicor.touch_vendor("ACME", City="Reno")
    partner_world.vendors(
        {"vendor_id": "ACME", "vendor_name": "Acme Industrial Supply", "city": "Boulder"},
        {"vendor_id": "NEWCO"},
        name="vendors_002.csv",
    )
    assert polled(partner_world) == {"posted": 1, "seen": 1}
    assert partner_world.vendor("ACME")["City"] == "Reno"


def test_the_id_is_known_in_any_letter_case(partner_world):
    partner_world.vendors({"vendor_id": "acme", "vendor_name": "Acme Industrial Supply", "city": "Boulder"})
    assert polled(partner_world) == {"posted": 1}
    assert partner_world.vendor("ACME")["City"] == "Boulder"
    partner_world.vendors({"vendor_id": "newco"}, name="vendors_002.csv")
    assert polled(partner_world) == {"posted": 1}
    assert partner_world.vendor("NEWCO")["Name"] == "newco"


def test_an_unknown_terms_code_is_refused_in_the_erps_words_and_goes_once_it_exists(partner_world):
    partner_world.vendors({"vendor_id": "NEWCO", "payment_terms": "N99"}, {"vendor_id": "ACME", "payment_terms": "N99"})
    assert polled(partner_world) == {"rejected": 2}
    for number in ("NEWCO", "ACME"):
        assert "Invalid Terms Code 'N99'." in partner_world.now(FLOW, number).reason
    assert partner_world.vendor("ACME")["TermsCode"] == "N30"
    partner_world.epicor.seed(terms=[{"TermsCode": "N99", "Description": "Net 99", "NumberOfDays": 99}])
    partner_world.run(FLOW)
    assert {partner_world.now(FLOW, number).state.value for number in ("NEWCO", "ACME")} == {"posted"}
    assert partner_world.vendor("ACME")["TermsCode"] == "N99"


def test_a_vendor_that_stays_refused_waits_for_a_person_who_can_send_it_on(partner_world):
    partner_world.vendors({"vendor_id": "NEWCO", "payment_terms": "N99"})
    for _ in range(8):
        partner_world.run(FLOW)
    assert partner_world.now(FLOW, "NEWCO").state.value == "held"
    assert partner_world.calls(UPDATE) == 5
    partner_world.epicor.seed(terms=[{"TermsCode": "N99", "Description": "Net 99", "NumberOfDays": 99}])
    with partner_world.workspace() as workspace:
        release(workspace, "NEWCO", reason="terms are there now", posted_as=None, send=False)
    partner_world.run(FLOW)
    assert partner_world.now(FLOW, "NEWCO").state.value == "posted"
    assert partner_world.vendor("NEWCO")["TermsCode"] == "N99"


def test_a_corrected_row_takes_the_place_of_one_a_person_was_asked_about(partner_world):
    partner_world.vendors({"vendor_id": "NEWCO", "payment_terms": "N99"})
    for _ in range(6):
        partner_world.run(FLOW)
    assert partner_world.now(FLOW, "NEWCO").state.value == "held"
    partner_world.vendors({"vendor_id": "NEWCO", "payment_terms": "N30"}, name="vendors_002.csv")
    assert polled(partner_world) == {"posted": 1}
    assert [one.state.value for one in partner_world.documents("NEWCO")] == ["cancelled", "posted"]
    assert partner_world.vendor("NEWCO")["TermsCode"] == "N30"


def test_a_newer_row_waits_for_a_person_while_the_fate_of_the_older_is_unknown(partner_world):
    partner_world.vendors({"vendor_id": "ACME", "city": "Boulder"})
    strike(partner_world, "lost_answer", UPDATE)
    partner_world.run(FLOW)
    partner_world.vendors({"vendor_id": "ACME", "city": "Reno"}, name="vendors_002.csv")
    assert polled(partner_world) == {"conflict": 1}
    assert [one.state.value for one in partner_world.documents("ACME")] == ["posted", "conflict"]
    with partner_world.workspace() as workspace:
        replay_documents(workspace, partner_world.seams(), ["ACME"], failed=False, remap=partner_world.spec)
    partner_world.run(FLOW)
    assert (partner_world.now(FLOW, "ACME").state.value, partner_world.vendor("ACME")["City"]) == ("posted", "Reno")


@pytest.mark.parametrize(
    "kind", ["lost_answer", "truncated", "reset", "500_after", "500", "cut_before", "error_in_200"]
)
@pytest.mark.parametrize("vendor", ["ACME", "NEWCO"], ids=["update", "create"])
def test_a_broken_answer_while_saving_is_settled_by_looking(partner_world, kind, vendor):
    partner_world.vendors({"vendor_id": vendor, "city": "Boulder"})
    strike(partner_world, kind, UPDATE)
    partner_world.run(FLOW)
    assert partner_world.now(FLOW, vendor).state.value in {"in_doubt", "ready", "rejected"}
    for _ in range(2):
        partner_world.run(FLOW)
    assert partner_world.now(FLOW, vendor).state.value in {"posted", "adopted"}
    assert partner_world.vendor(vendor)["City"] == "Boulder"
    assert partner_world.vendor_saves(vendor) == 1
    partner_world.assert_understood()


def test_an_update_that_lands_late_is_not_sent_again(partner_world):
    partner_world.vendors({"vendor_id": "ACME", "city": "Boulder"})
    strike(partner_world, "late", UPDATE, value="60")
    for _ in range(3):
        partner_world.run(FLOW)
    assert (partner_world.now(FLOW, "ACME").state.value, partner_world.vendor_saves("ACME")) == ("posted", 1)


def test_a_row_somebody_changed_between_reading_and_saving_is_read_again(make_partner_world):
    touched = []

    def somebody_works(_seconds):
        touched.append(world.epicor.touch_vendor("ACME", PhoneNum="303 555 0199"))

    world = make_partner_world(sleep=somebody_works)
    world.vendors({"vendor_id": "ACME", "vendor_name": "Acme Industrial Supply", "city": "Boulder"})
    strike(world, "slow", READ, 2)
    assert polled(world) == {"posted": 1}
    assert len(touched) == 1
    assert world.calls(UPDATE) == 2, "the first was refused: the row was modified by another user"
    found = world.vendor("ACME")
    assert (found["City"], found["PhoneNum"]) == ("Boulder", "303 555 0199"), "neither change is lost"
    assert (world.now(FLOW, "ACME").state.value, world.vendor_saves("ACME")) == ("posted", 1)


def test_a_vendor_a_person_enters_between_look_and_save_is_brought_up_to_date(make_partner_world):
    entered = []

    def somebody_works(_seconds):
        if not entered:
            entered.append(world.epicor.seed(vendors=[{"VendorID": "NEWCO", "Name": "Newco", "PhoneNum": "1"}]))

    world = make_partner_world(sleep=somebody_works)
    world.vendors({"vendor_id": "NEWCO", "vendor_name": "Newco Services", "city": "Tacoma"})
    strike(world, "slow", "*VendorSvc/GetNewVendor")
    for _ in range(3):
        world.run(FLOW)
    found = world.vendor("NEWCO")
    assert (found["Name"], found["City"], found["PhoneNum"]) == ("Newco Services", "Tacoma", "1")
    assert world.now(FLOW, "NEWCO").state.value in {"posted", "adopted"}


def test_bad_rows_are_put_aside_and_the_others_go_on(partner_world):
    partner_world.vendors(
        {"vendor_id": "ACME", "city": "Boulder"},
        {"vendor_id": "LONG", "vendor_name": "x" * 51},
        {"vendor_id": "ODD", "status": "MAYBE"},
        {"vendor_id": "NEWCO"},
    )
    assert polled(partner_world) == {"posted": 2, "quarantined": 2}
    reasons = {number: partner_world.now(FLOW, number).reason for number in ("LONG", "ODD")}
    assert "50" in reasons["LONG"]
    assert "MAYBE" in reasons["ODD"]


def test_of_two_rows_of_one_vendor_the_last_counts(partner_world):
    partner_world.vendors(*({"vendor_id": "NEWCO", "city": city} for city in ("Reno", "Tacoma", "Boulder")))
    assert polled(partner_world) == {"cancelled": 2, "posted": 1}
    assert (partner_world.vendor("NEWCO")["City"], partner_world.vendor_saves("NEWCO")) == ("Boulder", 1)


def test_a_file_without_its_columns_goes_to_the_error_folder(partner_world):
    partner_world.partner.write("vendors_001.csv", b"supplier;name\nACME;Acme\n")
    assert partner_world.run(FLOW).exit_code == 3
    assert (partner_world.partner.path("/error") / "vendors_001.csv").is_file()
    assert partner_world.epicor.history.effects("vendor.saved") == []


def test_many_vendors_arrive_each_once(partner_world):
    partner_world.vendors(*({"vendor_id": f"V{n:04}", "city": "Reno"} for n in range(60)))
    assert polled(partner_world) == {"posted": 60}
    numbers = [row["VendorNum"] for row in partner_world.epicor.vendors()]
    assert len(set(numbers)) == len(numbers) == 62
    partner_world.assert_understood()


def test_a_dry_run_tells_what_would_be_added_and_what_brought_up_to_date(partner_world):
    partner_world.vendors({"vendor_id": "ACME", "vendor_name": "Acme Ltd"}, {"vendor_id": "NEWCO"})
    text = partner_world.run(FLOW, dry_run=True).render("text")
    assert "save_changes" in text
    assert "Acme Ltd" in text
    assert "`Name` is Acme Industrial Supply there, Acme Ltd here" in text
    assert partner_world.epicor.history.effects("vendor.saved") == []
    assert [path.name for path in partner_world.partner.path("/inbound").iterdir()] == ["vendors_001.csv"]


def test_a_vendor_that_came_in_goes_out_once_and_coming_back_changes_nothing(partner_world):
    partner_world.run("vendors_out")
    partner_world.vendors({"vendor_id": "ACME", "vendor_name": "Acme Industrial Supply", "city": "Boulder"})
    partner_world.run(FLOW, "vendors_out")
    (echo,) = partner_world.partner.taken("vendors_*_000002.csv")
    partner_world.partner.write("vendors_002.csv", echo.read_bytes())
    assert polled(partner_world) == {"adopted": 1}
    partner_world.run("vendors_out")
    assert len(partner_world.partner.taken()) == 2
    assert partner_world.vendor_saves("ACME") == 1

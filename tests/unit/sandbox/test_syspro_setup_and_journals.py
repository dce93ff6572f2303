"""APSSSP and GENTJL of the SYSPRO stand-in: suppliers added and changed, journals that must balance."""

from __future__ import annotations

from decimal import Decimal

import pytest

from .syspro_client import JOURNAL, counts, errors, xml

READ_ONE = {"RecordsRead": "1", "RecordsInvalid": "0"}
NEW = {"Key": {"Supplier": "0000200"}, "SupplierName": "New & Sons", "TermsCode": "60", "Email": "ap@new.test"}
DEBIT, CREDIT = JOURNAL["JournalDetails"]


def test_a_supplier_is_added_in_the_recorded_lower_case_shape(enet, syspro):
    answer = enet.suppliers("Add", NEW)

    assert (answer.tag, answer.findtext("item/key/supplier"), counts(answer)) == (
        "setupapsupplier",
        "0000200",
        READ_ONE,
    )
    held = syspro.rows("ApSupplier")[-1]
    assert (held["SupplierName"], held["TermsCode"], held["Currency"], held["OnHold"]) == (
        "New & Sons",
        "60",
        "USD",
        "N",
    )
    assert [effect.key for effect in syspro.history.effects("supplier.added")] == ["0000200"]


def test_adding_one_that_is_there_says_so_and_update_changes_only_what_is_given(enet, syspro):
    enet.suppliers("Add", NEW)
    again = enet.suppliers("Add", NEW)
    changed = enet.suppliers("Update", {"Key": {"Supplier": "0000200"}, "Email": "pay@new.test"})

    assert errors(again) == [("supplier", "0000200", "990001")]
    assert "already exists" in again.findtext("item/supplier/ErrorDescription")
    assert (counts(again)["RecordsInvalid"], counts(changed)) == ("1", READ_ONE)
    held = syspro.rows("ApSupplier")[-1]
    assert (held["Email"], held["SupplierName"]) == ("pay@new.test", "New & Sons")
    assert syspro.history.effects("supplier.changed")[0].detail == {"Email": "pay@new.test", "operator": "MLC"}


@pytest.mark.parametrize(
    ("action", "item", "error"),
    [
        ("Update", {"Key": {"Supplier": "0000999"}, "SupplierName": "X"}, ("supplier", "0000999", "240004")),
        ("Add", {"Key": {"Supplier": ""}, "SupplierName": "X"}, ("supplier", "", "100030")),
        ("Add", {"SupplierName": "X"}, ("supplier", "", "100030")),
        ("Add", {"Key": {"Supplier": "200"}, "SupplierName": "X"}, ("supplier", "200", "990002")),
        ("Add", {"Key": {"Supplier": "A" * 16}, "SupplierName": "X"}, ("supplier", "A" * 16, "990002")),
        ("Add", {"Key": {"Supplier": "0000200"}}, ("suppliername", "", "100030")),
        ("Add", {**NEW, "TermsCode": "99"}, ("termscode", "99", "240004")),
        ("Add", {"Key": NEW["Key"], "SupplierName": "X", "Currency": "XYZ"}, ("currency", "XYZ", "240004")),
        ("Add", {"Key": NEW["Key"], "SupplierName": "X", "OnHold": "yes"}, ("onhold", "yes", "990002")),
        ("Add", {"Key": NEW["Key"], "SupplierName": "X", "MerchGlCode": "1"}, ("merchglcode", "1", "240004")),
    ],
)
def test_a_wrong_supplier_is_refused_by_field(enet, syspro, action, item, error):
    answer = enet.suppliers(action, item)

    assert (errors(answer), counts(answer)) == ([error], {"RecordsRead": "1", "RecordsInvalid": "1"})
    assert syspro.history.effects("supplier.*") == []


def test_one_bad_supplier_stops_all_unless_told_otherwise(enet, syspro):
    bad = {"Key": {"Supplier": "0000201"}}

    enet.suppliers("Add", NEW, bad)
    assert len(syspro.rows("ApSupplier")) == 5
    enet.suppliers("Add", NEW, NEW, bad, ApplyIfEntireDocumentValid="N")
    assert len(syspro.rows("ApSupplier")) == 6
    enet.suppliers("Add", {**NEW, "Key": {"Supplier": "0000202"}}, ValidateOnly="Y")
    assert len(syspro.rows("ApSupplier")) == 6


def test_a_balanced_journal_is_posted_and_told_by_year_period_and_number(enet, syspro):
    answer = enet.journals({**JOURNAL, "JournalDetails": [DEBIT, CREDIT]})

    transaction = answer.find("Item/Transaction")
    assert [transaction.findtext(f"Key/{name}") for name in ("GlYear", "GlPeriod", "GlJournal")] == [
        "2025",
        "01",
        "000001",
    ]
    assert [transaction.findtext(name) for name in ("NumOfEntries", "DebitAmount", "CreditAmount")] == [
        "2",
        "80.10",
        "80.10",
    ]
    assert counts(answer) == {"JournalsProcessed": "00001", "PostingsProcessed": "00002", "PostingsInvalid": "00000"}
    (held,) = syspro.journals()
    assert [line["EntryValue"] for line in held["JournalDetails"]] == [Decimal("80.10"), Decimal("-80.10")]
    assert held["Reference"] == "PAY-9"


def test_a_journal_sent_twice_is_there_twice(enet, syspro):
    enet.journals(JOURNAL)
    enet.journals(JOURNAL)

    assert [effect.key for effect in syspro.history.effects("gl_journal.posted")] == [
        "2025/01/000001",
        "2025/01/000002",
    ]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"JournalDetails": [DEBIT, {**CREDIT, "EntryAmount": "-80.09"}]}, "JournalDetails"),
        ({"JournalDetails": [DEBIT, {**CREDIT, "LedgerCode": "1"}]}, "LedgerCode"),
        ({"JournalDetails": [DEBIT, {**CREDIT, "EntryAmount": "x"}]}, "EntryAmount"),
        ({"PostingPeriod": "2025", "PostingYear": "1"}, "PostingYear"),
        ({"PostingPeriod": "13"}, "PostingPeriod"),
        ({"PostingPeriod": "10", "PostingYear": "2024"}, "PostingPeriod"),
        ({"PostingPeriod": "2"}, "PostingPeriod"),
        ({"JournalDate": "31.01.2025"}, "JournalDate"),
    ],
)
def test_a_wrong_journal_counts_invalid_postings_and_is_not_stored(enet, syspro, wrong, field):
    answer = enet.journals({**JOURNAL, **wrong})

    assert field in {name for name, _, _ in errors(answer)}
    assert int(counts(answer)["PostingsInvalid"]) > 0
    assert syspro.journals() == []


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ({**JOURNAL, "Posting": "x"}, "The element 'Posting' is not expected in 'Item'"),
        ({"PostingYear": "2025", "PostingPeriod": "1"}, "The element 'PostingPeriod' is out of order or repeated"),
        ({**JOURNAL, "JournalDetails": [{"EntryAmount": "1", "LedgerCode": "x"}]}, "The element 'LedgerCode' is out"),
    ],
)
def test_a_journal_keeps_to_the_xsd(enet, syspro, item, said):
    call = ("Transaction/Post", "GENTJL", xml("PostGlJournal", {"Item": item}), xml("PostGlJournal", ""))

    assert enet.call(*call).startswith(f"ERROR: {said}")
    assert syspro.journals() == []
    syspro.rules.strict_elements = False
    assert enet.call(*call).startswith("<?xml")


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ({**NEW, "Colour": "red"}, "The element 'Colour' is not expected in 'Item'"),
        ({"SupplierName": "X", "Key": NEW["Key"]}, "The element 'Key' is out of order or repeated in 'Item'"),
    ],
)
def test_a_supplier_keeps_to_the_xsd(enet, syspro, item, said):
    call = ("Setup/Add", "APSSSP", xml("SetupApSupplier", {"Item": item}), xml("SetupApSupplier", ""))

    assert enet.call(*call).startswith(f"ERROR: {said}")
    assert syspro.history.effects("supplier.*") == []
    syspro.rules.strict_elements = False
    assert enet.call(*call).startswith("<?xml")


def test_a_period_may_be_closed_for_journals(enet, syspro):
    syspro.close_periods(2025, 1)

    assert [name for name, _, _ in errors(enet.journals(JOURNAL))] == ["PostingPeriod"]


def test_the_good_journals_of_a_batch_are_stored_when_asked(enet, syspro):
    bad = {**JOURNAL, "PostingPeriod": "13"}

    enet.journals(JOURNAL, bad)
    assert syspro.journals() == []
    answer = enet.journals(JOURNAL, bad, ApplyIfEntireDocumentValid="N")
    assert len(syspro.journals()) == 1
    assert [item.find("Transaction/Key") is not None for item in answer.findall("Item")] == [True, False]
    enet.journals(JOURNAL, ValidateOnly="Y")
    assert len(syspro.journals()) == 1

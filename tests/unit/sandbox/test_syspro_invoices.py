"""APSTIN of the SYSPRO stand-in: what is posted, what is refused and how it says so."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from .syspro_client import INVOICE, LINE, counts, errors, xml

DONE = {"ItemsProcessed": "00001", "ItemsInvalid": "00000"}
BAD = {"ItemsProcessed": "00000", "ItemsInvalid": "00001"}


def invoice(**other):
    """The usual invoice, other values at their place; None leaves a field out."""
    order = [
        "Supplier", "TransactionCode", "Invoice", "TransactionValue", "FreightCharge", "TransactionReference",
        "InvoiceDate", "DueDate", "TaxBasis", "TaxCode", "TaxValue", "GrnDetails", "LedgerDistribution",
    ]  # fmt: skip
    given = {**INVOICE, **other}
    return {name: given[name] for name in order if given.get(name) is not None}


def test_an_invoice_is_posted_with_its_ledger_distribution(enet, syspro):
    answer = enet.invoices(invoice())

    key = {child.tag: child.text for child in answer.find("Item/Key")}
    assert key == {
        "Supplier": "0000123", "Invoice": "INV-77", "Journal": "000001", "TrnYear": "2025", "TrnMonth": "01",
    }  # fmt: skip
    assert (answer.findtext("Item/ItemNumber"), counts(answer)) == ("000001", DONE)
    (held,) = syspro.invoices()
    assert (held["OrigInvValue"], held["MthInvBal1"]) == (Decimal("120.50"), Decimal("120.50"))
    assert (held["InvoiceDate"], held["DueDate"]) == (date(2025, 1, 31), date(2025, 3, 2))
    assert [(line["GlCode"], line["DistrValue"]) for line in held["LedgerDistribution"]] == [
        ("10-1000-100", Decimal("120.50"))
    ]
    (effect,) = syspro.history.effects("ap_invoice.posted")
    assert (effect.key, effect.detail["value"], effect.detail["operator"]) == (
        "0000123/INV-77",
        Decimal("120.50"),
        "MLC",
    )


def test_dates_left_out_are_filled_in_by_today_and_the_terms(enet, syspro):
    enet.invoices(invoice(Supplier="0000124", InvoiceDate=None))

    (held,) = syspro.invoices()
    assert (held["InvoiceDate"], held["DueDate"]) == (date(2025, 1, 31), date(2025, 4, 1))


def test_the_status_of_items_may_be_missing_on_success_never_on_failure(enet, syspro):
    syspro.rules.status_of_items = False

    assert counts(enet.invoices(invoice())) == {}
    assert counts(enet.invoices(invoice())) == BAD


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"Supplier": None}, ("Supplier", "", "100030")),
        ({"Invoice": " "}, ("Invoice", "", "100030")),
        ({"Invoice": None}, ("Invoice", "", "100030")),
        ({"Supplier": "0009999"}, ("Supplier", "0009999", "240004")),
        ({"Supplier": "123"}, ("Supplier", "123", "240004")),
        ({"InvoiceDate": "31/01/2025"}, ("InvoiceDate", "31/01/2025", "100028")),
        ({"DueDate": "2025-02-30"}, ("DueDate", "2025-02-30", "100028")),
        ({"TransactionValue": "1.205,00"}, ("TransactionValue", "1.205,00", "100031")),
        ({"FreightCharge": "abc"}, ("FreightCharge", "abc", "100031")),
        ({"LedgerDistribution": [{**LINE, "LedgerCode": "10-9999-100"}]}, ("LedgerCode", "10-9999-100", "240004")),
        ({"LedgerDistribution": [{**LINE, "LedgerCode": ""}]}, ("LedgerCode", "", "100030")),
        ({"LedgerDistribution": [{**LINE, "LedgerValue": "120.49"}]}, ("TransactionValue", "120.50", "990003")),
        ({"LedgerDistribution": None}, ("TransactionValue", "120.50", "990003")),
        ({"TaxValue": "20.50"}, ("TransactionValue", "120.50", "990003")),
        ({"TransactionCode": "X"}, ("TransactionCode", "X", "990002")),
        ({"TaxCode": "AB"}, ("TaxCode", "AB", "990002")),
        ({"GrnDetails": {"GrnDetailKey": "P00013151"}}, ("GrnDetailKey", "P00013151", "240004")),
        ({"Supplier": "0000126"}, ("Supplier", "0000126", "990005")),
    ],
)
def test_a_wrong_field_is_named_with_value_and_number_and_nothing_is_posted(enet, syspro, wrong, error):
    answer = enet.invoices(invoice(**wrong))

    assert error in errors(answer)
    assert counts(answer).items() >= BAD.items()
    assert answer.find("Item/Key/Journal") is None
    assert syspro.history.effects("ap_*") == []


def test_tax_is_part_of_the_value_and_not_of_the_distribution(enet, syspro):
    line = {**LINE, "LedgerValue": "100.00"}

    assert counts(enet.invoices(invoice(TaxCode="A", TaxValue="20.50", LedgerDistribution=[line]))) == DONE
    assert syspro.invoices()[0]["OrigInvValue"] == Decimal("120.50")


def test_an_invoice_number_is_taken_once_for_each_supplier(enet, syspro):
    enet.invoices(invoice())

    assert errors(enet.invoices(invoice())) == [("Invoice", "INV-77", "990001")]
    assert counts(enet.invoices(invoice(Supplier="0000125"))) == DONE
    assert [row["Supplier"] for row in syspro.invoices()] == ["0000123", "0000125"]


@pytest.mark.parametrize("code", ["A", "C", "D"])
def test_a_memo_needs_the_invoice_it_is_for(enet, syspro, code):
    answer = enet.invoices(invoice(TransactionCode=code, Invoice="CM-1"))

    assert errors(answer) == [("Invoice", "CM-1", "240004")]
    assert syspro.history.effects("ap_*") == []


def test_a_credit_memo_lowers_the_balance_of_its_invoice(enet, syspro):
    enet.invoices(invoice())
    line = {**LINE, "LedgerValue": "20.25"}
    answer = enet.invoices(invoice(TransactionCode="C", TransactionValue="20.25", LedgerDistribution=[line]))

    (held,) = syspro.invoices()
    assert counts(answer) == DONE
    assert (held["OrigInvValue"], held["MthInvBal1"]) == (Decimal("120.50"), Decimal("100.25"))
    assert [effect.detail["code"] for effect in syspro.history.effects("ap_adjustment.posted")] == ["C"]


@pytest.mark.parametrize("other", ["Y", "N"])
def test_a_batch_answers_each_item_and_is_posted_whole_or_in_part(enet, syspro, other):
    items = [invoice(), invoice(Invoice="INV-78", Supplier="0009999"), invoice(Invoice="INV-79"), invoice()]

    answer = enet.invoices(*items, ApplyIfEntireDocumentValid=other)

    journals = [item.findtext("Key/Journal") for item in answer.findall("Item")]
    assert [item.findtext("Key/Invoice") for item in answer.findall("Item")] == ["INV-77", "INV-78", "INV-79", "INV-77"]
    assert journals == ([None] * 4 if other == "Y" else ["000001", None, "000001", None])
    assert errors(answer) == [("Supplier", "0009999", "240004"), ("Invoice", "INV-77", "990001")]
    assert counts(answer) == {"ItemsProcessed": "00000" if other == "Y" else "00002", "ItemsInvalid": "00002"}
    assert len(syspro.invoices()) == (0 if other == "Y" else 2)


def test_the_whole_document_counts_when_nothing_is_said(enet, syspro):
    enet.invoices(invoice(), invoice(Invoice="INV-78", Supplier="0009999"))

    assert syspro.invoices() == []


def test_validating_only_answers_the_same_without_a_journal(enet, syspro):
    answer = enet.invoices(invoice(), ValidateOnly="Y")

    assert (counts(answer), answer.find("Item/Key/Journal")) == (DONE, None)
    assert errors(enet.invoices(invoice(Supplier="1"), ValidateOnly="Y")) == [("Supplier", "1", "240004")]
    assert syspro.history.effects("ap_*") == []
    assert enet.invoices(invoice()).findtext("Item/Key/Journal") == "000001"


@pytest.mark.parametrize(
    ("letter", "posted", "told"),
    [("N", 0, {**BAD, "ItemsRejectedWithWarnings": "00001"}), ("Y", 1, DONE), ("W", 1, {**DONE, "ItemsProcessedWithWarnings": "00001"})],
)  # fmt: skip
def test_a_supplier_on_hold_is_a_warning_which_rejects_unless_told_otherwise(enet, syspro, letter, posted, told):
    answer = enet.invoices(invoice(Supplier="0000126"), IgnoreWarnings=letter)

    assert (len(syspro.invoices()), counts(answer)) == (posted, told)
    warned = answer.findtext("Item/Supplier/WarningDescription")
    assert warned == ("Supplier '0000126' is on hold" if letter == "W" else None)
    assert len(errors(answer)) == (letter == "N")


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ({"Item": {**INVOICE, "Posting": "x"}}, "The element 'Posting' is not expected in 'Item'"),
        ({"Item": {"Invoice": "A", "Supplier": "B"}}, "The element 'Supplier' is out of order or repeated in 'Item'"),
        ({"Item": {**INVOICE, "Supplier": ["0000123"] * 2}}, "The element 'Supplier' is out of order or repeated in 'Item'"),
        ({"Item": {**INVOICE, "LedgerDistribution": {"LedgerValue": "1", "LedgerCode": "x"}}}, "The element 'LedgerCode' is out"),
        ({"Item": {"Supplier": {"Code": "1"}}}, "The element 'Supplier' in 'Item' holds elements"),
    ],
)  # fmt: skip
def test_elements_keep_the_order_of_the_xsd(enet, syspro, items, said):
    call = ("Transaction/Post", "APSTIN", xml("PostApInvoice", items), xml("PostApInvoice", {"Parameters": {}}))

    assert enet.call(*call).startswith(f"ERROR: {said}")
    syspro.rules.strict_elements = False
    assert enet.call(*call).startswith("<?xml")
    assert any(said in ignored for ignored in syspro.ignored)


def test_parameters_are_held_against_the_xsd_too(enet):
    document = xml("PostApInvoice", {"Item": INVOICE})

    def said(**options):
        return enet.call("Transaction/Post", "APSTIN", document, xml("PostApInvoice", {"Parameters": options}))

    assert said(ValidateOnly="Maybe").startswith("ERROR: The parameter 'ValidateOnly' does not take 'Maybe'")
    assert said(ValidateOnly="Y", IgnoreWarnings="N").startswith("ERROR: The element 'IgnoreWarnings' is out of order")
    assert said(AutomaticTaxCalculation="Y").startswith("ERROR: No tax codes")
    assert "<TrnMonth>11</TrnMonth>" in said(PostingPeriod="B")


def test_nothing_is_posted_into_a_closed_period(enet, syspro):
    syspro.close_periods(2025, 1)
    call = ("Transaction/Post", "APSTIN", xml("PostApInvoice", {"Item": INVOICE}), xml("PostApInvoice", ""))

    assert enet.call(*call) == "ERROR: The AP period 2025/01 is closed"


SPELLED_OUT = """<PostApInvoice xmlns:xsd="http://www.w3.org/2001/XMLSchema-instance"
 xsd:noNamespaceSchemaLocation="APSTINDOC.XSD"><Item>
 <Supplier>0000123</Supplier><TransactionCode>I</TransactionCode><Invoice>B&amp;B 1</Invoice>
 <TransactionValue>-0.00</TransactionValue></Item><Item>
 <Supplier>0000123</Supplier><Invoice>B&amp;B 2+3</Invoice><TransactionValue>10.10</TransactionValue><TaxCode/>
 <LedgerDistribution><LedgerCode>10-1000-100</LedgerCode><LedgerValue>4.05</LedgerValue></LedgerDistribution>
 <LedgerDistribution><LedgerCode>10-1100-100</LedgerCode><LedgerValue>6.05</LedgerValue></LedgerDistribution>
</Item></PostApInvoice>"""


def test_items_are_matched_by_key_however_they_are_ordered(enet, syspro):
    syspro.rules.items_in_order = False
    parameters = xml("PostApInvoice", {"Parameters": {"ApplyIfEntireDocumentValid": "N"}})

    answer = enet.xml("Transaction/Post", "APSTIN", SPELLED_OUT, parameters)

    told = [(item.findtext("Key/Invoice"), item.findtext("Key/Journal")) for item in answer.findall("Item")]
    assert told == [("B&B 2+3", "000001"), ("B&B 1", None)]
    assert errors(answer) == [("TransactionValue", "-0.00", "990002")]
    assert [line["EntryNumber"] for line in syspro.invoices()[0]["LedgerDistribution"]] == [1, 2]

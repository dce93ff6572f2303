"""Actions of the Acumatica stand-in: releasing, reversing, paying, voiding, and asking how far it is."""

from __future__ import annotations

from decimal import Decimal

import pytest

from .acumatica_client import wrapped

RELEASE = "Bill/ReleaseBill"


def test_a_release_is_202_until_it_is_204(erp, acumatica):
    erp.bill()
    started = erp.act(RELEASE, "000159")

    assert (started.status_code, started.content) == (202, b"")
    assert started.headers["Location"].startswith("/AcumaticaERP/entity/Default/24.200.001/Bill/ReleaseBill/status/")
    assert erp.outcome(started) == [202, 202, 204]
    assert erp.get("Bill/Bill/000159")["Status"] == {"value": "Open"}
    assert [effect.key for effect in acumatica.history.effects("bill.released")] == ["Bill 000159"]


def test_a_release_may_be_done_at_once_and_may_go_by_id(erp, acumatica):
    bill = erp.bill()
    acumatica.rules.polls = 0

    assert erp.send("POST", RELEASE, {"entity": {"id": bill["id"]}, "parameters": {}}).status_code == 204


def test_a_held_bill_is_refused_at_once(erp, acumatica):
    erp.bill(Hold=True)
    answer = erp.act(RELEASE, "000159")
    assert (answer.status_code, "on hold" in answer.json()["error"]) == (422, True)
    acumatica.rules.held_status = 500
    assert "on hold" in erp.act(RELEASE, "000159").json()["exceptionMessage"]
    assert acumatica.history.effects("bill.released") == []


def test_a_bill_out_of_balance_fails_in_its_status(erp, acumatica):
    erp.bill(Amount="99")
    assert erp.outcome(erp.act(RELEASE, "000159")) == [202, 202, 500]
    acumatica.rules.polls = 0
    assert erp.act(RELEASE, "000159").json()["exceptionMessage"] == "The document is out of the balance."
    assert erp.get("Bill/Bill/000159")["Status"] == {"value": "Balanced"}


def test_a_second_release_is_refused(erp, acumatica):
    erp.bill()
    erp.act(RELEASE, "000159")

    answer = erp.act(RELEASE, "000159")
    assert (answer.status_code, answer.json()["exceptionType"]) == (500, "PX.Data.PXException")
    assert len(acumatica.history.effects("bill.released")) == 1


def test_any_action_can_be_made_to_fail(erp, acumatica):
    erp.bill()
    acumatica.rules.action_fails = "The period is being closed."

    assert erp.outcome(erp.act(RELEASE, "000159")) == [202, 202, 500]
    assert acumatica.history.effects("bill.released") == []


def test_a_person_can_do_the_same(erp, acumatica):
    erp.bill()
    acumatica.act("Bill", "ReleaseBill", Type="Bill", ReferenceNbr="000159")

    assert erp.get("Bill/Bill/000159")["Status"] == {"value": "Open"}
    for number in ("000159", "999999"):
        with pytest.raises(ValueError, match="exceptionMessage"):
            acumatica.act("Bill", "ReleaseBill", Type="Bill", ReferenceNbr=number)


def test_what_is_no_action_or_no_status_is_404(erp):
    assert erp.act("Bill/ReleaseInvoice", "000102").status_code == 404
    assert erp.act("Vendor/ReleaseBill", "000102").status_code == 404
    assert erp.send("POST", "Bill/Release/Bill", {}).status_code == 404
    assert erp.send("GET", f"{RELEASE}/status/0b0c3ad5-0d9b-4f43-8a21-c3c4a7c2a111").status_code == 404


def test_an_action_needs_an_entity_that_is_there(erp):
    assert set(erp.send("POST", RELEASE, {}).json()["modelState"]) == {"entity"}
    assert set(erp.send("POST", RELEASE, {"entity": {}, "parameters": []}).json()["modelState"]) == {"parameters"}
    assert erp.act(RELEASE, "999999").status_code == 500


def test_a_release_has_other_actions_beside_it(erp, acumatica):
    assert erp.act("Bill/ReverseBill", "000102").status_code == 202
    (reversed_,) = [bill for bill in acumatica.bills() if bill["Type"] == "Debit Adj."]
    assert (reversed_["Vendor"], reversed_["Amount"], reversed_["Status"]) == ("NWFRT", Decimal("80.40"), "On Hold")
    assert erp.act("Bill/ReleaseRetainage", "000102").status_code == 500
    erp.bill()
    assert erp.act("Bill/ReverseBill", "000160").status_code == 500, "what is not released is deleted, not reversed"


CHECK = {"Type": "Payment", "Vendor": "NWFRT", "CashAccount": "10200", "PaymentAmount": "80.40", "Hold": False}
APPLIED = {"DocType": "Bill", "ReferenceNbr": "000102", "AmountPaid": "80.40"}


def test_a_payment_lowers_the_balance_when_it_is_released_and_raises_it_when_voided(erp):
    check = erp.put("Check", {**CHECK, "Details": [APPLIED]}, "?$expand=Details,History")
    assert (check["UnappliedBalance"], check["History"]) == ({"value": 0}, [])
    assert check["Details"][0]["Balance"] == {"value": 0}
    assert erp.get("Bill/Bill/000102")["Balance"] == {"value": Decimal("80.4")}

    erp.act("Check/ReleaseCheck", "000001", "Payment")
    bill = erp.get("Bill/Bill/000102", expand="Applications")
    assert (bill["Balance"], bill["Status"]) == ({"value": 0}, {"value": "Closed"})
    assert bill["Applications"][0]["ReferenceNbr"] == {"value": "000001"}
    released = erp.get("Check/Payment/000001", expand="Details,History")
    assert (released["Status"], len(released["History"]), len(released["Details"])) == ({"value": "Closed"}, 1, 1)

    erp.act("Check/VoidCheck", "000001", "Payment")
    assert erp.get("Check/Payment/000001")["Status"] == {"value": "Voided"}
    assert erp.get("Bill/Bill/000102")["Status"] == {"value": "Open"}
    assert erp.act("Check/VoidCheck", "000001", "Payment").status_code == 500


@pytest.mark.parametrize(
    ("changed", "applied"),
    [
        ({}, {"ReferenceNbr": "999999"}),
        ({"Vendor": "ACME"}, {}),
        ({"PaymentAmount": "90"}, {"AmountPaid": "80.41"}),
        ({"PaymentAmount": "-1"}, {"AmountPaid": "0"}),
        ({"PaymentAmount": "80"}, {}),
        ({"CashAccount": "1"}, {}),
        ({"Type": "Cash"}, {}),
    ],
)
def test_a_payment_that_does_not_fit_is_422(erp, changed, applied):
    body = {**CHECK, **changed, "Details": [{**APPLIED, **applied}]}

    assert erp.try_put("Check", body, "?$expand=Details").status_code == 422


def test_what_was_paid_from_the_start_is_there(erp):
    (check,) = erp.get("Check", filter="Vendor eq 'ACME'", expand="Details,History")

    assert (check["PaymentRef"], check["Status"]) == ({"value": "10021"}, {"value": "Closed"})
    assert check["History"][0]["AmountPaid"] == {"value": 250}
    assert erp.get("Bill/Bill/000101")["Status"] == {"value": "Closed"}


def test_a_journal_entry_is_released_when_it_balances(erp):
    lines = [
        {"Account": "61000", "Subaccount": "000-000", "DebitAmount": "5"},
        {"Account": "20000", "Subaccount": "000-000", "CreditAmount": "5"},
    ]
    for entry, last in ((lines, 204), (lines[:1], 500)):
        made = erp.put("JournalTransaction", {"Hold": False, "Details": entry})
        body = {"entity": wrapped({"Module": "GL", "BatchNbr": made["BatchNbr"]["value"]})}
        started = erp.send("POST", "JournalTransaction/ReleaseJournalTransaction", body)
        assert erp.outcome(started)[-1] == last


def test_a_receipt_of_a_customer_is_released_like_others(erp):
    erp.put("Payment", {"CustomerID": "ABARTENDE", "PaymentAmount": 5, "Hold": False})

    assert erp.act("Payment/ReleasePayment", "000001", "Payment").status_code == 202

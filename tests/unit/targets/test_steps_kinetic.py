"""The shipped system file against the stand-in of its system: written, found, half-written, undone, listed, looked up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from engine.connections.http import Http, HttpKind
from engine.contracts import Document, ParcelOutcome, Row, State
from engine.errors import InDoubt, Refused
from engine.mapping.types import FieldType, read_fields
from engine.run.build import Builder
from engine.sandbox.epicor import Epicor
from engine.sandbox.faults import Fault
from engine.sources.listing import ChangedSince, ListRead, ListSource
from engine.sources.lookup import Lookup, LookupObject, ObjectLookups
from engine.spec.document import read_document
from engine.spec.problems import Problems
from engine.targets.steps import Create, Look, StepTarget, Ways

from .erp import Time, Tokens

SPEC = Path(__file__).parents[3] / "specs/systems/epicor-kinetic.yaml"
SEED: dict[str, Any] = {
    "vendors": [
        {"VendorNum": 112, "VendorID": "ACME", "Name": "Acme"},
        {"VendorNum": 113, "VendorID": "OBRIEN", "Name": "O'Brien"},
        *({"VendorNum": 200 + n, "VendorID": f"V{n}", "Name": f"Vendor {n}"} for n in range(250)),
    ],
    "gl_accounts": [{"GLAccount": "6100|00|10"}, {"GLAccount": "6200|00|20"}],
}


class Kinetic:
    """The system file's kinds, built for one set of settings, and a connection to the stand-in."""

    def __init__(self, epicor: Epicor, http: Http, need: dict[str, Any], builder: Builder, objects: Any) -> None:
        self.epicor, self.http, self.need = epicor, http, need
        self._builder, self._objects = builder, objects

    def kind(self, name: str, key: str, hint: Any) -> Any:
        return self._builder.build(hint, self._objects.get(name).get(key))

    def fields(self, name: str) -> dict[str, FieldType]:
        return read_fields(self._objects.get(name).get("fields"), Problems())

    def target(self, name: str, *compare: str) -> StepTarget:
        time = Time()
        create, look = self.kind(name, "create", Create), self.kind(name, "find", Look)
        ways = Ways(create=create, look=look, compare=compare)
        return StepTarget(ways, self.http, self.need, clock=time.clock, sleep=time.sleep)


@contextmanager
def kinetic(**options: Any) -> Iterator[Kinetic]:
    problems = Problems()
    node = read_document(SPEC, problems)
    assert node is not None
    with Epicor(clock=lambda: datetime.now(UTC), random=Random(7), seed=SEED, **options) as epicor:
        need = {
            "site": epicor.url, "company": "EPIC06", "api": "v2", "auth": "basic", "username": "mlc", "password": "kinetic-pass",
            "api_key": "k-123", "ap_group": "MLC", "payment_group": "MLCPAY", "bank_account": "OPER", "pay_method": 1,
            "token_url": epicor.token_url,
        }  # fmt: skip
        builder = Builder(problems, need)
        http = Http(
            builder.build(HttpKind, node.get("http")), need, name="epicor", watch=lambda call: None, tokens=Tokens(),
            clock=lambda: datetime.now(UTC), sleep=lambda seconds: None, random=lambda: 0.5, allow_loopback=True,
        )  # fmt: skip
        with http:
            yield Kinetic(epicor, http, need, builder, node.get("objects"))
        assert epicor.crashes == []


def document(payload: dict[str, Any]) -> Document:
    return Document(
        key="k", version=1, flow="invoices", kind="ap_invoices", number="00123", party="ACME", state=State.PROBING,
        content_hash="x", source={}, payload=payload,
    )  # fmt: skip


def invoice(**more: Any) -> Document:
    lines = [
        {"Description": "Toner", "DocExtCost": Decimal("10.10"), "GLAccount": "6100|00|10"},
        {"Description": "Paper", "DocExtCost": Decimal("0.20"), "GLAccount": "6200|00|20"},
    ]
    return document({
        "VendorNum": 112, "VendorID": "ACME", "InvoiceNum": "00123", "InvoiceDate": date(2026, 11, 2), "DebitMemo": False,
        "DocInvoiceVendorAmt": Decimal("10.30"), "Description": "Stampli 00123", "APInvDtls": lines, **more,
    })  # fmt: skip


def test_an_invoice_is_written_once_and_then_found_whole_and_ours() -> None:
    with kinetic() as system:
        target, intents = system.target("ap_invoices", "InvoiceDate", "DocInvoiceVendorAmt"), []
        assert target.find(invoice()).matches == 0
        receipt = target.send(invoice(), intents.append)

        assert receipt.reference == "112/00123"
        assert intents == ["save", "save_line[1]", "code_line[1]", "save_line[2]", "code_line[2]"]
        found = target.find(invoice())
        assert (found.matches, found.whole, found.ours, found.differences) == (1, True, True, ())
        assert found.reference == "112/00123"
        other = target.find(invoice(DocInvoiceVendorAmt=Decimal("10.40")))
        assert other.differences == ("`DocInvoiceVendorAmt` is 10.30 there, 10.40 here",)


def test_a_refused_line_leaves_a_half_written_invoice_that_is_undone() -> None:
    with kinetic() as system:
        target = system.target("ap_invoices")
        bad = invoice()
        assert bad.payload is not None
        bad.payload["APInvDtls"][1]["GLAccount"] = "0000|00|00"
        with pytest.raises(Refused) as refused:
            target.send(bad, lambda step: None)

        assert refused.value.half_written
        found = target.find(bad)
        assert (found.matches, found.whole, found.ours) == (1, False, True)
        target.undo(bad, found)
        assert target.find(bad).matches == 0
        target.send(invoice(), lambda step: None)
        assert target.find(invoice()).whole


def test_an_invoice_written_twice_is_a_doubt_and_not_a_second_invoice() -> None:
    with kinetic() as system:
        target = system.target("ap_invoices")
        target.send(invoice(), lambda step: None)
        with pytest.raises(InDoubt) as doubt:
            target.send(invoice(), lambda step: None)
        assert doubt.value.duplicate
        assert target.find(invoice()).matches == 1


@pytest.mark.parametrize(("method", "calls"), [("UpdateMaster", 3), ("Update", 2)])
def test_a_lost_answer_of_each_save_is_a_doubt_that_looking_settles(method: str, calls: int) -> None:
    for nth in range(1, calls + 1):
        with kinetic(faults=[Fault(kind="lost_answer", at=f"Erp.BO.APInvoiceSvc/{method}", nth=nth)]) as system:
            target = system.target("ap_invoices")
            with pytest.raises(InDoubt):
                target.send(invoice(), lambda step: None)
            found = target.find(invoice())
            assert (found.matches, found.ours) == (1, True)
            if not found.whole:
                target.undo(invoice(), found)
                target.send(invoice(), lambda step: None)
            assert target.find(invoice()).whole


def test_a_payment_is_written_and_found() -> None:
    with kinetic() as system:
        system.target("ap_invoices").send(invoice(), lambda step: None)
        target = system.target("ap_payments", "CheckDate", "DocCheckAmt", "VendorID")
        lines = [{"InvoiceNum": "00123", "DocTranAmt": Decimal("10.30"), "DocDiscAmt": None}]
        paid = document({
            "VendorID": "ACME", "CheckNum": 5001, "CheckDate": date(2026, 11, 9), "DocCheckAmt": Decimal("10.30"), "APTrans": lines,
        })  # fmt: skip
        assert target.find(paid).matches == 0
        receipt = target.send(paid, lambda step: None)
        found = target.find(paid)

        assert (found.matches, found.whole, found.ours, found.differences) == (1, True, True, ())
        assert receipt.reference == found.reference


def test_vendors_are_listed_and_looked_up() -> None:
    class Kept:
        value: str | None = None

        def get(self) -> str | None:
            return self.value

        def set(self, value: str) -> None:
            self.value = value

    with kinetic() as system:
        kept, fields = Kept(), system.fields("vendors")
        kind = system.kind("vendors", "list", ListRead)
        source = ListSource(
            kind, system.http, fields, kept, ChangedSince(lookback=0), name="epicor.vendors", clock=Time().clock
        )
        for expected in (252, 1):
            (parcel,) = source.parcels()
            rows = list(parcel.read())
            assert all(isinstance(row, Row) for row in rows)
            assert len({row.values["VendorNum"] for row in rows}) == expected
            source.settle(parcel, ParcelOutcome(ok=True))

        item = LookupObject(kind=system.kind("vendors", "lookup", Lookup), http=system.http, fields=fields)
        lookups = ObjectLookups({"epicor.vendors": item})
        found = lookups.fetch("epicor.vendors", [("OBRIEN",), ("NONE",), *((f"V{n}",) for n in range(30))])
        assert [row["VendorNum"] for row in found["OBRIEN",]] == [113]
        assert found["NONE",] == ()
        assert all(len(found[f"V{n}",]) == 1 for n in range(30))

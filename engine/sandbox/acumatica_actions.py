"""Actions of the Acumatica stand-in: release, reverse, void; 202 with a status to ask for until it is 204.

The work is done when the action is asked for, and told late: a client that goes away has released its bill all the same.
What is plainly impossible (a held bill, one released already) is refused at once, a bill out of balance in its status.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from engine.sandbox.acumatica_documents import is_balanced
from engine.sandbox.acumatica_errors import Refusal, failed, invalid, respond
from engine.sandbox.acumatica_input import Reader
from engine.sandbox.acumatica_record import Given, Record
from engine.sandbox.acumatica_save import find, store_new, told, word
from engine.sandbox.acumatica_saving import Saving
from engine.sandbox.acumatica_shapes import SHAPES, Shape
from engine.sandbox.acumatica_store import Store, name_of
from engine.sandbox.web_messages import Response


@dataclass(kw_only=True, slots=True)
class Job:
    """An action that says it is running `left` more times."""

    left: int
    failure: Refusal | None


@dataclass(kw_only=True)
class Actions:
    """The actions asked for so far, by the id of their status."""

    store: Store
    jobs: dict[str, Job]
    today: Callable[[], date]

    def start(self, shape: Shape, action: str, raw: Mapping[str, Any], url: str) -> Response:
        """204, or 202 with the Location of the status; 404 for an unknown action, 422 or 500 for what can't be."""
        work = _ACTIONS.get((shape.name, action))
        if work is None:
            raise Refusal(404, {"message": f"No HTTP resource was found that matches the request URI '{url}'."})
        if "entity" not in raw:
            raise invalid("entity", "The entity field is required.")
        if not isinstance(raw.get("parameters", {}), dict):
            raise invalid("parameters", "Error converting the parameters: an object is expected.")
        record = find(self.store, shape, Reader(store=self.store).read(raw["entity"], shape), None)
        if record is None:
            raise failed("No entity satisfies the condition.")
        failure = self._failure(shape, work, record)
        rules = self.store.rules
        if rules.polls == 0:
            if failure is not None:
                raise failure
            return Response(status=204)
        number = self.store.guid()
        self.jobs[number] = Job(left=rules.polls, failure=failure)
        return Response(status=202, headers={"Location": f"{url}/status/{number}"})

    def do(self, shape: Shape, action: str, key: Mapping[str, str]) -> None:
        """Does the work as a person would, at once; raises the Refusal."""
        work, record = _ACTIONS.get((shape.name, action)), find(self.store, shape, Given(values=dict(key)), None)
        if work is None or record is None:
            raise failed("No entity satisfies the condition.")
        failure = self._failure(shape, work, record)
        if failure is not None:
            raise failure

    def status(self, number: str) -> Response:
        """202 while it runs, 204 when it is done, the error when it failed; 404 for an id that was never given out."""
        job = self.jobs.get(number)
        if job is None:
            raise Refusal(404, {"message": "The operation with this id is not found."})
        if job.left > 0:
            job.left -= 1
            return Response(status=202)
        return respond(job.failure) if job.failure is not None else Response(status=204)

    def _failure(self, shape: Shape, work: Work, record: Record) -> Refusal | None:
        """Does the work; what a real server finds out only while it is at it comes back."""
        if self.store.rules.action_fails is not None:
            return failed(self.store.rules.action_fails)
        _check_hold(self.store, shape, record)
        return work(self, shape, record)

    def change(self, shape: Shape, record: Record, verb: str, **values: Any) -> Record:
        changed = record.copied()
        changed.values |= values
        changed.released = True
        stored = self.store.put(shape.name, changed)
        self.store.note(f"{word(shape)}.{verb}", name_of(shape, stored), **told(shape, stored))
        return stored

    def pay(self, check: Record, sign: int) -> None:
        """The balances of the bills a payment is for fall, or rise again."""
        shape = SHAPES["Bill"]
        for line in check.lists["Details"]:
            bill = self.store.get("Bill", line.values["DocType"], line.values["ReferenceNbr"])
            if bill is None:
                continue
            changed = bill.copied()
            changed.values["Balance"] -= sign * line.values["AmountPaid"]
            changed.values["Status"] = "Open" if changed.values["Balance"] else "Closed"
            own = {"DocType": check.values["Type"], "ReferenceNbr": check.values["ReferenceNbr"]}
            entry = Record(id=self.store.guid(), values={**line.values, **own})
            others = [one for one in changed.lists["Applications"] if one.values["ReferenceNbr"] != own["ReferenceNbr"]]
            changed.lists["Applications"] = [*others, entry] if sign > 0 else others
            self.store.put(shape.name, changed)


Work = Callable[[Actions, Shape, Record], "Refusal | None"]


def _check_hold(store: Store, shape: Shape, record: Record) -> None:
    if not record.values["Hold"]:
        return
    message = "Document Status is invalid for processing: it is on hold."
    if store.rules.held_status == 500:
        raise failed(message)
    body = {"id": record.id, "rowNumber": 1, "error": message}
    raise Refusal(422, body | {name: {"value": record.values[name]} for name in shape.key})


def _release_bill(actions: Actions, shape: Shape, bill: Record) -> Refusal | None:
    _check_fresh(bill)
    if not is_balanced(bill):
        return failed("The document is out of the balance.")
    actions.change(shape, bill, "released", Status="Open" if bill.values["Balance"] else "Closed")
    return None


def _reverse_bill(actions: Actions, shape: Shape, bill: Record) -> Refusal | None:
    _check_done(bill)
    reversing = bill.copied()
    reversing.id, reversing.released = actions.store.guid(), False
    reversing.values |= {"Type": "Debit Adj.", "ReferenceNbr": None, "Hold": True, "Status": "On Hold"}
    reversing.values["Balance"] = reversing.values["Amount"]
    reversing.lists["Applications"] = []
    for line in reversing.lists["Details"]:
        line.id = actions.store.guid()
    saving = Saving(
        store=actions.store, shape=shape, given=Given(), draft=reversing, before=None, today=actions.today(), branch=""
    )
    stored = store_new(actions.store, shape, saving)
    actions.store.note("bill.created", name_of(shape, stored), **told(shape, stored))
    return None


def _release_retainage(actions: Actions, shape: Shape, bill: Record) -> Refusal | None:
    raise failed("The document has no retainage to release.")


def _release_check(actions: Actions, shape: Shape, check: Record) -> Refusal | None:
    _check_fresh(check)
    for line in check.lists["Details"]:
        bill = actions.store.get("Bill", line.values["DocType"], line.values["ReferenceNbr"])
        if bill is None or bill.values["Balance"] < line.values["AmountPaid"]:
            return failed("The document is out of the balance.")
    actions.pay(check, 1)
    open_rest = check.values["UnappliedBalance"] > Decimal(0)
    released = actions.change(shape, check, "released", Status="Open" if open_rest else "Closed")
    released.lists["History"] = [line.copied() for line in released.lists["Details"]]
    return None


def _void_check(actions: Actions, shape: Shape, check: Record) -> Refusal | None:
    _check_done(check)
    if check.values["Status"] == "Voided":
        raise failed("Document Status is invalid for processing.")
    actions.pay(check, -1)
    actions.change(shape, check, "voided", Status="Voided")
    return None


def _release_payment(actions: Actions, shape: Shape, payment: Record) -> Refusal | None:
    _check_fresh(payment)
    actions.change(shape, payment, "released", Status="Open")
    return None


def _release_entry(actions: Actions, shape: Shape, entry: Record) -> Refusal | None:
    _check_fresh(entry)
    lines = [line.values for line in entry.lists["Details"]]
    if sum((line["DebitAmount"] - line["CreditAmount"] for line in lines), Decimal(0)):
        return failed("The batch is not balanced. Review the debit and credit amounts.")
    actions.change(shape, entry, "released", Status="Posted")
    return None


def _check_fresh(record: Record) -> None:
    if record.released:
        raise failed("Document Status is invalid for processing.")


def _check_done(record: Record) -> None:
    if not record.released:
        raise failed("Document Status is invalid for processing.")


_ACTIONS: Mapping[tuple[str, str], Work] = {
    ("Bill", "ReleaseBill"): _release_bill,
    ("Bill", "ReverseBill"): _reverse_bill,
    ("Bill", "ReleaseRetainage"): _release_retainage,
    ("Check", "ReleaseCheck"): _release_check,
    ("Check", "VoidCheck"): _void_check,
    ("Payment", "ReleasePayment"): _release_payment,
    ("JournalTransaction", "ReleaseJournalTransaction"): _release_entry,
}

ACTION_NAMES: Mapping[str, tuple[str, ...]] = {
    entity: tuple(action for name, action in _ACTIONS if name == entity) for entity, _ in _ACTIONS
}
"""The actions of each entity."""

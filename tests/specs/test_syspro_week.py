"""A week of SYSPRO and Stampli on the test clock: masters, invoices, edits, duplicates, faults, expiry, restarts, a killed run."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx
import pytest

from engine.connections.http_network import Network
from engine.connections.http_transport import Transport
from engine.sandbox.stampli import PAYMENT_COLUMNS, VENDOR_COLUMNS, render
from engine.sandbox.syspro_rules import Rules

from .syspro_world import CANARIES, OPERATOR, SysproWorld, invoice, line
from .world import payment

DAYS = 7
ALL = ("vendors", "gl_accounts", "cost_centers", "vendors_in", "invoices", "credit_memos", "payments")
POST = "Post/APSTIN"
FAULTS = (
    (("lost_answer", POST, None), ("503", "Query/COMFND", None)),
    (("500_after", POST, None), ("html", "Logon", None), ("lost_answer", "GenMaster", None)),
    (("truncated", POST, None), ("expired_token", "Query/COMFND", None)),
    (
        ("late", POST, "30"),
        ("429", "Query/COMFND", "3"),
        ("lost_answer", "Post/GENTJL", None),
        ("500_after", "Add/APSSSP", None),
    ),
    (("expired_token", POST, None), ("lost_answer", "Logoff", None)),
    (("error_in_200", POST, None), ("reset", "Query/COMFND", None), ("429", "GenMaster", "3")),
    (("cut_before", POST, None), ("lost_answer", "Logon", None)),
)
UNDER_WAY = {"ready", "waiting", "probing", "sending", "in_doubt"}


class Killed(BaseException):
    """The process is gone: nothing leaves any more, a logoff neither."""


class Dying(httpx.BaseTransport):
    """The network until a posting is at the server: its answer comes to nobody."""

    def __init__(self) -> None:
        self._network = Transport(at_once=1, network=Network(allow_loopback=True))
        self._dead = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self._dead:
            raise Killed
        response = self._network.handle_request(request)
        if request.url.path.endswith("/Post"):
            response.close()
            self._dead = True
            raise Killed
        return response

    def close(self) -> None:
        self._network.close()


class Week:
    """What people do; `expected` are the amounts of each invoice that must be in SYSPRO, `kept` what must not, and why."""

    def __init__(self, world: SysproWorld) -> None:
        self.world = world
        self.expected: dict[str, tuple[str, ...]] = {}
        self.kept: dict[str, tuple[str, str]] = {}
        self.files = 0

    def offer(self, *invoices: dict[str, Any]) -> None:
        self.files += 1
        self.world.hand_over(f"invoices_{self.files:03}.csv", *invoices)

    def morning(self, day: int) -> None:
        """Two new invoices a day, the first of yesterday again, and something that must not get in."""
        new = [invoice(f"W{day}-{number}", line(1, f"{10 + number}.10"), line(2, "0.20")) for number in range(2)]
        self.expected |= {f"W{day}-{number}": (f"{10 + number}.10", "0.20") for number in range(2)}
        again = [invoice(f"W{day - 1}-0", line(1, "10.10"), line(2, "0.20"))] if day else []
        self.offer(*new, *again)
        if day == 1:
            self.offer(invoice("X-ACC", line(1, "5.00", "99-9999-999")), invoice("X-SUM", invoice_total="99.00"))
            self.kept["X-SUM"] = ("held", "Lines and tax do not add up")
        if day == 2:
            self.offer(invoice("W1-0", line(1, "77.00")), invoice("X-VEN", vendor_id="901"))
            self.kept["W1-0"] = ("conflict", "")
            self.world.erp.seed(gl_accounts=[{"GlCode": "99-9999-999", "Description": "New"}])
            self.expected["X-ACC"] = ("5.00",)
        if day == 3:  # what SYSPRO missed is there now, the vendor as the ledger code the day before
            self.offer(invoice("CM-0", line(1, "-3.00"), document_type="CREDIT_MEMO"))
            self.kept["CM-0"] = ("held", "names none")
            row = {"vendor_id": "901", "vendor_name": "Blue Harbor", "status": "ACTIVE"}
            self.world.stampli.write("vendors_001.csv", render(VENDOR_COLUMNS, [row]), modified=self.world.clock())
            self.expected["X-VEN"] = ("10.10", "0.20")
        if day == 4:
            credit = invoice("CM-1", line(1, "-4.00"), document_type="CREDIT_MEMO", original_invoice="W1-1")
            self.offer(credit)

    def evening(self, day: int) -> None:
        """A payment of yesterday's invoices; a master changes."""
        if day:
            paid = payment(f"P{day}", {f"W{day - 1}-1": "11.30"}, vendor_id="123")
            text = render(PAYMENT_COLUMNS, [paid])
            self.world.stampli.write(f"payments_{day:03}.csv", text, modified=self.world.clock())
            self.world.erp.update("ApSupplier", "0000124", SupplierName=f"Northwind {day}")

    def upset(self, day: int) -> None:
        for kind, at, value in FAULTS[day]:
            self.world.strike(kind, at, nth=2 if kind == "late" else 1, value=value)


@pytest.fixture
def week(make_syspro):
    return Week(make_syspro(rules=Rules(session_life=1800, framing="json")))


def live(week: Week) -> None:
    world = week.world
    for _ in range(2):
        world.run("vendors", "gl_accounts", "cost_centers")
    for day in range(DAYS):
        week.morning(day)
        week.upset(day)
        if day == 5:
            with pytest.raises(Killed):
                world.run("invoices", seams={"transport": lambda alias: Dying() if alias == "syspro" else None})
        world.run(*(flow for flow in ALL if day in {1, 5} or flow not in {"gl_accounts", "cost_centers"}))
        if day == 2:  # somebody else takes the operator away between two polls
            world.erp.sessions.logon(OPERATOR, CANARIES["operator"], world.erp.sessions.company, CANARIES["company"])
        week.evening(day)
        world.run("invoices", "credit_memos", "payments")
        world.clock.forward(hours=23)
    for _ in range(2):
        world.run("invoices", "credit_memos", "payments")


def test_after_a_week_each_document_is_there_once_and_the_ledger_explains_the_rest(week):
    live(week)
    world = week.world
    assert sorted(row["Invoice"] for row in world.erp.invoices()) == sorted(week.expected)
    for number, amounts in week.expected.items():
        found = world.invoice(number)
        assert found["OrigInvValue"] == sum(map(Decimal, amounts)), number
        assert len(world.posted(number)) == 1, number
        own = [entry["DistrValue"] for entry in found["LedgerDistribution"] if not entry["Notation"].startswith("mlc")]
        assert own[: len(amounts)] == [Decimal(amount) for amount in amounts], number
    assert len(world.erp.history.effects("ap_adjustment.posted")) == 1
    assert world.invoice("W1-1")["MthInvBal1"] == Decimal("7.30")
    references = [journal["Reference"] for journal in world.erp.journals()]
    assert sorted(references) == [f"123/P{day}" for day in range(1, DAYS)]
    assert [effect.key for effect in world.erp.history.effects("supplier.added")] == ["0000901"]
    told = {row["vendor_id"]: row for row in world.stampli.read_inbound("vendors_*")}
    assert told["0000124"]["vendor_name"] == f"Northwind {DAYS - 2}"
    for number, (state, reason) in week.kept.items():
        document = next(one for one in world.documents(number) if one.state.value == state)
        assert reason in document.reason, number
    assert explained(world)
    assert world.erp.sessions.operators_in() == []
    assert world.stand.complaints() == []
    trail = world.trail()
    assert "XmlIn" not in trail
    assert not [secret for name, secret in CANARIES.items() if name != "alerts" and secret in trail]


def explained(world: SysproWorld) -> bool:
    """No document is still under way, and each that is not in the target says why."""
    with world.workspace() as workspace:
        for flow in ALL:
            for document in workspace.ledger.find_documents(flow=f"{world.spec.stem}/{flow}", limit=1000):
                assert document.state.value not in UNDER_WAY, (flow, document.number, document.state, document.reason)
                if document.state.value in {"held", "rejected", "quarantined"}:
                    assert document.reason
    return True

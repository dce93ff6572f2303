"""SYSPRO's sessions, lost answers and what nobody may read: one session an operator, ended in every ending."""

from __future__ import annotations

import json
import logging
import re
from urllib.parse import quote

import httpx
import pytest

from engine.connections.http_network import Network
from engine.connections.http_transport import Transport
from engine.desk.checking import check_systems
from engine.sandbox.syspro_rules import Rules
from engine.state.locks import writer_lock

from .syspro_world import CANARIES, OPERATOR, invoice

POST = "Post/APSTIN"
FIND = "Query/COMFND"


@pytest.mark.parametrize("what", ["posted", "rejected", "read"])
def test_a_run_logs_on_for_each_call_that_posts_and_logs_off(syspro, what):
    if what == "read":
        syspro.run("vendors")
    else:
        syspro.hand_over(
            "invoices_1.csv", *(invoice(f"A-{n}", vendor_id="123" if what == "posted" else "999") for n in range(3))
        )
        syspro.run("invoices")
    assert syspro.sessions() == ["opened", "closed"] * max(1, len(syspro.erp.history.calls("*/Post")))
    assert syspro.erp.sessions.operators_in() == []


POSTING = (
    "lost_answer", "cut_before", "truncated", "truncated_unmarked", "reset", "500_after", "500", "503", "html", "429", "late",
    "expired_token", "error_in_200", "redirect", "deep",
)  # fmt: skip


def test_whatever_happens_to_a_posting_it_is_there_once(syspro):
    for number, fault in enumerate(POSTING):
        syspro.strike(fault, POST, value={"late": "30", "429": "5"}.get(fault))
        syspro.hand_over(f"invoices_{number}.csv", invoice(fault))
        syspro.run("invoices")
    syspro.run("invoices")
    for fault in POSTING:
        assert syspro.state(fault) == "posted", fault
        syspro.assert_whole(fault)
    assert syspro.erp.sessions.operators_in() == []


def test_whatever_happens_around_a_posting_too(syspro):
    struck = [
        (at, fault) for at in (FIND, "Logon", "Logoff") for fault in ("lost_answer", "html", "expired_token", "503")
    ]
    for number, (at, fault) in enumerate(struck):
        syspro.strike(fault, at)
        syspro.hand_over(f"invoices_{number}.csv", invoice(f"{at}-{fault}"))
        syspro.run("invoices")
    syspro.run("invoices")
    for at, fault in struck:
        assert syspro.state(f"{at}-{fault}") == "posted", (at, fault)
        syspro.assert_whole(f"{at}-{fault}")


def test_a_lost_answer_ends_the_session_before_anything_is_looked_up(syspro):
    syspro.strike("lost_answer", POST)
    syspro.hand_over("invoices_1.csv", invoice())
    syspro.run("invoices")
    syspro.run("invoices")
    asked = [call.path.rpartition("/")[2] for call in syspro.erp.history.calls()]
    at = asked.index("Post")
    assert asked[at : at + 4] == ["Post", "Logoff", "Logon", "Query"]
    syspro.assert_whole("00123")


def test_a_session_that_ended_by_itself_is_renewed_once(make_syspro):
    syspro = make_syspro(rules=Rules(session_life=60))
    syspro.masters_are_fresh()
    syspro.strike("expired_token", POST)
    syspro.hand_over("invoices_1.csv", invoice(), invoice("00124"))
    assert syspro.counts(syspro.run("invoices")) == {"posted": 2}
    assert "displaced" not in syspro.sessions()
    assert len(syspro.posted("00123")) + len(syspro.posted("00124")) == 2


def test_somebody_who_takes_the_operator_away_costs_a_login(syspro):
    numbers = [f"A-{number}" for number in range(8)]
    syspro.hand_over("invoices_1.csv", *map(invoice, numbers))
    stolen: list[str] = []

    def steal(kind: str, _figures: object) -> None:
        if kind == "delivered" and not stolen:
            stolen.append(kind)
            syspro.erp.sessions.logon(OPERATOR, CANARIES["operator"], syspro.erp.sessions.company, CANARIES["company"])

    syspro.run("invoices", progress=steal)
    assert syspro.sessions().count("displaced") == 2
    for number in numbers:
        syspro.assert_whole(number)


def test_two_runs_never_have_the_operator_at_once(syspro):
    base = f"{syspro.erp.url}/"
    syspro.hand_over("invoices_1.csv", invoice())
    with syspro.workspace() as workspace, writer_lock(workspace.database, f"session {base} {OPERATOR}"):
        result = syspro.run("invoices")
        (flow,) = result.flows
        assert syspro.sessions() == []
        assert syspro.state("00123") == "ready"
        assert "somebody else has the session" in syspro.document("00123").reason
        assert flow.error == ""
    syspro.run("invoices")
    syspro.assert_whole("00123")


def test_no_free_seat_waits_and_a_wrong_password_stops(syspro):
    syspro.erp.rules.seats = 0
    syspro.hand_over("invoices_1.csv", invoice())
    syspro.run("invoices")
    assert "No seat is free" in syspro.document("00123").reason
    syspro.erp.rules.seats = 5
    syspro.erp.sessions.operators = {OPERATOR: "another one"}
    stopped = syspro.run("invoices")
    assert "Invalid operator password" in stopped.flows[0].error
    syspro.erp.sessions.operators = {OPERATOR: CANARIES["operator"]}
    syspro.run("invoices")
    syspro.assert_whole("00123")


def test_a_server_in_front_asks_for_a_login_of_its_own(make_syspro):
    syspro = make_syspro(basic=("front", "canary-front-password-77"))
    syspro.masters_are_fresh()
    syspro.hand_over("invoices_1.csv", invoice())
    refused = syspro.run("invoices")
    assert "The server in front of SYSPRO refused the login" in refused.flows[0].error
    syspro.secrets["syspro.front"] = "canary-front-password-77"
    syspro.store_secrets()
    syspro.change(
        "",
        ("      max_url_bytes: 8000\n", "      front_username: front\n      front_password: {secret: syspro.front}\n"),
    )
    syspro.run("invoices")
    syspro.assert_whole("00123")
    assert "canary-front" not in syspro.trail()


def test_nothing_of_a_query_is_in_the_trail_or_in_a_log(syspro, caplog):
    caplog.set_level(logging.DEBUG)
    syspro.strike("500_after", POST)
    syspro.hand_over("invoices_1.csv", invoice(description="quite-a-secret-toner"), invoice("A-9", vendor_id="999"))
    for _ in range(2):
        syspro.run("invoices")
    kept = syspro.trail() + caplog.text
    for secret in (CANARIES["operator"], CANARIES["company"], CANARIES["odata"], "quite-a-secret-toner"):
        assert secret not in kept
        assert quote(secret) not in kept
    assert not re.search(r"XmlIn|PostApInvoice|UserId=", kept)
    assert not re.search(r"[0-9A-F]{30}0100", kept)
    assert "Transaction/Post?***" in kept


def tell(world, system):
    with world.workspace() as workspace:
        text, code = check_systems(world.spec, workspace, world.seams(), systems=(system,), form="json")
    steps = {step["step"]: step for step in json.loads(text)["systems"][0]["steps"]}
    return steps, code


def test_check_reaches_both_sides_and_tells_what_is_wrong(syspro):
    for system in ("syspro", "syspro_read"):
        assert tell(syspro, system)[1] == 0
    assert syspro.sessions() == ["opened", "closed"]
    syspro.erp.sessions.company_password = "changed"
    steps, code = tell(syspro, "syspro")
    assert code != 0
    assert "Invalid company password" in str(steps)


def test_an_answer_that_says_neither_yes_nor_no_is_looked_up_before_anything_is_sent_again(syspro):
    unclear = b'<?xml version="1.0" encoding="Windows-1252"?><postapinvoice><Item><ItemNumber>000001</ItemNumber></Item></postapinvoice>'

    class Vague(httpx.BaseTransport):
        """Answers the first posting without a word on it."""

        def __init__(self):
            self._network = Transport(at_once=1, network=Network(allow_loopback=True))
            self._told = False

        def handle_request(self, request):
            if request.url.path.endswith("/Post") and not self._told:
                self._told = True
                return httpx.Response(200, content=unclear)
            return self._network.handle_request(request)

        def close(self):
            self._network.close()

    syspro.hand_over("invoices_1.csv", invoice())
    result = syspro.run("invoices", seams={"transport": lambda alias: Vague() if alias == "syspro" else None})
    assert syspro.counts(result) == {"in_doubt": 1}
    assert "0 results for this document" in syspro.document("00123").reason
    syspro.run("invoices")
    syspro.assert_whole("00123")

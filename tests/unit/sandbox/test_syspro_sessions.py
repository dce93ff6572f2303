"""SYSPRO stand-in: who may call it, how long, what may be sent, and how answers come back."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree as ET

import httpx
import pytest

from engine.sandbox.syspro import Rules, Syspro
from engine.sandbox.syspro_answers import DEAD_SESSION
from engine.sandbox.syspro_calls import ROUTES

from .syspro_client import INVOICE, LOGON, Client, xml

DEAD = f"ERROR: {DEAD_SESSION}"
FIND = {"TableName": "GenMaster", "Columns": {"Column": "GlCode"}}


def alive(enet: Client, session: str) -> bool:
    text = enet.text("GetLogonProfile", UserId=session)
    assert text == DEAD or text.startswith("<?xml")
    return text != DEAD


def test_a_session_id_is_34_hex_characters_and_two_blanks(enet):
    answer = enet.get("Logon", **LOGON)

    assert re.fullmatch(r"[0-9A-F]{30}0100 {2}", answer.text)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert enet.text("Logoff", UserId=answer.text) == "0"
    assert enet.text("Logoff", UserId=answer.text) == DEAD


def test_the_blanks_of_a_session_id_matter_until_the_rule_is_off(enet, syspro):
    assert not alive(enet, enet.session.strip())
    syspro.rules.blanks_matter = False
    assert alive(enet, enet.session.strip())


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"OperatorPassword": "no"}, "ERROR: Invalid operator password"),
        ({"Operator": "NOBODY"}, "ERROR: Invalid operator code 'NOBODY'"),
        ({"CompanyId": "X"}, "ERROR: Invalid company id 'X'"),
        ({"CompanyPassword": "no"}, "ERROR: Invalid company password"),
    ],
)
def test_a_wrong_word_at_logon_is_an_error_at_200_and_opens_nothing(enet, syspro, wrong, text):
    enet.text("Logoff", UserId=enet.session)

    assert enet.logon(**wrong) == text
    assert syspro.sessions.operators_in() == []


def test_a_second_logon_of_the_operator_kills_the_first(enet, syspro):
    first = enet.session
    enet.logon()

    assert (alive(enet, first), alive(enet, enet.session)) == (False, True)
    assert [effect.key for effect in syspro.history.effects("session.displaced")] == ["MLC"]


CALLS = sorted(route for route, names in ROUTES.items() if "UserId" in names)


@pytest.mark.parametrize("route", CALLS)
def test_every_call_refuses_an_unknown_a_logged_off_and_a_replaced_session(enet, syspro, route):
    def said(session: str) -> str:
        return enet.text(route, **{name: session if name == "UserId" else "<broken" for name in ROUTES[route]})

    gone = enet.session
    enet.text("Logoff", UserId=gone)
    replaced = enet.logon()
    enet.logon()

    assert [said(session) for session in ("", "nobody", gone, replaced)] == [DEAD] * 4
    assert syspro.sessions.operators_in() == ["MLC"]
    assert said(enet.session) != DEAD


def test_a_session_ends_after_its_life_however_busy(enet, syspro, clock):
    clock.forward(seconds=1799)
    assert alive(enet, enet.session)
    clock.forward(seconds=1)
    assert not alive(enet, enet.session)
    assert [effect.what for effect in syspro.history.effects("session.*")] == ["session.opened", "session.expired"]


def test_when_the_seats_are_taken_another_operator_must_wait(clock):
    operators = {"ANNA": "a", "BEN": "b"}
    with Syspro(operators=operators, rules=Rules(seats=1), clock=clock) as syspro:
        enet = Client(syspro)
        with enet.http:
            assert not enet.logon(Operator="ANNA", OperatorPassword="a").startswith("ERROR")
            assert "license" in enet.logon(Operator="BEN", OperatorPassword="b")
            assert not enet.logon(Operator="ANNA", OperatorPassword="a").startswith("ERROR")
            enet.text("Logoff", UserId=enet.session)
            assert not enet.logon(Operator="BEN", OperatorPassword="b").startswith("ERROR")


def test_the_version_is_told_without_a_session(enet):
    assert enet.text("GetVersion") == "7.0.0.6"


@pytest.mark.parametrize("method", ["POST", "PUT", "HEAD"])
def test_everything_is_a_get(enet, method):
    answer = enet.get("Logon", method=method, **LOGON)

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


def test_the_letters_of_a_path_do_not_matter_and_those_of_arguments_do(enet, syspro):
    url = syspro.url.replace("SYSPROWCFService/Rest", "sysprowcfservice/REST")

    assert enet.http.get(f"{url}/getversion/").text == "7.0.0.6"
    assert enet.text("Logoff", userid=enet.session) == "ERROR: The argument 'UserId' is missing"
    assert enet.get("Logout").status_code == 404
    assert enet.http.get(f"{syspro.origin}/elsewhere").status_code == 404


def test_a_plus_sign_is_no_blank(enet, syspro):
    url = f"{syspro.url}/GetLogonProfile?UserId={enet.session.replace(' ', '+')}"

    assert enet.http.get(url).text == DEAD


def test_arguments_that_are_broken_or_there_twice_are_errors(enet, syspro):
    assert enet.http.get(f"{syspro.url}/GetVersion?a=%FF").text == "ERROR: The argument 'a' is not encoded as UTF-8"
    assert enet.http.get(f"{syspro.url}/GetVersion?a=1&a=1").text == "ERROR: The argument 'a' is there twice"
    enet.http.get(f"{syspro.url}/GetVersion?more=1")
    assert syspro.ignored == {"getversion: more"}


@pytest.mark.parametrize("status", [414, 400])
def test_a_request_line_with_headers_above_16_kib_never_arrives(enet, syspro, status):
    syspro.rules.url_limit_status = status
    notes = ["x" * 15_000, "x" * 17_000]

    answers = [enet.get("Query/Query", UserId=enet.session, BusinessObject="COMFND", XmlIn=note) for note in notes]

    assert [answer.status_code for answer in answers] == [200, status]
    assert answers[0].text.startswith("ERROR: XmlIn is not well-formed XML")


def test_basic_in_front_is_asked_before_anything_else(clock):
    with Syspro(basic=("front", "door"), clock=clock) as syspro, httpx.Client(trust_env=False) as http:
        refused, passed = (
            http.get(f"{syspro.url}/GetVersion"),
            http.get(f"{syspro.url}/GetVersion", auth=("front", "door")),
        )

    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, 'Basic realm="SYSPRO"')
    assert passed.text == "7.0.0.6"


@pytest.mark.parametrize(
    ("route", "name"),
    [
        ("Setup/Add", "APSTIN"),
        ("Transaction/Post", "APSSSP"),
        ("Transaction/Post", "APSTPY"),
        ("Query/Query", "GENTJL"),
        ("Setup/Delete", "APSSSP"),
    ],
)
def test_a_business_object_that_is_unknown_or_of_another_class_is_an_error(enet, route, name):
    text = enet.call(route, name, xml("A", ""), xml("A", ""))

    assert text == f"ERROR: The business object '{name}' can't be used with {route.lower()}"


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ("<PostApInvoice>", "XmlIn is not well-formed XML"),
        ("", "XmlIn is not well-formed XML"),
        ("<!DOCTYPE a [<!ENTITY e 'x'>]><PostApInvoice>&e;</PostApInvoice>", "A DTD is not allowed"),
        ("<PostInvoice/>", "The root element is 'PostInvoice'"),
        ("<PostApInvoice/>", "The document holds no Item"),
    ],
)
def test_xml_that_cant_be_read_is_an_error(enet, sent, said):
    text = enet.call("Transaction/Post", "APSTIN", sent, xml("PostApInvoice", ""))

    assert text.startswith(f"ERROR: {said}")


@pytest.mark.parametrize(
    ("route", "name"),
    [("Transaction/Post", "GENTJL"), ("Setup/Add", "APSSSP"), ("Setup/Update", "APSSSP"), ("Query/Query", "GENQGL")],
)
def test_each_business_object_refuses_xml_that_is_not_well_formed(enet, syspro, route, name):
    assert enet.call(route, name, "<A>", xml("A", "")).startswith("ERROR: XmlIn is not well-formed XML")
    if name != "GENQGL":
        said = enet.call(route, name, xml("A", ""), "<A>")
        assert said.startswith("ERROR: XmlParameters is not well-formed XML")
    assert [effect.what for effect in syspro.history.effects()] == ["session.opened"]


def test_a_dead_session_is_told_before_the_xml_is_looked_at(enet):
    enet.session = "nobody"
    assert enet.call("Transaction/Post", "APSTIN", "<broken", "<broken") == DEAD


def test_bare_answers_are_cp1252_and_say_so(enet):
    enet.suppliers("Update", {"Key": {"Supplier": "0000127"}, "Contact": "Zoë €"})
    query = xml("Query", {"Key": {"Supplier": "0000127"}})
    body = enet.get("Query/Query", UserId=enet.session, BusinessObject="APSQRY", XmlIn=query).content

    assert body.startswith(b'<?xml version="1.0" encoding="Windows-1252"?>')
    assert b"<Contact>Zo\xeb \x80</Contact>" in body
    assert b"S\xf6hne" in body


def test_characters_cp1252_does_not_have_are_lost_and_complained_about(enet, syspro):
    enet.suppliers("Update", {"Key": {"Supplier": "0000127"}, "Contact": "Łucja"})

    assert syspro.rows("ApSupplier")[-1]["Contact"] == "?ucja"
    assert syspro.ignored == {"ApSupplier.Contact: 'Łucja' was stored as '?ucja'"}


def test_answers_may_come_as_a_json_string(enet, syspro):
    syspro.rules.framing = "json"
    session = enet.get("Logon", **LOGON)
    found = enet.get("Query/Query", UserId=session.json(), BusinessObject="COMFND", XmlIn=xml("Query", FIND))

    assert session.text.startswith('"')
    assert session.text.endswith('0100  "')
    assert found.json().startswith('<?xml version="1.0" encoding="Windows-1252"?>')
    assert json.loads(enet.get("Logoff", UserId="x").content) == DEAD


def test_answers_may_come_inside_a_string_element(enet, syspro):
    syspro.rules.framing = "string"
    query = xml("Query", {"Key": {"Supplier": "0000127"}})
    answer = enet.get("Query/Query", UserId=enet.session, BusinessObject="APSQRY", XmlIn=query)
    outer = ET.fromstring(answer.content)

    assert outer.tag == "{http://schemas.microsoft.com/2003/10/Serialization/}string"
    assert outer.text.startswith('<?xml version="1.0" encoding="Windows-1252"?>\n<ApQuery ')
    assert "O'Brien &amp; Söhne" in outer.text


def test_the_root_is_lower_or_camel_case_and_carries_the_usual_attributes(enet, syspro):
    lower = enet.invoices(INVOICE)
    syspro.rules.root_case = "camel"
    camel = enet.invoices(INVOICE)

    assert (lower.tag, camel.tag) == ("postapinvoice", "PostApInvoice")
    assert set(lower.attrib) == {
        "Language", "Language2", "CssStyle", "DecFormat", "DateFormat", "Role", "Version", "OperatorPrimaryRole",
    }  # fmt: skip

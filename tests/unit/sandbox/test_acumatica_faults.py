"""The Acumatica stand-in when things go wrong, and what its history proves; and behind the common words of stand-ins."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from engine.errors import UsageError
from engine.mapping.expressions import Expression
from engine.run.model import ObjectKind
from engine.sandbox.acumatica_stand import AcumaticaStand
from engine.sandbox.stands import stand_in
from engine.targets.looks import Look
from engine.targets.steps_kinds import Create, Promise, Step
from engine.trial.faults import place

from .acumatica_client import BILL, build

BASE = Path()


def bills(acumatica) -> int:
    return len(acumatica.history.effects("bill.created"))


@pytest.mark.parametrize(("kind", "stored"), [("lost_answer", 1), ("cut_before", 0), ("truncated", 1), ("reset", 1)])
def test_an_answer_that_never_comes_leaves_one_bill_or_none(erp, acumatica, kind, stored):
    acumatica.faults.add(f"{kind}:Bill")
    with pytest.raises(httpx.TransportError):
        erp.try_put("Bill", BILL)

    assert bills(acumatica) == stored
    assert erp.try_put("Bill", BILL).status_code == 200
    assert bills(acumatica) == stored + 1


@pytest.mark.parametrize(
    ("kind", "status", "kept", "stored"),
    [("500", 500, "application/json", 0), ("500_after", 500, "application/json", 1), ("429", 429, "text/plain", 0)],
)  # fmt: skip
def test_an_error_asked_for_has_the_body_of_its_status(erp, acumatica, kind, status, kept, stored):
    acumatica.faults.add(f"{kind}:Bill")
    answer = erp.try_put("Bill", BILL)

    assert (answer.status_code, answer.headers["Content-Type"].partition(";")[0]) == (status, kept)
    assert bills(acumatica) == stored


def test_expired_is_401_and_every_token_and_session_before_is_dead(erp, acumatica):
    erp.sign_in()
    erp.get("Vendor", top=1)
    acumatica.faults.add("expired_token:Vendor")

    assert erp.send("GET", "Vendor").json() == {"message": "You are not logged in."}
    assert erp.send("GET", "CostCode").status_code == 401
    assert acumatica.sessions.count() == 0


def test_a_late_write_lands_after_its_client_has_gone(clock):
    waiting = []
    with build(clock, later=lambda _, work: waiting.append(work)) as acumatica, httpx.Client(trust_env=False) as http:
        from .acumatica_client import Erp

        erp = Erp(acumatica, http)
        acumatica.faults.add("late:Bill")
        with pytest.raises(httpx.TransportError):
            erp.try_put("Bill", BILL)
        assert bills(acumatica) == 0
        waiting[0]()
        assert bills(acumatica) == 1


def test_every_call_is_in_the_history_with_its_status_and_query(erp, acumatica):
    erp.bill()
    erp.refused(Vendor="NOBODY")
    erp.send("GET", "Bill?$filter=nonsense")

    calls = [(call.method, call.status) for call in acumatica.history.calls("Bill")]
    assert calls == [("PUT", 200), ("PUT", 422), ("GET", 500)]
    assert acumatica.history.calls("Bill")[0].query == "$expand=Details"
    assert acumatica.history.dump()["system"] == "acumatica"


def test_a_fault_tells_a_write_from_a_read_of_the_same_address(erp, acumatica):
    acumatica.faults.add("500:PUT Bill")
    statuses = [
        erp.send("GET", "Bill").status_code,
        erp.try_put("Bill", BILL).status_code,
        erp.try_put("Bill", BILL).status_code,
    ]

    assert statuses == [200, 500, 200]


def test_a_step_that_shares_its_address_with_a_read_is_found_by_its_method_too():
    listing = ObjectKind(
        find=Look(get="Bill", records=Expression("@")),
        create=Create(
            guarantee=Promise(class_="lookup"),
            steps=(Step(name="save", put="Bill"), Step(name="release", post="Bill/ReleaseBill")),
        ),
    )
    flow = SimpleNamespace(target=SimpleNamespace(kind=listing, system=SimpleNamespace(alias="erp")))
    integration = SimpleNamespace(flows={"bills": flow}, systems={"erp": None})

    assert place("save", 2, integration, ["bills"]) == [("erp", "PUT Bill", 2)]
    assert place("find", 1, integration, ["bills"]) == [("erp", "GET Bill", 1)]
    assert place("release", 1, integration, ["bills"]) == [("erp", "Bill/ReleaseBill", 1)]


def test_a_fault_strikes_an_action_by_its_name(erp, acumatica):
    erp.bill()
    acumatica.faults.add("lost_answer:ReleaseBill")
    with pytest.raises(httpx.TransportError):
        erp.act("Bill/ReleaseBill", "000159")

    assert len(acumatica.history.effects("bill.released")) == 1
    acumatica.faults.add("500:status/*")
    acumatica.update("Bill", {"ReferenceNbr": "000159"}, Description="seen")
    assert erp.get("Bill/Bill/000159")["Description"] == {"value": "seen"}


@pytest.mark.parametrize(
    ("seed", "message"),
    [
        ({"Bills": []}, "cannot be seeded"),
        ({"Vendor": [{"Name": "x"}]}, "no field of Vendor"),
        ({"Bill": [{"Vendor": "NOBODY"}]}, "cannot be found in the system"),
        ({"Bill": [{"Vendor": "ACME", "Amount": 1.5}]}, "no float"),
        ({"Bill": [{"Vendor": "ACME", "Date": "soon"}]}, "does not take"),
        ({"Vendor": [{"VendorID": 5}]}, "does not take"),
    ],
)
def test_a_seed_that_cannot_be_is_refused(acumatica, seed, message):
    with pytest.raises(ValueError, match=message):
        acumatica.seed(**seed)
    with pytest.raises(LookupError):
        acumatica.update("Vendor", {"VendorID": "NOBODY"}, VendorName="x")


def noon() -> datetime:
    return datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_a_stand_takes_and_shows_rows_by_the_names_of_a_spec():
    coded = {"ExtendedCost": "10.30", "Account": "50000", "Subaccount": "000-000"}
    with stand_in("acumatica", noon) as stand:
        stand.seed({"vendors": [{"VendorID": "ACME", "VendorName": "Acme"}]}, BASE)
        stand.seed(
            {"vendors": [{"VendorID": "ACME", "Terms": "15D"}], "bills": [{"Vendor": "ACME", "Details": [coded]}]}, BASE
        )

        (vendor,), (bill,) = stand.rows("vendors"), stand.rows("bills")
        assert (vendor["VendorName"], vendor["Terms"]) == ("Acme", "15D")
        assert (bill["Amount"], bill["Details"][0]["Account"]) == (Decimal("10.30"), "50000")
        assert (stand.commits(), stand.calls(), stand.complaints(), stand.files("*")) == (0, 0, [], {})
        stand.fault("500", "Bill", 1, None)
        with pytest.raises(UsageError, match="`melted` is no kind of fault"):
            stand.fault("melted", "*", 1, None)
        with pytest.raises(UsageError, match="no rows of `colours`"):
            stand.rows("colours")
        with pytest.raises(UsageError, match="can't hold this"):
            stand.seed({"vendors": [{"Colour": "red"}]}, BASE)


def test_the_settings_of_a_stand_open_every_door():
    with AcumaticaStand(noon) as stand, httpx.Client(trust_env=False) as http:
        given = stand.settings
        client = {name: given[name] for name in ("client_id", "client_secret")}
        grants = (
            {"grant_type": "client_credentials", "scope": given["scope"]},
            {
                "grant_type": "password",
                "scope": given["scope"],
                "username": given["username"],
                "password": given["password"],
            },
            {"grant_type": "refresh_token", "refresh_token": given["refresh_token"]},
        )
        for grant in grants:
            assert http.post(given["token_url"], data={**client, **grant}).status_code == 200
        login = {
            "name": given["username"],
            "password": given["password"],
            "tenant": given["tenant"],
            "branch": given["branch"],
        }
        assert http.post(f"{given['site']}/entity/auth/login", json=login).status_code == 204
        entity = f"{given['site']}/entity/{given['endpoint']}/{given['version']}/Account"
        assert len(http.get(entity).json()) == 3
        assert (stand.calls("Account"), stand.commits()) == (1, 0)

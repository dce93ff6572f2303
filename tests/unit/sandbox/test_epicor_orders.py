"""Purchase orders of the Epicor stand-in: seeded whole, read as three sets and by number."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.sandbox.epicor import Epicor

ORDERS = "Erp.BO.POSvc"
LINES = [
    {"LineDesc": "Desk", "OrderQty": 2, "DocUnitCost": "150.25", "releases": [{"RelQty": 1}, {"RelQty": 1}]},
    {"LineDesc": "Lamp", "OrderQty": 3, "UnitCost": "9.995", "PartNum": "L-1"},
]


@pytest.fixture
def order(epicor: Epicor) -> dict:
    epicor.seed(orders=[{"PONum": 5001, "VendorNum": 113, "OrderDate": "2025-01-15", "lines": LINES}])
    return {"PONum": 5001}


@pytest.mark.usefixtures("order")
def test_an_order_has_lines_releases_and_totals(kinetic) -> None:
    ds = kinetic.post(ORDERS, "GetByID", poNum=5001)["returnObj"]
    (header,) = ds["POHeader"]
    assert (header["VendorVendorID"], header["DocTotalOrder"], header["ApprovalStatus"]) == (
        "OBRIEN",
        Decimal("330.49"),
        "A",
    )
    assert [(row["POLine"], row["DocExtCost"], row["XOrderQty"]) for row in ds["PODetail"]] == [
        (1, Decimal("300.50"), 2),
        (2, Decimal("29.99"), 3),
    ]
    assert [(row["POLine"], row["PORelNum"]) for row in ds["PORel"]] == [(1, 1), (1, 2)]


@pytest.mark.usefixtures("order")
@pytest.mark.parametrize(
    ("name", "key"),
    [("POes", "'EPIC06',5001"), ("PODetails", "'EPIC06',5001,2"), ("PORels", "'EPIC06',5001,1,2")],
)
def test_each_set_has_its_key(kinetic, name: str, key: str) -> None:
    assert kinetic.get(f"{ORDERS}/{name}({key})")["Company"] == "EPIC06"
    assert kinetic.refused(f"{ORDERS}/{name}({key}9)").status_code == 404


@pytest.mark.usefixtures("order")
@pytest.mark.parametrize(
    ("name", "text", "count"),
    [
        ("POes", "ChangeDate ge 2025-01-31T00:00:00Z and VendorNum eq 113", 1),
        ("POes", "ChangeDate gt 2025-02-01T00:00:00Z", 0),
        ("POes", "OpenOrder eq true and VoidOrder eq false", 2),
        ("PODetails", "PONUM eq 5001", 2),
        ("PODetails", "PONUM eq 5001 and PartNum eq 'L-1' and ChangeDate ge 2025-01-31T09:12:44Z", 1),
        ("PORels", "PONum eq 5001 and RelQty gt 0 and OpenRelease", 2),
    ],
)
def test_the_sets_are_filtered(kinetic, name: str, text: str, count: int) -> None:
    assert len(kinetic.get(f"{ORDERS}/{name}", filter=text)["value"]) == count


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PODetails", "PONum eq 5001"),
        ("POes", "PONUM eq 5001"),
        ("POes", "VendorVendorID eq 'ACME'"),
        ("PODetails", "CalcJobNum eq ''"),
        ("PORels", "ChangeDate gt 2025-01-01T00:00:00Z"),
        ("POes", "ChangeDate gt datetime'2025-01-01T00:00:00'"),
    ],
)
def test_the_spelling_traps_and_what_is_not_stored_are_refused(kinetic, name: str, text: str) -> None:
    answer = kinetic.refused(f"{ORDERS}/{name}", filter=text)
    assert answer.status_code == 400
    assert "ODataException" in answer.json()["ErrorType"]


@pytest.mark.usefixtures("order")
def test_lines_and_releases_can_be_expanded(kinetic, epicor: Epicor) -> None:
    new = kinetic.get(f"{ORDERS}/POes", filter="PONum eq 5001", expand="PODetails($expand=PORels)")["value"][0]
    old = kinetic.get(f"{epicor.url}/api/v1/{ORDERS}/POes", filter="PONum eq 5001", expand="PODetails/PORels")["value"]
    assert [len(line["PORels"]) for line in new["PODetails"]] == [2, 0]
    assert old[0]["PODetails"] == new["PODetails"]


def test_orders_come_in_pages(kinetic, epicor: Epicor) -> None:
    epicor.seed(orders=[{"PONum": 6000 + n, "VendorNum": 112} for n in range(120)])
    assert len(kinetic.get(f"{ORDERS}/POes")["value"]) == 100
    pages = [
        kinetic.get(f"{ORDERS}/POes", orderby="PONum", top="50", skip=skip)["value"] for skip in ("0", "50", "100")
    ]
    assert [row["PONum"] for page in pages for row in page] == [4001, 4002, *range(6000, 6120)]


def test_a_change_by_a_person_is_seen(kinetic, epicor: Epicor, clock) -> None:
    clock.forward(hours=1)
    epicor.update("POHeader", {"PONum": 4001}, OpenOrder=False)
    changed = kinetic.get(f"{ORDERS}/POes", filter="ChangeDate gt 2025-01-31T10:00:00Z")["value"]
    assert [(row["PONum"], row["OpenOrder"]) for row in changed] == [(4001, False)]


@pytest.mark.parametrize(("method", "status"), [("POST", 405), ("PATCH", 405), ("DELETE", 405)])
def test_orders_are_not_written_here(kinetic, method: str, status: int) -> None:
    path = f"{ORDERS}/POes" if method == "POST" else f"{ORDERS}/POes('EPIC06',4001)"
    assert kinetic.send(method, path, {}).status_code == status
    assert kinetic.fails(ORDERS, "Update", ds={}).status_code == 404

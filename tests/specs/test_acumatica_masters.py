"""Master data of Acumatica to Stampli: complete, each once, then only what changed; whole reads are told by content."""

from __future__ import annotations

from collections import Counter

from engine.sandbox.acumatica_store import Rules

from .acumatica_world import ALL_MASTERS

MANY = 250


def arrived(world, pattern, key):
    return Counter(row[key] for row in world.stampli.read_inbound(pattern))


def test_every_kind_of_master_arrives_once_and_then_only_what_changed(make_acumatica):
    world = make_acumatica()
    vendors = [{"VendorID": f"V{n:04}", "VendorName": f"Vendor {n}"} for n in range(MANY)]
    order = {
        "VendorID": "ACME",
        "Hold": False,
        "Details": [
            {
                "LineDescription": "Toner",
                "OrderQty": "2",
                "UnitCost": "60.25",
                "Account": "50000",
                "Subaccount": "000-000",
            }
        ],
    }
    world.erp.seed(Vendor=vendors, PurchaseOrder=[order])
    result = world.run(*ALL_MASTERS)
    assert result.exit_code == 0
    assert arrived(world, "vendors_*", "vendor_id") == Counter(
        {"ACME": 1, "NWFRT": 1, **{v["VendorID"]: 1 for v in vendors}}
    )
    assert arrived(world, "gl_accounts_*", "account_number") == Counter(["10200", "20000", "50000", "61000"])
    assert arrived(world, "dimensions_subaccount_*", "code") == Counter(["000-000", "CC1-000"])
    assert arrived(world, "dimensions_project_*", "code") == Counter(["X"])
    assert arrived(world, "dimensions_cost_code_*", "code") == Counter(["0000"])
    (row,) = world.stampli.read_inbound("purchase_orders_*")
    assert (row["po_number"], row["vendor_id"], row["line_amount"], row["status"]) == (
        "000001",
        "ACME",
        "120.50",
        "OPEN",
    )
    before = len(world.stampli.inbound())
    assert world.run(*ALL_MASTERS).exit_code == 0
    assert len(world.stampli.inbound()) == before, "nothing changed, nothing is sent"
    world.erp.update("Vendor", {"VendorID": "V0007"}, VendorName="Renamed")
    world.erp.update("Subaccount", {"SubaccountCD": "CC1-000"}, Description="Office east")
    world.run(*ALL_MASTERS)
    assert len(world.stampli.inbound()) == before + 2
    assert arrived(world, "vendors_*", "vendor_id")["V0007"] == 2
    assert arrived(world, "dimensions_subaccount_*", "code") == Counter({"000-000": 1, "CC1-000": 2})
    world.assert_logged_out()
    world.assert_understood()


def test_what_a_vendor_is_called_and_where_it_is_comes_along(make_acumatica):
    world = make_acumatica()
    where = {
        "Email": "ap@zed.example",
        "Phone1": "303",
        "Address": {"City": "Denver", "PostalCode": "80202", "Country": "US"},
    }
    world.erp.seed(
        Vendor=[{"VendorID": "ZED", "VendorName": "Zed & Söhne", "Status": "Inactive", "MainContact": where}]
    )
    world.run("vendors")
    row = next(row for row in world.stampli.read_inbound("vendors_*") if row["vendor_id"] == "ZED")
    assert (row["vendor_name"], row["city"], row["email"], row["status"]) == (
        "Zed & Söhne",
        "Denver",
        "ap@zed.example",
        "INACTIVE",
    )


def test_an_order_closed_since_is_told_and_one_closed_long_ago_is_not(make_acumatica):
    world = make_acumatica()
    detail = {"LineDescription": "Toner", "OrderQty": "1", "UnitCost": "5", "Account": "50000", "Subaccount": "000-000"}
    order = {"VendorID": "ACME", "Hold": False, "Details": [detail]}
    world.erp.seed(PurchaseOrder=[order])
    world.erp.update("PurchaseOrder", {"OrderNbr": "000001"}, Status="Closed")
    world.clock.forward(hours=1)
    world.erp.seed(PurchaseOrder=[order])
    world.clock.forward(hours=1)
    world.run("vendors", "purchase_orders")
    assert arrived(world, "purchase_orders_*", "po_number") == Counter(["000002"])
    world.clock.forward(hours=1)
    world.erp.update("PurchaseOrder", {"OrderNbr": "000002"}, Status="Closed")
    world.run("purchase_orders")
    assert [row["status"] for row in world.stampli.read_inbound("purchase_orders_*")] == ["OPEN", "CLOSED"]


def test_the_limit_of_calls_a_minute_only_slows_a_pass_down(make_acumatica):
    rules = Rules(per_minute=3)
    world = make_acumatica(rules=rules)
    world.erp.seed(Vendor=[{"VendorID": f"V{n:04}", "VendorName": f"Vendor {n}"} for n in range(900)])
    assert world.run("vendors").exit_code == 0
    assert sum(arrived(world, "vendors_*", "vendor_id").values()) == 902
    assert world.erp.gate.refused > 0

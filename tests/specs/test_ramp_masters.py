"""Accounts, departments and vendors reach Ramp once each, follow what changes in Epicor, and what can't be written is told."""

from __future__ import annotations

import pytest

from engine.desk.checking import check_systems

from .ramp_world import MASTERS, SECRET, SPEC


def open_vendors(world):
    return {row["id"] for row in world.ramp.rows("accounting_vendors") if row["is_active"]}


def test_the_first_run_makes_the_connection_and_the_field_and_fills_them(make_ramp_world):
    world = make_ramp_world()
    result = world.run(*MASTERS)
    assert result.exit_code == 0, result.render("text")
    assert world.ramp.store.connection["remote_provider_name"] == "Epicor Kinetic"
    assert [row["id"] for row in world.ramp.rows("fields")] == ["Department"]
    assert {row["id"] for row in world.ramp.rows("field_options")} == {"00", "10"}
    accounts = {row["id"]: row["classification"] for row in world.ramp.rows("accounts")}
    assert accounts == {"6100": "EXPENSE", "6200": "EXPENSE"}
    assert {row["id"] for row in world.ramp.rows("accounting_vendors")} == {"ACME", "NWFRT"}
    world.assert_understood()


def test_a_second_run_writes_nothing(ramp_world):
    ramp_world.run(*MASTERS)
    ramp_world.ramp.history.clear()
    ramp_world.run(*MASTERS, full=True)
    assert ramp_world.ramp.history.effects() == []


def test_a_connection_that_is_there_is_used(make_ramp_world):
    world = make_ramp_world()
    world.ramp.seed(connection=[{"remote_provider_name": "Something else"}])
    world.run(*MASTERS)
    assert world.ramp.history.effects("connection.made") == []
    assert world.ramp.store.connection["remote_provider_name"] == "Something else"


def test_a_connection_ramp_manages_itself_stops_the_flow_with_advice(make_ramp_world):
    world = make_ramp_world()
    world.ramp.seed(connection=[{"connection_type": "DIRECT"}])
    result = world.run("department_field")
    (flow,) = result.flows
    assert flow.exit_code == 4
    assert "made through the API" in flow.error


def test_a_token_without_the_scope_stops_the_flow_with_advice(make_ramp_world):
    world = make_ramp_world()
    world.change("", ("      provider: Epicor Kinetic", '      provider: Epicor Kinetic\n      scope: "bills:read"'))
    (flow,) = world.run("department_field").flows
    assert flow.exit_code == 4
    assert "`scope`" in flow.error


def test_nothing_is_uploaded_before_the_field_is_there(make_ramp_world):
    world = make_ramp_world()
    result = world.run("departments", "gl_accounts", "vendors")
    assert all("run `department_field` first" in flow.error for flow in result.flows)
    assert world.ramp.history.effects() == []


def test_a_vendor_that_becomes_inactive_is_closed_and_opened_again(ramp_world):
    ramp_world.epicor.update("Vendor", {"VendorID": "ACME"}, Inactive=True)
    ramp_world.run("vendors")
    assert open_vendors(ramp_world) == {"NWFRT"}
    ramp_world.epicor.update("Vendor", {"VendorID": "ACME"}, Inactive=False)
    ramp_world.run("vendors")
    assert open_vendors(ramp_world) == {"ACME", "NWFRT"}


@pytest.mark.parametrize("kind", ["lost_answer", "500_after", "429", "expired_token"])
def test_whatever_answer_is_lost_each_account_is_there_once(make_ramp_world, kind):
    world = make_ramp_world()
    world.run("department_field")
    world.strike(kind, "accounting/accounts", 2)
    for _ in range(3):
        world.run("gl_accounts")
    assert sorted(effect.key for effect in world.ramp.history.effects("accounts.added")) == ["6100", "6200"]
    with world.workspace() as workspace:
        states = {document.state.value for document in workspace.ledger.find_documents(flow=f"{SPEC}/gl_accounts")}
    assert states <= {"posted", "adopted"}


def test_a_vendors_address_comes_back_once(ramp_world):
    vendor = next(row for row in ramp_world.ramp.rows("vendors") if row["name"].startswith("Acme"))
    ramp_world.ramp.change("vendors", vendor["id"], business_vendor_contacts=[{"email": "ap@acme.example"}])
    ramp_world.run("vendors_in")
    ramp_world.run("vendors_in")
    saves = [effect.key for effect in ramp_world.epicor.history.effects("vendor.saved")]
    assert saves == ["ACME"]


def test_a_vendor_linked_to_none_is_left_to_a_person(ramp_world):
    vendor = next(row for row in ramp_world.ramp.rows("vendors") if row["name"].startswith("Blue"))
    ramp_world.ramp.change("vendors", vendor["id"], business_vendor_contacts=[{"email": "b@harbor.example"}])
    ramp_world.run("vendors_in")
    held = ramp_world.now("vendors_in", vendor["id"])
    assert held.state.value == "held"
    assert "link it in Ramp" in held.reason
    assert ramp_world.epicor.history.effects("vendor.saved") == []


def test_check_reaches_both_sides_and_tells_a_wrong_secret(make_ramp_world):
    world = make_ramp_world()
    with world.workspace() as workspace:
        workspace.vault.set("ramp.client_secret", "another-secret")
        text, code = check_systems(world.spec, workspace, world.seams(), systems=("ramp",))
        assert code == 4
        assert "login" in text
        assert "another-secret" not in text
        workspace.vault.set("ramp.client_secret", SECRET)
        text, code = check_systems(world.spec, workspace, world.seams())
        assert code == 0, text

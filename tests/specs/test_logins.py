"""Every way into the ERP, what a wrong one does, and tokens that end in the middle."""

from __future__ import annotations

import pytest

from engine.sandbox.faults import Fault

from .world import CANARIES, invoice

OAUTH = (
    "      auth: oauth2\n      token_url: {env: EPICOR_TOKEN_URL}\n      client_id: {env: EPICOR_CLIENT_ID}\n"
    "      client_secret: {secret: epicor.client_secret}\n"
)
ACCOUNT = "      username: {env: EPICOR_USER}\n      password: {secret: epicor.password}\n"
KEY = "      api_key: {secret: epicor.api_key}\n"


def log_in(world, kind):
    if kind == "basic_v1":
        world.change("", (OAUTH, f"      auth: basic\n      api: v1\n{ACCOUNT}"), (KEY, ""))
    elif kind != "oauth2":
        world.change("", (OAUTH, f"      auth: {kind}\n{ACCOUNT}"))


@pytest.mark.parametrize("kind", ["basic", "oauth2", "token_resource", "basic_v1"])
def test_each_login_posts_an_invoice_and_sends_the_vendors(world, kind):
    log_in(world, kind)
    world.offer("invoices_001.csv", invoice())
    result = world.run()
    assert result.exit_code == 0, result.render("text")
    world.assert_whole("00123")
    assert len(world.stampli.read_inbound("vendors_*.csv")) == 2
    paths = [call.path for call in world.epicor.history.calls() if "Erp.BO" in call.path]
    shape = "/api/v1/" if kind == "basic_v1" else "/api/v2/odata/EPIC06/"
    assert all(shape in path for path in paths)
    assert bool(world.calls("*connect/token")) is (kind == "oauth2")
    assert bool(world.calls("*TokenResource.svc")) is (kind == "token_resource")
    world.assert_understood()


@pytest.mark.parametrize("kind", ["basic", "oauth2", "token_resource", "basic_v1"])
def test_a_wrong_credential_stops_the_flow_with_nothing_read_and_nothing_told(world, kind):
    log_in(world, kind)
    for name in ("epicor.password", "epicor.client_secret"):
        world.secrets[name] = f"canary-wrong-{name}"
    world.store_secrets()
    result = world.run("vendors")
    assert result.exit_code == 4
    assert "canary" not in result.render("text") + result.render("json")
    assert world.stampli.inbound() == []
    with world.workspace() as workspace:
        assert workspace.ledger.find_documents() == []


def test_a_wrong_api_key_stops_the_flow(world):
    world.secrets["epicor.api_key"] = "canary-wrong-key"
    world.store_secrets()
    assert world.run("vendors").exit_code == 4
    assert world.stampli.inbound() == []


def test_an_erp_of_the_other_version_says_so_before_any_record_is_lost(make_world):
    world = make_world(apis=(1,))
    world.masters_are_fresh()
    world.offer("invoices_001.csv", invoice())
    result = world.run("invoices")
    assert result.exit_code == 4
    assert "api version" in result.flows[0].error
    assert (world.numbers(), world.outbound()) == ([], ["invoices_001.csv"])


def test_a_key_without_the_right_service_says_so(make_world):
    world = make_world(key_scope=("Erp.BO.VendorSvc", "Erp.BO.GLAccountSvc"))
    world.masters_are_fresh()
    world.offer("invoices_001.csv", invoice())
    result = world.run("invoices")
    assert result.exit_code == 4
    assert "no right to this service" in result.flows[0].error
    assert world.numbers() == []
    world.epicor.logins.key_scope = None
    world.run("invoices")
    world.assert_whole("00123")


def test_one_token_serves_a_whole_run_and_the_next(world):
    world.offer("invoices_001.csv", *(invoice(f"T-{n}") for n in range(6)))
    world.run()
    world.run()
    assert world.calls("*connect/token") == 1
    with world.workspace() as workspace:
        raw = b"".join(path.read_bytes() for path in (workspace.folder / ".mlconnector").rglob("*") if path.is_file())
    assert not any(token.encode() in raw for token in world.epicor.logins.tokens), "tokens are kept sealed"


@pytest.mark.parametrize("kind", ["oauth2", "token_resource"])
@pytest.mark.parametrize("life", [400, 3600])
def test_tokens_that_end_are_renewed_before_they_do(make_world, kind, life):
    world = make_world(token_life=life)
    world.masters_are_fresh()
    log_in(world, kind)
    for poll in range(5):
        world.offer(f"invoices_{poll}.csv", invoice(f"T-{poll}"))
        assert world.run("invoices").exit_code == 0
    assert world.numbers() == [f"T-{poll}" for poll in range(5)]
    refused = [call for call in world.epicor.history.calls("*Svc/*") if call.status == 401]
    assert refused == [] or kind == "token_resource"


def test_tokens_dead_before_their_time_are_renewed_once_and_nothing_doubles(world):
    world.offer("invoices_001.csv", *(invoice(f"T-{n}") for n in range(4)))
    for nth in (1, 5, 9):
        world.epicor.faults.add(Fault(kind="expired_token", at="*APInvoiceSvc/UpdateMaster", nth=nth))
    for _ in range(2):
        world.run("invoices")
    for n in range(4):
        world.assert_whole(f"T-{n}")


@pytest.mark.parametrize("value", ["30", None])
def test_too_many_requests_at_a_commit_are_waited_out_and_do_not_count_as_sent(world, value):
    world.offer("invoices_001.csv", invoice())
    for nth in range(1, 7):
        world.epicor.faults.add(Fault(kind="429", at="*APInvoiceSvc/UpdateMaster", nth=nth, value=value))
    world.epicor.faults.add(Fault(kind="cut_before", at="*APInvoiceSvc/UpdateMaster", nth=7))
    for _ in range(8):
        world.run("invoices")
    world.assert_whole("00123")
    assert world.state("00123") == "posted"


def test_an_absurd_retry_after_does_not_freeze_the_run(world):
    world.offer("invoices_001.csv", invoice())
    world.epicor.faults.add(Fault(kind="429", at="*ChangeVendorID", value="999999999"))
    before = world.clock()
    world.run("invoices")
    assert (world.clock() - before).total_seconds() < 3600
    for _ in range(3):
        world.run("invoices")
    world.assert_whole("00123")


def test_credentials_go_to_the_erp_and_to_nobody_it_points_at(make_world, world):
    other = world.epicor
    world.epicor.faults.add(Fault(kind="redirect", at="*VendorSvc/Vendors", nth=0, value="http://127.0.0.1:9"))
    result = world.run("vendors")
    assert result.exit_code == 4
    assert CANARIES["api_key"] not in result.render("json")
    assert other.crashes == []

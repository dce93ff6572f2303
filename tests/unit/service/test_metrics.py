"""Figures for monitoring: to this machine or by token, as Prometheus reads them, and the database is asked once in a moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert

from engine.contracts import State
from engine.service.metrics import KEPT, Metrics
from engine.state import tables
from engine.state.codec import stamp

from .edges_stage import FLOW, TOKEN, Edges, message, signed

NOW = datetime(2026, 11, 2, 7, tzinfo=UTC)


@pytest.fixture
def edges(tmp_path):
    edges = Edges(tmp_path, environ={"MLCONNECTOR_METRICS_TOKEN": TOKEN}, seams={"clock": lambda: NOW})
    yield edges
    edges.close()


def figures(text: str) -> dict[str, dict[tuple[str, ...], float]]:
    """Name to labels to value."""
    return {
        family.name: {tuple(sample.labels.values()): sample.value for sample in family.samples}
        for family in text_string_to_metric_families(text)
    }


def hold(edges, key):
    at = stamp(NOW - timedelta(minutes=5))
    row = {
        "tenant": "default", "key": key, "version": 0, "seq": int(key[1:]), "flow": FLOW, "state": State.HELD.value,
        "source_sealed": b"", "created_at": at, "updated_at": at,
    }  # fmt: skip
    with edges.workspace.database.write() as connection:
        connection.execute(insert(tables.document), [row])


def test_the_figures_are_what_prometheus_reads(edges):
    hold(edges, "k1")
    run = edges.workspace.ledger.start_run(FLOW, "run", "sha")
    edges.workspace.ledger.end_run(run, "done", {}, ok=True)
    edges.workspace.vault.keep("token", f"{FLOW}/oauth2", b"a-token", NOW + timedelta(hours=1))
    edges.serve()
    edges.post(message())
    edges.post(message(), signed(message(), "another-secret"))
    answer = edges.client.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = figures(answer.text)
    assert found["mlconnector_documents_open"] == {(FLOW, "held"): 1}
    assert found["mlconnector_flow_last_document_age_seconds"] == {(FLOW,): 300}
    assert found["mlconnector_flow_last_success_age_seconds"] == {(FLOW,): 0}
    assert found["mlconnector_token_expires_in_seconds"] == {(f"{FLOW}/oauth2",): 3600}
    assert found["mlconnector_webhook_deliveries"] == {("stored",): 1, ("forged",): 1}
    assert found["mlconnector_queue_depth"] == {("20",): 1}
    assert found["mlconnector_runs_going"] == {(): 0}
    assert "process_start_time_seconds" in found


def test_every_figure_has_its_help_and_no_name_ends_oddly(edges):
    edges.serve()
    lines = edges.client.get("/metrics").text.splitlines()
    ours = {line.split()[2] for line in lines if line.startswith("# TYPE mlconnector_")}
    assert ours == {line.split()[2] for line in lines if line.startswith("# HELP mlconnector_")}
    assert {line.split()[2] for line in lines if line.endswith(" counter") and "mlconnector" in line} == {
        f"mlconnector_{name}_total" for name in ("documents", "attempts", "firings", "webhook_deliveries")
    }


def test_the_database_is_asked_once_in_a_while_however_many_ask(edges):
    now = [0.0]
    metrics = Metrics(edges.parts, {}, lambda: now[0])
    first = metrics.text()
    hold(edges, "k1")
    assert metrics.text() is first
    now[0] += KEPT
    assert b'state="held"' in metrics.text()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"X-Forwarded-For": "192.0.2.1"}, 401),
        ({"Forwarded": "for=192.0.2.1"}, 401),
        ({"X-Forwarded-For": "192.0.2.1", "Authorization": f"Bearer {TOKEN}"}, 200),
        ({"Host": "connect.example"}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "Bearer"}, 401),
        ({"Authorization": f"Basic {TOKEN}", "Via": "1.1 proxy"}, 401),
    ],
)
def test_only_this_machine_and_who_has_the_token_see_them(edges, headers, status):
    edges.app.state.hosts.add("connect.example")
    edges.serve()
    answer = edges.client.get("/metrics", headers=headers)
    assert answer.status_code == status
    assert ("mlconnector_" in answer.text) == (status == 200)
    assert TOKEN not in answer.text


def test_without_a_token_none_is_right(tmp_path):
    edges = Edges(tmp_path)
    edges.serve()
    try:
        for given in ("Bearer x", "Bearer"):
            headers = {"Authorization": given, "X-Forwarded-For": "192.0.2.1"}
            assert edges.client.get("/metrics", headers=headers).status_code == 401
    finally:
        edges.close()


def test_behind_a_public_address_this_machine_needs_the_token_too(tmp_path):
    """A proxy here reaches the process from here, and need not say whom it asks for."""
    environ = {"MLCONNECTOR_METRICS_TOKEN": TOKEN}
    edges = Edges(tmp_path, address="https://connect.example", environ=environ)
    edges.serve()
    try:
        assert edges.client.get("/metrics").status_code == 401
        assert edges.client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    finally:
        edges.close()


def test_a_database_that_is_gone_is_told(edges):
    edges.serve()
    edges.workspace.database.engine.dispose()
    state = edges.folder / ".mlconnector" / "state.db"
    state.rename(state.with_suffix(".away"))
    state.mkdir()
    assert edges.client.get("/metrics").status_code == 503
    state.rmdir()
    state.with_suffix(".away").rename(state)

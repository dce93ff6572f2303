"""Deliveries over real HTTP: only what is signed is taken, each event once, durable before it is answered, and its flow asked for."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import event
from starlette.applications import Starlette

from engine.connections.webhooks import LARGEST
from engine.service.hooks import Hooks
from engine.service.hooks_doors import FRESH, Doors
from engine.service.hooks_throttle import BURST, EVERY, Forgeries
from engine.service.shelf import Shelf
from engine.service.web import WebServer
from engine.state.firings import Due
from engine.state.inbox import Announced, store_events

from .edges_stage import FLOW, HEADER, SECRET, SOURCE, SPEC, WANTED, Edges, copied_specs, message, signed

NOBODY = [
    f"/hooks/other/{FLOW}",
    "/hooks/default/no-such/bills",
    f"/hooks/default/{SPEC}/no_such",
    f"/hooks/default/{SPEC}/gl_accounts",  # there, and what it reads sends no messages
]


@pytest.fixture
def edges(tmp_path):
    edges = Edges(tmp_path)
    edges.serve()
    yield edges
    edges.close()


def run_once(edges):
    """What a worker does with the firing that waits."""
    firing = edges.parts.firings.take("worker-1")
    edges.parts.firings.end(firing, "run-1", 0)


def test_a_delivery_is_durable_when_it_is_answered_and_its_flow_is_asked_for(edges):
    answer = edges.post(message())
    assert (answer.status_code, answer.content) == (200, b"")
    (event,) = edges.events()
    assert (event.id, event.type, event.hint) == ("e-1", WANTED, "b-1")
    (firing,) = edges.parts.firings.listed()
    assert (firing.flow, firing.cause, firing.state) == (FLOW, "webhook", "queued")


def test_ten_copies_of_ten_events_are_stored_once_and_run_once(edges):
    for _ in range(10):
        for number in range(10):
            assert edges.post(message(f"e-{number}")).status_code == 200
    assert len(edges.events()) == 10
    assert edges.starts() == [FLOW]
    assert edges.app.state.deliveries == {"stored": 10, "known": 90}


def test_a_copy_that_comes_after_the_run_starts_nothing(edges):
    edges.post(message())
    run_once(edges)
    assert edges.post(message()).status_code == 200
    assert edges.starts("queued") == []


def test_a_start_that_was_skipped_since_is_no_reason_to_run_again(edges):
    edges.post(message())
    run_once(edges)
    edges.parts.firings.plan(FLOW, "every 1m", edges.seams.clock())
    running = edges.parts.firings.ask(FLOW, cause="webhook")[0]
    edges.parts.firings.take("worker-1", running.id)
    now = edges.seams.clock()
    edges.parts.firings.tick(lambda planned, _now: Due(at=now, next_at=now, last_at=now))
    assert edges.parts.firings.listed(FLOW)[0].state == "skipped"
    edges.post(message())
    assert edges.starts("queued") == []


def test_an_event_whose_process_died_before_it_asked_is_asked_for_when_it_comes_again(edges):
    body = message()
    edges.parts.firings.ask(FLOW, cause="webhook")
    run_once(edges)
    announced = Announced(source=SOURCE, id="e-1", type=WANTED, hint="b-1", sha256="0" * 64)
    store_events(edges.workspace.desk, [announced])
    assert edges.post(body).status_code == 200
    assert edges.starts("queued") == [FLOW]


def test_what_the_flow_does_not_read_is_stored_for_those_that_do_and_starts_nothing(edges):
    assert edges.post(message(kind="vendors.updated")).status_code == 200
    assert [event.type for event in edges.events()] == ["vendors.updated"]
    assert edges.starts() == []


@pytest.mark.parametrize(
    "headers",
    [{}, signed(message(), "another-secret"), {HEADER: ""}, signed(b"{}"), {HEADER: signed(message())[HEADER].upper()}],
)
def test_what_is_not_signed_as_agreed_is_refused(edges, headers):
    answer = edges.post(message(), headers)
    assert (answer.status_code, answer.json()) == (401, {"error": "not genuine"})
    assert edges.events() == []


def test_the_signature_may_have_its_prefix(edges):
    (signature,) = signed(message()).values()
    assert edges.post(message(), {HEADER.lower(): f"sha256={signature}"}).status_code == 200


@pytest.mark.parametrize("path", NOBODY)
def test_whoever_asks_for_what_is_not_there_learns_nothing(edges, path):
    answer = edges.post(message(), path=path)
    assert (answer.status_code, answer.json()) == (404, {"error": "not found"})


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
def test_other_methods_are_refused(edges, method):
    answer = edges.client.request(method, edges.path)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_a_compressed_body_is_refused(edges):
    assert edges.post(message(), {**signed(message()), "Content-Encoding": "gzip"}).status_code == 415
    assert edges.post(message(), {**signed(message()), "Content-Encoding": "identity"}).status_code == 200


def test_the_largest_message_is_taken_and_a_larger_one_is_not(edges):
    fits = message(padding="x" * (LARGEST - len(message(padding=""))))
    assert len(fits) == LARGEST
    assert edges.post(fits).status_code == 200
    assert edges.post(fits + b" ").status_code == 413


def test_a_body_without_a_length_is_counted_as_it_comes(edges):
    """What nobody could sign is not even waited for: the connection ends while its sender is still at it."""
    at = urlsplit(edges.address)
    with socket.create_connection((at.hostname, at.port), timeout=5) as line:
        line.sendall(f"POST {edges.path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        for _ in range(LARGEST // 1024 + 1):
            line.sendall(b"400\r\n" + b"x" * 1024 + b"\r\n")
        assert line.recv(12) == b"HTTP/1.1 413"


def test_a_challenge_is_answered_and_told_in_the_trail(edges):
    body = b'{"type": "webhooks.verification", "challenge": "c-1"}'
    answer = edges.post(body)
    assert (answer.status_code, answer.json()) == (200, {"challenge": "c-1"})
    assert edges.post(body, signed(body, "another-secret")).status_code == 401
    edges.workspace.trail.flush()
    (told,) = [entry for entry in edges.workspace.trail.entries() if entry.event == "webhook challenged"]
    assert told.detail == {"source": SOURCE, "challenge": "c-1"}
    assert edges.starts() == []


@pytest.mark.parametrize("body", [b"[]", b"{", b"", message("e" * 501), message(about="b" * 501)])
def test_what_is_genuine_and_no_message_is_refused_for_good(edges, body):
    assert edges.post(body).status_code == 400
    assert edges.events() == []


def test_forgeries_are_slowed_down_and_the_real_sender_is_not(edges):
    wrong = signed(message(), "another-secret")
    statuses = [edges.post(message(), wrong).status_code for _ in range(BURST + 5)]
    assert statuses == [401] * BURST + [429] * 5
    assert edges.post(message()).status_code == 200


def test_forgeries_are_counted_by_address_and_forgotten_with_time():
    now = [0.0]
    forgeries = Forgeries(lambda: now[0])
    assert [forgeries.another("192.0.2.1") for _ in range(BURST + 1)] == [True] * BURST + [False]
    assert forgeries.another("192.0.2.2")
    assert all(forgeries.another(f"2001:db8::{n:x}") for n in range(BURST))
    assert not forgeries.another("2001:db8::ffff")
    now[0] += EVERY
    assert forgeries.another("192.0.2.1")
    assert not forgeries.another("192.0.2.1")


def test_a_database_that_is_busy_lets_the_sender_send_again(edges):
    hooks = Hooks(edges.parts, store_seconds=0.1)
    app = Starlette(routes=list(hooks.routes))
    app.state.hosts = set()
    server = WebServer(app)
    url = server.start("127.0.0.1", 0)
    try:
        with edges.workspace.database.write():  # as a long import would
            answer = edges.post(message(), path=url + edges.path)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
            assert edges.events() == []
        again = (edges.post(message(), path=url + edges.path).status_code for _ in range(50))
        assert 200 in again, "the writer, too, waits a moment for the database; senders repeat"
    finally:
        server.stop()
        hooks.close()
    assert len(edges.events()) == 1
    assert edges.starts() == [FLOW]


def test_a_database_that_takes_no_writes_lets_the_sender_send_again(edges):
    engine = edges.workspace.database.engine
    engine.dispose()

    def read_only(connection, _record):
        connection.execute("PRAGMA query_only = ON")

    event.listen(engine, "connect", read_only)
    assert edges.post(message()).status_code == 503
    event.remove(engine, "connect", read_only)
    engine.dispose()
    assert edges.post(message()).status_code == 200


def test_one_event_the_database_cannot_hold_is_nobody_elses_trouble(edges, caplog):
    with edges.workspace.database.write() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER full BEFORE INSERT ON inbox WHEN NEW.event = 'e-3' BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
    with edges.workspace.database.write():  # the first waits for this, the others gather behind it
        posts = [threading.Thread(target=edges.post, args=(message(f"e-{n}"),)) for n in range(6)]
        for post in posts:
            post.start()
        time.sleep(0.2)
    for post in posts:
        post.join()
    assert sorted(event.id for event in edges.events()) == ["e-0", "e-1", "e-2", "e-4", "e-5"]
    assert edges.app.state.deliveries == {"stored": 5, "failed": 1}
    assert "could not be stored" in caplog.text


def test_a_new_secret_is_good_and_the_old_one_is_not_once_the_vault_says_so(edges):
    now = [0.0]
    doors = Doors(edges.parts, lambda: now[0])
    flow = doors.flow(SPEC, "bills")
    assert doors.at(flow) is None
    first = doors.open(flow)
    edges.workspace.vault.set("ramp.webhook_secret", "another-webhook-secret")
    assert doors.at(flow) is first  # for a moment
    now[0] += FRESH
    assert doors.at(flow) is None
    assert doors.at(flow) is first  # one looks, the others go on
    second = doors.open(flow)
    assert second.need["webhook_secret"].expose() == "another-webhook-secret"
    assert doors.open(flow) is second


def test_what_the_spec_says_of_signatures_holds_as_soon_as_it_is_in_force(tmp_path):
    spec = copied_specs(tmp_path)
    shelf = Shelf([spec], wall=lambda: 4e9)
    shelf.look()
    (tmp_path / "home").mkdir()
    edges = Edges(tmp_path / "home", specs=shelf)
    try:
        now = [0.0]
        doors = Doors(edges.parts, lambda: now[0])
        assert doors.open(doors.flow(SPEC, "bills")).need["webhook_header"] == HEADER
        secret = "webhook_secret: {secret: ramp.webhook_secret}"
        spec.write_text(spec.read_text().replace(secret, f"{secret}\n      webhook_header: X-Other"))
        assert shelf.look() != []
        now[0] += FRESH
        flow = doors.flow(SPEC, "bills")
        assert doors.at(flow) is None
        assert doors.open(flow).need["webhook_header"] == "X-Other"
    finally:
        edges.close()


def test_a_secret_that_is_not_there_is_told_in_the_log_and_the_sender_sends_again(edges, caplog):
    edges.workspace.vault.remove("ramp.webhook_secret")
    assert [edges.post(message()).status_code for _ in range(3)] == [503] * 3
    assert caplog.text.count("secrets set ramp.webhook_secret") == 1


def test_no_secret_and_no_signature_is_told_anywhere(edges, caplog):
    caplog.set_level("DEBUG")
    answers = [edges.post(message()), edges.post(message(), signed(message(), "another-secret")), edges.post(b"{")]
    told = caplog.text + "".join(answer.text + str(answer.headers) for answer in answers)
    kept = b"".join(path.read_bytes() for path in edges.folder.rglob("*") if path.is_file())
    for secret in (SECRET, signed(message())[HEADER]):
        assert secret not in told
        assert secret.encode() not in kept
    assert caplog.text.count("not signed") == 1


def storm(edges, **given):
    at = urlsplit(edges.address)
    asked = {
        "host": at.hostname, "port": at.port, "path": edges.path, "secret": SECRET, "header": HEADER, "type": WANTED,
        "connections": 50, **given,
    }  # fmt: skip
    sender = Path(__file__).with_name("storm_sender.py")
    done = subprocess.run([sys.executable, str(sender), json.dumps(asked)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_a_storm_is_stored_without_loss_and_runs_once(edges):
    """A second of it, every delivery twice. How fast depends on the machine; that none is lost does not."""
    told = storm(edges, many=250, times=2, rate=1000)
    assert told["statuses"] == {"200": 500}
    assert len(edges.events()) == 250
    assert edges.starts() == [FLOW]


@pytest.mark.bench
@pytest.mark.parametrize(("many", "times", "rate"), [(5000, 1, 1000), (1000, 10, 2000)])
def test_a_whole_storm(edges, many, times, rate):
    """1,000 deliveries a second for five seconds; ten copies of each of a thousand events: what one core has time for."""
    before = time.process_time()
    told = storm(edges, many=many, times=times, rate=rate, connections=100)
    each = (time.process_time() - before) / (many * times)
    print({**told, "cpu_ms_each": round(each * 1000, 3)})  # noqa: T201
    assert told["statuses"] == {"200": many * times}
    assert [event.id for event in edges.events()] == list(dict.fromkeys(event.id for event in edges.events()))
    assert len(edges.events()) == many
    assert edges.starts() == [FLOW]
    assert each < 0.001
    assert told["slowest"] < 5

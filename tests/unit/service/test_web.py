"""The process's one address: who is answered, what an error shows, who is waited for."""

from __future__ import annotations

import socket
import threading
import time
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from engine.errors import SetupError
from engine.service.web import WebServer
from engine.service.web_protocol import Patient

from .edges_stage import SECRET, Edges


class Hasty(Patient):
    """The same, within a test's time."""

    request_seconds = answer_seconds = 0.15
    every = 0.03


@pytest.fixture
def edges(tmp_path):
    edges = Edges(tmp_path)
    yield edges
    edges.close()


@pytest.fixture
def hasty(edges):
    server = WebServer(edges.app, protocol=Hasty)
    at = urlsplit(server.start("127.0.0.1", 0))
    yield at.hostname, at.port
    server.stop()


def test_the_process_is_up_and_ready(edges):
    edges.serve()
    assert edges.client.get("/live").json() == {"live": True}
    answer = edges.client.get("/ready")
    assert (answer.status_code, answer.json()) == (200, {"ready": True})
    assert "server" not in answer.headers


def test_it_is_not_ready_while_nothing_is_started(edges):
    edges.serve()
    edges.is_ready = False
    answer = edges.client.get("/ready")
    assert (answer.status_code, answer.json()["ready"]) == (503, False)
    assert "scheduler" in answer.json()["reason"]
    assert edges.client.get("/live").status_code == 200


def test_it_is_not_ready_without_its_database(edges):
    edges.serve()
    edges.workspace.database.engine.dispose()
    state = edges.folder / ".mlconnector" / "state.db"
    state.rename(state.with_suffix(".away"))
    state.mkdir()
    answer = edges.client.get("/ready")
    assert (answer.status_code, answer.json()["reason"]) == (503, "the database can't be reached")
    state.rmdir()
    state.with_suffix(".away").rename(state)


OURS = ["localhost", "LOCALHOST:81", "127.0.0.1", "[::1]:8080", "mlc.example.com", "console.example.com:443"]
OTHERS = [
    "evil.example",
    "127.0.0.1.evil.example",
    "console.example.com.evil.example",
    "localhost@evil.example",
    "",
]


def test_only_hosts_that_are_ours_are_served(tmp_path):
    """DNS rebinding: a page of somebody else's reaches this address by a name of its own."""
    edges = Edges(tmp_path, address="https://console.example.com/", hosts=["MLC.example.com"])
    edges.serve()
    try:
        found = {host: edges.client.get("/nothing", headers={"Host": host}).status_code for host in [*OURS, *OTHERS]}
        assert found == dict.fromkeys(OURS, 404) | dict.fromkeys(OTHERS, 421)
        probed = {edges.client.get("/live", headers={"Host": host}).status_code for host in OTHERS}
        assert probed == {200}  # a probe asks by the machine's address, whatever that is
    finally:
        edges.close()


def test_two_hosts_in_one_request_are_none(edges):
    at = urlsplit(edges.serve())
    with socket.create_connection((at.hostname, at.port), timeout=5) as line:
        line.sendall(b"GET /x HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n")
        assert line.recv(12) in {b"HTTP/1.1 421", b"HTTP/1.1 400"}


def test_an_error_tells_nothing_outside_and_no_secret_in_the_log(edges, caplog):
    def broken(_request):
        raise RuntimeError(f"it said {SECRET}")

    edges.app.router.routes.append(Route("/broken", broken))
    edges.serve()
    answer = edges.client.get("/broken")
    assert answer.status_code == 500
    assert "RuntimeError" not in answer.text
    name = answer.json()["error"].rpartition(" ")[2]
    assert name in caplog.text
    assert "RuntimeError" in caplog.text
    assert SECRET not in caplog.text


def test_what_no_page_answers_is_told_plainly(edges):
    edges.serve()
    assert edges.client.get("/no-such").json() == {"error": "not found"}
    assert edges.client.post("/live").json() == {"error": "not by this method"}


def test_an_address_that_is_taken_is_told(edges):
    at = urlsplit(edges.serve())
    with pytest.raises(SetupError, match=f"{at.hostname}:{at.port} can't be listened on"):
        WebServer(edges.app).start(at.hostname, at.port)
    with pytest.raises(SetupError, match=r"`no\.such\.host\.invalid` is no address"):
        WebServer(edges.app).start("no.such.host.invalid", 0)


def test_what_is_under_way_is_finished_when_the_process_stops(edges):
    began, may_end = threading.Event(), threading.Event()

    def slow(_request):
        began.set()
        may_end.wait(5)
        return PlainTextResponse("whole")

    edges.app.router.routes.append(Route("/slow", slow))
    server = WebServer(edges.app)
    url = server.start("127.0.0.1", 0)
    answers = []
    asking = threading.Thread(target=lambda: answers.append(httpx.get(f"{url}/slow", trust_env=False)))
    asking.start()
    began.wait(5)
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    may_end.set()
    asking.join()
    stopping.join()
    assert answers[0].text == "whole"
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/live", trust_env=False)
    server.stop()


@pytest.mark.parametrize(
    "said", [b"", b"GET /live HT", b"POST /live HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nab"]
)
def test_who_does_not_come_to_the_end_of_a_request_makes_room(hasty, said):
    with socket.create_connection(hasty, timeout=5) as line:
        line.sendall(said)
        at = time.monotonic()
        while _came(line):
            pass
        assert time.monotonic() - at < 3


def test_a_byte_now_and_then_does_not_keep_a_place(hasty):
    with socket.create_connection(hasty, timeout=5) as line:
        line.sendall(b"GET /live HTTP/1.1\r\nHost: localhost\r\n")
        with pytest.raises(OSError, match=r"reset|pipe"):
            _drip(line)


def test_who_takes_nothing_of_an_answer_makes_room(edges, hasty):
    edges.app.router.routes.append(Route("/large", lambda _request: PlainTextResponse("x" * 40_000_000)))
    with socket.create_connection(hasty, timeout=5) as line:
        line.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(0.19)
        time.sleep(0.19)
        taken = 0
        while piece := _came(line, 1 << 20):
            taken += len(piece)
    assert taken < 40_000_000


def test_a_head_without_an_end_is_refused(edges):
    at = urlsplit(edges.serve())
    with socket.create_connection((at.hostname, at.port), timeout=5) as line:
        line.sendall(b"GET /live HTTP/1.1\r\nX-Long: " + b"x" * 200_000)
        assert line.recv(12) == b"HTTP/1.1 400"


def _drip(line):
    for _ in range(100):
        time.sleep(0.03)
        line.sendall(b"a: b\r\n")


def _came(line, most=65536):
    try:
        return line.recv(most)
    except ConnectionError:
        return b""

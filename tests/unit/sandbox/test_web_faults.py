"""What each HTTP fault really does on a socket, and that a stand-in stops without leaving anything behind."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from engine.sandbox.faults import HTTP_KINDS, Fault, Faults, parse
from engine.sandbox.history import History
from engine.sandbox.web import Request, Response, Web


class Till:
    """A stand-in that counts the work it does and answers with the count."""

    def __init__(self) -> None:
        self.work = 0
        self.logins = 3

    def answer(self, request: Request) -> Response:
        if request.path == "/broken":
            raise RuntimeError("mistake in the stand-in")
        self.work += 1
        return Response(body=b'{"count": %d, "text": "abcdefghijklmnopqrstuvwxyz"}' % self.work)

    def forget(self) -> None:
        self.logins = 0


@pytest.fixture
def till() -> Till:
    return Till()


@pytest.fixture
def later() -> list[tuple[float, object]]:
    return []


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def web(till: Till, later: list, waits: list) -> Iterator[Web]:
    with Web(
        till.answer,
        history=History("till"),
        faults=Faults(),
        forget_logins=till.forget,
        later=lambda seconds, work: later.append((seconds, work)),
        sleep=waits.append,
    ) as web:
        yield web


@pytest.fixture
def client(web: Web) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=web.url, trust_env=False, timeout=5) as client:
        yield client


@pytest.mark.parametrize("kind", ["lost_answer", "reset"])
def test_the_work_is_done_and_the_answer_lost(web: Web, client: httpx.Client, till: Till, kind: str) -> None:
    web.faults.add(kind)
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        client.post("/save")
    assert till.work == 1
    assert [call.status for call in web.history.calls("save")] == [None]
    assert client.post("/save").json()["count"] == 2


def test_a_reset_is_a_reset(web: Web) -> None:
    web.faults.add("reset")
    with socket.create_connection(("127.0.0.1", int(web.url.rpartition(":")[2]))) as raw:
        raw.sendall(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            raw.recv(100)


def test_a_cut_before_the_work_leaves_no_work(web: Web, client: httpx.Client, till: Till) -> None:
    web.faults.add("cut_before")
    with pytest.raises(httpx.RemoteProtocolError):
        client.post("/save")
    assert till.work == 0


def test_a_truncated_answer_with_its_length_is_noticed(web: Web, client: httpx.Client, till: Till) -> None:
    web.faults.add("truncated")
    with pytest.raises(httpx.RemoteProtocolError):
        client.post("/save")
    assert till.work == 1


def test_a_truncated_answer_without_length_looks_like_a_success(web: Web, client: httpx.Client, till: Till) -> None:
    web.faults.add("truncated_unmarked")
    answer = client.post("/save")
    assert answer.status_code == 200
    assert not answer.text.endswith("}")
    assert till.work == 1


@pytest.mark.parametrize(("text", "status", "wait"), [("429:*:1:7", 429, "7"), ("429", 429, None), ("503", 503, None)])
def test_a_refusal_comes_before_the_work(
    web: Web, client: httpx.Client, till: Till, text: str, status: int, wait: str | None
) -> None:
    web.faults.add(text)
    answer = client.post("/save")
    assert (answer.status_code, answer.headers.get("Retry-After"), till.work) == (status, wait, 0)


@pytest.mark.parametrize(("kind", "work"), [("500", 0), ("500_after", 1)])
def test_a_500_comes_before_or_after_the_work(web: Web, client: httpx.Client, till: Till, kind: str, work: int) -> None:
    web.faults.add(kind)
    assert client.post("/save").status_code == 500
    assert till.work == work


def test_an_html_page_stands_for_the_work(web: Web, client: httpx.Client, till: Till) -> None:
    web.faults.add("html")
    answer = client.post("/save")
    assert answer.headers["Content-Type"].startswith("text/html")
    assert till.work == 0


def test_a_slow_answer_waits_after_the_work(web: Web, client: httpx.Client, till: Till, waits: list[float]) -> None:
    web.faults.add("slow:*:1:3")
    assert client.post("/save").status_code == 200
    assert (till.work, waits) == (1, [3.0])


def test_a_dripping_answer_comes_byte_by_byte(web: Web, client: httpx.Client, waits: list[float]) -> None:
    web.faults.add("drip:*:1:0.5")
    assert client.post("/save").json()["count"] == 1
    assert len(waits) > 100
    assert set(waits) == {0.5}


def test_a_black_hole_answers_nothing(web: Web, client: httpx.Client, till: Till, waits: list[float]) -> None:
    web.faults.add("black_hole:*:1:60")
    with pytest.raises(httpx.RemoteProtocolError):
        client.post("/save")
    assert (till.work, waits) == (0, [60.0])


def test_an_expired_token_kills_the_logins(web: Web, client: httpx.Client, till: Till) -> None:
    web.faults.add("expired_token")
    assert client.post("/save").status_code == 401
    assert (till.logins, till.work) == (0, 0)


def test_a_redirect_leads_to_another_host(web: Web, client: httpx.Client) -> None:
    web.faults.add("redirect")
    answer = client.post("/save")
    assert (answer.status_code, answer.headers["Location"]) == (302, "http://elsewhere.invalid/save")


def test_late_work_lands_after_the_answer_was_lost(web: Web, client: httpx.Client, till: Till, later: list) -> None:
    web.faults.add("late:*:1:8")
    with pytest.raises(httpx.RemoteProtocolError):
        client.post("/save")
    ((seconds, work),) = later
    assert (seconds, till.work) == (8.0, 0)
    work()
    assert till.work == 1


def test_late_work_lands_by_itself_in_real_time(till: Till) -> None:
    with Web(till.answer, history=History("till"), faults=Faults([parse("late:*:1:0.02")])) as web:
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.post(f"{web.url}/save", trust_env=False)
        assert till.work == 0
        deadline = time.monotonic() + 5
        while not till.work and time.monotonic() < deadline:
            time.sleep(0.01)
    assert till.work == 1


def test_late_work_never_lands_once_stopped(till: Till) -> None:
    with (
        Web(till.answer, history=History("till"), faults=Faults([parse("late:*:1:60")])) as web,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        httpx.post(f"{web.url}/save", trust_env=False)
    assert till.work == 0


@pytest.mark.parametrize(
    ("kind", "sign"), [("nan", "NaN"), ("duplicate_keys", '{"count":null,"count"'), ("deep:*:1:5", "[[[[[]]]]]")]
)
def test_json_that_must_not_be_believed(web: Web, client: httpx.Client, kind: str, sign: str) -> None:
    web.faults.add(kind)
    answer = client.post("/save")
    assert answer.status_code == 200
    assert sign in answer.text


def test_a_gzip_bomb_is_small_on_the_wire(web: Web, client: httpx.Client) -> None:
    web.faults.add("gzip_bomb:*:1:2")
    answer = client.post("/save")
    assert int(answer.headers["Content-Length"]) < 20000
    assert len(answer.content) == 2 * 1024 * 1024


def test_an_error_in_a_200(web: Web, client: httpx.Client, till: Till) -> None:
    web.faults.add("error_in_200")
    answer = client.post("/save")
    assert (answer.status_code, answer.text, till.work) == (200, "The request was not carried out.", 0)


def test_every_http_kind_is_carried_out(web: Web, client: httpx.Client) -> None:
    for kind in HTTP_KINDS:
        web.faults.add(Fault(kind=kind, at=f"at_{kind}", value="1" if kind in {"gzip_bomb", "deep"} else None))
        try:
            client.post(f"/at_{kind}")
        except httpx.HTTPError:
            continue
    assert len(web.history.calls("at_*")) == len(HTTP_KINDS)
    assert web.crashes == []


def test_connections_are_kept_and_the_key_of_an_entity_does_not_hide_the_operation(
    web: Web, client: httpx.Client
) -> None:
    web.faults.add("500:Vendors:2")
    statuses = [client.get(f"/svc/Vendors('A',{number})").status_code for number in (1, 2, 3)]
    assert statuses == [200, 500, 200]


def test_a_mistake_in_the_stand_in_is_a_500_and_noted(web: Web, client: httpx.Client) -> None:
    assert client.get("/broken").status_code == 500
    assert "mistake in the stand-in" in web.crashes[0]


def test_stopping_frees_port_threads_and_idle_connections(till: Till) -> None:
    before = threading.active_count()
    web = Web(till.answer, history=History("till"), faults=Faults()).start()
    with httpx.Client(base_url=web.url, trust_env=False) as client:
        client.get("/x")
        started = time.monotonic()
        web.stop()
        assert time.monotonic() - started < 1
        assert threading.active_count() == before
        with pytest.raises(httpx.TransportError):
            client.get("/x")
    web.stop()


def test_a_stopped_stand_in_interrupts_its_waits(till: Till) -> None:
    web = Web(till.answer, history=History("till"), faults=Faults([parse("black_hole")])).start()
    failures: list[BaseException] = []

    def call() -> None:
        try:
            httpx.get(f"{web.url}/x", trust_env=False, timeout=30)
        except httpx.HTTPError as error:
            failures.append(error)

    caller = threading.Thread(target=call)
    caller.start()
    time.sleep(0.1)
    web.stop()
    caller.join(5)
    assert len(failures) == 1


def test_asking_for_the_url_before_the_start_says_what_to_do(till: Till) -> None:
    with pytest.raises(RuntimeError, match="use it in a `with` statement"):
        _ = Web(till.answer, history=History("till"), faults=Faults()).url

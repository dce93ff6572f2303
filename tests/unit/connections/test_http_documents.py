"""Systems that take whole documents in the query and answer in XML: written, measured, kept secret, one session at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from engine.connections.answers import Answers
from engine.connections.exchange import ErrorRule, Exchange, Fixed, Retry
from engine.connections.http import Http, HttpKind
from engine.connections.login_kinds import Front, SessionLogin
from engine.contracts import Call
from engine.errors import AlreadyRunning, InDoubt, RecordError, Refused, SetupError, TransientError
from engine.redaction import Secret

START = datetime(2026, 11, 21, 12, tzinfo=UTC)
POST = Exchange(get="Post", query={"Object": Fixed("IN")}, query_xml={"XmlIn": lambda scope: scope["document"]})
ASK = Exchange(get="Ask", query={"n": Fixed(1)})
DEAD = "ERROR: your session has expired"
RULES = (
    ErrorRule(status=200, body=lambda body: body.get("text", "").startswith("ERROR: your"), means="reauthenticate"),
    ErrorRule(
        status=200, body=lambda b: b.get("text", "").startswith("ERROR"), means="refused", message=lambda b: b["text"]
    ),
)


class Store(dict[str, bytes]):
    def put(self, name: str, value: bytes, expires: datetime | None) -> None:
        self[name] = value


class Service:
    """Everything is a GET, every answer a 200; one session, told by its number."""

    def __init__(self) -> None:
        self.now = START
        self.calls: list[Call] = []
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.logons = 0
        self.alive = ""
        self.answers: list[str | Exception] = []
        self.turns: list[str] = []
        self.taken = False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        name = request.url.path.rpartition("/")[2]
        given = dict(parse_qsl(request.url.query.decode(), keep_blank_values=True))
        self.seen.append((name, given))
        if name == "Logon":
            self.logons += 1
            self.alive = f"ABCDEF{self.logons:04}  "
            return httpx.Response(200, text=self.alive)
        if given.get("User", "") != self.alive:
            return httpx.Response(200, text=DEAD)
        if name == "Logoff":
            self.alive = ""
            return httpx.Response(200, text="0")
        answer = self.answers.pop(0) if self.answers else "<Done><Key>7</Key></Done>"
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(200, text=answer)

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        if self.taken:
            raise AlreadyRunning(f"`{name}` is taken")
        self.turns.append(f"+{name}")
        yield
        self.turns.append(f"-{name}")

    def connect(self, *, login: dict[str, Any] | None = None, server: Any = None, **changes: Any) -> Http:
        session = {
            "login": Exchange(get="Logon", query={"Password": lambda scope: scope["need"]["password"]}),
            "keep": {"session": lambda body: body.get("text")},
            "lives": timedelta(minutes=10),
            "query": {"User": lambda scope: scope["session"]},
            "logout": Exchange(get="Logoff", query={"User": lambda scope: scope["session"]}),
            "one_at_a_time": Fixed("MLC"),
            "after_doubt": "logout",
        }
        kind = {"auth": SessionLogin(**(session | (login or {}))), "errors": RULES, "secret_query": True, **changes}
        return Http(
            HttpKind(base=Fixed("http://erp.example/Rest"), retry=Retry(tries=2), answers=Answers(as_="xml", names="lower"), **kind),
            {"password": Secret("canary-password")}, name="erp", watch=self.calls.append, tokens=Store(),
            clock=lambda: self.now, sleep=lambda _seconds: None, random=lambda: 0.5,
            transport=httpx.MockTransport(server or self), hold=self.hold,
        )  # fmt: skip

    def names(self) -> list[str]:
        return [name for name, _ in self.seen]


def scope(text: str = "a & b") -> dict[str, Any]:
    return {"document": {"Post": {"Item": {"Notation": text}}}}


def test_a_document_goes_into_the_query_and_the_answer_is_data() -> None:
    service = Service()
    with service.connect() as http:
        assert http.write(POST, scope(), step="post").body == {"done": {"key": "7"}}
    given = service.seen[1][1]
    assert given["XmlIn"] == "<Post><Item><Notation>a &amp; b</Notation></Item></Post>"
    assert given["User"] == "ABCDEF0001  "
    assert service.names() == ["Logon", "Post", "Logoff"]


def test_nothing_of_a_secret_query_is_told() -> None:
    service = Service()
    with service.connect() as http:
        http.write(POST, scope("quiet"), step="post")
    assert [call.address for call in service.calls] == [f"http://erp.example/Rest/{n}?***" for n in service.names()]
    posted = next(call for call in service.calls if call.step == "post")
    assert b"quiet" in posted.request


def test_a_query_is_told_where_it_is_no_secret() -> None:
    service = Service()
    with service.connect(secret_query=False, auth=None) as http:
        http.write(POST, scope(), step="post")
    assert "XmlIn=" in service.calls[0].address


def test_a_request_too_long_is_refused_before_a_login() -> None:
    service = Service()
    with service.connect(longest_url=Fixed("300")) as http:
        with pytest.raises(RecordError, match=r"is \d+ bytes long and the system takes 300"):
            http.write(POST, scope("x" * 300), step="post")
        assert service.seen == []
        with pytest.raises(RecordError, match="longest_url"):  # with the session's own parameter
            http.write(POST, scope("x" * 170), step="post")
        assert service.names() == ["Logon"]
        http.write(POST, scope("x" * 100), step="post")


def test_a_length_that_is_none_is_told() -> None:
    with pytest.raises(SetupError, match="takes a number of bytes"):
        Service().connect(longest_url=Fixed("many"))


def test_an_error_inside_a_200_is_what_the_rules_say() -> None:
    service = Service()
    service.answers = ["ERROR: no such object"]
    with service.connect() as http, pytest.raises(Refused, match="no such object"):
        http.write(POST, scope(), step="post")


def test_a_session_that_is_over_is_renewed_once() -> None:
    service = Service()
    with service.connect() as http:
        http.read(ASK, {}, step="ask")
        service.alive = "somebody else's"
        http.write(POST, scope(), step="post")
    assert service.names() == ["Logon", "Ask", "Post", "Logoff", "Logon", "Post", "Logoff"]


def test_a_lost_answer_ends_the_session_at_once() -> None:
    service = Service()
    service.answers = [httpx.ReadError("gone")]
    with service.connect() as http:
        with pytest.raises(InDoubt):
            http.write(POST, scope(), step="post")
        assert service.names() == ["Logon", "Post", "Logoff"]
        http.read(ASK, {}, step="find")
    assert service.names()[3:] == ["Logon", "Ask", "Logoff"]


def test_unless_the_kind_keeps_it() -> None:
    service = Service()
    service.answers = [httpx.ReadError("gone")]
    with service.connect(login={"after_doubt": "keep"}) as http:
        with pytest.raises(InDoubt):
            http.write(POST, scope(), step="post")
        http.read(ASK, {}, step="find")
    assert service.names() == ["Logon", "Post", "Ask", "Logoff"]


def test_each_write_may_have_a_session_of_its_own() -> None:
    service = Service()
    with service.connect(login={"renew": "write"}) as http:
        for number in range(2):
            http.read(ASK, {}, step="find")
            http.write(POST, scope(str(number)), step="post")
    assert service.names() == ["Logon", "Ask", "Post", "Ask", "Logoff", "Logon", "Post", "Logoff"]


def test_the_session_has_a_turn_of_its_own_until_the_connection_closes() -> None:
    service = Service()
    with service.connect() as http:
        assert service.turns == []
        http.read(ASK, {}, step="ask")
        service.now += timedelta(minutes=11)
        http.read(ASK, {}, step="ask")
        assert service.turns == ["+MLC"]
    assert service.turns == ["+MLC", "-MLC"]
    assert service.logons == 2


def test_while_somebody_else_has_it_nothing_is_sent() -> None:
    service = Service()
    service.taken = True
    with service.connect() as http:
        with pytest.raises(TransientError, match="somebody else has the session"):
            http.write(POST, scope(), step="post")
        assert service.seen == []
        service.taken = False
        http.write(POST, scope(), step="post")


def test_a_login_in_front_goes_with_every_call() -> None:
    seen: list[str | None] = []
    service = Service()

    def front(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("authorization"))
        return service(request)

    for username in ("guard", None):
        kind = Front(username=Fixed(username), password=Fixed(Secret("front-password")))
        with service.connect(front=kind, server=front) as http:
            http.read(ASK, {}, step="ask")
    assert seen == ["Basic Z3VhcmQ6ZnJvbnQtcGFzc3dvcmQ="] * 3 + [None] * 3


def test_a_body_can_be_xml_too() -> None:
    seen: list[httpx.Request] = []

    def server(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, text="<ok/>")

    with Service().connect(auth=None, server=server) as http:
        http.write(Exchange(post="Save", send=Fixed({"r": {"a": "ü"}}), encoding="xml"), {}, step="save")
    assert seen[0].content == "<r><a>ü</a></r>".encode()
    assert seen[0].headers["content-type"] == "application/xml; charset=utf-8"
    assert seen[0].headers["accept"] == "*/*"


def test_plain_text_with_a_status_of_its_own_is_no_word_on_a_document() -> None:
    with (
        Service().connect(auth=None, server=lambda _request: httpx.Response(400, text="Bad Request")) as http,
        pytest.raises(InDoubt),
    ):
        http.write(POST, scope(), step="post")

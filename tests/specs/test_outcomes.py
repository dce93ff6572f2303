"""The table of HTTP answers, end to end: how a post ends, and what becomes of the document, over real sockets."""

from __future__ import annotations

import gzip
import shutil
import socket
import ssl
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from engine.connections.http_network import Network
from engine.connections.http_transport import Transport
from engine.redaction import Redactor
from engine.run.load import load
from engine.run.running import Options, run_spec
from engine.run.seams import Seams, quiet
from engine.run.workspace import open_workspace
from tests.unit.connections.test_http_network import self_signed

from .wire import HTML, Asked, Shop, message

FILES = """
mlconnector: 1
system: files
title: Files
needs: {path: {type: string, title: Folder}}
folder: {path: {need: path}}
objects:
  bills:
    title: Bills
    key: [number]
    pickup: {folder: /in, match: "*.csv", settled: {apart: 0s}, after: {done: /done, bad: /bad}}
    csv: {}
    document:
      key: [number]
      header:
        number: {column: number, type: string}
        total: {column: total, type: decimal}
        note: {column: note, type: string}
"""
SHOP = """
mlconnector: 1
system: shop
title: Shop
needs:
  site: {type: url, title: Site}
  token_url: {type: url, title: Token address}
books: [site]
http:
  base: {text: "{{ need.site }}/api/"}
  also: [{need: token_url}]
  auth: {oauth2: {grant: client_credentials, token_url: {need: token_url}, client_id: {const: me}, client_secret: {const: quite-a-secret}}}
  deadline: DEADLINE
  retry: {tries: 2, cap: 1m}
  errors:
    - {status: 400, says: "(?i)already exists", means: duplicate, message: why}
    - {status: 200, body: error, means: refused, message: error}
objects:
  bills:
    title: Bills
    key: [number]
    fields: {number: string(40)!, total: "decimal(18,2)!", note: string(2000000)}
    find: {get: bills, query: {number: document.number}, records: items, show: {total: total}, ours: found.tag == marker}
    create:
      guarantee: {class: CLASS, settle: 5m}
      accept: [blind]
      steps:
        - {name: save, post: bills, commits: true, send: {merge: [document, {tag: marker}]}, keep: {id: id}}
      reference: {text: "bill {{ id }}"}
"""
SPEC = """
mlconnector: 1
integration: bills
title: Bills
systems:
  files: {use: files, with: {path: {env: FILES}}}
  shop: {use: shop, with: {site: {env: SITE}, token_url: {env: TOKENS}}}
flows:
  bills:
    title: Bills
    read: {object: files.bills}
    key: [number]
    map: {number: number, total: total, note: note}
    write: {object: shop.bills, pattern: create_once, if_exists: {compare: [total]}}
"""


# What the table speaks of


@dataclass(frozen=True)
class Fate:
    """Where the document stands after the run: in a target that can be looked up, in a blind one; tries; the exit code."""

    lookup: str
    blind: str
    tries: int
    exit: int


NOT_SENT = Fate("ready", "ready", 0, 4)
RATE = Fate("ready", "ready", 0, 4)
SETUP = Fate("ready", "ready", 0, 4)
REFUSED = Fate("rejected", "rejected", 1, 3)
DOUBT = Fate("in_doubt", "held", 1, 3)
DONE = Fate("posted", "posted", 1, 0)


@dataclass(frozen=True)
class Row:
    """A way a post can end. `lands`: the shop stored it all the same. `says`: what the reason tells a person.

    `posts` of the run, 0: some.
    """

    name: str
    endings: tuple[Any, ...]
    fate: Fate
    says: str = ""
    lands: bool = False
    posts: int = 1
    slow: bool = False
    note: int = 0


ERROR = {"why": "Invalid vendor"}


def says(status: int, body: Any = b"", *headers: str, length: Any = True) -> Any:
    """Nothing is stored, and this is the answer."""
    return lambda asked: asked.answer(status, body, *headers, length=length)


def stored(status: int, body: Any = b"", *headers: str, length: Any = True) -> Any:
    """It is stored, and this is the answer."""

    def ending(asked: Asked) -> None:
        asked.store()
        asked.answer(status, body, *headers, length=length)

    return ending


def raw(wire: bytes) -> Any:
    def ending(asked: Asked) -> None:
        asked.store()
        asked.conn.sendall(wire)

    return ending


def reset_before(asked: Asked) -> None:
    asked.reset()


def reset_after(asked: Asked) -> None:
    asked.store()
    asked.reset()


def reset_inside(asked: Asked) -> None:
    asked.store()
    asked.conn.sendall(message(201, {"id": 1}, length=500))
    asked.reset()


def silence(asked: Asked) -> None:
    asked.linger()


def silence_after(asked: Asked) -> None:
    asked.store()
    asked.linger()


def drip(asked: Asked) -> None:
    wire = message(201, {"id": asked.store()["id"]}, *(f"X-{n}: {'y' * 90}" for n in range(9)))
    for place in range(len(wire)):
        asked.conn.sendall(wire[place : place + 1])
        time.sleep(0.01)


def cut_off(asked: Asked) -> None:
    """The head of a big request is read, then the connection is reset in its middle."""
    asked.reset()


def left_waiting(asked: Asked) -> None:
    """The head of a big request is read, and the rest never."""
    time.sleep(0.9)


TABLE = [
    # not sent: the shop refused before processing
    Row("429 without Retry-After", (says(429),) * 99, RATE, "429", posts=0),
    Row("429 with a sane Retry-After", (says(429, ERROR, "Retry-After: 20"),) * 99, RATE, "429", posts=2),
    Row("429 with a date", (says(429, b"", "Retry-After: Sat, 21 Nov 2026 10:00:00 GMT"),) * 99, RATE, "429"),
    Row("429 with an absurd Retry-After", (says(429, ERROR, "Retry-After: 99999999999"),), RATE, "429"),
    Row("429 with nonsense in Retry-After", (says(429, HTML, "Retry-After: soon"),) * 99, RATE, "429", posts=0),
    Row("429 once", (says(429, b"", "Retry-After: 1"),), DONE, posts=2),
    Row("401 once", (says(401, ERROR),), DONE, posts=2),
    Row("401 once, as HTML", (says(401, HTML),), DONE, posts=2),
    Row("401 again after a new token", (says(401, ERROR),) * 2, SETUP, "401", posts=2),
    Row("403", (says(403, {}),), SETUP, "403"),
    Row("403 as HTML", (says(403, HTML),), SETUP, "403"),
    # refused: the API's own words, and the same numbers from anybody else
    *(Row(f"{n} with an API error", (says(n, ERROR),), REFUSED, "Invalid vendor") for n in (400, 404, 405, 409, 422)),
    *(Row(f"{n} as HTML", (says(n, HTML),), DOUBT, "web page") for n in (400, 404, 405, 409, 422)),
    *(Row(f"{n} without a body", (says(n),), DOUBT, "empty") for n in (400, 404, 405, 409, 422)),
    Row("200 with an error that a rule knows", (says(200, {"error": "Period closed"}),), REFUSED, "Period closed"),
    # done
    Row("201 with its id", (stored(201, {"id": 1}),), DONE, lands=True),
    Row("200 with its id", (stored(200, {"id": 1}),), DONE, lands=True),
    Row("100 first, then 201", (raw(b"HTTP/1.1 100 Continue\r\n\r\n" + message(201, {"id": 1})),), DONE, lands=True),
    Row("200 in chunks", (stored(200, b'9\r\n{"id": 1}\r\n0\r\n\r\n', "Transfer-Encoding: chunked", length=None),), DONE, lands=True),
    # uncertain: everything else
    Row("2xx without a reference", (stored(201, {"ok": True}),), DOUBT, "`id` is not in the answer", lands=True),
    Row("2xx with an empty reference", (stored(201, {"id": None}),), DOUBT, "`id` is not in the answer", lands=True),
    Row("204", (stored(204, length=None),), DOUBT, "`id` is not in the answer", lands=True),
    Row("200 as HTML", (says(200, HTML),), DOUBT, "web page"),
    Row("200 as XML", (stored(200, b"<?xml version='1.0'?><ok/>"),), DOUBT, "web page or XML", lands=True),
    Row("200 without a body", (stored(200),), DOUBT, "empty", lands=True),
    Row("200 with blanks", (stored(200, b" \r\n "),), DOUBT, "empty", lands=True),
    Row("200 with an error that no rule knows", (says(200, {"fault": "x"}),), DOUBT, "`id` is not in the answer"),
    Row("200 with a text", (stored(200, b'"done"'),), DOUBT, "", lands=True),
    Row("JSON cut off, length given", (stored(201, b'{"id": 1', length=9),), DOUBT, "without an answer", lands=True),
    Row("JSON cut off, no length given", (stored(201, b'{"id": 1', length=None),), DOUBT, "can't be used", lands=True),
    Row("a number cut off, no length given", (stored(201, b'{"id": 17, "x": 1', length=None),), DOUBT, lands=True),
    Row("chunks cut off", (stored(201, b'9\r\n{"id"', "Transfer-Encoding: chunked", length=None),), DOUBT, lands=True),
    Row("gzip cut off", (stored(201, gzip.compress(b'{"id": 1}')[:-9], "Content-Encoding: gzip"),), DOUBT, "can't be used", lands=True),
    Row("NaN in the body", (stored(201, b'{"id": NaN}'),), DOUBT, "can't be used", lands=True),
    Row("a name twice in the body", (stored(201, b'{"id": 1, "id": 2}'),), DOUBT, "can't be used", lands=True),
    Row("too deep a body", (stored(201, b"[" * 5000 + b"]" * 5000),), DOUBT, "can't be used", lands=True),
    Row("a bomb", (stored(201, gzip.compress(b" " * 60_000_000, 1), "Content-Encoding: gzip"),), DOUBT, "larger than", lands=True),
    Row("no HTTP at all", (raw(b"220 mail.example ready\r\n"),), DOUBT, "without an answer", lands=True),
    *(Row(f"{n} to elsewhere", (says(n, b"", "Location: http://127.0.0.1:1/"),), DOUBT, "redirects") for n in (301, 302, 303, 307, 308)),
    Row("302 to itself", (stored(302, b"", "Location: /api/bills"),), DOUBT, "redirects", lands=True),
    Row("304", (says(304, length=None),), DOUBT),
    Row("408", (says(408, ERROR),), DOUBT),
    Row("425", (says(425, ERROR),), DOUBT),
    *(Row(f"{n} with an API error, before", (says(n, ERROR),), DOUBT) for n in (402, 410, 418, 451)),
    *(Row(f"{n}, before", (says(n, ERROR),), DOUBT, "Invalid vendor") for n in (500, 501, 502, 503, 504)),
    *(Row(f"{n}, after", (stored(n, ERROR),), DOUBT, "Invalid vendor", lands=True) for n in (500, 502, 503, 504)),
    Row("503 with Retry-After, after", (stored(503, HTML, "Retry-After: 1"),), DOUBT, "web page", lands=True),
    Row("already exists, and it does", (stored(400, {"why": "Bill already exists."}),), DOUBT, "already exists", lands=True),
    Row("already exists, and it does not", (says(400, {"why": "Bill already exists."}),), DOUBT, "already exists"),
    Row("closed before", (lambda asked: None,), DOUBT, "without an answer"),
    Row("closed after", (lambda asked: asked.store() and None,), DOUBT, "without an answer", lands=True),
    Row("reset before", (reset_before,), DOUBT, "without an answer"),
    Row("reset inside the answer", (reset_inside,), DOUBT, "without an answer", lands=True),
    Row("reset after", (reset_after,), DOUBT, "without an answer", lands=True),
    Row("cut off while sending", (cut_off,), DOUBT, "without an answer", note=1_000_000),
    Row("nobody takes what is sent", (left_waiting,), DOUBT, "deadline", note=1_000_000, slow=True),
    Row("no answer, before", (silence,), DOUBT, "deadline", slow=True),
    Row("no answer, after", (silence_after,), DOUBT, "deadline", lands=True, slow=True),
    Row("one byte at a time beyond the deadline", (drip,), DOUBT, "deadline", lands=True, slow=True),
]  # fmt: skip


class Clock:
    """Moves when somebody sleeps or says so."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Theatre:
    """What every stage starts from: integrations compiled once, an empty workspace to copy, a fast place for both."""

    root: Path
    specs: Mapping[tuple[str, bool], Any]


@pytest.fixture(scope="module")
def theatre():
    memory = Path("/dev/shm")
    root = Path(tempfile.mkdtemp(prefix="outcomes-", dir=memory if memory.is_dir() else None))
    specs = {}
    for guarantee, slow in product(("lookup", "blind"), (False, True)):
        folder = root / f"{guarantee}-{slow}"
        (folder / "systems").mkdir(parents=True)
        (folder / "systems/files.yaml").write_text(FILES)
        shop, spec = SHOP.replace("CLASS", guarantee).replace("DEADLINE", "500ms" if slow else "20s"), SPEC
        if guarantee == "blind":
            shop = "\n".join(line for line in shop.splitlines() if not line.startswith("    find:"))
            spec = spec.replace(", if_exists: {compare: [total]}", "")
        (folder / "systems/shop.yaml").write_text(shop)
        (folder / "bills.yaml").write_text(spec)
        specs[guarantee, slow] = load(folder / "bills.yaml")
    (root / "empty").mkdir()
    with open_workspace(root / "empty", seams=Seams(environ={}), redactor=Redactor(), actor="test"):
        pass
    yield Theatre(root, specs)
    shutil.rmtree(root)


class Stage:
    """One bill on its way to the shop; `run` is a poll."""

    def __init__(self, theatre: Theatre, shop: Shop, guarantee: str, stack: ExitStack, row: Row) -> None:
        self.shop, self.clock, self.spec = shop, Clock(), theatre.specs[guarantee, row.slow]
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=theatre.root)))
        for name in ("in", "done", "bad"):
            (self.folder / name).mkdir()
        shutil.copytree(theatre.root / "empty", self.folder / "home")
        origin = f"http://127.0.0.1:{shop.port}"
        self.environ = {"FILES": str(self.folder), "SITE": origin, "TOKENS": f"{origin}/token"}
        self.network = Network(allow_loopback=True)
        (self.folder / "in/bills.csv").write_text(f"number,total,note\nA-1,10.30,{'n' * row.note}\n")
        self.workspace = stack.enter_context(
            open_workspace(self.folder / "home", seams=self.seams(), redactor=Redactor(), actor="test")
        )

    def seams(self) -> Seams:
        return Seams(
            clock=self.clock, sleep=self.clock.sleep, random=lambda: 0.5, environ=self.environ, allow_loopback=True,
            transport=lambda alias: Transport(at_once=1, network=self.network) if alias == "shop" else None,
        )  # fmt: skip

    def run(self, *, later: float = 0) -> Any:
        self.clock.sleep(later)
        return run_spec(self.spec, self.workspace, self.seams(), Options(), quiet)

    @property
    def document(self) -> Any:
        (found,) = self.workspace.ledger.find_documents()
        return found

    def trail(self) -> list[Any]:
        """What the trail tells of the document, without the calls."""
        self.workspace.trail.flush()
        return [line for line in self.workspace.trail.entries(key=self.document.key) if line.event != "call"]


PLAIN = Row("", (), DONE)


@pytest.fixture
def make(theatre, shop):
    with ExitStack() as stack:
        yield lambda guarantee="lookup", row=PLAIN: Stage(theatre, shop, guarantee, stack, row)


@pytest.fixture
def shop():
    with Shop() as opened:
        yield opened


def check_first(stage: Stage, row: Row, guarantee: str, result: Any) -> None:
    """What the ledger, the wire and the exit code say after the run in which it happened."""
    document = stage.document
    assert document.state.value == getattr(row.fate, guarantee), document.reason
    assert document.tries == row.fate.tries
    assert stage.shop.posts == row.posts or not row.posts
    assert result.exit_code == row.fate.exit, result.render("text")
    assert row.says in document.reason


@pytest.mark.parametrize("row", TABLE, ids=[row.name for row in TABLE])
def test_one_whole_document_in_a_target_that_can_be_looked_up(make, shop, row):
    shop.endings.extend(row.endings)
    shop.unread = bool(row.note)
    stage = make("lookup", row)
    check_first(stage, row, "lookup", stage.run())
    assert len(shop.stored) == (row.lands or row.fate is DONE)

    shop.endings.clear()
    shop.unread = False
    posts, looks = shop.posts, shop.looks
    if row.fate is DOUBT:
        stage.run(later=60)
        assert (shop.posts, shop.looks) == (posts, looks), "before settle is over nothing is looked up or sent"
    for _ in range(2):
        stage.run(later=900)

    document, trail = stage.document, stage.trail()
    assert (document.state.value, len(shop.stored)) == ("posted", 1), document.reason
    assert shop.posts == posts + (row.fate is not DONE and not row.lands), "sent again only where it was not there"
    assert document.reference == ("" if row.fate is DOUBT and row.lands else "bill 1")
    events = [line.event for line in trail]
    assert events[:3] == ["received", "claimed", "sending"]
    assert row.fate.lookup in events
    assert (trail[-1].event, trail[-1].detail.get("resolved_by")) == (
        "posted",
        "lookup" if row.fate is DOUBT and row.lands else None,
    )


@pytest.mark.parametrize("row", TABLE, ids=[row.name for row in TABLE])
def test_at_most_one_in_a_target_that_cannot(make, shop, row):
    shop.endings.extend(row.endings)
    shop.unread = bool(row.note)
    stage = make("blind", row)
    check_first(stage, row, "blind", stage.run())

    shop.endings.clear()
    shop.unread = False
    posts = shop.posts
    for _ in range(2):
        stage.run(later=900)

    assert shop.looks == 0
    if row.fate is DOUBT:
        assert (stage.document.state.value, shop.posts, len(shop.stored)) == ("held", posts, row.lands)
        assert "check there by hand" in stage.document.reason
    else:
        assert (stage.document.state.value, len(shop.stored)) == ("posted", 1)


# Before a byte left


def unknown(stage: Stage, tmp_path: Any) -> None:
    def resolve(host: str, port: int) -> Any:
        if host == "shop.invalid":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [host]

    stage.network = Network(allow_loopback=True, resolve=resolve)
    stage.environ["SITE"] = "http://shop.invalid"


def refusing(stage: Stage, tmp_path: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        stage.environ["SITE"] = f"http://127.0.0.1:{free.getsockname()[1]}"


def no_tls(stage: Stage, tmp_path: Any) -> None:
    stage.environ["SITE"] = f"https://127.0.0.1:{stage.shop.port}"


@contextmanager
def untrusted(stage: Stage, tmp_path: Any) -> Any:
    with Shop() as other:
        side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        side.load_cert_chain(self_signed(tmp_path))
        inner = other._one

        def shake(conn: Any) -> None:
            with suppress(OSError):
                inner(side.wrap_socket(conn, server_side=True))
            conn.close()

        other._one = shake
        stage.environ["SITE"] = f"https://127.0.0.1:{other.port}"
        yield


@contextmanager
def deaf(stage: Stage, tmp_path: Any) -> Any:
    """Its queue of connections is full, so nobody gets through and nobody is refused."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(listening.getsockname())
        stage.environ["SITE"] = f"http://127.0.0.1:{listening.getsockname()[1]}"
        yield
        for each in waiting:
            each.close()


UNREACHABLE = [
    ("connection refused", refusing, "no connection"),
    ("unknown name", unknown, "was not found"),
    ("no TLS there", no_tls, "no connection"),
    ("a certificate nobody vouches for", untrusted, "certificate"),
    ("connect time-out", deaf, "no connection"),
]


@pytest.mark.parametrize("guarantee", ["lookup", "blind"])
@pytest.mark.parametrize(("trouble", "says"), [row[1:] for row in UNREACHABLE], ids=[row[0] for row in UNREACHABLE])
def test_what_never_left_is_not_counted_and_goes_when_the_shop_can_be_reached(
    make, tmp_path, shop, trouble, says, guarantee
):
    stage = make(guarantee, replace(PLAIN, slow=trouble is deaf))
    right = dict(stage.environ)
    found = trouble(stage, tmp_path)
    with found if found is not None else nullcontext():
        result = stage.run()
    document = stage.document
    assert (document.state.value, document.tries, result.exit_code) == ("ready", 0, 4), document.reason
    assert says in document.reason
    assert (shop.posts, shop.stored) == (0, [])

    stage.environ, stage.network = right, Network(allow_loopback=True)
    stage.run(later=900)
    assert (stage.document.state.value, shop.posts, len(shop.stored)) == ("posted", 1, 1)


@pytest.mark.parametrize(
    ("header", "at_least", "at_most"),
    [("Retry-After: 600", 600, 600), ("Retry-After: 99999999999", 900, 900)],
)
def test_a_wait_that_is_asked_for_is_kept_within_reason(make, shop, header, at_least, at_most):
    shop.endings.extend((says(429, b"", header),) * 2)
    stage = make()
    stage.run()
    waits = (stage.document.not_before - stage.clock()).total_seconds()
    assert at_least <= waits <= at_most


def test_what_lands_after_the_doubt_is_found_and_not_sent_again(make, shop):
    """The request is taken in two minutes after its sender gave up: settle covers it."""
    late: list[Asked] = []
    shop.endings.append(late.append)
    stage = make()
    stage.run()
    assert stage.document.state.value == "in_doubt"
    late[0].store()
    for _ in range(2):
        stage.run(later=900)
    assert (stage.document.state.value, shop.posts, len(shop.stored)) == ("posted", 1, 1)


def test_three_lost_answers_end_before_a_person_and_are_never_a_fourth_send(make, shop):
    shop.endings.extend([lambda asked: None] * 9)
    stage = make()
    for _ in range(12):
        stage.run(later=900)
    assert (stage.document.state.value, shop.posts) == ("held", 3)


def test_what_is_refused_again_and_again_ends_before_a_person(make, shop):
    shop.endings.extend([says(422, ERROR)] * 20)
    stage = make()
    for _ in range(8):
        stage.run(later=900)
    assert (stage.document.state.value, shop.posts, shop.stored) == ("held", 5, [])
    assert "Invalid vendor" in stage.document.reason

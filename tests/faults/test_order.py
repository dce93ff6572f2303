"""The order of durable writes and sends, seen from outside: what a stranger's own connection reads as the first byte arrives."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import defaultdict
from contextlib import closing
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import psycopg
import pytest

from engine.connections.exchange import Fixed
from engine.connections.folder import Folder
from engine.connections.http import Http, HttpKind
from engine.run.dropping import Dropping
from engine.run.writing import Writing
from engine.targets.steps import Create, Look, StepTarget, Ways

from ..unit.targets.erp import Time, built  # noqa: TID252 - the tests are no package
from .cast import WHOLE
from .defects_delivery import SendsBeforeTheIntent
from .defects_files import UploadsFirst
from .house import House
from .house_postgres import plain
from .scenes import at_rest
from .scenes_http import NoTokens

CREATE = """
guarantee: {class: lookup, settle: 2m}
steps:
  - {name: save, post: {text: "save/{{ document.number }}"}, send: document, commits: true}
  - {name: lines, post: {text: "lines/{{ document.number }}"}, send: document, commits: true}
reference: {text: "{{ document.number }}"}
"""
FIND = 'get: {text: "find/{{ document.number }}"}\nrecords: items\nours: found.id\n'
DOCUMENT = "SELECT state, step, reference FROM document WHERE number = {}"
ATTEMPT = (
    "SELECT attempt.step, attempt.finished_at IS NULL FROM attempt JOIN document ON document.key = attempt.key"
    " WHERE document.number = {} ORDER BY attempt.n DESC LIMIT 1"
)
OUTBOX = "SELECT state, sha256, documents FROM outbox WHERE name = {}"
POSTGRES = "postgres"


class Stranger:
    """Reads what is durable, by a connection of its own for each question."""

    def __init__(self, house):
        self._file = getattr(house, "file", None)
        self._url = None if self._file else plain(house.database.engine.url.render_as_string(hide_password=False))

    def asks(self, query, *values):
        if self._url is not None:
            with psycopg.connect(self._url) as connection:
                return connection.execute(query.format(*["%s"] * len(values)), values).fetchone()
        with closing(sqlite3.connect(f"file:{self._file}?mode=ro", uri=True)) as connection:
            return connection.execute(query.format(*"?" * len(values)), values).fetchone()


class Watcher:
    """A target over a socket that looks into the ledger when the first line of a commit request is there, and before it answers."""

    def __init__(self, house, together):
        self.stranger = Stranger(house)
        self.together = together
        self.seen = defaultdict(list)
        self.wrong = []
        self.most = 0
        self._here = 0
        self._changed = threading.Condition()

    def arrives(self, step, number):
        with self._changed:
            self._here += 1
            self.most = max(self.most, self._here)
            self._changed.notify_all()
        self._must(number, "arrives", self.stranger.asks(DOCUMENT, number), ("sending", step, ""))
        self._must(number, "arrives", self.stranger.asks(ATTEMPT, number), (step, True))
        self.seen[number].append(step)

    def answers(self, step, number):
        """The first ones wait until so many are here."""
        with self._changed:
            self._changed.wait_for(lambda: self.most >= self.together, timeout=5)
        self._must(number, "is answered", self.stranger.asks(DOCUMENT, number), ("sending", step, ""))
        with self._changed:
            self._here -= 1

    def _must(self, number, when, found, wanted):
        if found is None or tuple(found) != wanted:
            self.wrong.append(f"{number} {when}: the ledger says {found}, not {wanted}")


def handler(watcher):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def parse_request(self):
            _method, path, _version = self.raw_requestline.decode().split()
            self.step, self.number = path.split("/")[1:]
            if self.step != "find":
                watcher.arrives(self.step, self.number)
            return super().parse_request()

        def do_GET(self):
            self._say({"items": []})

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            watcher.answers(self.step, self.number)
            self._say({"done": True})

        def _say(self, body):
            out = json.dumps(body).encode()
            self.wfile.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (len(out), out)
            )
            self.close_connection = True

        def log_message(self, *_):
            pass

    return Handler


class Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 128


def watched(theatre, at_once, many, cast=WHOLE):
    """Delivers so many documents over real sockets, so many at once."""
    watcher = Watcher(theatre.house, at_once)
    server = Server(("127.0.0.1", 0), handler(watcher))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    kind = HttpKind(base=Fixed(f"http://127.0.0.1:{server.server_port}/"), at_once=at_once)
    clock = Time()
    try:
        with Http(
            kind, {}, name="erp", watch=lambda call: None, tokens=NoTokens(), clock=clock.clock, sleep=clock.sleep,
            random=lambda: 0.5, allow_loopback=True,
        ) as http:  # fmt: skip
            target = StepTarget(
                Ways(create=built(Create, CREATE), look=built(Look, FIND)),
                http,
                {},
                clock=clock.clock,
                sleep=clock.sleep,
                at_once=at_once,
            )
            play = at_rest(
                theatre,
                replace(
                    cast,
                    target=lambda _shop, _process: target,
                    writing=lambda flow, ledger, delivery, _one, *rest: Writing(flow, ledger, delivery, at_once, *rest),
                ),
                "B",
                documents=many,
            )
            play.life()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    return watcher


@pytest.fixture(params=["sqlite", POSTGRES])
def any_theatre(request):
    """A house of each kind of database; SQLite on a real disk."""
    if request.param == POSTGRES:
        yield request.getfixturevalue("postgres_theatre")
        return
    theatre, folder = request.getfixturevalue("theatre"), request.getfixturevalue("tmp_path")
    house = House(theatre.house.place.parent / "empty", folder / "house")
    yield SimpleNamespace(flow=theatre.flow, house=house)
    house.close()


@pytest.mark.parametrize("at_once", [1, 8, 32])
def test_no_request_arrives_before_its_intent_and_none_is_posted_before_its_answer(any_theatre, at_once):
    many = max(6, at_once * 2)
    watcher = watched(any_theatre, at_once, many)
    assert watcher.wrong == []
    assert [*map(tuple, watcher.seen.values())] == [("save", "lines")] * many
    for number in watcher.seen:
        assert tuple(watcher.stranger.asks(DOCUMENT, number)) == ("posted", "sent", number)
        assert tuple(watcher.stranger.asks(ATTEMPT, number)) == ("lines", False)
    assert watcher.most == at_once, "they were to be under way together"


def test_the_stranger_notices_an_intent_that_comes_late(any_theatre):
    watcher = watched(any_theatre, 1, many=1, cast=replace(WHOLE, delivery=SendsBeforeTheIntent))
    assert "N-0 arrives: the ledger says ('probing', '', '')" in watcher.wrong[0]


# Dropped files


class Watched:
    """A real folder; what is durable is read as the first bytes of the temporary file are taken, and again as the last are."""

    def __init__(self, folder, stranger):
        self._folder, self._stranger, self.seen = folder, stranger, []

    def __getattr__(self, name):
        return getattr(self._folder, name)

    def put(self, folder, name, data, size, **how):
        watched = self

        class Data:
            def read(self, *many):
                watched.seen.append(watched._stranger.asks(OUTBOX, name))
                return data.read(*many)

        return self._folder.put(folder, name, Data(), size, **how)


def dropped(theatre, folder, dropping):
    (folder / "out").mkdir()
    stranger = Stranger(theatre.house)
    files = Watched(Folder(folder), stranger)
    cast = replace(WHOLE, dropping=lambda **given: dropping(**{**given, "files": files}))
    at_rest(theatre, cast, "F", documents=3).life()
    (file,) = (folder / "out").iterdir()
    return files.seen, file, stranger.asks(OUTBOX, file.name)


def test_a_file_is_built_and_its_upload_written_down_before_a_byte_of_it_leaves(any_theatre, tmp_path):
    seen, file, after = dropped(any_theatre, tmp_path, Dropping)
    assert file.read_bytes().count(b"N-") == 3
    assert len(seen) >= 2, "the first bytes, and the end of them, before the rename"
    assert {(state, documents) for state, _, documents in seen} == {("sending", 3)}
    assert (after[0], {after[1]}) == ("done", {sha256 for _, sha256, _ in seen})


def test_the_stranger_notices_a_file_that_leaves_before_it_is_written_down(any_theatre, tmp_path):
    seen, _file, _after = dropped(any_theatre, tmp_path, UploadsFirst)
    assert set(seen) == {None}

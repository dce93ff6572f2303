"""The same suite on SQLite and on PostgreSQL."""

from __future__ import annotations

import importlib.util
import itertools
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.contracts import Document, Parcel, State
from engine.redaction import Redactor
from engine.state.database import open_database
from engine.state.ledger import Ledger
from engine.state.tables import metadata
from engine.state.trail import Trail
from engine.state.vault import open_vault

_spec = importlib.util.spec_from_file_location("mlc_tests_postgres", Path(__file__).parents[2] / "postgres.py")
postgres = importlib.util.module_from_spec(_spec)
sys.modules["mlc_tests_postgres"] = postgres
_spec.loader.exec_module(postgres)
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server():
    """A PostgreSQL server, or the reason why there is none."""
    running = postgres.running_server()
    try:
        address = running.__enter__()
    except postgres.NoPostgres as reason:
        pytest.skip(f"no PostgreSQL: {reason}")
    yield address
    running.__exit__(None, None, None)


@pytest.fixture
def postgres_url(server):
    """A database of its own, with nothing in it, not even tables: for what is about those."""
    with postgres.fresh_database(server, f"mlc_{os.getpid()}_{next(_numbers)}") as url:
        yield url


@pytest.fixture(scope="session")
def shared_url(server, tmp_path_factory):
    """A database with tables, made once: emptying it takes a fifth of the time that making another takes."""
    with postgres.fresh_database(server, f"mlc_{os.getpid()}_shared") as url:
        open_database(url, tmp_path_factory.mktemp("shared")).close()
        yield url


def emptied(url):
    """The same database with no row in it; whoever is still writing gets ten seconds to end."""
    import psycopg

    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("SET lock_timeout = '10s'")
        connection.execute(f"TRUNCATE {', '.join(metadata.tables)} RESTART IDENTITY")
    return url


@pytest.fixture(params=["sqlite", "postgres"])
def url(request):
    """None for the embedded database, else the address of an empty one."""
    return None if request.param == "sqlite" else emptied(request.getfixturevalue("shared_url"))


@pytest.fixture(params=["sqlite", "postgres"])
def new_url(request):
    """The same, without tables."""
    return None if request.param == "sqlite" else request.getfixturevalue("postgres_url")


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self):
        self.now = datetime(2026, 11, 2, 7, 0, tzinfo=UTC)

    def __call__(self):
        return self.now

    def move(self, **amount):
        self.now += timedelta(**amount)


class House:
    """A workspace with everything opened; `more()` opens it a second time, as another process would."""

    def __init__(self, url, workspace, clock, boot=None):
        self.url, self.workspace, self.clock = url, workspace, clock
        self.redactor = Redactor()
        self.database = open_database(url, workspace)
        seams = {"redactor": self.redactor, "clock": clock}
        self.vault = open_vault(self.database, "acme", workspace, environment={}, **seams)
        self.trail = Trail(self.database, "acme", vault=self.vault, actor="tester", **seams)
        self.ledger = Ledger(
            self.database, "acme", clock=clock, vault=self.vault, trail=self.trail, actor="tester", boot=boot
        )
        self._more = []

    def more(self, boot=None):
        other = House(self.url, self.workspace, self.clock, boot)
        self._more.append(other)
        return other

    def close(self):
        for other in self._more:
            other.close()
        self.ledger.close()
        self.database.close()

    def take_in(self, *documents, parcel=None, run="run-1", flow="invoices"):
        with self.ledger.intake(flow, parcel or make_parcel(), run) as intake:
            intake.add(documents)
            intake.finish({"new": len(documents)})
        return [self.ledger.document(document.key, document.version) for document in documents]

    def events(self, **asked):
        return [entry.event for entry in self.trail.entries(**asked)]

    def sql(self, statement, **values):
        from sqlalchemy import text

        with self.database.write() as connection:
            return connection.execute(text(statement), values)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def house(url, tmp_path, clock):
    opened = House(url, tmp_path, clock)
    yield opened
    opened.close()


@pytest.fixture
def new_house(new_url, tmp_path, clock):
    """A house whose tables may be spoilt."""
    opened = House(new_url, tmp_path, clock)
    yield opened
    opened.close()


@pytest.fixture
def served(shared_url, tmp_path, clock):
    """A house on PostgreSQL only, for what is about several writers at once."""
    opened = House(emptied(shared_url), tmp_path, clock)
    yield opened
    opened.close()


@pytest.fixture
def home(tmp_path, clock):
    """A house on SQLite only, for what is about files."""
    opened = House(None, tmp_path, clock)
    yield opened
    opened.close()


_parcels = itertools.count(1)


def make_parcel(name="invoices_001.csv", kind="file", sha256=None):
    n = next(_parcels)
    return Parcel(id=f"p{n}", kind=kind, name=name, read=lambda: iter(()), sha256=sha256 or f"{n:064x}", size=10)


def make_document(key="k1", *, version=0, state=State.READY, flow="invoices", **fields):
    given = {
        "kind": "ap_invoice", "number": "00123", "party": "ACME", "content_hash": "h1", "source": {"a": "1"},
        "payload": {"InvoiceNum": "00123"}, "spec_sha": "s1",
    } | fields  # fmt: skip
    return Document(key=key, version=version, flow=flow, state=state, **given)


@pytest.fixture
def make():
    """Makes documents."""
    return make_document


@pytest.fixture
def parcel():
    """Makes parcels."""
    return make_parcel

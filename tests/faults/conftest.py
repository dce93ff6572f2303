"""A flow compiled once, an empty workspace to copy, and a fast place for databases."""

from __future__ import annotations

import itertools
import logging
import os
import shutil
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.redaction import Redactor
from engine.run.load import load
from engine.run.model import Flow
from engine.run.seams import Seams
from engine.run.workspace import open_workspace

from ..postgres import NoPostgres, fresh_database, running_server  # noqa: TID252 - the tests are no package
from .house import House
from .house_postgres import ServerHouse

SYSTEM = """
mlconnector: 1
system: partner
title: Partner files
needs:
  path: {type: string, title: Folder}
books: [path]
folder: {path: {need: path}}
objects:
  invoices:
    title: Invoices
    key: [vendor, number]
    pickup: {folder: /in, match: "*.csv", after: {done: /done, bad: /bad}}
    csv: {}
    document:
      key: [vendor, number]
      header:
        vendor: {column: vendor, type: string}
        number: {column: number, type: string}
        total: {column: total, type: decimal}
        kind: {column: kind, type: string}
  ledger:
    title: Ledger
    key: [number]
    fields: {vendor: string(20)!, number: string(20)!, total: "decimal(18,2)"}
    drop: {folder: /out, name: {text: "ledger_{{ batch }}.csv"}}
    csv: {newline: lf}
"""

SPEC = """
mlconnector: 1
integration: books
title: Books
systems:
  partner: {use: partner, with: {path: {env: PARTNER_PATH}}}
flows:
  invoices:
    title: Invoices
    read: {object: partner.invoices}
    key: [vendor, number]
    amount: total
    map: {vendor: vendor, number: number, total: total}
    write: {object: partner.ledger, pattern: append, on_changed: hold}
"""
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Theatre:
    """What every schedule starts from. The house is in memory where the machine has that; `synchronous=FULL` stays."""

    flow: Flow
    house: House | ServerHouse


@pytest.fixture(scope="session")
def server():
    """A PostgreSQL server, or the reason why there is none."""
    with ExitStack() as stack:
        try:
            address = stack.enter_context(running_server())
        except NoPostgres as reason:
            pytest.skip(f"no PostgreSQL: {reason}")
        yield address


@pytest.fixture
def database_url(server):
    """The address of an empty database."""
    with fresh_database(server, f"mlc_{os.getpid()}_{next(_numbers)}") as url:
        yield url


@pytest.fixture(scope="session")
def postgres_theatre(theatre, server):
    """The same, with the ledger on a server."""
    with fresh_database(server, f"mlc_{os.getpid()}_theatre") as url:
        root = theatre.house.place.parent
        house = ServerHouse(root / "empty", root / "served", url)
        yield Theatre(theatre.flow, house)
        house.close()


@pytest.fixture(scope="session")
def theatre():
    memory = Path("/dev/shm")
    root = Path(tempfile.mkdtemp(prefix="faults-", dir=memory if memory.is_dir() else None))
    (root / "spec" / "systems").mkdir(parents=True)
    (root / "spec" / "systems" / "partner.yaml").write_text(SYSTEM, encoding="utf-8")
    (root / "spec" / "books.yaml").write_text(SPEC, encoding="utf-8")
    (root / "empty").mkdir()
    with open_workspace(root / "empty", seams=Seams(environ={}), redactor=Redactor(), actor="test"):
        pass
    house = House(root / "empty", root / "house")
    yield Theatre(load(root / "spec" / "books.yaml").flows["invoices"], house)
    house.close()
    shutil.rmtree(root)


@pytest.fixture(autouse=True)
def _quiet():
    """Alerts of ten thousand runs that are meant to go wrong are no news."""
    engine = logging.getLogger("engine")
    before = engine.level
    engine.setLevel(logging.CRITICAL)
    yield
    engine.setLevel(before)

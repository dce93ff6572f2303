"""A workspace that ran once, and a look at every row of it."""

from __future__ import annotations

import sqlite3

import pytest

from engine.redaction import Redactor
from engine.run.seams import Seams
from engine.run.workspace import open_workspace
from engine.state.facts import Cursor

FLOW, SOURCE = "books/invoices", "partner.invoices"


def put_cursor(desk, value, flow=FLOW, source=SOURCE):
    with open_workspace(desk.folder, seams=Seams(environ={}), redactor=Redactor(), actor="tess") as workspace:
        workspace.ledger.set_cursor(flow, source, Cursor(value=value))


def rows(folder):
    """Every row of every table but the trail's own."""
    with sqlite3.connect(f"file:{folder / '.mlconnector' / 'state.db'}?mode=ro", uri=True) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {name: sorted(map(repr, connection.execute(f'SELECT * FROM "{name}"'))) for name in names}
    connection.close()
    return found


@pytest.fixture
def ran(desk):
    """One posted, one held."""
    desk.place("a.csv", "1,10.50", "2,13")
    assert desk.at("run", desk.spec).exit_code == 3
    return desk

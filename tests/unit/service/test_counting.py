"""The figures are kept up a little at a time, and a busy database only delays them."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import date
from types import SimpleNamespace

import pytest

from engine.contracts import Document, Parcel, State
from engine.redaction import Redactor
from engine.run.seams import Seams
from engine.run.workspace import open_workspace
from engine.service.counting import Counting
from engine.state import tally


@pytest.fixture
def workspace(tmp_path):
    with open_workspace(tmp_path, seams=Seams(environ={}), redactor=Redactor(), actor="test") as opened:
        yield opened


def take_in(workspace, many):
    parcel = Parcel(id="p", kind="file", name="a.csv", read=lambda: iter(()), sha256="a" * 64)
    with workspace.ledger.intake("a/b", parcel, "r") as intake:
        intake.add([
            Document(
                key=f"k{n}", version=0, flow="a/b", kind="x", number=str(n), party="", state=State.READY, content_hash="h",
                source={}, payload={}, amount="0.01",
            )
            for n in range(many)
        ])  # fmt: skip
        intake.finish({"new": many})


def counted(workspace):
    return [(each.state, each.documents, str(each.amount)) for each in tally.by_day(workspace.desk, date(2020, 1, 1))]


def test_a_turn_counts_what_there_is_and_the_next_nothing(workspace):
    take_in(workspace, 1234)
    counting = Counting(SimpleNamespace(workspace=workspace))
    assert counting.tick() == 1235, "a line for each document, and one for the file"
    assert counted(workspace) == [("received", 1234, "12.34")]
    assert counting.tick() == 0


def test_a_turn_ends_after_so_many_thousand_lines_and_the_next_goes_on(workspace):
    take_in(workspace, 2500)
    counting = Counting(SimpleNamespace(workspace=workspace), batches=2)
    assert (counting.tick(), counting.tick()) == (2000, 501)
    assert counted(workspace) == [("received", 2500, "25.00")]


def test_a_database_that_is_away_is_asked_again_next_time(workspace):
    from sqlalchemy.exc import OperationalError

    from engine.state.database import Database, told

    take_in(workspace, 3)

    class Busy(Database):
        @contextmanager
        def write(self):
            with told():
                raise OperationalError("BEGIN", {}, Exception("database is locked"))
            yield

    from dataclasses import replace

    busy = replace(workspace, desk=replace(workspace.desk, database=Busy(workspace.database.engine, None)))
    assert Counting(SimpleNamespace(workspace=busy)).tick() == 0
    assert Counting(SimpleNamespace(workspace=workspace)).tick() == 4

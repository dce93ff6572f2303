"""An old backup is restored: what was sent since is found in the target, and nothing is sent, or dropped, a second time."""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack

import psycopg
import pytest

from engine.contracts import State

from ..specs.world import World, invoice  # noqa: TID252 - the tests are no package that is installed
from .house_postgres import plain
from .test_crash_points import a_play, dies, either, ends_well, made, states  # noqa: F401 - a fixture by its name


class Embedded:
    """The backup of a workspace is a copy of its files, made while nobody is at work."""

    def __init__(self, world):
        self._live, self._copy = world.home / ".mlconnector", world.folder / "backup"

    def back_up(self):
        shutil.copytree(self._live, self._copy)

    def restore(self):
        shutil.rmtree(self._live)
        shutil.copytree(self._copy, self._live)


class Shared:
    """The backup of a database is another made from it, and so is what is restored."""

    def __init__(self, world, server, stack):
        self._admin, self._name = plain(server.format("postgres")), f"mlc_{os.getpid()}_restored"
        self._order(f"CREATE DATABASE {self._name}")
        stack.callback(self._order, f"DROP DATABASE IF EXISTS {self._name}_backup WITH (FORCE)")
        stack.callback(self._order, f"DROP DATABASE IF EXISTS {self._name} WITH (FORCE)")
        world.keep_on(server.format(self._name))

    def _order(self, statement):
        with psycopg.connect(self._admin, autocommit=True) as connection:
            connection.execute(statement)

    def back_up(self):
        self._order(f"CREATE DATABASE {self._name}_backup TEMPLATE {self._name}")

    def restore(self):
        self._order(f"DROP DATABASE {self._name} WITH (FORCE)")
        self._order(f"CREATE DATABASE {self._name} TEMPLATE {self._name}_backup")


@pytest.fixture(params=["sqlite", "postgres"])
def site(request, tmp_path):
    """A world with its memory, and how that is backed up."""
    with ExitStack() as stack:
        world = World(stack, tmp_path)
        if request.param == "sqlite":
            yield world, Embedded(world)
        else:
            yield world, Shared(world, request.getfixturevalue("server"), stack)


def test_invoices_that_were_ready_are_adopted(site):
    world, memory = site
    world.masters_are_fresh()
    world.offer("invoices_001.csv", invoice("B-1"), invoice("B-2"))
    world.epicor.faults.add("503:GetNewAPInvHedInvoice:0")
    world.run("invoices")
    memory.back_up()
    world.epicor.faults.clear()
    world.run("invoices")
    posted = [world.state(number) for number in ("B-1", "B-2")]

    memory.restore()
    forgotten = [world.state(number) for number in ("B-1", "B-2")]
    world.masters_are_fresh()
    again = world.run("invoices")

    assert (posted, forgotten, again.exit_code) == (["posted"] * 2, ["ready"] * 2, 0)
    for number in ("B-1", "B-2"):
        assert world.state(number) == "adopted"
        world.assert_whole(number)


def test_a_file_that_was_dropped_since_is_dropped_under_no_other_name(site):
    """Named by its batch it gets the same name anew: what lies there is not written over, and a person looks."""
    world, memory = site
    world.change("systems/stampli.yaml", ("vendors_{{ run.started | stamp }}.csv", "vendors_{{ batch }}.csv"))
    memory.back_up()
    world.run("vendors")
    dropped = world.stampli.inbound()

    memory.restore()
    again = world.run("vendors")

    assert len(dropped) == 1
    assert world.stampli.inbound() == dropped
    assert again.exit_code == 3
    assert world.state("ACME") == "held"
    assert "another file of that name is there" in world.document("ACME").reason


def test_a_trail_noted_outside_tells_that_the_database_is_older(site):
    """How an operator learns of it before a target that can't be asked is written to again."""
    world, memory = site
    memory.back_up()
    world.run("vendors")
    with world.workspace() as workspace:
        noted = workspace.trail.head()
    memory.restore()
    with world.workspace() as workspace:
        assert "reached line" in workspace.trail.verify(noted).breaks[-1].problem


def test_a_target_that_cant_be_asked_is_not_written_to_once_a_person_holds_it(either):  # noqa: F811
    """The ledger can't know: whoever restores it holds what was ready, looks in the target, and says where it is."""
    play = a_play(either, "C")
    play.life(plan={"before claim": dies})
    play.house.back_up()
    play.life()
    play.house.restore()
    (row,) = play._kept()
    assert row.state == "ready"
    _, ledger = play._open(type(play.acting["p1"])("person", play.stage))
    (document,) = ledger.find_documents(states=[State.READY])
    ledger.hold(document.key, actor="ann", reason="restored from a backup: look there first")
    ledger._commits.close()
    ends_well(play, "held")
    assert made(play) == 1


@pytest.mark.parametrize("taken", [False, True], ids=["still_there", "taken"])
def test_a_batch_that_was_built_is_found_by_its_name_and_bytes(either, taken):  # noqa: F811
    play = a_play(either, "F", documents=2)
    play.life(plan={"outbox_sending done": dies})
    play.house.back_up()
    play.life()
    play.house.restore()
    if taken:
        play.folder.consume()
    names = [name for name, _ in play.folder.history]
    play.stage.forward(1200)
    play.life()
    assert [name for name, _ in play.folder.history] == names
    assert set(states(play)) == ({"held"} if taken or not names else {"posted"})


@pytest.mark.parametrize("taken", [False, True], ids=["still_there", "taken"])
def test_documents_that_were_ready_go_into_no_file_of_another_name(either, taken):  # noqa: F811
    """A consumer that took the first can tell by the name; nobody else can."""
    play = a_play(either, "F", documents=2)
    play.life(plan={"before claim": dies})
    play.house.back_up()
    play.life()
    play.house.restore()
    if taken:
        play.folder.consume()
    play.stage.forward(1200)
    play.life()
    assert {name for name, _ in play.folder.history} == {"ledger_1.csv"}
    assert len(play.folder.history) == 1 + taken
    assert set(states(play)) == {"posted" if taken else "held"}

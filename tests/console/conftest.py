"""An office at seven in the morning: runs have been at work, and people look at the console. See `office.py`."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from ..specs.world import World  # noqa: TID252 - the tests are no package
from .million import fill as fill_million
from .office import Bare, Office, fill


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    """For tests that look, or whose changes do not stand in one another's way: one for all tests of a module."""
    with ExitStack() as stack:
        world = World(stack, tmp_path_factory.mktemp("office"))
        fill(world)
        yield Office(stack, world)


@pytest.fixture
def make_office(tmp_path):
    """Builds an office of the test's own; `filled=False` has a bare workspace without specs and systems, and is quick."""
    with ExitStack() as stack:

        def make(*, filled=True, **traits):
            world = World(stack, tmp_path) if filled else Bare(tmp_path)
            if filled:
                fill(world)
            return Office(stack, world, **traits)

        yield make


@pytest.fixture(scope="module")
def viewer(office):
    """Vic, who may look."""
    return office.visit("vic")


@pytest.fixture(scope="module")
def operator(office):
    """Olga, who may act."""
    return office.visit("olga")


@pytest.fixture(scope="module")
def admin(office):
    """Ada, who may say who comes in."""
    return office.visit("ada")


@pytest.fixture(scope="session")
def million(tmp_path_factory):
    """An office with a year's million documents in SQLite (`bench` only: making it takes a minute)."""
    with ExitStack() as stack:
        world = World(stack, tmp_path_factory.mktemp("million"))
        with world.workspace() as workspace:
            fill_million(workspace)
        yield Office(stack, world)

"""Each test gets a world of its own: stand-ins on loopback, a fresh workspace, a clock it moves."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from .partner_world import PartnerWorld
from .world import World


@pytest.fixture
def make_world(tmp_path):
    """Builds a world with the given traits of the ERP (`token_life`, `duplicate_status`, ...)."""
    with ExitStack() as stack:
        yield lambda **epicor: World(stack, tmp_path, **epicor)


@pytest.fixture
def world(make_world):
    """A world whose vendors were synchronised a moment ago."""
    world = make_world()
    world.masters_are_fresh()
    return world


@pytest.fixture
def make_partner_world(tmp_path):
    """Builds a world with a partner's file server in it."""
    with ExitStack() as stack:
        yield lambda **epicor: PartnerWorld(stack, tmp_path, **epicor)


@pytest.fixture
def partner_world(make_partner_world):
    """A world with a partner's file server in it."""
    return make_partner_world()

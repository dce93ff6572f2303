"""Each test gets a world of its own: stand-ins on loopback, a fresh workspace, a clock it moves."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from .acumatica_world import AcumaticaWorld
from .partner_world import PartnerWorld
from .ramp_world import RampWorld
from .syspro_world import SysproWorld
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


@pytest.fixture
def make_acumatica(tmp_path):
    """Builds a world of the Acumatica integration with the given traits of the ERP (`seats`, `token_life`, `rules` ...)."""
    with ExitStack() as stack:
        yield lambda **erp: AcumaticaWorld(stack, tmp_path, **erp)


@pytest.fixture
def acumatica(make_acumatica):
    """A world whose masters were synchronised a moment ago."""
    world = make_acumatica()
    world.masters_are_fresh()
    return world


@pytest.fixture
def make_ramp_world(tmp_path):
    """Builds a world with Ramp in it; `ramp` are its traits, the others the ERP's."""
    with ExitStack() as stack:
        yield lambda **traits: RampWorld(stack, tmp_path, **traits)


@pytest.fixture
def ramp_world(make_ramp_world):
    """A world with Ramp in it, whose masters are there already."""
    world = make_ramp_world()
    world.masters_are_there()
    return world


@pytest.fixture
def make_syspro(tmp_path):
    """Builds a world of the SYSPRO integration with the given traits of the ERP (`rules`, `basic` ...)."""
    with ExitStack() as stack:
        yield lambda **erp: SysproWorld(stack, tmp_path, **erp)


@pytest.fixture
def syspro(make_syspro):
    """A world whose masters were synchronised a moment ago."""
    world = make_syspro()
    world.masters_are_fresh()
    return world

"""A PostgreSQL server for whole processes, or the reason why there is none."""

from __future__ import annotations

import itertools
import os

import pytest

from tests import postgres

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def pg():
    """A server of our own, which may be stopped."""
    running = postgres.own_server(connections=200)
    try:
        server = running.__enter__()
    except postgres.NoPostgres as reason:
        pytest.skip(f"no PostgreSQL: {reason}")
    yield server
    running.__exit__(None, None, None)


@pytest.fixture
def database(pg):
    """The address of an empty database."""
    with postgres.fresh_database(pg.address, f"fleet_{os.getpid()}_{next(_numbers)}") as url:
        yield url

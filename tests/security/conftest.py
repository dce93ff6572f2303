"""A stage of its own for each test: a loopback shop, a folder of files, a workspace with canary secrets."""

from __future__ import annotations

import pytest

from .peer import Peer
from .stage import Stage


@pytest.fixture
def peer():
    with Peer() as peer:
        yield peer


@pytest.fixture
def bare(tmp_path, peer):
    """A stage without a workspace yet."""
    return Stage(tmp_path, peer)


@pytest.fixture
def stage(bare):
    """A stage whose secrets are stored."""
    bare.store_secrets()
    return bare

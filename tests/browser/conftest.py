"""A real Chromium before a real `serve`: skipped with a reason where there is no browser."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from .house import House
from .screen import Browsing

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items):
    """Every test of this folder needs a browser."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium():
    """Where the browser is."""
    names = (os.environ.get("MLCONNECTOR_TEST_CHROMIUM", ""), "chromium", "google-chrome")
    found = next((path for name in names if name and (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium: set MLCONNECTOR_TEST_CHROMIUM, or put `chromium` or `google-chrome` on the PATH")
    return found


@pytest.fixture(scope="module")
def browsing(chromium, tmp_path_factory):
    """One browser for the tests of a module; each has windows of its own, without a cookie in common.

    Not longer: as long as Playwright is there, its event loop runs in this thread, and others can have none.
    """
    with Browsing(chromium, tmp_path_factory.mktemp("browser")) as browsing:
        yield browsing


@pytest.fixture
def window(browsing):
    """Opens a window that has never been anywhere; a dialog, a complaint or a request to elsewhere fails the test."""
    with ExitStack() as stack:
        yield lambda **how: stack.enter_context(browsing.window(**how))


@pytest.fixture(scope="session")
def house(chromium, tmp_path_factory):
    """For tests that look, and for those that stay out of one another's way; a hostile partner has been at work in it."""
    with ExitStack() as stack:
        yield House(stack, tmp_path_factory.mktemp("house"), hostile=True)


@pytest.fixture
def make_house(chromium, tmp_path):
    """Builds a house of the test's own."""
    with ExitStack() as stack:
        yield lambda: House(stack, tmp_path)


@pytest.fixture
def until():
    """Waits for something that happens in another thread."""

    def wait(happened, seconds=20.0):
        end = time.monotonic() + seconds
        while not happened():
            assert time.monotonic() < end, "it did not happen"
            time.sleep(0.02)

    return wait

"""Specs in force: taken up when they change, and the last good one kept while a new one does not hold."""

from __future__ import annotations

import os
import shutil

import pytest

from engine.service.shelf import SETTLED, Shelf
from tests.cli.conftest import SPEC, SYSTEM


class Folder:
    """Specs whose files are always old enough to be read."""

    def __init__(self, path):
        self.path, self.age = path, 1_000_000
        self.wall = lambda: 1_000_000_000.0
        self.write("systems/partner.yaml", SYSTEM)
        self.write("books.yaml", SPEC)
        self.shelf = Shelf([path], wall=self.wall)

    def write(self, name, text, *, ago=60.0):
        file = self.path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
        self.age += 1
        os.utime(file, (self.wall() - ago + self.age / 1e9,) * 2)
        return file

    def change(self, name, old, new, **more):
        text = (self.path / name).read_text()
        assert old in text
        return self.write(name, text.replace(old, new), **more)


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


def test_a_folder_is_its_integrations_and_nothing_is_told_twice(folder):
    folder.write("books.test.yaml", "mlconnector: 1\ntests: books\ncases: []\n")

    assert folder.shelf.look() == [f"`{folder.path / 'books.yaml'}` is in force: 1 flow"]
    assert (list(folder.shelf.integrations), dict(folder.shelf.broken)) == (["books"], {})
    assert folder.shelf.flow("books/invoices").id == "books/invoices"
    assert folder.shelf.flow("books/nothing") is folder.shelf.flow("other/invoices") is None
    assert folder.shelf.look() == []


@pytest.mark.parametrize("file", ["books.yaml", "systems/partner.yaml"])
def test_a_change_of_any_of_its_files_is_taken_up(folder, file):
    folder.shelf.look()
    before = folder.shelf.integrations["books"]
    folder.change(file, "title: Invoices", "title: Bills")

    assert folder.shelf.look() == [f"`{folder.path / 'books.yaml'}` changed: its new version is in force"]
    assert folder.shelf.integrations["books"].sha != before.sha


def test_touched_but_the_same_is_no_news(folder):
    folder.shelf.look()
    folder.write("books.yaml", SPEC)
    assert folder.shelf.look() == []


def test_what_stops_validating_keeps_its_last_good_version_until_it_is_mended(folder):
    folder.shelf.look()
    good = folder.shelf.integrations["books"]
    file = folder.change("books.yaml", "amount: total", "amount: totl")

    (told,) = folder.shelf.look()
    assert told.startswith(f"`{file}` has errors; its last good version goes on:\n")
    assert "E202" in folder.shelf.broken[str(file)]
    assert folder.shelf.integrations["books"] is good
    assert folder.shelf.look() == []
    folder.write("books.yaml", SPEC)
    assert folder.shelf.look() == [f"`{file}` holds again, as it was"]
    assert dict(folder.shelf.broken) == {}


def test_a_file_that_nobody_can_read_is_told_where_it_may_be_an_integration(folder):
    folder.write("draft.yaml", "mlconnector: [\n")
    folder.write("systems/other.yaml", "mlconnector: [\n")
    folder.shelf.look()
    assert list(folder.shelf.broken) == [str(folder.path / "draft.yaml")]
    assert list(folder.shelf.integrations) == ["books"]


def test_a_file_that_is_still_being_written_is_read_later(folder):
    folder.shelf.look()
    file = folder.change("books.yaml", "amount: total", "amount: totl", ago=SETTLED / 2)
    assert folder.shelf.look() == []
    os.utime(file, (folder.wall() - 10,) * 2)
    assert len(folder.shelf.look()) == 1


def test_a_spec_that_went_is_not_started_any_more_and_one_that_came_is(folder):
    folder.shelf.look()
    (folder.path / "books.yaml").rename(folder.path / "away")
    assert folder.shelf.look() == [f"`{folder.path / 'books.yaml'}` is gone: its flows are not started any more"]
    assert dict(folder.shelf.integrations) == {}
    (folder.path / "away").rename(folder.path / "books.yaml")
    assert folder.shelf.look() == [f"`{folder.path / 'books.yaml'}` is in force: 1 flow"]


def test_a_named_file_that_went_is_an_error_and_its_version_goes_on(folder):
    shelf = Shelf([folder.path / "books.yaml"], wall=folder.wall)
    shelf.look()
    (folder.path / "books.yaml").unlink()

    (told,) = shelf.look()
    assert "its last good version goes on" in told
    assert list(shelf.integrations) == ["books"]


def test_two_integrations_of_one_name_are_one_and_a_mistake(folder):
    (folder.path / "copy").mkdir()
    shutil.copytree(folder.path / "systems", folder.path / "copy" / "systems")
    folder.write("copy/books.yaml", SPEC)

    told = folder.shelf.look()
    assert any("is not used: There is an integration `books` already" in line for line in told)
    assert len(folder.shelf.broken) == len(folder.shelf.integrations) == 1

"""What only a local folder has to withstand; the common promises are proved in tests/contracts/test_files.py."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from engine.connections.folder import Folder
from engine.contracts import FileEntry
from engine.errors import SetupError, Unsettled


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "inbound").mkdir(parents=True)
    (root / "archive").mkdir()
    return root


def test_a_link_to_a_folder_outside_is_not_followed(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.csv").write_bytes(b"secret")
    (root / "door").symlink_to(outside)
    folder = Folder(root)
    for attempt in (
        lambda: folder.scan("/door"),
        lambda: folder.find("/door", "secret.csv"),
        lambda: folder.put("/door", "x", io.BytesIO(b""), 0),
        lambda: folder.remove("/door", "secret.csv"),
        lambda: folder.ensure("/door/new"),
    ):
        with pytest.raises(SetupError, match="links are not followed"):
            attempt()
    assert [path.name for path in outside.iterdir()] == ["secret.csv"]


def test_a_file_swapped_for_a_link_after_listing_is_not_read(root: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"12345")
    path = root / "inbound" / "a.csv"
    path.write_bytes(b"12345")
    folder = Folder(root)
    [entry] = folder.scan("/inbound").entries
    path.unlink()
    path.symlink_to(secret)
    into = io.BytesIO()
    with pytest.raises(Unsettled):
        folder.fetch("/inbound", entry, into)
    assert into.getvalue() == b""


def test_a_file_swapped_for_a_pipe_after_listing_does_not_block(root: Path) -> None:
    path = root / "inbound" / "a.csv"
    path.write_bytes(b"12345")
    folder = Folder(root)
    [entry] = folder.scan("/inbound").entries
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(Unsettled, match="no regular file"):
        folder.fetch("/inbound", entry, io.BytesIO())


def test_a_move_cut_between_its_two_steps_is_finished(root: Path) -> None:
    path = root / "inbound" / "a.csv"
    path.write_bytes(b"12345")
    folder = Folder(root)
    [entry] = folder.scan("/inbound").entries
    os.link(path, root / "archive" / "a.csv")
    assert folder.move("/inbound", entry, "/archive", "a.csv") == "a.csv"
    assert not path.exists()
    assert (root / "archive" / "a.csv").read_bytes() == b"12345"


def test_an_interrupted_upload_does_not_keep_the_name_from_the_next(root: Path) -> None:
    (root / "inbound" / ".v.csv.00000000.part").write_bytes(b"half")
    folder = Folder(root)
    folder.put("/inbound", "v.csv", io.BytesIO(b"12345"), 5)
    assert [entry.name for entry in folder.scan("/inbound").entries] == [b"v.csv"]


def test_files_placed_are_for_their_owner_only(root: Path) -> None:
    folder = Folder(root)
    folder.ensure("/inbound/new")
    folder.put("/inbound/new", "v.csv", io.BytesIO(b"12345"), 5)
    assert (root / "inbound" / "new").stat().st_mode & 0o777 == 0o700
    assert (root / "inbound" / "new" / "v.csv").stat().st_mode & 0o777 == 0o600


def test_a_missing_root_is_a_setup_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="nowhere"):
        Folder(tmp_path / "nowhere").scan("/")


def test_a_file_where_a_folder_is_due_is_a_setup_error(root: Path) -> None:
    (root / "file").write_bytes(b"")
    with pytest.raises(SetupError, match="no such folder"):
        Folder(root).scan("/file")


def test_the_watch_is_told_what_happens(root: Path) -> None:
    seen: list[tuple[str, str, str, int]] = []
    folder = Folder(root, watch=lambda *told: seen.append(told))
    folder.put("/inbound", "v.csv", io.BytesIO(b"12345"), 5)
    folder.fetch("/inbound", folder.scan("/inbound").entries[0], io.BytesIO())
    folder.move("/inbound", folder.scan("/inbound").entries[0], "/archive", "v.csv")
    assert [told[0] for told in seen] == ["write", "list", "read", "list", "move"]
    assert ("read", "/inbound/v.csv", "ok", 5) in seen


def test_an_entry_with_a_hostile_name_is_refused(root: Path) -> None:
    entry = FileEntry(name=b"../archive/x", size=0, modified=0)
    with pytest.raises(SetupError):
        Folder(root).move("/inbound", entry, "/archive", "x")

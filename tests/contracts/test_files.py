"""Everything that holds files keeps the same promises; `place` is each of them in turn."""

from __future__ import annotations

import hashlib
import io
import os
import threading
from pathlib import Path

import pytest

from engine.contracts import FileEntry
from engine.errors import SetupError, Unsettled


def test_scan_tells_size_and_whole_seconds(place) -> None:
    path = place.path("/outbound/a.csv")
    path.write_bytes(b"12345")
    os.utime(path, (1_000_000_000, 1_000_000_000.9))
    assert place.files.scan("/outbound").entries == (FileEntry(name=b"a.csv", size=5, modified=1_000_000_000),)


def test_scan_passes_over_what_is_no_plain_visible_file_and_says_why(place) -> None:
    outbound = place.path("/outbound")
    (outbound / ".hidden").write_bytes(b"x")
    (outbound / "link.csv").symlink_to("/etc/passwd")
    (outbound / "dangling.csv").symlink_to("nowhere")
    (outbound / "two\nlines.csv").write_bytes(b"x")
    (outbound / "..\\up.csv").write_bytes(b"x")
    os.mkfifo(outbound / "pipe.csv")
    listing = place.files.scan("/outbound")
    assert listing.entries == ()
    assert dict(listing.skipped) == {
        "archive": "a folder",
        ".hidden": "hidden: the name starts with a dot",
        "link.csv": "a symbolic link",
        "dangling.csv": "a symbolic link",
        "two\\nlines.csv": "the name contains a control character",
        "..\\up.csv": "the name contains a path separator",
        "pipe.csv": "a named pipe",
    }


def test_scan_of_a_missing_folder_is_a_setup_error_that_names_it(place) -> None:
    with pytest.raises(SetupError, match="/outbond`"):
        place.files.scan("/outbond")


def test_fetch_copies_the_bytes_and_tells_their_hash(place) -> None:
    data = os.urandom(700_000)
    entry = place.offer("big.bin", data)
    into = io.BytesIO()
    assert place.files.fetch("/outbound", entry, into) == hashlib.sha256(data).hexdigest()
    assert into.getvalue() == data


def test_an_empty_file_can_be_fetched(place) -> None:
    entry = place.offer("empty.csv", b"")
    assert place.files.fetch("/outbound", entry, io.BytesIO()) == hashlib.sha256(b"").hexdigest()


@pytest.mark.parametrize("now", [b"12345678", b"123", b"", None])
def test_fetch_of_a_file_that_changed_since_it_was_listed_is_unsettled(place, now: bytes | None) -> None:
    entry = place.offer("a.csv", b"12345")
    path = place.path("/outbound/a.csv")
    path.unlink() if now is None else path.write_bytes(now)
    with pytest.raises(Unsettled, match=r"`a\.csv`"):
        place.files.fetch("/outbound", entry, io.BytesIO())


def test_fetch_of_a_file_replaced_by_one_of_the_same_size_is_unsettled(place) -> None:
    entry = place.offer("a.csv", b"12345")
    os.utime(place.path("/outbound/a.csv"), (1_000_000_000, 1_000_000_000))
    with pytest.raises(Unsettled, match="changed"):
        place.files.fetch("/outbound", entry, io.BytesIO())


def test_fetch_never_touches_a_name_that_leads_elsewhere(place) -> None:
    entry = FileEntry(name=b"../inbound/x", size=1, modified=0)
    with pytest.raises(SetupError, match="path separator"):
        place.files.fetch("/outbound", entry, io.BytesIO())


def test_put_places_the_bytes_under_the_final_name_and_leaves_nothing_else(place) -> None:
    data = os.urandom(300_000)
    place.files.put("/inbound", "v.csv", io.BytesIO(data), len(data))
    assert place.everything() == ["inbound/v.csv"]
    assert place.path("/inbound/v.csv").read_bytes() == data
    found = place.files.find("/inbound", "v.csv")
    assert found is not None
    assert found.size == len(data)


def test_put_does_not_overwrite(place) -> None:
    place.path("/inbound/v.csv").write_bytes(b"unread")
    with pytest.raises(FileExistsError, match=r"v\.csv"):
        place.files.put("/inbound", "v.csv", io.BytesIO(b"new"), 3)
    assert place.everything() == ["inbound/v.csv"]
    assert place.path("/inbound/v.csv").read_bytes() == b"unread"


def test_put_overwrites_when_told_to(place) -> None:
    place.path("/inbound/v.csv").write_bytes(b"old content")
    place.files.put("/inbound", "v.csv", io.BytesIO(b"new"), 3, replace=True)
    assert place.everything() == ["inbound/v.csv"]
    assert place.path("/inbound/v.csv").read_bytes() == b"new"


def test_a_target_that_appears_during_the_upload_is_not_overwritten(place) -> None:
    class Racing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            place.path("/inbound/v.csv").write_bytes(b"theirs")
            return super().read(size)

    with pytest.raises(FileExistsError):
        place.files.put("/inbound", "v.csv", Racing(b"ours"), 4)
    assert place.everything() == ["inbound/v.csv"]
    assert place.path("/inbound/v.csv").read_bytes() == b"theirs"


@pytest.mark.parametrize("announced", [4, 6])
def test_put_of_another_size_than_announced_places_nothing(place, announced: int) -> None:
    with pytest.raises(ValueError, match="5 bytes"):
        place.files.put("/inbound", "v.csv", io.BytesIO(b"12345"), announced)
    assert place.everything() == []


class Watched(io.BytesIO):
    """Data that looks at the folder every time a piece of it is taken, and may break."""

    def __init__(self, data: bytes, folder: Path, *, breaks: bool = False) -> None:
        super().__init__(data)
        self.folder = folder
        self.breaks = breaks
        self.seen: set[str] = set()

    def read(self, size: int | None = -1) -> bytes:
        self.seen.update(path.name for path in self.folder.iterdir())
        if self.breaks and self.tell():
            raise RuntimeError("the data broke")
        return super().read(size)


def test_nobody_sees_the_final_name_before_the_file_is_whole(place) -> None:
    data = Watched(os.urandom(2_000_000), place.path("/inbound"))
    place.files.put("/inbound", "v.csv", data, 2_000_000)
    assert data.seen == {".v.csv.0a1b2c3d.part"}


def test_put_that_breaks_half_way_leaves_nothing_and_the_place_usable(place) -> None:
    data = Watched(os.urandom(2_000_000), place.path("/inbound"), breaks=True)
    with pytest.raises(RuntimeError, match="the data broke"):
        place.files.put("/inbound", "v.csv", data, 2_000_000)
    assert place.everything() == []
    assert place.files.find("/inbound", "v.csv") is None


def test_fetch_into_something_that_breaks_leaves_the_place_usable(place) -> None:
    class Full(io.BytesIO):
        def write(self, data: object, /) -> int:
            raise OSError(28, "No space left on device")

    entry = place.offer("big.bin", os.urandom(3_000_000))
    with pytest.raises(Exception, match="No space left"):
        place.files.fetch("/outbound", entry, Full())
    into = io.BytesIO()
    place.files.fetch("/outbound", entry, into)
    assert len(into.getvalue()) == 3_000_000


def test_move_takes_the_file_away(place) -> None:
    entry = place.offer("a.csv", b"12345")
    assert place.files.move("/outbound", entry, "/outbound/archive", "a.csv") == "a.csv"
    assert place.everything() == ["outbound/archive/a.csv"]


def test_move_to_a_taken_name_chooses_another_and_keeps_both(place) -> None:
    place.path("/outbound/archive/a.csv").write_bytes(b"older")
    entry = place.offer("a.csv", b"12345")
    name = place.files.move("/outbound", entry, "/outbound/archive", "a.csv")
    assert name == "a.csv.20261120T101500Z.0a1b2c3d"
    assert place.path("/outbound/archive/a.csv").read_bytes() == b"older"
    assert place.path(f"/outbound/archive/{name}").read_bytes() == b"12345"
    assert not place.path("/outbound/a.csv").exists()


@pytest.mark.parametrize("taken", [False, True])
def test_a_move_done_before_counts_as_done(place, taken: bool) -> None:
    if taken:
        place.path("/outbound/archive/a.csv").write_bytes(b"an older file")
    entry = place.offer("a.csv", b"12345")
    first = place.files.move("/outbound", entry, "/outbound/archive", "a.csv")
    before = place.everything()
    assert place.files.move("/outbound", entry, "/outbound/archive", "a.csv") == first
    assert place.everything() == before


def test_move_of_a_file_that_is_nowhere_is_unsettled(place) -> None:
    place.path("/outbound/archive/a.csv").write_bytes(b"of another size")
    entry = FileEntry(name=b"a.csv", size=5, modified=0)
    with pytest.raises(Unsettled, match="no longer"):
        place.files.move("/outbound", entry, "/outbound/archive", "a.csv")


def test_move_onto_itself_changes_nothing(place) -> None:
    entry = place.offer("a.csv", b"12345")
    assert place.files.move("/outbound", entry, "/outbound", "a.csv") == "a.csv"
    assert place.everything() == ["outbound/a.csv"]


def test_move_into_a_missing_folder_is_a_setup_error_and_moves_nothing(place) -> None:
    entry = place.offer("a.csv", b"12345")
    with pytest.raises(SetupError):
        place.files.move("/outbound", entry, "/nowhere", "a.csv")
    assert place.everything() == ["outbound/a.csv"]


def test_find_knows_only_plain_files(place) -> None:
    assert place.files.find("/outbound", "archive") is None
    assert place.files.find("/outbound", "nothing.csv") is None


def test_remove_takes_a_file_away_and_minds_no_missing_one(place) -> None:
    place.offer("a.csv", b"12345")
    place.files.remove("/outbound", "a.csv")
    place.files.remove("/outbound", "a.csv")
    assert place.everything() == []


def test_ensure_makes_what_is_missing(place) -> None:
    for _ in range(2):
        place.files.ensure("/outbound/error/2026")
    assert place.path("/outbound/error/2026").is_dir()
    place.files.ensure("/")


def test_a_file_where_a_folder_is_due_is_a_setup_error(place) -> None:
    place.offer("a.csv", b"12345")
    with pytest.raises(SetupError):
        place.files.scan("/outbound/a.csv")
    with pytest.raises(SetupError):
        place.files.ensure("/outbound/a.csv/new")
    with pytest.raises(SetupError):
        place.files.put("/outbound/a.csv", "v.csv", io.BytesIO(b""), 0)
    entry = place.offer("b.csv", b"12345")
    with pytest.raises(SetupError):
        place.files.move("/outbound", entry, "/outbound/a.csv", "b.csv")
    assert place.everything() == ["outbound/a.csv", "outbound/b.csv"]


def test_a_closed_place_opens_again_when_used(place) -> None:
    place.files.close()
    place.files.close()
    assert place.files.scan("/inbound").entries == ()


def test_several_threads_may_use_one_place(place) -> None:
    def work(number: int) -> None:
        data = bytes((number,)) * 100_000
        place.files.put("/inbound", f"{number}.bin", io.BytesIO(data), len(data))
        entry = place.files.find("/inbound", f"{number}.bin")
        assert entry is not None
        place.files.fetch("/inbound", entry, io.BytesIO())
        done.append(number)

    done: list[int] = []
    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [0, 1, 2, 3]


def test_many_files_are_listed_completely(place) -> None:
    for number in range(1_000):
        place.path(f"/outbound/f{number:04}.csv").touch()
    names = sorted(entry.name for entry in place.files.scan("/outbound").entries)
    assert names == [f"f{number:04}.csv".encode() for number in range(1_000)]

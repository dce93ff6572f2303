"""Names, odd ones and dangerous ones: everything that holds files treats them the same; `place` is each of them in turn."""

from __future__ import annotations

import io

import pytest

from engine.contracts import FileEntry
from engine.errors import SetupError


@pytest.mark.parametrize(
    "name",
    [
        "with space.csv",
        "-rf",
        "*?[a].csv",
        "100%d%s.csv",
        "\N{SNOWMAN}\N{GRINNING FACE}.csv",
        "x" * 255,
        "'\";$(x).csv",
    ],
)
def test_odd_names_make_the_whole_way(place, name: str) -> None:
    if len(name) < 240:
        place.files.put("/outbound", name, io.BytesIO(b"12345"), 5)
    else:
        place.path(f"/outbound/{name}").write_bytes(b"12345")
    [entry] = place.files.scan("/outbound").entries
    assert entry.name == name.encode()
    place.files.fetch("/outbound", entry, io.BytesIO())
    assert place.files.move("/outbound", entry, "/outbound/archive", name) == name
    assert place.files.find("/outbound/archive", name) is not None
    place.files.remove("/outbound/archive", name)
    assert place.everything() == []


def test_a_name_that_is_no_utf8_makes_the_whole_way(place) -> None:
    entry = place.offer("b\udce9ton.csv", b"12345")
    assert entry.name == b"b\xe9ton.csv"
    assert entry.shown == "b\\xe9ton.csv"
    into = io.BytesIO()
    place.files.fetch("/outbound", entry, into)
    assert into.getvalue() == b"12345"
    name = entry.name.decode("utf-8", "surrogateescape")
    assert place.files.move("/outbound", entry, "/outbound/archive", name) == name
    assert place.everything() == ["outbound/archive/b\udce9ton.csv"]


def test_a_name_that_is_no_utf8_can_be_put_and_replaced(place) -> None:
    for replace in (False, True):
        place.files.put("/inbound", "b\udce9ton.csv", io.BytesIO(b"12345"), 5, replace=replace)
    with pytest.raises(FileExistsError):
        place.files.put("/inbound", "b\udce9ton.csv", io.BytesIO(b"12345"), 5)
    assert place.everything() == ["inbound/b\udce9ton.csv"]


def test_the_longest_name_can_be_put_and_archived_twice(place) -> None:
    name = "n" * 255
    for _ in range(2):
        place.files.put("/outbound", name, io.BytesIO(b"12345"), 5)
        [entry] = place.files.scan("/outbound").entries
        place.files.move("/outbound", entry, "/outbound/archive", name)
    assert len(place.everything()) == 2


@pytest.mark.parametrize("folder", ["../x", "/outbound/../../etc", "outbound", "", "/a\x00b", "/..", "/a\\b"])
def test_folders_outside_are_refused(place, folder: str) -> None:
    with pytest.raises(SetupError):
        place.files.scan(folder)
    with pytest.raises(SetupError):
        place.files.ensure(folder)
    with pytest.raises(SetupError):
        place.files.put(folder, "a.csv", io.BytesIO(b""), 0)


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "..", ".", "", "a\x00b", "a\nb", "a\\b", "n" * 256])
def test_names_outside_are_refused(place, name: str) -> None:
    with pytest.raises(SetupError):
        place.files.put("/inbound", name, io.BytesIO(b""), 0)
    with pytest.raises(SetupError):
        place.files.find("/inbound", name)
    with pytest.raises(SetupError):
        place.files.remove("/inbound", name)
    with pytest.raises(SetupError):
        place.files.move("/inbound", FileEntry(name=b"a", size=0, modified=0), "/inbound", name)

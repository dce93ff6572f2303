"""Drop: the same bytes for the same records, whole under one name, never sent again by guesswork."""

from __future__ import annotations

import hashlib
import io
import stat
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.connections.folder import Folder
from engine.errors import RecordError, SetupError
from engine.formats.csv import Csv
from engine.targets.drop import Built, Drop, Found, batches, build, file_name, look, publish, settle_upload

RECORDS = [{"id": n, "total": Decimal("1.50")} for n in range(3)]
CSV = Csv(columns=("id", "total"))


def drop(name: Any = "v.csv", **keys: Any) -> Drop:
    return Drop(folder="/in", name=lambda _scope: name, **keys)  # type: ignore[arg-type]


@pytest.fixture
def files(tmp_path: Path) -> Folder:
    (tmp_path / "remote" / "in").mkdir(parents=True)
    return Folder(tmp_path / "remote")


def test_the_same_records_build_the_same_bytes(tmp_path: Path) -> None:
    first = build(CSV.encode, iter(RECORDS), tmp_path / "spool")
    again = build(CSV.encode, RECORDS, tmp_path / "spool")
    assert (first.sha256, first.size, first.records) == (again.sha256, again.size, 3)
    raw = first.path.read_bytes()
    assert raw == b"id,total\r\n0,1.50\r\n1,1.50\r\n2,1.50\r\n"
    assert (first.size, first.sha256) == (len(raw), hashlib.sha256(raw).hexdigest())
    assert stat.S_IMODE(first.path.stat().st_mode) == 0o600


def test_a_record_that_can_not_be_written_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(RecordError):
        build(CSV.encode, [{"id": ["x"]}], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_records_are_cut_into_files_of_the_largest_size() -> None:
    assert [[r["id"] for r in batch] for batch in batches(RECORDS, 2)] == [[0, 1], [2]]
    assert [[r["id"] for r in batch] for batch in batches(RECORDS, None)] == [[0, 1, 2]]
    assert list(batches([], 2)) == []


def test_a_file_is_published_whole_and_found_again(files: Folder, tmp_path: Path) -> None:
    built = build(CSV.encode, RECORDS, tmp_path / "spool")
    assert look(files, drop(), "v.csv") is None
    publish(files, drop(), built, "v.csv")
    assert look(files, drop(), "v.csv") == Found(size=built.size, sha256=built.sha256)


def test_an_unread_file_of_that_name_is_not_overwritten(files: Folder, tmp_path: Path) -> None:
    files.put("/in", "v.csv", io.BytesIO(b"earlier"), 7)
    built = build(CSV.encode, RECORDS, tmp_path / "spool")
    with pytest.raises(FileExistsError):
        publish(files, drop(), built, "v.csv")
    publish(files, drop(if_exists="replace"), built, "v.csv")
    found = look(files, drop(), "v.csv")
    assert found is not None
    assert found.sha256 == built.sha256


@pytest.mark.parametrize("name", ["../x.csv", "a/b", "", "  ", None, ".hidden", "a\nb", "..", "x" * 300])
def test_a_name_that_leads_elsewhere_is_refused(name: Any) -> None:
    with pytest.raises(SetupError):
        file_name(drop(name), {})


def test_a_usual_name_is_used() -> None:
    assert file_name(drop("vendors_20261121.csv"), {}) == "vendors_20261121.csv"


BUILT = Built(path=Path("unused"), sha256="aa", size=7, records=1)


@pytest.mark.parametrize(
    ("found", "sent", "dedups", "replace", "verdict"),
    [
        (Found(size=7, sha256="aa"), True, False, False, "done"),
        (Found(size=7), True, False, False, "done"),
        (Found(size=7, sha256="aa"), False, False, False, "done"),
        (Found(size=7, sha256="bb"), True, False, False, "hold"),
        (Found(size=6), False, False, False, "hold"),
        (Found(size=6), False, False, True, "send"),
        (None, False, False, False, "send"),
        (None, True, False, False, "hold"),
        (None, True, True, False, "send"),
    ],
)
def test_an_upload_of_unknown_end_is_settled_by_looking(
    found: Found | None, sent: bool, dedups: bool, replace: bool, verdict: str
) -> None:
    """After the rename an absent file may have been taken by the consumer: only the spec may say that twice does no harm."""
    assert settle_upload(found, BUILT, rename_sent=sent, consumer_dedups_by_name=dedups, replace=replace) == verdict

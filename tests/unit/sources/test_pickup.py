"""Pickup: whole files only, each content once, put away when every reader is done."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from engine.connections.folder import Folder
from engine.contracts import BadRow, FileEntry, Parcel, ParcelOutcome, Row
from engine.errors import ParcelError, SetupError, TransientError
from engine.formats.csv import Csv
from engine.formats.json import Json
from engine.mapping.documents import Column, DocumentShape
from engine.sources.pickup import Pickup, PickupSource, Settled
from engine.sources.pickup_away import After
from engine.sources.pickup_memory import Seen
from engine.sources.pickup_read import compile_reader

START = datetime(2026, 11, 21, 10, tzinfo=UTC)
SHAPE = DocumentShape(
    key=("id",), header={"id": Column(type="string")}, lines={"amount": Column(type="decimal", required=True)}
)
OK = ParcelOutcome(ok=True)


class Memory:
    """A ledger in a few dictionaries."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self.files: dict[tuple[str, FileEntry], str] = {}
        self.ended: dict[tuple[str, str], Seen] = {}
        self.sightings: dict[tuple[str, FileEntry], datetime] = {}
        self.away: list[tuple[str, tuple[str, ...]]] = []

    def known_file(self, flow: str, entry: FileEntry) -> str | None:
        return self.files.get((flow, entry))

    def remember(self, flow: str, entry: FileEntry, sha256: str) -> None:
        self.files[flow, entry] = sha256

    def content(self, flow: str, sha256: str) -> Seen | None:
        return self.ended.get((flow, sha256))

    def first_seen(self, flow: str, entries: Sequence[FileEntry]) -> Mapping[bytes, datetime]:
        return {e.name: self.sightings.setdefault((flow, e), self.clock()) for e in entries}

    def readers_done(self, sha256: str, flows: Sequence[str]) -> bool:
        return all((flow, sha256) in self.ended for flow in flows)

    def put_away(self, sha256: str, flows: Sequence[str]) -> None:
        self.away.append((sha256, tuple(flows)))


class Failing(Folder):
    """A folder whose moves can be made to fail, and which calls back when it is read from."""

    fail_moves = False
    fail_puts: Exception | None = None
    on_fetch: Callable[[], None] = staticmethod(lambda: None)
    on_move: Callable[[], None] = staticmethod(lambda: None)
    fetched = 0

    def fetch(self, folder: str, entry: FileEntry, into: BinaryIO) -> str:
        self.fetched += 1
        self.on_fetch()
        return super().fetch(folder, entry, into)

    def put(self, folder: str, name: str, data: BinaryIO, size: int, *, replace: bool = False) -> None:
        if self.fail_puts is not None:
            raise self.fail_puts
        super().put(folder, name, data, size, replace=replace)

    def move(self, folder: str, entry: FileEntry, to_folder: str, name: str) -> str:
        if self.fail_moves:
            raise TransientError("the archive is full")
        self.on_move()
        return super().move(folder, entry, to_folder, name)


class World:
    """A folder on disk, a clock that only sleeping moves, and what the source said."""

    def __init__(self, root: Path) -> None:
        self.root = root / "remote"
        for name in ("in", "in/done", "in/bad"):
            (self.root / name).mkdir(parents=True)
        self.spool = root / "spool"
        self.now = START
        self.slept: list[float] = []
        self.while_asleep: Callable[[], None] = lambda: None
        self.memory = Memory(lambda: self.now)
        self.files = Failing(self.root)
        self.notes: list[tuple[str, dict[str, Any]]] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)
        self.while_asleep()

    def put(self, name: str | bytes, text: str = "id,amount\na,1\n", modified: int = 1_700_000_000) -> Path:
        path = self.root / "in" / os.fsdecode(name)
        path.write_text(text)
        os.utime(path, (modified, modified))
        return path

    def source(self, flow: str = "invoices", readers: tuple[str, ...] = ("invoices",), **keys: Any) -> PickupSource:
        after = After(done="/in/done", bad="/in/bad")
        kind = Pickup(**{"folder": "/in", "match": "*.csv", "after": after, **keys})
        return PickupSource(
            kind,
            self.files,
            compile_reader(Csv(), SHAPE, spool=None, note=self.note),
            self.memory,
            flow=flow,
            readers=readers,
            spool=self.spool,
            clock=lambda: self.now,
            sleep=self.sleep,
            note=self.note,
        )

    def note(self, event: str, detail: dict[str, Any]) -> None:
        self.notes.append((event, detail))

    def events(self) -> list[str]:
        return [event for event, _ in self.notes]

    def end(self, source: PickupSource, parcel: Parcel, outcome: ParcelOutcome = OK, flow: str = "invoices") -> None:
        """What a run does: first the ledger, then the source."""
        state = "done" if outcome.ok else "bad"
        self.memory.ended[flow, parcel.sha256] = Seen(state=state, name=parcel.name, reason=outcome.reason)  # type: ignore[arg-type]
        source.settle(parcel, outcome)

    def run(self, flow: str = "invoices", **keys: Any) -> list[str]:
        source = self.source(flow, **keys)
        names = []
        for parcel in source.parcels():
            names.append(parcel.name)
            self.end(source, parcel, flow=flow)
        return names

    def there(self, folder: str = "in") -> list[str]:
        return sorted(path.name for path in (self.root / folder).iterdir() if path.is_file())

    def spooled(self) -> list[Path]:
        return [path for path in self.spool.rglob("*") if path.is_file()]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_settled_file_is_read_and_archived(world: World) -> None:
    world.put("a.csv", "id,amount\na,1.50\na,2\n")
    source = world.source()
    (parcel,) = [(p, list(p.read()), list(p.read()), world.end(source, p)) for p in source.parcels()]
    row = Row(
        place="rows 2-3",
        values={"id": "a", "lines": [{"amount": parcel[1][0].values["lines"][0]["amount"]}, {"amount": 2}]},
    )
    assert parcel[1] == parcel[2] == [row]
    assert parcel[0].id == f"file:{parcel[0].sha256}"
    assert world.there("in/done") == ["a.csv"]
    assert world.slept == [5.0]
    assert world.spooled() == []


def test_the_local_copy_is_ours_alone_and_named_by_us(world: World) -> None:
    world.put(b"we ird\xff.csv")
    source = world.source()
    for parcel in source.parcels():
        (copy,) = world.spooled()
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        assert stat.S_IMODE(copy.parent.stat().st_mode) == 0o700
        assert "ird" not in str(copy.relative_to(world.spool))
        assert parcel.name == "we ird\\xff.csv"
        world.end(source, parcel)
    assert [os.fsencode(name) for name in world.there("in/done")] == [b"we ird\xff.csv"]


def test_copies_of_a_run_that_died_are_removed_and_the_file_is_read_again(world: World) -> None:
    world.put("a.csv")
    parcels = world.source().parcels()
    first = next(parcels)
    assert len(world.spooled()) == 1
    again = next(world.source().parcels())
    assert len(world.spooled()) == 1
    assert again.id == first.id


def test_nothing_to_read_means_no_waiting(world: World) -> None:
    assert world.run() == []
    assert world.slept == []


def test_one_wait_serves_all_files_in_order_of_names(world: World) -> None:
    for n, name in enumerate(["b.csv", "a.csv", "c.csv"]):
        world.put(name, f"id,amount\n{n},1\n", modified=1_700_000_000 - n)
    assert world.run(max_files=2) == ["a.csv", "b.csv"]
    assert world.slept == [5.0]
    world.put("d.csv", "id,amount\n9,1\n", modified=1_600_000_000)
    assert world.run(order="modified") == ["d.csv", "c.csv"]


def test_only_files_of_ours_are_taken(world: World) -> None:
    for n, name in enumerate(["inv_1.csv", "inv_1.csv.part", "INV_2.csv", "pay_1.csv", "inv_x.csv", ".inv_3.csv"]):
        world.put(name, f"id,amount\n{n},1\n")
    assert world.run(match="inv_*", matches=r"inv_\d\.csv", exclude=("inv_9*",)) == ["inv_1.csv"]
    with pytest.raises(ValueError, match="no regular expression"):
        Pickup(folder="/in", matches="(")


def test_a_file_that_grows_between_the_listings_waits_for_the_next_poll(world: World) -> None:
    path = world.put("a.csv")
    world.while_asleep = lambda: path.write_text("id,amount\na,1\nb,2\n") and None
    assert world.run() == []
    assert world.events() == ["unsettled"]
    world.while_asleep = lambda: None
    assert world.run() == ["a.csv"]


def test_a_file_that_appears_during_the_wait_is_not_settled(world: World) -> None:
    world.put("a.csv")
    world.while_asleep = lambda: world.put("b.csv", "id,amount\nb,1\n") and None
    assert world.run() == ["a.csv"]


def test_a_file_that_changes_during_the_download_is_left(world: World) -> None:
    path = world.put("a.csv")
    world.files.on_fetch = lambda: path.write_text("id,amount\na,1\nb,2\n") and None
    assert world.run() == []
    assert world.events() == ["unsettled"]
    assert world.spooled() == []
    assert world.there() == ["a.csv"]


def test_a_file_that_stays_empty_is_unusable(world: World) -> None:
    """It may be an upload that has just begun: a minute decides."""
    world.put("a.csv", "")
    assert world.run() == []
    assert world.events() == ["unsettled"]
    world.now += timedelta(minutes=1)
    source = world.source()
    (parcel,) = source.parcels()
    for read in (parcel.read, parcel.rush):
        assert read is not None
        with pytest.raises(ParcelError, match="the file is empty"):
            read()
    world.end(source, parcel, ParcelOutcome(ok=False, reason="the file is empty"))
    assert world.there() == []
    assert world.there("in/bad") == ["a.csv", "a.csv.error.json"]


def test_a_file_that_is_too_small_waits_and_is_stuck_after_a_while(world: World) -> None:
    world.put("a.csv", "id")
    assert world.run(min_size=3) == []
    assert world.events() == ["unsettled"]
    world.now += timedelta(hours=2)
    assert world.run(min_size=3) == []
    assert world.events()[-1] == "stuck"


def test_settled_for_counts_from_our_first_sight(world: World) -> None:
    world.put("a.csv", modified=10)
    settled = Settled(for_=timedelta(minutes=1))
    assert world.run(settled=settled) == []
    world.now += timedelta(minutes=1)
    assert world.run(settled=settled) == ["a.csv"]


def test_the_same_content_under_another_name_is_put_away_unread(world: World) -> None:
    world.put("a.csv")
    world.run()
    world.put("b.csv")
    assert world.run() == []
    assert ("same_content", {"name": "b.csv", "first": "a.csv", "policy": "skip"}) in world.notes
    assert world.there("in/done") == ["a.csv", "b.csv"]


def test_the_same_content_is_read_again_where_the_spec_says_so(world: World) -> None:
    world.put("a.csv")
    world.run()
    world.put("b.csv")
    source = world.source(same_content="read")
    (parcel,) = list(source.parcels())
    assert parcel.id == f"file:{parcel.sha256}:b.csv"


def test_new_content_under_a_known_name_is_a_new_file(world: World) -> None:
    """And the archived one is not overwritten."""
    world.put("a.csv")
    world.run()
    world.put("a.csv", "id,amount\nz,9\n")
    assert world.run() == ["a.csv"]
    assert len(world.there("in/done")) == 2


def test_files_left_in_place_are_fetched_once(world: World) -> None:
    world.put("a.csv")
    assert world.run(after=None) == ["a.csv"]
    assert world.run(after=None) == []
    assert world.files.fetched == 1
    world.put("a.csv", "id,amount\nb,1\n", modified=1_700_000_001)
    assert world.run(after=None) == ["a.csv"]


def test_a_file_seen_for_less_than_two_seconds_is_not_trusted_by_its_time(world: World) -> None:
    """It may be rewritten within its second: its hash is asked again."""
    world.put("a.csv")
    quick = Settled(apart=timedelta(seconds=1))
    assert world.run(after=None, settled=quick) == ["a.csv"]
    world.put("a.csv", "id,amount\na,2\n")
    assert world.run(after=None, settled=quick) == ["a.csv"]


def test_a_file_stays_until_every_reader_is_done(world: World) -> None:
    world.put("a.csv")
    both = ("invoices", "credit_memos")
    source = world.source(readers=both)
    for parcel in source.parcels():
        world.end(source, parcel)
    assert world.there() == ["a.csv"]
    assert world.memory.away == []
    other = world.source("credit_memos", readers=both)
    for parcel in other.parcels():
        world.end(other, parcel, flow="credit_memos")
    assert world.there("in/done") == ["a.csv"]
    assert world.memory.away == [(parcel.sha256, both)]


def test_an_archive_that_fails_is_tried_again_without_reading(world: World) -> None:
    world.put("a.csv")
    world.files.fail_moves = True
    assert world.run() == ["a.csv"]
    assert world.events() == ["finalise_failed"]
    world.files.fail_moves = False
    assert world.run() == []
    assert world.there("in/done") == ["a.csv"]
    assert world.files.fetched == 1


def test_a_crash_between_ledger_and_archive_only_moves_the_file(world: World) -> None:
    world.put("a.csv")
    parcel = next(world.source().parcels())
    world.memory.ended["invoices", parcel.sha256] = Seen(state="done", name="a.csv")
    assert world.run() == []
    assert world.there("in/done") == ["a.csv"]
    assert "same_content" not in world.events()


def test_an_unusable_file_goes_to_the_error_folder_with_a_reason(world: World) -> None:
    world.put("a.csv", 'id,amount\n"a,1\n')
    source = world.source()
    for parcel in source.parcels():
        with pytest.raises(ParcelError) as caught:
            list(parcel.read())
        world.end(source, parcel, ParcelOutcome(ok=False, reason=str(caught.value)))
    assert world.there("in/bad") == ["a.csv", "a.csv.error.json"]
    reason = json.loads((world.root / "in/bad/a.csv.error.json").read_text())
    assert reason["what"] == "line 2, record 1, byte 10: a quote opened in this row is never closed"
    assert (reason["file"], reason["from"], reason["flow"]) == ("a.csv", "/in", "invoices")
    assert reason["when"] == "2026-11-21T10:00:05+00:00"
    assert "place it in `/in` again" in reason["next"]


def spoil(world: World, name: str = "a.csv") -> None:
    """One poll in which whatever is handed over is unusable."""
    source = world.source()
    for parcel in source.parcels():
        world.end(source, parcel, ParcelOutcome(ok=False, reason=f"{name} is broken"))


def test_an_unusable_file_never_lies_in_the_error_folder_unexplained(world: World) -> None:
    """A failure before the move leaves it where the next poll puts it away, a failure of the move leaves its reason ready."""
    world.put("a.csv")
    world.files.fail_puts = TransientError("the connection broke")
    spoil(world)
    assert (world.there(), world.there("in/bad")) == (["a.csv"], [])
    world.files.fail_puts, world.files.fail_moves = None, True
    world.run()
    assert (world.there(), world.there("in/bad")) == (["a.csv"], ["a.csv.error.json"])
    world.files.fail_moves = False
    world.run()
    assert (world.there(), world.there("in/bad")) == ([], ["a.csv", "a.csv.error.json"])
    assert world.events().count("finalise_failed") == 2
    assert json.loads((world.root / "in/bad/a.csv.error.json").read_text())["what"] == "a.csv is broken"


def test_where_no_note_may_be_written_the_file_is_put_away_and_that_is_said(world: World) -> None:
    world.put("a.csv")
    world.files.fail_puts = SetupError("this user may not write there")
    spoil(world)
    assert (world.there(), world.there("in/bad")) == ([], ["a.csv"])
    assert [detail["reason"] for event, detail in world.notes if event == "finalise_failed"] == [
        "no note of why: this user may not write there"
    ]


def test_each_unusable_file_of_a_name_has_its_own_reason(world: World) -> None:
    for text in ("id,amount\na,1\n", "id,amount\nb,1\n", "id,amount\nc,1\n"):
        world.put("a.csv", text)
        spoil(world, text[10:11])
    kept = world.there("in/bad")
    files = [name for name in kept if not name.endswith(".error.json")]
    assert sorted(f"{name}.error.json" for name in files) == [name for name in kept if name not in files]
    for name in files:
        text = (world.root / "in/bad" / name).read_text()
        told = json.loads((world.root / "in/bad" / f"{name}.error.json").read_text())
        assert told["what"] == f"{text[10:11]} is broken"


def test_a_name_as_long_as_a_name_may_be_is_explained_too(world: World) -> None:
    long = "a" * 251 + ".csv"
    world.put(long)
    spoil(world)
    assert len(world.there("in/bad")) == 2


def test_a_file_replaced_in_the_moment_of_the_move_takes_no_reason_along(world: World) -> None:
    world.put("a.csv")

    def replaced() -> None:
        world.files.on_move = lambda: None
        world.put("a.csv", "id,amount\nnew,1\n", modified=1_700_000_099)

    world.files.on_move = replaced
    spoil(world)
    assert (world.there(), world.there("in/bad")) == (["a.csv"], [])


def test_an_unusable_file_placed_again_is_read_again(world: World) -> None:
    """The spec may have been corrected."""
    for _ in range(2):
        world.put("a.csv")
        source = world.source()
        names = []
        for parcel in source.parcels():
            names.append(parcel.name)
            world.end(source, parcel, ParcelOutcome(ok=False, reason="too many bad records"))
        assert names == ["a.csv"]
    assert len(world.there("in/bad")) == 4


def test_a_file_replaced_after_it_was_read_is_not_archived_unread(world: World) -> None:
    world.put("a.csv")
    source = world.source()
    for parcel in source.parcels():
        world.put("a.csv", "id,amount\nnew,1\n", modified=1_700_000_099)
        world.end(source, parcel)
    assert world.events() == ["replaced"]
    assert world.run() == ["a.csv"]


def test_a_file_replaced_in_the_very_moment_of_the_move_comes_back(world: World) -> None:
    world.put("a.csv")

    def replaced() -> None:
        world.files.on_move = lambda: None
        world.put("a.csv", "id,amount\nnew,1\n", modified=1_700_000_099)

    world.files.on_move = replaced
    assert world.run() == ["a.csv"]
    assert world.there() == ["a.csv"]
    assert world.run() == ["a.csv"]


def test_a_missing_folder_is_an_error_or_made(world: World) -> None:
    with pytest.raises(SetupError):
        world.run(folder="/nowhere")
    assert world.run(folder="/made", missing_folder="make") == []
    assert (world.root / "made").is_dir()


def test_names_passed_over_are_noted_with_the_reason(world: World) -> None:
    (world.root / "in" / "x.csv").symlink_to("/etc/passwd")
    assert world.run() == []
    ((event, detail),) = world.notes
    assert event == "skipped"
    assert detail["name"] == "x.csv"


def test_findings_of_the_format_are_noted_once(world: World) -> None:
    world.put("a.csv", "id,amount,extra\na,1,2\n")
    source = world.source()
    for parcel in source.parcels():
        assert len(list(parcel.read())) == 1
        world.end(source, parcel)
    assert [detail["text"] for event, detail in world.notes if event == "finding"] == [
        "the file has columns the spec does not read: `extra`"
    ]


def test_without_a_shape_rows_are_records_as_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("a,b\n1,2\n1\n")
    good, bad = compile_reader(Csv(), None, note=lambda *_: None)(path)
    assert good == Row(place="row 2", values={"a": "1", "b": "2"})
    assert isinstance(bad, BadRow)
    path.write_text('[{"a": 1}]')
    assert list(compile_reader(Json(), None, note=lambda *_: None)(path)) == [Row(place="row 1", values={"a": 1})]


def test_json_records_become_documents(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text('{"id": "a", "amount": 1.50}\n{"id": "a", "amount": 0}\n')
    (row,) = compile_reader(Json(layout="lines"), SHAPE, note=lambda *_: None)(path)
    assert [str(line["amount"]) for line in row.values["lines"]] == ["1.50", "0"]


class Rehearsal(Memory):
    """A memory that lets nothing move, as in a dry run."""

    def readers_done(self, sha256: str, flows: Sequence[str]) -> bool:
        return False


def test_a_rehearsal_moves_nothing(world: World) -> None:
    world.put("a.csv")
    world.put("b.csv", "id,amount\nb,1\n")
    world.memory = Rehearsal(lambda: world.now)
    for state, entry in zip(("done", "bad"), world.files.scan("/in").entries, strict=True):
        world.memory.files["invoices", entry] = entry.shown
        world.memory.ended["invoices", entry.shown] = Seen(state=state, name=entry.shown)  # type: ignore[arg-type]
    assert world.run() == []
    assert world.there() == ["a.csv", "b.csv"]

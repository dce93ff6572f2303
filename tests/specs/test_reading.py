"""Reading a list that changes meanwhile, run after run with the whole engine: nothing lost, the cursor never too far."""

from __future__ import annotations

import csv
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest

from engine.errors import SpecError
from engine.redaction import Redactor
from engine.run.load import load
from engine.run.running import Options, run_spec
from engine.run.seams import Seams, quiet
from engine.run.workspace import open_workspace
from tests.unit.targets.erp import LOST, Asked, Reply, serving

SYSTEM = """
mlconnector: 1
system: erp
title: ERP
needs: {site: {type: url, title: Site}}
books: [site]
http: {base: {text: "{{ need.site }}"}, retry: {tries: 2, cap: 1s}, errors: [{status: 400, means: refused, message: why}]}
objects:
  rows:
    title: Rows
    key: [Id]
    fields: {Id: integer, Value: string(40), Stamp: TYPE}
    list:
      get: rows
      records: value
"""
OFFSET = """
      page: {offset: {limit: top, skip: skip, size: 3}}
"""
BY_ID = """
      order: {by: [Id], query: {order: {const: Id}}}
"""
BY_STAMP = """
      order: {by: [Stamp, Id], query: {order: {const: Stamp}}}
"""
KEYSET = """
      order: {by: [Stamp, Id], query: {order: {const: Stamp}, keyset: {const: "yes"}}}
      page: {next: {link: next}}
"""
CURSOR = """
      order: {by: [Stamp, Id], query: {order: {const: Stamp}, keyset: {const: "yes"}}}
      page: {cursor: {next: after, as: after}}
"""
COUNTED = """
      changed:
        field: Stamp
        type: integer
        query: {since: {text: "{{ since }}"}}
        newest: {query: {order: {const: newest}, top: {const: 1}}}
"""
TIMED = COUNTED.replace("integer", "datetime")
BY_DATE_HEADER = TIMED[: TIMED.index("        newest")]
FILES = """
mlconnector: 1
system: files
title: Files
needs: {path: {type: string, title: Folder}}
books: [path]
folder: {path: {need: path}}
objects:
  rows:
    title: Rows
    key: [id]
    fields: {id: string(20)!, value: string(40)}
    drop: {folder: /out, name: {text: "rows_{{ batch }}.csv"}}
    csv: {newline: lf}
"""
SPEC = """
mlconnector: 1
integration: rows
title: Rows
systems:
  erp: {use: erp, with: {site: {env: SITE}}}
  files: {use: files, with: {path: {env: FILES}}}
flows:
  rows:
    title: Rows
    read: {object: erp.rows, changed_since: {start: first, lookback: LOOKBACK}}
    key: [Id]
    map: {id: {from: Id, type: string}, value: Value}
    write: {object: files.rows, pattern: append, on_changed: update}
"""
WAYS = {
    "offset by key, counted": (OFFSET + BY_ID + COUNTED, "40"),
    "offset by key, timed": (OFFSET + BY_ID + TIMED, "10m"),
    "offset by stamp, counted": (OFFSET + BY_STAMP + COUNTED, "40"),
    "offset by stamp, timed": (OFFSET + BY_STAMP + TIMED, "10m"),
    "next link, timed": (KEYSET + TIMED, "10m"),
    "next link, cap by the answer's date": (KEYSET + BY_DATE_HEADER, "10m"),
    "cursor, counted": (CURSOR + COUNTED, "40"),
}
START = datetime(2026, 11, 21, 9, tzinfo=UTC)


class Killed(BaseException):
    """The process is gone."""


class Time:
    """One clock for both sides; it moves when told."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Table:
    """A table on a server. Stamps are given when a row is written and seen when it is committed, which may be later.

    `before` is called before each page is answered: that is when rows move. `broken` answers instead, where it wants to.
    """

    time: Time
    counted: bool
    size: int = 3
    rows: dict[int, dict[str, Any]] = field(default_factory=dict)
    late: list[tuple[datetime, int, dict[str, Any]]] = field(default_factory=list)
    before: Callable[[Asked], None] = lambda asked: None
    broken: Callable[[Asked], Reply | None] = lambda asked: None
    asked: list[dict[str, str]] = field(default_factory=list)
    _counter: int = 100

    def stamp(self, shift: timedelta = timedelta(0)) -> Any:
        self._counter += 1
        return self._counter if self.counted else (self.time.now + shift).strftime("%Y-%m-%dT%H:%M:%SZ")

    def long_ago(self) -> None:
        """What was written so far is older than any lookback."""
        self.time.sleep(86_400)
        self._counter += 500

    def write(self, key: int, value: str, stamp: Any = None) -> None:
        self.rows[key] = {"Id": key, "Value": value, "Stamp": stamp or self.stamp()}

    def write_late(self, key: int, value: str, seconds: float) -> None:
        """Stamped now, seen so much later."""
        row = {"Id": key, "Value": value, "Stamp": self.stamp()}
        self.late.append((self.time.now + timedelta(seconds=seconds), self._counter, row))

    def commit_due(self, *, all_of_them: bool = False) -> None:
        """A counting stamp must not fall behind by more than the flow's lookback, a stamp of time not by more than its time."""
        for entry in list(self.late):
            due, number, row = entry
            if all_of_them or self.time.now >= due or (self.counted and self._counter - number > 25):
                self.late.remove(entry)
                there = self.rows.get(row["Id"])
                if there is None or there["Stamp"] <= row["Stamp"]:
                    self.rows[row["Id"]] = row

    def __call__(self, asked: Asked) -> Reply:
        reply = self.broken(asked)
        if reply is not None:
            return reply
        query, headers = asked.query, {"Date": format_datetime(self.time.now, usegmt=True)}
        if query.get("order") == "newest":
            newest = sorted(self.rows.values(), key=lambda row: row["Stamp"], reverse=True)
            return Reply(body={"value": newest[:1]}, headers=headers)
        self.before(asked)
        self.asked.append(query)
        rows = [row for row in self.rows.values() if "since" not in query or self._reached(row, query["since"])]
        by_key = query.get("order") == "Id"
        rows.sort(key=lambda row: (0 if by_key else row["Stamp"], row["Id"]))
        if "keyset" in query or "after" in query:
            return Reply(body=self._keyset(rows, query), headers=headers)
        skip, top = int(query.get("skip", 0)), int(query.get("top", 100))
        return Reply(body={"value": rows[skip : skip + top]}, headers=headers)

    def _keyset(self, rows: list[dict[str, Any]], query: Mapping[str, str]) -> dict[str, Any]:
        if "after" in query:
            stamp, _, key = query["after"].rpartition("|")
            rows = [row for row in rows if (str(row["Stamp"]), row["Id"]) > (stamp, int(key))]
        page = rows[: self.size]
        if len(rows) <= self.size:
            return {"value": page, "next": None, "after": None}
        after = f"{page[-1]['Stamp']}|{page[-1]['Id']}"
        since = f"&since={query['since']}" if "since" in query else ""
        return {"value": page, "next": f"rows?order=Stamp&keyset=yes&after={after}{since}", "after": after}

    def _reached(self, row: Mapping[str, Any], since: str) -> bool:
        return bool(row["Stamp"] >= int(since) if self.counted else row["Stamp"] >= since)


class Desk:
    """The engine beside the table: `run` is one pass, each by a process of its own."""

    def __init__(self, root: Path, empty: Path, way: str, stack: ExitStack) -> None:
        text, lookback = WAYS[way]
        self.time = Time()
        self.table = Table(self.time, counted="type: integer" in text)
        self.folder = root
        for name in ("out", "specs/systems"):
            (root / name).mkdir(parents=True)
        shutil.copytree(empty, root / "home")
        type_ = "integer" if self.table.counted else "datetime"
        (root / "specs/systems/erp.yaml").write_text(SYSTEM.replace("TYPE", type_) + text)
        (root / "specs/systems/files.yaml").write_text(FILES)
        (root / "specs/rows.yaml").write_text(SPEC.replace("LOOKBACK", lookback))
        self.spec = load(root / "specs/rows.yaml")
        site = stack.enter_context(serving(self.table))
        self.environ = {"SITE": site, "FILES": str(root)}

    def seams(self) -> Seams:
        return Seams(
            clock=self.time, sleep=self.time.sleep, random=lambda: 0.5, environ=self.environ, allow_loopback=True
        )

    def run(self, *, later: float = 60, progress: Any = quiet, **options: Any) -> Any:
        self.time.sleep(later)
        with open_workspace(self.folder / "home", seams=self.seams(), redactor=Redactor(), actor="test") as workspace:
            return run_spec(self.spec, workspace, self.seams(), Options(**options), progress).flows[0]

    @property
    def cursor(self) -> str | None:
        with open_workspace(self.folder / "home", seams=self.seams(), redactor=Redactor(), actor="test") as workspace:
            found = workspace.ledger.cursor("rows/rows", "erp.rows")
            return found.value if found is not None else None

    def arrived(self) -> dict[int, str]:
        """Each row as it arrived last, by nothing but the files the partner got."""
        files = sorted((self.folder / "out").iterdir(), key=lambda path: int(path.stem.rpartition("_")[2]))
        last = {}
        for path in files:
            with path.open(newline="") as stream:
                last |= {int(row["id"]): row["value"] for row in csv.DictReader(stream, strict=True)}
        return last

    def lost(self) -> list[str]:
        """What the table holds and the partner has not; judged by both ends alone."""
        arrived = self.arrived()
        return [
            f"{key}: {row['Value']} of {row['Stamp']}, arrived {arrived.get(key)}"
            for key, row in self.table.rows.items()
            if arrived.get(key) != row["Value"]
        ]


@pytest.fixture(scope="module")
def empty() -> Iterator[Path]:
    memory = Path("/dev/shm")
    root = Path(tempfile.mkdtemp(prefix="reading-", dir=memory if memory.is_dir() else None))
    with open_workspace(root, seams=Seams(environ={}), redactor=Redactor(), actor="test"):
        pass
    yield root
    shutil.rmtree(root)


@pytest.fixture
def make(empty):
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="desk-", dir=empty.parent)))
        yield lambda way="offset by key, timed": Desk(root, empty, way, stack)


# At random


class Storm:
    """What people do to the table while it is read: all of it drawn from one seed."""

    def __init__(self, table: Table, seed: int) -> None:
        self.table, self.chance, self.number = table, Random(seed), 0
        for key in range(self.chance.choice((1, 9, 14, 20))):
            table.write(key, "v0")
        table.long_ago()

    def __call__(self, asked: Asked) -> None:
        table, chance = self.table, self.chance
        for _ in range(chance.choice((0, 0, 1, 1, 2))):
            self.number += 1
            key, value = chance.randint(0, 14), f"v{self.number}"
            what = chance.random()
            if what < 0.4:
                table.write(key, value)
            elif what < 0.6:
                table.write_late(key + 100 * chance.randint(0, 1), value, chance.uniform(0, 400))
            elif what < 0.87:
                table.rows.pop(key, None)
            elif what < 0.9 and not table.counted:
                table.write(200 + self.number, value, table.stamp(timedelta(days=chance.randint(1, 900))))
            else:
                table.time.sleep(chance.choice((0, 1, 30)))
        table.commit_due()


def dying(chance: Random) -> Any:
    """A process that may be killed as a pass begins, and between its commit and its cursor."""
    mortal = chance.random() < 0.3

    def progress(event: str, detail: Mapping[str, Any]) -> None:
        if mortal and event in {"parcel", "ingested"} and chance.random() < 0.6:
            raise Killed

    return progress


SEEDS = [16, 24, *(pytest.param(seed, marks=pytest.mark.faults) for seed in range(60) if seed not in {16, 24})]
"""Both find a reader that does not overlap its pages, and one that does not look back."""


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("way", WAYS)
def test_a_table_that_changes_while_it_is_read_arrives_whole(make, way, seed):
    desk = make(way)
    storm = desk.table.before = Storm(desk.table, seed)
    codes = []
    for _ in range(6):
        storm(Asked("", "", {}, None))
        try:
            codes.append(desk.run(later=storm.chance.choice((1, 60, 900)), progress=dying(storm.chance)).exit_code)
        except Killed:
            codes.append(-9)
    desk.table.before = lambda asked: None
    desk.time.sleep(400)
    desk.table.commit_due(all_of_them=True)
    assert desk.run().exit_code == 0
    assert desk.lost() == [], f"seed {seed}, runs ended {codes}"
    assert set(codes) <= {0, 4, -9}


# One by one


def fill(desk: Desk, many: int = 7) -> None:
    for key in range(1, many + 1):
        desk.table.write(key, "v0")


@pytest.mark.parametrize("way", WAYS)
def test_equal_stamps_over_a_page_border_are_all_read_and_one_more_later_too(make, way):
    desk = make(way)
    same = 7 if desk.table.counted else "2026-11-21T08:00:00Z"
    for key in range(8):
        desk.table.write(key, "v0", same)
    desk.run()
    assert len(desk.arrived()) == 8
    desk.table.write(8, "v0", same)
    desk.run()
    assert desk.lost() == []


@pytest.mark.parametrize("way", ["offset by key, timed", "offset by stamp, timed", "offset by stamp, counted"])
def test_a_row_that_moves_between_two_pages_starts_the_pass_again(make, way):
    desk = make(way)
    fill(desk)

    def move(asked: Asked) -> None:
        if len(desk.table.asked) == 1:
            desk.table.rows.pop(1)

    desk.table.before = move
    assert desk.run().exit_code == 0
    assert [query["skip"] for query in desk.table.asked].count("0") == 2
    assert desk.lost() == []


def test_rows_that_never_rest_end_the_run_and_leave_cursor_and_ledger_as_they_were(make):
    desk = make("offset by stamp, timed")
    fill(desk, 12)
    desk.run()
    before, held = desk.cursor, desk.arrived()
    fill(desk, 12)

    def move(asked: Asked) -> None:
        rows = sorted(desk.table.rows.values(), key=lambda row: (row["Stamp"], row["Id"]))
        desk.time.sleep(1)
        desk.table.write(rows[0]["Id"], "moved")

    desk.table.before = move
    result = desk.run()
    assert (result.exit_code, desk.cursor, desk.arrived()) == (4, before, held)
    assert "rows moved" in result.error
    desk.table.before = lambda asked: None
    assert desk.run().exit_code == 0
    assert desk.lost() == []


@pytest.mark.parametrize("way", WAYS)
def test_what_is_committed_behind_the_reading_position_is_read_at_the_next_pass(make, way):
    desk = make(way)
    fill(desk)
    desk.table.write_late(50, "late", 300)
    desk.time.sleep(5)
    desk.table.write(7, "v1")
    desk.run()
    assert 50 not in desk.arrived()
    desk.table.commit_due(all_of_them=True)
    desk.run()
    assert desk.lost() == []


@pytest.mark.parametrize("way", ["offset by key, timed", "next link, timed", "next link, cap by the answer's date"])
def test_a_stamp_of_the_future_does_not_take_the_cursor_with_it(make, way):
    desk = make(way)
    fill(desk)
    desk.table.write(90, "far ahead", "2031-01-01T00:00:00Z")
    desk.run()
    assert desk.cursor is not None
    assert desk.cursor <= desk.time.now.strftime("%Y-%m-%dT%H:%M:%S") + "Z"
    desk.time.sleep(86_400)
    desk.table.write(3, "v1")
    desk.run()
    assert desk.lost() == []


HTML = b"<!DOCTYPE html><html><body>Not here</body></html>"


def always(reply: Reply) -> Callable[[Asked], Reply | None]:
    return lambda asked: reply


def second(reply: Reply) -> Callable[[Asked], Reply | None]:
    """The first page is good, every later one is this."""
    return lambda asked: reply if int(asked.query.get("skip", 0)) > 0 else None


PAGE = {"value": [{"Id": 1, "Value": "v", "Stamp": "2026-11-21T08:00:00Z"}]}
BROKEN = {
    "404 as HTML": always(Reply(status=404, raw=HTML)),
    "404 with an API error": always(Reply(status=404, body={"why": "no such service"})),
    "404 on the second page": second(Reply(status=404, body={"why": "no such page"})),
    "400": always(Reply(status=400, body={"why": "bad filter"})),
    "400 on the second page": second(Reply(status=400, body={"why": "bad filter"})),
    "403": always(Reply(status=403, body={"why": "no right"})),
    "422": always(Reply(status=422, body={"why": "no"})),
    "401": always(Reply(status=401)),
    "302": always(Reply(status=302, headers={"Location": "/login"})),
    "200 as HTML": always(Reply(raw=HTML)),
    "200 as HTML on the second page": second(Reply(raw=HTML)),
    "200 without a body": always(Reply(raw=b"")),
    "204": always(Reply(status=204, raw=b"")),
    "no list": always(Reply(body={"error": "busy"})),
    "no list on the second page": second(Reply(body={"value": None})),
    "a list of texts": always(Reply(body={"value": ["x"]})),
    "500": always(Reply(status=500, body={})),
    "503 on the second page": second(Reply(status=503, body={})),
    "429": always(Reply(status=429)),
    "no answer on the second page": second(LOST),
    "an empty page in the middle": second(Reply(body={"value": []})),
    "the first page again": second(Reply(body=PAGE)),
    "cut off": always(Reply(raw=b'{"value": [')),
}


@pytest.mark.parametrize("how", BROKEN)
def test_an_answer_that_is_no_list_is_an_error_and_never_no_records(make, how):
    desk = make()
    fill(desk)
    desk.run()
    cursor, held = desk.cursor, desk.arrived()
    fill(desk, 9)
    desk.table.broken = BROKEN[how]
    result = desk.run()
    assert (result.exit_code, desk.cursor, desk.arrived()) == (4, cursor, held), result.error
    assert result.error
    desk.table.broken = lambda asked: None
    assert desk.run().exit_code == 0
    assert desk.lost() == []


@pytest.mark.parametrize("way", ["next link, timed", "cursor, counted"])
def test_pages_that_lead_in_a_circle_are_an_error(make, way):
    desk = make(way)
    fill(desk)
    desk.run()
    cursor, held = desk.cursor, desk.arrived()
    fill(desk)
    circle = {"value": [], "next": "rows?order=Stamp&keyset=yes&after=0|0", "after": "0|0"}
    desk.table.broken = lambda asked: None if asked.query.get("order") == "newest" else Reply(body=circle)
    result = desk.run()
    assert (result.exit_code, desk.cursor, desk.arrived()) == (4, cursor, held)
    assert "never ends" in result.error
    desk.table.broken = lambda asked: None
    desk.run()
    assert desk.lost() == []


def test_a_link_to_another_machine_is_not_followed(make):
    desk = make("next link, timed")
    fill(desk)
    away = {"value": [], "next": "http://127.0.0.1:1/rows"}
    desk.table.broken = lambda asked: None if asked.query.get("order") == "newest" else Reply(body=away)
    result = desk.run()
    assert (result.exit_code, desk.cursor, desk.arrived()) == (4, None, {})


@pytest.mark.parametrize("size", ["0", "1"])
def test_a_page_too_small_to_overlap_is_refused(make, size, monkeypatch):
    monkeypatch.setitem(WAYS, "small", (OFFSET.replace("size: 3", f"size: {size}") + BY_ID + TIMED, "10m"))
    try:
        desk = make("small")
    except SpecError:
        return
    fill(desk)
    assert (desk.run().exit_code, desk.cursor) == (4, None)


@pytest.mark.parametrize("moment", ["parcel", "ingested"])
def test_a_kill_before_the_cursor_moves_reads_again_and_sends_nothing_twice(make, moment):
    desk = make()
    fill(desk)

    def die(event: str, detail: Mapping[str, Any]) -> None:
        if event == moment:
            raise Killed

    with pytest.raises(Killed):
        desk.run(progress=die)
    assert desk.cursor is None
    assert desk.run().exit_code == 0
    assert desk.lost() == []
    rows = [line for path in (desk.folder / "out").iterdir() for line in path.read_text().splitlines()[1:]]
    assert len(rows) == len(set(rows)) == 7


def test_a_partial_run_leaves_the_cursor(make):
    desk = make()
    fill(desk)
    desk.run(limit=2)
    assert (desk.cursor, len(desk.arrived())) == (None, 2)
    desk.run()
    assert desk.lost() == []

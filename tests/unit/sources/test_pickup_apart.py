"""Reading a file has limits of its own: what it does, the machine and the run survive, and the next file is read."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.contracts import BadRow, ReadAgain, Row
from engine.errors import ParcelError, SetupError
from engine.formats.csv import Csv, Footer
from engine.formats.json import Json
from engine.mapping.documents import Column, DocumentShape
from engine.sources import pickup_apart
from engine.sources.pickup_guard import DEFAULT, Limits, in_time, read_limits
from engine.sources.pickup_read import compile_reader
from engine.sources.pickup_wire import Job, JobFormat, Sort, pack_job, receive, send

MIB = 1024 * 1024
APART = Limits(apart_above=0)
SHAPE = DocumentShape(
    key=("id",),
    header={
        "id": Column(type="string"),
        "day": Column(type="date"),
        "at": Column(type="datetime"),
        "paid": Column(type="boolean", format="Y|N"),
        "total": Column(type="decimal"),
    },
    lines={"amount": Column(type="decimal", required=True), "n": Column(type="integer")},
)
HEAD = "id,day,at,paid,total,amount,n\n"
GOOD = (
    HEAD
    + "a,2026-11-21,2026-11-21T10:15:00Z,Y,3.30,1.10,1\na,2026-11-21,2026-11-21T10:15:00Z,Y,3.30,2.20,2\nb,,,N,,5,\n"
)
HUGE = str(2**70)


def file_of(tmp_path: Path, text: str, name: str = "a.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


def read(
    path: Path, format_: Any = None, shape: DocumentShape | None = SHAPE, limits: Limits = APART, **how: Any
) -> Any:
    return compile_reader(format_ or Csv(), shape, limits=limits, note=lambda *_: None)(path, **how)


def children() -> list[str]:
    """The processes that read a file for this one; a test database may be a child too."""
    found = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [name for name in found if b"pickup_child" in Path(f"/proc/{name}/cmdline").read_bytes()]


def test_a_file_read_apart_gives_the_same_records(tmp_path: Path) -> None:
    first, second = read(file_of(tmp_path, GOOD))
    assert first == Row(
        place="rows 2-3",
        values={
            "id": "a",
            "day": date(2026, 11, 21),
            "at": datetime(2026, 11, 21, 10, 15, tzinfo=UTC),
            "paid": True,
            "total": Decimal("3.30"),
            "lines": [{"amount": Decimal("1.10"), "n": 1}, {"amount": Decimal("2.20"), "n": 2}],
        },
    )
    assert second.values == {
        "id": "b", "day": None, "at": None, "paid": False, "total": None, "lines": [{"amount": Decimal(5), "n": None}],
    }  # fmt: skip
    assert str(first.values["total"]) == "3.30"


@pytest.mark.parametrize("rush", [False, True])
@pytest.mark.parametrize(
    "text",
    [
        GOOD + "c,1\nd,,,N,x,1,1\n",
        GOOD + f"c,,,N,1,1,{HUGE}\n",
        GOOD.replace("2.20", "x"),
        HEAD,
        HEAD + "".join(f"k{n // 3},,,N,1.00,{n}.10,{n}\n" for n in range(2_000)),
    ],
)
def test_bad_rows_large_numbers_and_many_documents_come_through_as_they_are(
    tmp_path: Path, text: str, rush: bool
) -> None:
    path = file_of(tmp_path, text)
    assert list(read(path, rush=rush)) == list(read(path, limits=DEFAULT))


def test_records_without_a_shape_keep_their_types(tmp_path: Path) -> None:
    path = file_of(tmp_path, '[{"a": 1.10, "b": [1, {"c": null, "d": true}], "e": ' + HUGE + ', "f": 12e1}]')
    assert list(read(path, Json(), None)) == list(read(path, Json(), None, DEFAULT))
    lines = file_of(tmp_path, "a,b\n1,\nx\n")
    assert list(read(lines, Csv(), None)) == list(read(lines, Csv(), None, DEFAULT))


def test_findings_and_refusals_come_with_their_words(tmp_path: Path) -> None:
    notes: list[Any] = []
    path = file_of(tmp_path, "id,x,amount\na,,1\n")
    shape = DocumentShape(key=("id",), header={"id": Column(type="string")}, lines={"amount": Column(type="decimal")})
    list(compile_reader(Csv(), shape, limits=APART, note=lambda *note: notes.append(note))(path))
    assert notes == [("finding", {"text": "the file has columns the spec does not read: `x`"})]
    with pytest.raises(ParcelError, match=r"^line 4, record 2, byte 15: a quote opened") as caught:
        list(read(file_of(tmp_path, 'id,amount\na,1\n\n"b,1\n'), shape=shape))
    assert caught.value.place == "line 4, record 2, byte 15"


def test_rows_that_stand_apart_end_a_rush_and_are_sorted_otherwise(tmp_path: Path) -> None:
    path = file_of(tmp_path, HEAD + "a,,,N,1,1,1\nb,,,N,1,1,1\na,,,N,1,2,2\n")
    with pytest.raises(ReadAgain):
        list(read(path, rush=True))
    assert [row.place for row in read(path)] == ["rows 2-4", "row 3"]


def test_every_key_of_a_format_reaches_the_other_process(tmp_path: Path) -> None:
    kind = Csv(
        encoding="cp1252", delimiter=";", match="casefold", null_values=("-",), comment="#", skip_rows=1,
        footer=Footer(pattern="^END", count="amount"),
    )  # fmt: skip
    shape = DocumentShape(key=("id",), header={"id": Column(type="string")}, lines={"amount": Column(type="decimal")})
    path = tmp_path / "a.csv"
    path.write_bytes("top\nID;AMOUNT\nä;1\n# no\nä;-\nEND;2\n".encode("cp1252"))
    (row,) = read(path, kind, shape)
    assert row.values == {"id": "ä", "lines": [{"amount": Decimal(1)}]}


def test_a_file_that_eats_memory_is_refused_and_this_process_stays_small(tmp_path: Path) -> None:
    path = file_of(tmp_path, "[" + ",".join(["[]"] * 1_000_000) + "]", "a.json")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(
        ParcelError, match=r"more than 90 MiB of memory.*split the file, or raise `MLCONNECTOR_FILE_MEMORY`"
    ):
        list(read(path, Json(), None, Limits(apart_above=0, memory=90 * MIB)))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30 * 1024
    assert children() == []


def test_a_file_that_takes_too_long_is_refused(tmp_path: Path) -> None:
    path = file_of(tmp_path, HEAD + "a,,,N,1,1,1\n" * 200_000)
    limits = Limits(apart_above=0, seconds=0.15, bytes_a_second=10**12)
    with pytest.raises(
        ParcelError, match=r"longer than 0 seconds.*split the file, or raise `MLCONNECTOR_FILE_SECONDS`"
    ):
        list(read(path, limits=limits))
    assert children() == []


def test_only_waiting_for_the_file_counts_as_its_time() -> None:
    now = [0.0]

    def slow(seconds: float) -> Iterator[Row]:
        for n in range(3):
            now[0] += seconds
            yield Row(place=f"row {n}", values={})

    for _ in in_time(slow(1), 5, lambda: now[0]):
        now[0] += 100
    with pytest.raises(ParcelError, match="longer than 5 seconds"):
        list(in_time(slow(3), 5, lambda: now[0]))


def test_a_reader_that_dies_refuses_the_file(tmp_path: Path) -> None:
    path = file_of(tmp_path, HEAD + "".join(f"k{n},,,N,1.00,{n}.10,{n}\n" for n in range(60_000)))
    rows = read(path)
    next(rows)
    os.kill(int(children()[0]), signal.SIGKILL)
    with pytest.raises(ParcelError, match="the process that read it was stopped by signal 9"):
        list(rows)
    assert children() == []


def test_a_reading_that_is_given_up_leaves_nothing_behind(tmp_path: Path) -> None:
    rows = read(file_of(tmp_path, HEAD + "".join(f"k{n},,,N,1.00,{n}.10,{n}\n" for n in range(60_000))))
    next(rows)
    rows.close()
    assert children() == []


def start(environ: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-c", pickup_apart._BOOT, pickup_apart._ROOT],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ,
    )  # fmt: skip


def test_the_reader_ends_when_its_parent_does(tmp_path: Path) -> None:
    """No signal tells it: its standard input ends, which holds on every system."""
    path = file_of(tmp_path, HEAD + "".join(f"k{n},,,N,1.00,{n}.10,{n}\n" for n in range(60_000)))
    with start() as child:
        assert child.stdin is not None
        assert child.stdout is not None
        send(
            child.stdin,
            Sort.JOB,
            pack_job(
                Job(path=str(path), rush=True, memory=512 * MIB, seconds=60, format=JobFormat(csv=Csv()), shape=SHAPE)
            ),
        )  # type: ignore[arg-type]
        assert receive(child.stdout) is not None  # type: ignore[arg-type]
        with suppress(OSError):
            child.stdin.close()
        assert child.wait(timeout=5) == 3


def test_the_reader_gets_no_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLCONNECTOR_KEY", "very-secret")
    rows = read(file_of(tmp_path, HEAD + "".join(f"k{n},,,N,1.00,{n}.10,{n}\n" for n in range(60_000))))
    next(rows)
    (child,) = children()
    assert b"secret" not in Path(f"/proc/{child}/environ").read_bytes()
    limits = Path(f"/proc/{child}/limits").read_text()
    assert str(DEFAULT.memory) in next(line for line in limits.splitlines() if line.startswith("Max address space"))
    rows.close()


def test_a_bug_in_the_reader_is_told_as_one(tmp_path: Path) -> None:
    path = file_of(tmp_path, GOOD)
    rows = read(path)
    path.unlink()
    with pytest.raises(RuntimeError, match="reading the file failed: FileNotFoundError"):
        list(rows)


def test_a_large_file_starts_handing_over_before_it_is_read(tmp_path: Path) -> None:
    """The rows of the first blocks are here while the rest is still read: memory does not grow with the file."""
    path = file_of(tmp_path, HEAD + "".join(f"k{n},,,N,1.00,{n}.10,{n}\n" for n in range(60_000)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert sum(1 for _ in read(path, rush=True)) == 60_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20 * 1024


@pytest.mark.parametrize("text", ["", " 2048 "])
def test_limits_come_from_the_environment(text: str) -> None:
    limits = read_limits({"MLCONNECTOR_FILE_MEMORY": text, "MLCONNECTOR_FILE_SECONDS": "5"})
    assert limits.memory == (2048 if text.strip() else 1024) * MIB
    assert limits.allowed(2 * MIB) == 13


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "lots", "1" * 9])
def test_a_limit_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(SetupError, match="`MLCONNECTOR_FILE_SECONDS` is"):
        read_limits({"MLCONNECTOR_FILE_SECONDS": text})


def test_what_comes_out_of_pipes_and_spools_is_data_only() -> None:
    """Nothing that comes out of the pipe is ever run: there is no pickle in the whole path."""
    sources = Path(pickup_apart.__file__).parent
    engine = sources.parent
    text = "".join(
        path.read_text() for folder in (sources, engine / "mapping", engine / "formats") for path in folder.glob("*.py")
    )
    assert "import pickle" not in text
    assert "import marshal" not in text


def test_what_is_wrong_with_a_row_is_told_with_its_line_record_and_byte(tmp_path: Path) -> None:
    text = GOOD + "c,2026-11-21,,Y,1,1,1\nc,2026-11-21,,Y,1,1O,2\n\ne,,,Maybe,,1,\n"
    lines = text.splitlines(keepends=True)

    def place(number: int, record: int) -> str:
        return f"(line {number}, record {record}, byte {len(''.join(lines[: number - 1]))})"

    path = file_of(tmp_path, text)
    for limits in (APART, DEFAULT):
        bad = [item for item in read(path, limits=limits) if isinstance(item, BadRow)]
        told = {item.place: item.error for item in bad}
        assert told["rows 5-6"].startswith("row 6: column `amount`: '1O' is not a number")
        ends = {item: error[error.rindex("(") :] for item, error in told.items()}
        assert ends == {"rows 5-6": place(6, 5), "row 8": place(8, 6)}


def test_a_row_of_the_wrong_width_is_told_so_too(tmp_path: Path) -> None:
    path = file_of(tmp_path, "id,day,at,paid,total,amount,n\nx\n")
    (bad,) = read(path)
    assert bad.error == "the row has 1 columns and the header 7: was the line cut? (line 2, record 1, byte 30)"

"""Control 29: one file is read by a process that has nothing but the file, so much memory and so much time; whatever it holds."""

# ruff: noqa: E501, PLW0108 - specs are quoted as they are written; files are made when they are needed

from __future__ import annotations

import gzip
import os
import resource
import time
from pathlib import Path

import pytest

from .stage import HEADER, PASSWORD

MIB = 1024 * 1024
ROW = "ACME,A-1,2026-11-01,10.30,paper,10.30\n"
LEGION = "".join(f"ACME,B-{n},2026-11-01,1.00,paper,1.00\n" for n in range(60_000))


def children():
    """The processes that read a file for this one; a test database may be a child too."""
    found = Path("/proc/self/task").joinpath(str(os.getpid()), "children").read_text().split()
    return [int(name) for name in found if b"pickup_child" in Path(f"/proc/{name}/cmdline").read_bytes()]


def as_json(stage):
    stage.change("systems/files.yaml", ('csv: {delimiter: ","}\n    document', "json: {}\n    document"), ('match: "*.csv"', 'match: "*.json"'),
                 ("      lines:\n        description: {column: description, type: string}\n        amount: {column: amount, type: decimal, required: true}\n", ""))  # fmt: skip
    stage.change("", ("lines: {each: lines, map: {description: description, amount: amount}}", "lines: {const: [{amount: 1}]}"))  # fmt: skip


CSV_FILES = {
    "one field of 40 MB": lambda: (HEADER + f"ACME,A-1,2026-11-01,10.30,{'x' * 40 * MIB},10.30\n").encode(),
    "a quote of 40 MB never closed": lambda: (HEADER + 'ACME,A-1,2026-11-01,10.30,"' + "x\n" * 20 * MIB).encode(),
    "a header of two million columns": lambda: (",".join(f"c{n}" for n in range(2_000_000)) + "\n" + ROW).encode(),
    "a row of five million columns": lambda: (HEADER + "1," * 5_000_000 + "\n").encode(),
    "twenty million line ends": lambda: b"\r\n" * 20_000_000,
    "five million line ends": lambda: b"\r\n" * 5_000_000,
    "forty megabytes without a line end": lambda: b"x" * 40 * MIB,
    "an archive": lambda: gzip.compress(os.urandom(3 * MIB)),
    "noughts": lambda: bytes(20 * MIB),
    "a bad row at the very end": lambda: (HEADER + ROW * 60_000 + "ACME,A-1\x00").encode(),
}
JSON_FILES = {
    "deep lists": lambda: b"[" * 4 * MIB,
    "deep objects": lambda: b'{"a":' * MIB,
    "a number of four million digits": lambda: b'[{"total":' + b"9" * 4 * MIB + b"}]",
    "a text of 60 MB": lambda: b'[{"vendor":"' + b"x" * 60 * MIB + b'"}]',
    "an object of a million keys": lambda: b"[{" + b",".join(b'"k%d":1' % n for n in range(MIB)) + b"}]",
    "an object of two hundred thousand keys": lambda: (
        b"[{" + b",".join(b'"k%d":1' % n for n in range(MIB // 5)) + b"}]"
    ),
    "a key of 20 MB": lambda: b'[{"' + b"k" * 20 * MIB + b'":1}]',
    "five million empty lists": lambda: b"[" + b"[]," * 5 * MIB + b"[]]",
    "escapes only": lambda: b'[{"vendor":"' + b"\\u0000" * 2 * MIB + b'"}]',
}
IN_THE_LONG_PROOF = {
    "a header of two million columns", "twenty million line ends", "forty megabytes without a line end",
    "an object of a million keys", "a key of 20 MB",
}  # fmt: skip
"""Each ends as a smaller one, or another line without an end, does at every change."""


@pytest.mark.parametrize(
    "what",
    [pytest.param(one, marks=[pytest.mark.faults] * (one in IN_THE_LONG_PROOF)) for one in (*CSV_FILES, *JSON_FILES)],
)
def test_29_a_file_that_wants_the_machine_gets_a_refusal(stage, what):
    """It goes aside; the run's own memory stays small, no process is left, and the next file is read."""
    if what in JSON_FILES:
        as_json(stage)
    made = (CSV_FILES | JSON_FILES)[what]()
    stage.offer(made, name="bills_1.json" if what in JSON_FILES else "bills_1.csv")
    del made
    stage.environ |= {"MLCONNECTOR_FILE_MEMORY": "512", "MLCONNECTOR_FILE_SECONDS": "10"}
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    result = stage.run()
    assert time.monotonic() - start < 30
    assert result.exit_code == 3, result.render("text")
    assert stage.peer.posts() == []
    assert set(stage.states().values()) <= {"quarantined", "held"}
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 220 * 1024
    assert children() == []
    assert [path.name for path in (stage.files / "out/bad").iterdir() if path.is_file()] or stage.states()


def child_of(stage):
    """A child in the middle of a file, as the run starts it."""
    from engine.formats.csv import Csv
    from engine.sources import pickup_apart
    from engine.sources.pickup_guard import DEFAULT
    from engine.sources.pickup_wire import Job, JobFormat, unpacker

    path = stage.offer(HEADER + LEGION)
    job = Job(path=str(path), rush=True, memory=DEFAULT.memory, seconds=60, format=JobFormat(csv=Csv()))
    rows = pickup_apart.read_apart(job, DEFAULT, unpacker(None), lambda _text: None, time.monotonic)
    next(rows)
    (child,) = children()
    return child, rows


def test_29_the_reader_has_no_descriptor_but_the_file_and_its_pipes(stage):
    """Not the database, not its log, not a connection: what the run has open is not passed on, even where it could be."""
    with stage.workspace(), (stage.home / ".mlconnector.key").open("rb") as key:
        os.set_inheritable(key.fileno(), True)  # as if some library had been careless
        child, rows = child_of(stage)
        opened = [str(entry.readlink()) for entry in Path(f"/proc/{child}/fd").iterdir()]
        rows.close()
    assert not [name for name in opened if ".mlconnector" in name or "socket" in name]
    assert {name.partition(":")[0] for name in opened} <= {"pipe", "/dev/null", str(stage.files / "out/bills_1.csv")}


def test_29_the_reader_has_no_secret_in_its_environment_arguments_or_memory_of_them(stage, monkeypatch):
    monkeypatch.setenv("MLCONNECTOR_KEY_FILE", f"/x/{PASSWORD}")
    monkeypatch.setenv("SOME_TOKEN", PASSWORD)
    monkeypatch.setenv("PYTHONSTARTUP", "/tmp/evil.py")
    monkeypatch.setenv("PYTHONPATH", "/tmp/evil")
    with stage.workspace():
        child, rows = child_of(stage)
        environ, words = Path(f"/proc/{child}/environ").read_bytes(), Path(f"/proc/{child}/cmdline").read_bytes()
        rows.close()
    assert PASSWORD.encode() not in environ + words
    names = {entry.partition(b"=")[0] for entry in environ.split(b"\0") if entry}
    assert names <= {b"TMPDIR", b"TEMP", b"TMP", b"LD_LIBRARY_PATH", b"LC_CTYPE"}


def test_29_the_reader_may_take_so_much_memory_and_processor_and_leaves_no_core(stage):
    child, rows = child_of(stage)
    said = Path(f"/proc/{child}/limits").read_text().splitlines()[1:]
    limits = {line[:26].strip(): line[26:].split()[:2] for line in said}
    rows.close()
    assert limits["Max address space"] == [str(1024 * MIB)] * 2
    assert limits["Max cpu time"][0] == "65"
    assert limits["Max core file size"] == ["0", "0"]


def test_29_a_reader_that_sends_nonsense_is_refused(stage):
    """As if a hole in a parser had given the file's maker the child: what it can say is rows, and nothing is run."""
    import struct
    from io import BytesIO

    from engine.sources.pickup_wire import LARGEST, Sort, receive, unpacker

    assert receive(BytesIO(b"X" + struct.pack(">I", 0))) is None
    assert receive(BytesIO(b"T" + struct.pack(">I", LARGEST + 1))) is None
    assert receive(BytesIO(b"T" + struct.pack(">I", 100) + b"short")) is None
    for body in (b"", b"\xc1", b"\x93\x01\x02\x03", b"\xc7\x04\x05cos\nsystem", os.urandom(200)):
        with pytest.raises(Exception) as raised:  # noqa: PT011  # whatever it is: it is no row, and the run ends with it
            unpacker(None)(Sort.LOOSE, body)
        assert not isinstance(raised.value, SystemExit | MemoryError)

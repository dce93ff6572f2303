"""Files of each format beside scripts written by hand with the same checks; figures are printed, never asserted.

Sizes: `MLCONNECTOR_BENCH_INVOICES` (XML invoices of three lines, 20000), `MLCONNECTOR_BENCH_MEGABYTES` (of an X12 820, 10),
`MLCONNECTOR_BENCH_RECORDS` (of fixed width, 100000), `MLCONNECTOR_BENCH_TAKEN` (CSV rows taken in, 100000), and
`MLCONNECTOR_BENCH_FILE_TURNS` (how often each side runs, 1). `MLCONNECTOR_BENCH_FULL=1` is 200000, 100, 1000000 and 1000000.
"""

from __future__ import annotations

import pytest

from .bench_spec import write_invoices
from .files_made import write_fixed, write_x12, write_xml
from .measure import TABLE, child_of, in_turn, size

pytestmark = [pytest.mark.bench, pytest.mark.timeout(7200)]
FULL = size("FULL", 0)
TURNS = size("FILE_TURNS", 1)
FILES = {
    "rows": ("TAKEN", 1_000_000 if FULL else 100_000, "CSV rows", write_invoices),
    "xml": ("INVOICES", 200_000 if FULL else 20_000, "XML invoices", write_xml),
    "x12": ("MEGABYTES", 100 if FULL else 10, "MB of X12 820", write_x12),
    "fixed": ("RECORDS", 1_000_000 if FULL else 100_000, "fixed-width records", write_fixed),
}
TARGET = "<= 2.0, 200 MB"


@pytest.fixture(params=FILES)
def made(request, tmp_path):
    """Form, file, its size in words, how many documents."""
    name, default, what, write = FILES[request.param]
    many, file = size(name, default), tmp_path / f"file.{request.param}"
    documents = write(file, many)
    return request.param, file, f"{many:,} {what}", documents


def compare(made, tmp_path, ours, hand, ending):
    """One line of the table for each clock."""
    form, file, what, documents = made

    def side(name):
        def run(turn):
            folder = tmp_path / f"{name}_{turn}"
            folder.mkdir()
            return child_of("sides_files.py", name, folder=folder, file=file, form=form)

        return run

    pair = in_turn(TURNS, side(ours), side(hand))

    memory = f"{pair.ours['memory']:.0f} MB, child {pair.ours['child']:.0f} MB (by hand {pair.hand['memory']:.0f} MB)"
    for clock, key, ratio in (("processor", "cpu", pair.ratio), ("wall", "seconds", pair.wall)):
        figures = [f"{each[key] / documents * 1e6:.1f} µs" for each in (pair.ours, pair.hand)]
        TABLE.add(f"{what} {ending}, {clock}, a document", *figures, f"{ratio:.2f}", TARGET, memory)


@pytest.mark.parametrize("made", [form for form in FILES if form != "rows"], indirect=True)
def test_a_file_to_typed_documents(made, tmp_path):
    """Read, put together, typed; nothing written. What CSV takes is in `test_reading.py`."""
    compare(made, tmp_path, "ours_file", "hand_file", "to documents")


@pytest.mark.parametrize("promises", ["bare", "same"])
def test_a_file_into_the_ledger(made, tmp_path, promises):
    """Read, mapped, hashed, known or not, written: beside a bare table in the clear, and beside one that keeps all the engine keeps."""
    compare(made, tmp_path, "ours_taken", f"hand_taken_{promises}", f"into a ledger ({promises} table)")

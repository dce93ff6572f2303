"""Reading beside scripts written by hand for the same work with the same checks; figures are printed, never asserted.

Sizes: `MLCONNECTOR_BENCH_VENDORS` (records in pages of 100, 20000), `MLCONNECTOR_BENCH_SEEN` (records of a second run, 20000),
`MLCONNECTOR_BENCH_ROWS` (rows of a file, 1000000), `MLCONNECTOR_BENCH_TURNS` (how often each side runs, 3).
"""

from __future__ import annotations

import pytest

from .bench_spec import write_invoices
from .measure import TABLE, in_turn, side, size, system

pytestmark = [pytest.mark.bench, pytest.mark.timeout(1800)]
TURNS = size("TURNS", 3)


@pytest.fixture(scope="module")
def site():
    with system() as address:
        yield f"{address}/0"


def places(tmp_path):
    """A folder for each side of each turn, made as asked for."""

    def place(name, turn):
        folder = tmp_path / f"{name}_{turn}"
        folder.mkdir()
        return folder

    return place


def per_record(seconds, many):
    return f"{seconds / many * 1e6:.1f} µs"


def test_pages_to_a_file(tmp_path, site):
    """OData pages to a CSV file, byte for byte the same: listing, types, mapping, file; no ledger on either side."""
    many, place = size("VENDORS", 20_000), places(tmp_path)

    pair = in_turn(
        TURNS,
        lambda turn: side("ours_pages", folder=place("ours", turn), site=site, many=many),
        lambda turn: side("hand_pages", folder=place("hand", turn), site=site, many=many),
    )

    for what, clock, ratio in (("processor", "cpu", pair.ratio), ("wall", "seconds", pair.wall)):
        figures = per_record(pair.ours[clock], many), per_record(pair.hand[clock], many)
        TABLE.add(f"{many:,} records, pages to CSV, {what}", *figures, f"{ratio:.2f}", "<= 1.5", pair.memory)


def test_a_file_to_documents(tmp_path):
    """A file of a million rows to mapped documents with their lines."""
    rows, file = size("ROWS", 1_000_000), tmp_path / "invoices.csv"
    write_invoices(file, rows)
    place = places(tmp_path)

    pair = in_turn(
        TURNS,
        lambda turn: side("ours_csv", folder=place("ours", turn), file=file),
        lambda turn: side("hand_csv", folder=place("hand", turn), file=file),
    )

    target = "<= 1.2, 120 MB"
    for what, clock, ratio in (("processor", "cpu", pair.ratio), ("wall", "seconds", pair.wall)):
        figures = per_record(pair.ours[clock], rows), per_record(pair.hand[clock], rows)
        TABLE.add(f"{rows:,} CSV rows to documents, {what}", *figures, f"{ratio:.2f}", target, pair.memory)


def test_a_second_run(tmp_path, site):
    """A whole run (ledger, trail, outbox) beside a script with a table of what it saw: all new, nothing new, a tenth new."""
    many, place = size("SEEN", 20_000), places(tmp_path)
    ours, hand = place("ours", 0), place("hand", 0)
    tenth = many + many // 10

    for what, of, made in (("all new", many, many), ("nothing new", many, 0), ("a tenth new", tenth, tenth - many)):
        theirs = side("hand_seen", folder=hand, site=site, many=of)
        mine = side("ours_seen", folder=ours, site=site, many=of)
        assert mine["made"] == theirs["made"] == made
        assert mine["commits"] < 20 + of // 250, "a commit for each record"
        figures = per_record(mine["cpu"], of), per_record(theirs["cpu"], of)
        ratio, memory = mine["cpu"] / theirs["cpu"], f"{mine['memory']:.0f} MB (by hand {theirs['memory']:.0f} MB)"
        TABLE.add(f"{of:,} records, whole run, {what}", *figures, f"{ratio:.2f}", f"{mine['commits']} commits", memory)

"""`inspect FILE`: how a file is understood, by its looks or as a flow reads it. Nothing is written anywhere."""

from __future__ import annotations

from pathlib import Path

from engine.desk.inspecting_told import Told
from engine.desk.sniffed import Kind, Sniffed
from engine.desk.sniffing import sniff
from engine.errors import ParcelError

TITLES = {"csv": "CSV", "xml": "XML", "json": "JSON", "fixed": "fixed width", "x12": "X12"}


def inspect_file(path: Path, *, records: int, said: Kind | None = None) -> Told:
    """A file by its looks. Raises UsageError for one that can't be opened."""
    sniffed = sniff(path, said)
    told = Told(file=str(path), size=sniffed.size, title=TITLES.get(sniffed.kind or "", "not understood"))
    told.notice(*sniffed.findings)
    if sniffed.kind is None:
        told.wrong(sniffed.why)
        return told
    looked(sniffed, told, records)
    return told


def looked(sniffed: Sniffed, told: Told, records: int) -> None:
    """Fills in what the format tells; a file that breaks is told up to there."""
    from engine.desk import inspecting_looks

    look = inspecting_looks.LOOKS[sniffed.kind or "csv"]
    try:
        look(sniffed, told, records)
    except ParcelError as error:
        told.wrong(str(error))

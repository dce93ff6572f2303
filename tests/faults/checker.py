"""Judges a schedule from outside: what was offered, what the target's history shows, and the ledger's table by plain SQL.

It shares no code with the engine: a mistake in there can't excuse itself here.
"""

from __future__ import annotations

import csv
import io
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

IN_THE_TARGET = {"posted", "adopted"}
FOR_A_PERSON = {"held", "conflict", "quarantined"}
OPEN = {"ready", "waiting", "probing", "sending", "in_doubt", "rejected"}
History = Sequence[tuple[str, str, str]]
Offers = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Kept:
    """A row of the ledger."""

    number: str
    version: int
    state: str
    reason: str
    reference: str
    amount: str
    owner: str


def export(database: Path) -> list[Kept]:
    """The ledger's documents."""
    asked = "SELECT number, version, state, reason, reference, amount, owner FROM document ORDER BY number, version"
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return [Kept(*("" if value is None else value for value in row)) for row in connection.execute(asked)]
    finally:
        connection.close()


def unfinished(kept: Iterable[Kept]) -> list[str]:
    return [f"{row.number}#{row.version} {row.state}" for row in kept if row.state in OPEN]


def judge_documents(
    offers: Offers, kept: list[Kept], history: History, *, bugs: bool, versions_apart: bool = False
) -> list[str]:
    """Problems of a target that takes documents one by one; none is what a schedule must end with.

    `versions_apart`: a changed document is meant to be sent again, so each content may be there once.
    """
    made, whole = _count(history, "made"), _count(history, "whole")
    removed, odd = _count(history, "removed"), _count(history, "lines twice")
    there = Counter({key: made[key] - removed[key] for key in made})
    problems = [f"lines twice in the target: {key}" for key in odd]
    for number in {key[0] for key in there}:
        counts = [count for key, count in there.items() if key[0] == number]
        copies = max(counts) if versions_apart else sum(counts)
        if copies > 1:
            problems.append(f"I1 doubled: {number} is {copies} times in the target")
    for row in kept:
        key = (row.number, row.amount)
        if row.state in IN_THE_TARGET and not (there[key] == 1 and whole[key]):
            problems.append(f"I2 {row.number}#{row.version} is {row.state} and not whole in the target")
    for number, amount in (key for key, count in there.items() if count > 0):
        states = {row.state for row in kept if (row.number, row.amount) == (number, amount)}
        if not states & {*IN_THE_TARGET, "held"}:
            problems.append(f"I2 {number} of {amount} is in the target, and the ledger says {sorted(states)}")
    return problems + judge_ledger(offers, kept, bugs=bugs)


def judge_files(offers: Offers, kept: list[Kept], files: Sequence[tuple[str, bytes]], *, bugs: bool) -> list[str]:
    """The same for dropped files: every file that ever had its final name counts."""
    names = Counter(name for name, _ in files)
    problems = [f"I1 doubled: {name} was dropped {count} times" for name, count in names.items() if count > 1]
    places: dict[tuple[str, str], list[str]] = {}
    for name, data in files:
        for line in csv.DictReader(io.StringIO(data.decode()), strict=True):
            places.setdefault((line["number"], line["total"]), []).append(name)
    problems += [f"I1 doubled: {key[0]} is in {found}" for key, found in places.items() if len(found) > 1]
    for row in kept:
        found = places.get((row.number, row.amount), [])
        if row.state in IN_THE_TARGET and [row.reference.rpartition("/")[2]] != found:
            problems.append(f"I2 {row.number} is {row.state} as {row.reference} and is in {found}")
    for (number, amount), found in places.items():
        states = {row.state for row in kept if (row.number, row.amount) == (number, amount)}
        if not states & {*IN_THE_TARGET, "held"}:
            problems.append(f"I2 {number} of {amount} is in {found}, and the ledger says {sorted(states)}")
    return problems + judge_ledger(offers, kept, bugs=bugs)


def judge_ledger(offers: Offers, kept: list[Kept], *, bugs: bool) -> list[str]:
    """Everything offered is there, nothing is stuck, and what did not arrive says why."""
    problems = [f"P stuck: {line}" for line in unfinished(kept)]
    problems += [f"P stuck: {row.number}#{row.version} is {row.state} and owned" for row in kept if row.owner]
    for number, amounts in offers.items():
        have = [row.amount for row in kept if row.number == number]
        problems += [f"I3 lost: {number} of {amount}" for amount in amounts if amount not in have]
        if len(amounts) == 1 and len(have) > 1:
            problems.append(f"I3 {number} never changed and is there {len(have)} times")
    for row in kept:
        if row.state in FOR_A_PERSON and not row.reason:
            problems.append(f"P {row.number}#{row.version} is {row.state} without a reason")
        if row.state == "cancelled" and not _replaced(row, kept):
            problems.append(f"I3 {row.number}#{row.version} was cancelled by nobody: {row.reason!r}")
        if "unexpected error" in row.reason and row.state == "held" and not bugs:
            problems.append(f"P {row.number}#{row.version} is held for a mistake of the engine's own")
    return problems


def _replaced(row: Kept, kept: list[Kept]) -> bool:
    return any(
        other.number == row.number
        and other.version > row.version
        and row.reason == f"replaced by version {other.version}"
        for other in kept
    )


def _count(history: History, what: str) -> Counter[tuple[str, str]]:
    return Counter((number, amount) for event, number, amount in history if event == what)

"""Sets read the short way are what the long way makes of them, to the last place and finding."""

from __future__ import annotations

import io
import random
from typing import Any

import pytest

from engine.errors import ParcelError
from engine.formats import x12_reading
from engine.formats.reading import Wanted
from tests.unit.formats.x12_samples import file, group, kind, one_set

HEADER = [
    Wanted(names=(name,))
    for name in ("trace.number", "payment.amount", "payment.date", "payer.name", "references.BT.value", "envelope.set", "envelope.usage")
]  # fmt: skip
LINES = [Wanted(names=(name,)) for name in ("reference", "amount", "dates.003.date", "entity.number", "notes.1.text")]
ODD = (
    "",
    " ",
    "\n",
    "*",
    "**",
    "~",
    "~\n",
    "~ENT*2",
    ">",
    "^",
    "é",
    "\x01",
    "-0.5",
    "007",
    ".5",
    "9" * 19,
    "20261331",
    "261121",
    "ST",
    "SE",
)


def body(rng: random.Random) -> list[str]:
    """A payment advice of some form, in most of which only values differ."""
    rows = rng.randint(1, 3)
    amounts = [f"{rng.randint(1, 99)}.{rng.randint(10, 99)}" for _ in range(rows)]
    cents = sum(int(each.replace(".", "")) for each in amounts)
    found = [
        f"BPR*C*{cents // 100}.{cents % 100:02}*C*{rng.choice(['ACH', 'CHK'])}************202611{rng.randint(1, 30):02}",
        f"TRN*1*EFT{rng.randint(1, 10**6)}*1512345678",
        f"REF*{rng.choice(['BT', 'ZZ'])}*B{rng.randint(1, 99)}",
        f"N1*PR*Payer {rng.randint(1, 5)}",
        "N1*PE*Payee",
        f"ENT*{rng.randint(1, 3)}",
    ]
    for amount in amounts:
        found += [f"RMR*IV*INV {rng.randint(1, 10**5)}**{amount}", f"DTM*00{rng.choice('34')}*20261105"]
        found += ["NTE*GEN*Ours, as agreed"] * (rng.random() < 0.2)
    return found


def a_file(rng: random.Random, end: str, damage: int) -> bytes:
    sets = [one_set(body(rng), number=f"{n:04}") for n in range(1, 60)]
    for _ in range(damage):
        at = rng.randrange(len(sets))
        text = "\x02".join(sets[at])
        place = rng.randrange(len(text))
        away = rng.randint(0, 3)
        sets[at] = (text[:place] + rng.choice(ODD) + text[place + away :]).split("\x02")
    return file(group(*sets), end=end)


def both(data: bytes, leniency: Any) -> list[tuple[Any, ...]]:
    """The short way and the long way: documents, findings, what the sender is told, and how it ended."""
    form = kind(leniency=leniency, balance="error", encoding="latin-1")
    picks = x12_reading.Picks(form.loaded(), HEADER, LINES, "remittances")
    ways = []
    for short in (True, False):
        findings: list[str] = []
        told: list[dict[str, Any]] = []
        documents: list[Any] = []
        ended = ""
        try:
            if short:
                documents = list(x12_reading.nested(form, form.loaded(), io.BytesIO(data), picks, findings, told))
            else:
                for item, place in x12_reading._read(form, form.loaded(), io.BytesIO(data), findings, told):
                    whole = isinstance(item, x12_reading.Parsed)
                    documents.append(picks.nested(item, place) if whole else item)
        except ParcelError as error:
            ended = str(error)
        ways.append((documents, findings, told, ended))
    return ways


@pytest.mark.parametrize("end", ["~", "~\n", "~\r\n", "\n"])
@pytest.mark.parametrize("damage", [0, 1, 8])
def test_the_short_way_is_the_long_way(end, damage):
    rng = random.Random(f"{end} {damage}")
    for leniency in ("strict", "normal", "lenient"):
        for _ in range(6):
            short, long = both(a_file(rng, end, damage), leniency)
            assert short == long


@pytest.mark.faults
@pytest.mark.timeout(3600)
def test_the_short_way_is_the_long_way_of_very_many():
    rng = random.Random("alike")
    for turn in range(3000):
        end = rng.choice(["~", "~\n", "~\r\n"])
        short, long = both(a_file(rng, end, rng.randint(0, 12)), ("strict", "normal", "lenient")[turn % 3])
        assert short == long


def test_most_sets_of_a_file_go_the_short_way():
    """Only the first two of a form are taken apart."""
    sets = [one_set([*body(random.Random("a"))], number=f"{n:04}") for n in range(1, 100)]
    form, data = kind(balance="error"), io.BytesIO(file(group(*sets)))
    picks = x12_reading.Picks(form.loaded(), HEADER, LINES, "remittances")
    ways = [item.__class__ for item, _ in x12_reading._read(form, form.loaded(), data, [], [], picks.nested)]
    assert (ways.count(x12_reading.Parsed), len(ways)) == (2, 99)


def test_what_nobody_picks_is_checked_too():
    """A date below a qualifier that no column asks for."""
    good = ["BPR*C*1*C*ACH************20261121", "TRN*1*E1", "ENT*1", "RMR*IV*I1**1", "DTM*004*20261105"]
    bad = [*good[:-1], "DTM*004*20261332"]
    sets = [one_set(good, number=f"{n:04}") for n in range(1, 9)] + [one_set(bad, number="0009")]
    short, long = both(file(group(*sets)), "normal")
    assert short == long
    assert "no day of the calendar" in short[0][-1].error

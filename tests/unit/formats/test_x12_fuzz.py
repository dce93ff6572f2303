"""Whatever the bytes: a record, a finding or one of our own errors; and what is written is read back."""

from __future__ import annotations

import io
import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.contracts import BadRow
from engine.errors import ParcelError, RecordError
from engine.formats.reading import Wanted
from engine.formats.x12_acks import build_997, build_ta1
from tests.unit.formats.x12_samples import (
    BATCH,
    BODY,
    ENVELOPE,
    GS,
    ISA_5010,
    examined,
    file,
    group,
    kind,
    one_set,
    sample,
)

SEEDS = (
    sample(),
    sample(end="\n").replace(b"*", b"|"),
    file(group(one_set(), one_set(number="0002"), start=GS.replace("004010", "005010")), isa=ISA_5010, end="~"),
    sample() + sample(isa=sample().decode().split("~")[0].replace("000000101", "000000102")),
    sample([*BODY, "REF*ZZ*1**PO>1>IV>2", "ENT*2", "NM1*PE*2*Acme", "TXP*1*2*20261121*T*100", "IT1*1*2*EA*1.5"]),
)
PIECES = [
    *{part for seed in SEEDS for part in seed.split(b"~")},
    b"~",
    b"*",
    b"\n",
    b"ISA",
    b"IEA",
    b"\x00",
    b"\xff",
    b">",
    b"^",
]
HEADER = [Wanted(names=(name,)) for name in ("payment.amount", "payer.name", "references.BT.value")]
LINES = [Wanted(names=(name,)) for name in ("reference", "amount", "entity.number")]


def try_everything(data: bytes, leniency: Any) -> None:
    """Reads, examines and answers; only our own errors may come out."""
    try:
        for document in kind(leniency=leniency).nest(io.BytesIO(data), HEADER, LINES, "remittances"):
            assert document.place.isprintable()
            if not isinstance(document, BadRow) and document.header[0] is not None:
                assert Decimal(document.header[0]).is_finite()
    except ParcelError:
        pass
    try:
        report = examined(data, leniency=leniency)
    except ParcelError:
        return
    for received in report.interchanges:
        for found in (*received.groups, None):
            try:
                answer = b"".join(
                    build_997(received, found, {}, BATCH) if found is not None else build_ta1(received, BATCH)
                )
            except RecordError:
                continue
            (again,) = examined_answer(answer)
            assert (again.verdict, again.note) == ("A", "000"), answer


def examined_answer(answer: bytes) -> Any:
    return kind("997").examine(io.BytesIO(answer)).interchanges


def mutated(rng: random.Random) -> bytes:
    data = bytearray(rng.choice(SEEDS))
    for _ in range(rng.randint(1, 8)):
        place = rng.randrange(len(data) + 1)
        change = rng.randrange(5)
        if change == 0:
            data[place : place + 1] = bytes([rng.randrange(256)])
        elif change == 1:
            del data[place : place + rng.randint(1, 40)]
        elif change == 2:
            data[place:place] = rng.choice(PIECES)
        elif change == 3:
            data = data[:place] or data
        else:
            other = rng.randrange(len(data) + 1)
            data[place:place] = data[other : other + rng.randint(1, 200)]
    return bytes(data)


@pytest.mark.parametrize("leniency", ["strict", "normal", "lenient"])
def test_mutated_files_give_our_own_errors_only(leniency):
    rng = random.Random(f"x12 {leniency}")
    for _ in range(150):
        try_everything(mutated(rng), leniency)


@pytest.mark.faults
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("leniency", ["strict", "normal", "lenient"])
def test_a_great_many_mutated_files(leniency):
    """50,000 in all three."""
    rng = random.Random(f"many x12 {leniency}")
    for _ in range(17_000):
        try_everything(mutated(rng), leniency)


@given(st.binary(max_size=400))
@settings(deadline=None, max_examples=60)
def test_random_bytes_give_our_own_errors_only(data):
    try_everything(data, "normal")
    try_everything(SEEDS[0][:106] + data, "lenient")
    try_everything(SEEDS[0][:200] + data + SEEDS[0][200:], "normal")


TEXT = st.text("ABCxyz 0189-./&éß", min_size=1, max_size=20).map(str.strip).filter(bool)
AMOUNT = st.decimals(min_value=-(10**9), max_value=10**9, places=2, allow_nan=False)
DATE = st.dates().map(lambda day: day.isoformat())
QUALIFIED = st.fixed_dictionaries({"qualifier": st.sampled_from(["BT", "PO", "14", "ZZ"]), "value": TEXT})
ADJUSTMENT = st.fixed_dictionaries(
    {"amount": AMOUNT, "reason": st.sampled_from(["01", "L7"])},
    optional={"notes": st.lists(st.fixed_dictionaries({"text": TEXT}), min_size=1, max_size=2)},
)
LINE = st.fixed_dictionaries(
    {"amount": AMOUNT},
    optional={
        "references": st.lists(QUALIFIED, min_size=1, max_size=2),
        "dates": st.lists(st.fixed_dictionaries({"qualifier": st.just("003"), "date": DATE}), min_size=1, max_size=2),
        "adjustments": st.lists(ADJUSTMENT, min_size=1, max_size=2),
    },
)
PARTY = st.fixed_dictionaries(
    {"name": TEXT}, optional={"address": st.fixed_dictionaries({"city": TEXT.filter(lambda t: len(t) > 1)})}
)


@st.composite
def payments(draw: Any) -> dict[str, Any]:
    lines = draw(st.lists(LINE, min_size=1, max_size=4))
    free = draw(st.lists(ADJUSTMENT, max_size=2))
    total = sum((each["amount"] for each in (*lines, *free)), Decimal(0))
    payment = {"handling": "C", "amount": total, "credit_or_debit": "C", "method": "CHK", "date": draw(DATE)}
    entity = {"entity": {"number": "1"}}
    found = {
        "payment": payment,
        "payer": draw(PARTY),
        "payee": draw(PARTY),
        "remittances": [{**line, **entity} for line in lines],
    }
    if free:
        found["adjustments"] = [{**each, **entity} for each in free]
    return found


def as_read(value: Any) -> Any:
    """A written record as it comes back: texts, amounts without zeros at the end."""
    if isinstance(value, dict):
        return {name: as_read(each) for name, each in value.items()}
    if isinstance(value, list):
        return [as_read(each) for each in value]
    return format(value.normalize(), "f") if isinstance(value, Decimal) and value else str(value) if value else "0"


@given(st.lists(payments(), min_size=1, max_size=3))
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_written_is_read_back(found):
    data = b"".join(kind().encode(found, envelope=ENVELOPE, batch=BATCH))

    again = [item[1] for item in kind(leniency="strict", balance="error").records_of(io.BytesIO(data))]

    for written, read in zip(found, again, strict=True):
        expected = as_read(written)
        expected["payer"]["entity"], expected["payee"]["entity"] = "PR", "PE"
        assert {name: value for name, value in read.items() if name not in {"envelope", "entities"}} == expected

"""What we write is read by pyx12 without a finding, and what is broken is refused by both."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.contracts import BadRow
from engine.errors import ParcelError
from engine.formats.x12_acks import build_997, build_ta1
from engine.formats.x12_compose import Batch, Envelope
from engine.formats.x12_findings import Party
from engine.formats.x12_read import Delimiters
from tests.unit.formats.x12_oracle import faults, seen
from tests.unit.formats.x12_samples import (
    BATCH,
    BODY,
    ENVELOPE,
    GS,
    ISA_5010,
    changed,
    examined,
    file,
    group,
    kind,
    one_set,
    sample,
)

BASIC = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_&()"
IDS = st.text(BASIC, min_size=2, max_size=15)
PARTIES = st.builds(Party, qualifier=st.sampled_from(["01", "12", "14", "ZZ"]), id=IDS)
MARKS = [Delimiters(), Delimiters(element="|", segment="'", component=":", repetition="!")]
ENVELOPES = st.builds(
    Envelope,
    sender=PARTIES,
    receiver=PARTIES,
    version=st.sampled_from(["004010", "005010"]),
    application_sender=st.just("") | IDS,
    application_receiver=st.just("") | IDS,
    usage=st.sampled_from(["P", "T"]),
    ack_wanted=st.booleans(),
    delimiters=st.sampled_from(MARKS),
    newline=st.sampled_from(["none", "lf", "crlf"]),
)
YEARS = datetime(2000, 1, 1), datetime(2099, 12, 31)  # noqa: DTZ001 - bounds of a strategy have no zone
BATCHES = st.builds(
    Batch,
    number=st.integers(1, 999_999_999),
    at=st.datetimes(*YEARS, timezones=st.just(UTC)),
    group=st.none() | st.integers(1, 999_999_999),
)
NAMES = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=40).filter(
    lambda text: any(letter.isalnum() for letter in text)
)
AMOUNTS = st.decimals(Decimal("-99999.99"), Decimal("999999999.99"), places=2, allow_nan=False, allow_infinity=False)


@st.composite
def payments(draw):
    amounts = draw(st.lists(AMOUNTS, min_size=1, max_size=5))
    return {
        "payment": {"handling": "I", "amount": sum(amounts), "credit_or_debit": "C", "method": "CHK"},
        "payer": {"name": draw(NAMES)},
        "payee": {"name": draw(NAMES)},
        "remittances": [
            {"qualifier": "IV", "reference": f"INV-{number}", "amount": amount}
            for number, amount in enumerate(amounts, 1)
        ],
    }


def written(*found, envelope=ENVELOPE, batch=BATCH, **keys) -> bytes:
    return b"".join(kind(delimiter_in_data="replace", **keys).encode(found, envelope=envelope, batch=batch))


@settings(deadline=None)
@given(found=st.lists(payments(), min_size=1, max_size=4), envelope=ENVELOPES, batch=BATCHES)
def test_payments_of_anybody_to_anybody_are_read_without_a_finding(found, envelope, batch):
    told = seen(written(*found, envelope=envelope, batch=batch))

    assert told.errors == []
    assert [segment[2] for segment in told.of("ST")] == [f"{number:04}" for number in range(1, len(found) + 1)]
    assert [Decimal(segment[2]) for segment in told.of("BPR")] == [each["payment"]["amount"] for each in found]
    assert [Decimal(segment[4]) for segment in told.of("RMR")] == [
        line["amount"] for each in found for line in each["remittances"]
    ]
    (isa,) = told.of("ISA")
    assert [text.rstrip() for text in (isa[6], isa[8])] == [envelope.sender.id, envelope.receiver.id]
    assert int(isa[13]) == batch.number
    assert isa[9] + isa[10] == f"{batch.at:%y%m%d%H%M}"


@settings(deadline=None)
@given(data=st.data(), envelope=ENVELOPES, batch=BATCHES, ours=BATCHES)
def test_our_answers_to_anybody_are_read_without_a_finding(data, envelope, batch, ours):
    found = data.draw(st.lists(payments(), min_size=1, max_size=3))
    (received,) = examined(written(*found, envelope=envelope, batch=batch)).interchanges
    verdicts = {each.key: data.draw(st.sampled_from(["A", "E", "R"])) for part in received.groups for each in part.sets}

    told = seen(b"".join(build_997(received, received.groups[0], verdicts, ours)))
    alone = seen(b"".join(build_ta1(received, ours)))

    assert (told.errors, alone.errors) == ([], [])
    assert told.of("AK9")[0][2:] == [str(len(found)), str(len(found)), str(sum(v != "R" for v in verdicts.values()))]
    assert alone.of("TA1") == [
        ["TA1", f"{batch.number:09}", f"{batch.at:%y%m%d}", f"{batch.at:%H%M}", "A", "000"],
    ]
    assert alone.of("IEA")[0][1] == "0"


@pytest.mark.parametrize(
    "data",
    [
        sample(),
        changed("BPR", "BPR*C*12x*C*ACH*TOOLONGFORMAT"),
        changed("RMR*IV*INV-2", "RMR*IV*INV-2*PO*6O"),
        changed("TRN", "TRN*9*EFT*" + "1" * 11),
        sample([*BODY[:4], "TRN*1*AGAIN", "ZZZ*1", *BODY[4:]]),
        sample(BODY[1:]),
        sample().replace(b"SE*17*0001", b"SE*16*0001"),
        sample().replace(b"GE*1*7", b"GE*3*7"),
        sample().replace(b"GE*1*7~\n", b""),
        file(group(one_set(), one_set(["BPR*C*x*C*ACH"], "0002"))),
    ],
)
def test_our_997_keeps_to_its_map_whatever_it_answers(data):
    received = examined(data).interchanges[0]

    answer = b"".join(build_997(received, received.groups[0], {}, BATCH))

    assert seen(answer).errors == []
    assert faults(answer) == []


GUIDED = {
    "payment": {
        "handling": "C",
        "amount": Decimal("150.25"),
        "credit_or_debit": "C",
        "method": "ACH",
        "format": "CTX",
        "payer_bank_qualifier": "01",
        "payer_bank": "021000021",
        "payer_account_type": "DA",
        "payer_account": "12345",
        "originator": "1512345678",
        "payee_bank_qualifier": "01",
        "payee_bank": "021000022",
        "payee_account_type": "DA",
        "payee_account": "6789",
        "date": "2026-11-21",
    },
    "trace": {"type": "3", "number": "100234", "originator": "1512345678"},
    "references": [{"qualifier": "38", "value": "GROUP 1"}],
    "dates": [{"qualifier": "009", "date": "2026-11-20"}],
    "parties": [
        {"entity": "PE", "name": "Widget Co", "id_qualifier": "FI", "id": "987654321"},
        {"entity": "PR", "name": "Acme Corp", "id_qualifier": "FI", "id": "123456789"},
    ],
    "remittances": [
        {
            "qualifier": "IK",
            "reference": "INV-1",
            "amount": "150.25",
            "gross": "160.25",
            "entity": {"number": "1", "entity": "2L", "id_qualifier": "FI", "id": "123"},
            "adjustments": [{"amount": "-10", "reason": "52"}],
        }
    ],
}
"""A premium payment: the guide's payee comes before the payer."""


@pytest.mark.parametrize("version", ["004010X061A1", "005010X218"])
def test_a_payment_by_a_guide_keeps_to_its_map(version):
    data = written(GUIDED, GUIDED, envelope=replace(ENVELOPE, version=version))

    assert seen(data).errors == []
    assert faults(data) == []


@pytest.mark.parametrize("version", ["004010X061A1", "005010X218"])
@pytest.mark.parametrize(("segment", "position", "wrong"), [("BPR", 1, "QQ"), ("TRN", 2, ""), ("RMR", 4, "12x")])
def test_the_map_does_find_what_is_wrong(version, segment, position, wrong):
    """Otherwise the tests above would prove nothing."""
    lines = written(GUIDED, envelope=replace(ENVELOPE, version=version)).decode().split("~\n")
    at = next(number for number, line in enumerate(lines) if line.startswith(segment))
    elements = lines[at].split("*")
    elements[position] = wrong
    lines[at] = "*".join(elements)

    assert faults("~\n".join(lines).encode()) != []


def refused(data: bytes) -> bool:
    """Whether no set of it is handed over by our own reader."""
    try:
        return all(isinstance(item, BadRow) for item in kind().records_of(io.BytesIO(data)))
    except ParcelError:
        return True


@pytest.mark.parametrize("version", ["004010", "005010"])
@pytest.mark.parametrize(
    ("before", "after", "error"),
    [
        ("SE*17*0001", "SE*16*0001", ("st", "4")),
        ("SE*17*0001", "SE*18*0001", ("st", "4")),
        ("SE*17*0001", "SE**0001", ("st", "4")),
        ("SE*17*0001", "SE*17*0002", ("st", "3")),
        ("RMR*IV*INV-2*PO*60~\n", "", ("st", "4")),
        ("GE*1*7", "GE*2*7", ("gs", "5")),
        ("GE*1*7", "GE*0*7", ("gs", "5")),
        ("GE*1*7", "GE*1*8", ("gs", "4")),
        ("GE*1*7~\n", "", ("isa", "024")),
        ("IEA*1*000000101", "IEA*2*000000101", ("isa", "021")),
        ("IEA*1*000000101", "IEA*1*000000102", ("isa", "001")),
        ("IEA*1*000000101~\n", "", ("isa", "023")),
    ],
)
def test_counts_and_numbers_that_do_not_agree_are_refused_by_both(version, before, after, error):
    isa = {} if version == "004010" else {"isa": ISA_5010}
    whole = file(group(one_set(), start=GS.replace("004010", version)), **isa)
    assert before.encode() in whole
    assert seen(whole).errors == []
    assert not refused(whole)

    broken = whole.replace(before.encode(), after.encode())

    assert error in seen(broken).errors
    assert refused(broken)


@settings(deadline=None)
@given(found=st.lists(payments(), min_size=1, max_size=3), batch=BATCHES, data=st.data())
def test_one_number_of_the_trailers_changed_is_refused_by_both(found, batch, data):
    """Any trailer, any of its two numbers, any other value. One bad set does not spoil the others."""
    lines = written(*found, batch=batch).decode().split("~\n")
    trailers = [number for number, line in enumerate(lines) if line.startswith(("SE*", "GE*", "IEA*"))]
    at, element = data.draw(st.sampled_from(trailers)), data.draw(st.sampled_from([1, 2]))
    elements = lines[at].split("*")
    width = len(elements[element])
    other = data.draw(st.integers(1, 10**width - 1).filter(lambda number: number != int(elements[element])))
    elements[element] = f"{other:0{width}}"
    lines[at] = "*".join(elements)
    broken = "~\n".join(lines).encode()

    assert seen(broken).errors != []
    if elements[0] == "SE":
        told = list(kind().records_of(io.BytesIO(broken)))
        assert sum(isinstance(item, BadRow) for item in told) == 1
        assert len(told) == len(found)
    else:
        assert refused(broken)

"""Records to X12: every value checked against the description, the sum checked, the same bytes for the same batch."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from engine.errors import RecordError, SetupError
from engine.formats.x12_compose import Batch, Envelope
from engine.formats.x12_findings import Party
from engine.formats.x12_read import Delimiters
from tests.unit.formats.x12_samples import BATCH, ENVELOPE, kind, record, records, sample

PAYMENT = {
    "payment": {
        "handling": "C",
        "amount": Decimal("150.00"),
        "credit_or_debit": "C",
        "method": "CHK",
        "date": date(2026, 11, 21),
    },
    "trace": {"type": "1", "number": "100234"},
    "payer": {"name": "Acme Corp"},
    "payee": {"name": "Widget Co", "id_qualifier": "91", "id": "V001", "address": {"city": "Town", "state": "NY"}},
    "remittances": [
        {
            "qualifier": "IV",
            "reference": "INV-1",
            "amount": Decimal("90.10"),
            "dates": [{"qualifier": "003", "date": "2026-10-01"}],
        },
        {"qualifier": "IV", "reference": "INV-2", "amount": "64.90"},
    ],
    "adjustments": [{"amount": Decimal(-5), "reason": "52"}],
}


def written(*found, envelope=ENVELOPE, **keys) -> bytes:
    return b"".join(kind(**keys).encode(found, envelope=envelope, batch=BATCH))


def test_a_payment_is_written_segment_by_segment():
    assert written(PAYMENT).decode().split("~\n") == [
        "ISA*00*          *00*          *ZZ*PAYER          *01*123456789      *261122*0730*U*00401*000000042*0*P*>",
        "GS*RA*PAYER*123456789*20261122*0730*42*X*004010",
        "ST*820*0001",
        "BPR*C*150*C*CHK************20261121",
        "TRN*1*100234",
        "N1*PR*Acme Corp",
        "N1*PE*Widget Co*91*V001",
        "N4*Town*NY",
        "ENT*1",
        "ADX*-5*52",
        "RMR*IV*INV-1**90.1",
        "DTM*003*20261001",
        "RMR*IV*INV-2**64.9",
        "SE*12*0001",
        "GE*1*42",
        "IEA*1*000000042",
        "",
    ]


def test_what_is_written_is_read_back_in_the_strictest_way():
    found = record(written(PAYMENT), leniency="strict", balance="error")

    assert found["payment"]["amount"] == "150"
    assert found["remittances"][0]["dates"] == [{"qualifier": "003", "date": "2026-10-01"}]


def test_what_was_read_is_written_the_same():
    first = record(sample())

    assert record(written(first)) == {**first, "envelope": record(written(first))["envelope"]}


def test_lines_go_back_under_the_entities_they_belong_to():
    lines = [
        {"reference": "A", "qualifier": "IV", "amount": "1", "entity": {"number": "1", "entity": "PE"}},
        {"reference": "B", "qualifier": "IV", "amount": "2", "entity": {"number": "2"}},
        {"reference": "C", "qualifier": "IV", "amount": "4", "entity": {"number": "1", "entity": "PE"}},
    ]
    payment = {**PAYMENT["payment"], "amount": "7"}

    text = written({"payment": payment, "remittances": lines}).decode()

    found = [line for line in text.split("~\n") if line.startswith(("ENT", "RMR"))]
    assert found == ["ENT*1*PE", "RMR*IV*A**1", "RMR*IV*C**4", "ENT*2", "RMR*IV*B**2"]


def test_names_may_be_written_with_dots():
    flat = {f"payment.{name}": value for name, value in PAYMENT["payment"].items()}
    rest = {name: value for name, value in PAYMENT.items() if name not in {"payment", "payer"}}

    assert written({**flat, "payer.name": "Acme Corp", **rest}) == written(PAYMENT)


def test_several_records_are_several_sets():
    found = records(written(PAYMENT, PAYMENT, PAYMENT), leniency="strict")

    assert [each["envelope"]["set"] for each in found] == ["0001", "0002", "0003"]


def test_columns_choose_what_is_written():
    payment = {"payment": {**PAYMENT["payment"], "amount": "0"}, "internal_id": "17"}

    data = b"".join(kind().encode([payment], ["payment"], envelope=ENVELOPE, batch=BATCH))

    assert b"BPR*C*0*C*CHK" in data


def test_the_same_batch_gives_the_same_bytes_and_another_number_others():
    assert written(PAYMENT) == written(PAYMENT)
    other = Batch(number=43, at=BATCH.at, group=900)
    data = b"".join(kind().encode([PAYMENT], envelope=ENVELOPE, batch=other))
    assert b"*000000043*" in data
    assert b"GE*1*900~" in data


def test_version_5_has_a_repetition_separator_and_longer_references():
    payment = {**PAYMENT, "trace": {"type": "1", "number": "9" * 45}}

    data = written(payment, envelope=replace(ENVELOPE, version="005010"))

    assert b"*^*00501*" in data
    assert record(data, leniency="strict")["trace"]["number"] == "9" * 45
    with pytest.raises(RecordError, match=r"`trace.number`: .* has 45 characters; X12 allows 30"):
        written(payment)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"payment": {**PAYMENT["payment"], "amount": Decimal(151)}},
            "`payment.amount`: it is 151, but `remittances.amount` and",
        ),
        ({"payment": {"handling": "C", "amount": "150"}}, "`payment.credit_or_debit`: it is missing"),
        (
            {"payment": {**PAYMENT["payment"], "credit_or_debit": "X"}},
            "`payment.credit_or_debit`: `X` is none of its codes: C, D",
        ),
        ({"payment": {**PAYMENT["payment"], "date": "21.11.2026"}}, "`payment.date`: `21.11.2026` is no date"),
        ({"payment": {**PAYMENT["payment"], "amount": "NaN"}}, "`payment.amount`: `NaN` is no number"),
        ({"payment": {**PAYMENT["payment"], "amount": 1.5}}, "`payment.amount`: a float is no number"),
        (
            {"payment": {**PAYMENT["payment"], "payer_bank": "021000021"}},
            "`payer_bank_qualifier`, `payer_bank` stand together",
        ),
        ({"payment": None}, "`payment`: it is missing"),
        ({"payment": "150"}, "`payment`: it must hold named values"),
        ({"payee": {"name": "x" * 61}}, "`payee.name`: `xxx"),
        ({"payee": {"name": "A*B"}}, "`payee.name`: `A*B` holds the delimiter `*`"),
        ({"payee": {"name": "A\nB"}}, "`payee.name`: it has a control character or a line break"),
        ({"payee": {"name": "A", "entity": "PR"}}, "`payee.entity`: `PR` is none of PE"),
        ({"payee": {"name": "A", "nmae": "B"}}, "`payee.nmae`: the set's description has no such name"),
        ({"payees": {"name": "A"}}, "`payees`: the set's description has no such name"),
        ({"remittances": {"reference": "A"}}, "`remittances`: it repeats, so it must be a list"),
        ({"remittances": ["A"]}, "`remittances.1`: it must hold named values"),
        ({"trace.number": "2"}, "`trace.number`: it is given twice"),
    ],
)
def test_what_can_not_be_written_is_told_with_its_field(change, said):
    with pytest.raises(RecordError) as error:
        written({**PAYMENT, **change})

    assert said in str(error.value)


def test_a_delimiter_in_a_value_may_be_replaced():
    text = written({**PAYMENT, "payee": {"name": "A*B~C"}}, delimiter_in_data="replace")

    assert b"N1*PE*A B C~" in text


def test_a_letter_the_encoding_has_not_is_told():
    with pytest.raises(RecordError, match=r"`payer.name`: '\\u20ac' can't be written as latin-1"):
        written({**PAYMENT, "payer": {"name": "€uro"}}, encoding="latin-1")


def test_the_sum_is_not_asked_for_where_nothing_is_listed_or_nothing_was_asked():
    only = {"payment": PAYMENT["payment"]}

    assert written(only)
    with pytest.raises(RecordError, match="add up to 0"):
        written(only, balance="error")
    assert written({**PAYMENT, "adjustments": []}, balance="off")


@pytest.mark.parametrize(
    "change",
    [
        {"sender": Party(qualifier="ZZ", id="")},
        {"sender": Party(qualifier="Z", id="A")},
        {"receiver": Party(qualifier="ZZ", id="SIXTEEN-LETTERS!")},
        {"receiver": Party(qualifier="ZZ", id="A*B")},
        {"application_sender": "A"},
        {"version": "4010"},
        {"delimiters": Delimiters(element="*", segment="*")},
        {"delimiters": Delimiters(element="A")},
        {"delimiters": Delimiters(segment="~~")},
    ],
)
def test_an_envelope_x12_can_not_hold_is_refused_at_once(change):
    keys = {"sender": ENVELOPE.sender, "receiver": ENVELOPE.receiver, **change}

    with pytest.raises(SetupError):
        Envelope(**keys)


def test_a_batch_needs_a_number_and_a_zone():
    with pytest.raises(RecordError, match="control number 0"):
        Batch(number=0, at=BATCH.at)
    with pytest.raises(RecordError, match="1000000000"):
        Batch(number=10**9, at=BATCH.at)
    with pytest.raises(ValueError, match="time zone"):
        Batch(number=1, at=datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None))


@pytest.mark.parametrize("newline", ["none", "lf", "crlf"])
@pytest.mark.parametrize(
    "delimiters", [Delimiters(), Delimiters(element="|", segment="'", component=":", repetition="!")]
)
def test_any_delimiters_and_line_ends_are_read_back(newline, delimiters):
    envelope = replace(ENVELOPE, newline=newline, delimiters=delimiters)

    assert record(written(PAYMENT, envelope=envelope), leniency="strict")["payee"]["id"] == "V001"


def test_writing_streams():
    """A set is written when its record has come, not when all have."""
    taken = []

    def source():
        for number in range(3):
            taken.append(number)
            yield PAYMENT

    pieces = kind().encode(source(), envelope=ENVELOPE, batch=BATCH)
    next(pieces), next(pieces), next(pieces)

    assert taken == [0]
    assert io.BytesIO(b"".join(pieces)).read().endswith(b"IEA*1*000000042~\n")

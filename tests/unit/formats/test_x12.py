"""X12 sets become documents by the names of their description."""

from __future__ import annotations

import io

import pytest

from engine.contracts import BadRow
from engine.errors import ParcelError, SetupError
from engine.formats.reading import Wanted
from engine.formats.x12 import X12
from tests.unit.formats.x12_samples import (
    BODY,
    GS,
    ISA,
    ISA_5010,
    changed,
    examined,
    file,
    findings,
    group,
    kind,
    one_set,
    record,
    records,
    refused,
    sample,
)


def nested(data, header, lines=(), each=None, **keys):
    wanted = [[Wanted(names=(name,)) for name in names] for names in (header, lines)]
    nesting = kind(**keys).nest(io.BytesIO(data), *wanted, each)
    return list(nesting), nesting.findings


def test_a_set_is_one_record_with_names():
    found = record(sample())

    assert found["payment"]["amount"] == "150.5"
    assert found["payment"]["date"] == "2026-11-21"
    assert found["payer"]["address"]["city"] == "Town"
    assert found["payee"]["id"] == "V001"
    assert [(row["reference"], row["amount"]) for row in found["remittances"]] == [("INV-1", "100"), ("INV-2", "60")]
    assert found["remittances"][1]["adjustments"] == [
        {"amount": "-5", "reason": "01", "qualifier": "CM", "reference": "C1"}
    ]
    assert found["adjustments"][0]["notes"] == [{"about": "ADD", "text": "broken box"}]
    assert found["envelope"]["interchange"] == "000000101"
    assert findings(sample()) == []


def test_a_document_has_the_header_and_the_lines_asked_for_and_where_they_stand():
    header = [
        "payment.amount",
        "payer.name",
        "references.BT.value",
        "dates.097.date",
        "envelope.sender",
        "currency.currency",
    ]
    lines = ["reference", "amount", "entity.number", "references.PO.value", "adjustments.1.amount"]

    (document,), told = nested(sample(), header, lines, "remittances")

    assert document.header == ["150.5", "Acme Corp", "77", "2026-11-20", "PAYER", None]
    assert document.lines == [
        (f"segment 14 (line 14, byte {sample().index(b'RMR*IV*INV-1')})", ["INV-1", "100", "1", None, None]),
        (f"segment 16 (line 16, byte {sample().index(b'RMR*IV*INV-2')})", ["INV-2", "60", "1", "P1", "-5"]),
    ]
    assert document.place == "set 0001 of group 7 in interchange 000000101, segment 3 (line 3, byte 151)"
    assert told == []


def test_lines_may_be_repeats_inside_repeats():
    (document,), _ = nested(sample(), [], ["amount"], "remittances.adjustments")

    assert [values for _, values in document.lines] == [["-5"]]


@pytest.mark.parametrize(
    ("path", "each", "line", "said"),
    [
        ("payment.amonut", None, None, "`payment.amonut` leads nowhere at `amonut`; there are `handling`, `amount`"),
        ("paymnt.amount", None, None, "leads nowhere at `paymnt`; there are `payment`"),
        (
            "references.value",
            None,
            None,
            "`references` repeats, so say which one by its `qualifier`: `references.CODE.…`",
        ),
        ("notes.text", None, None, "`notes` repeats, so say which one by its number: `notes.1.…`"),
        ("payment", None, None, "`payment` holds several values"),
        ("payment.amount.net", None, None, "`amount` is one value, nothing is below it"),
        ("envelope.secret", None, None, "`envelope` has sender_qualifier"),
        ("references.BT.more", None, None, "`more` has the parts qualifier, value"),
        ("payment.amount", "payment.amount", "x", "`payment.amount` is one value; what repeats is a loop"),
        ("payment.amount", "remittances", "amout", "leads nowhere at `amout`"),
    ],
)
def test_a_path_that_leads_nowhere_is_told_before_anything_is_read(path, each, line, said):
    lines = [Wanted(names=(line,))] if line else []

    with pytest.raises(SetupError, match=r".") as error:
        kind().nest(io.BytesIO(b""), [Wanted(names=(path,))], lines, each)

    assert said in str(error.value)


def test_without_its_description_a_kind_says_so():
    with pytest.raises(SetupError, match="description of the X12 set `820` is not loaded"):
        X12(set_="820").nest(io.BytesIO(sample()), [], [], None)


@pytest.mark.parametrize("keys", [{"versions": ()}, {"versions": ("4010",)}, {"max_segments": 0}])
def test_keys_that_do_not_hold_together(keys):
    with pytest.raises(ValueError, match=r"`(versions|max_segments)`"):
        X12(set_="820", **keys)


def test_parties_are_told_apart_by_their_code_in_any_order():
    body = [*BODY[:4], "N1*PE*Widget Co", "N1*RB*Some Bank", "N1*PR*Acme Corp", *BODY[7:]]

    found = record(sample(body))

    assert found["payer"]["name"], found["payee"]["name"] == ("Acme Corp", "Widget Co")
    assert found["parties"] == [{"entity": "RB", "name": "Some Bank"}]


def test_lines_stand_without_the_entity_that_should_come_before_them():
    body = [*BODY[:7], *BODY[8:]]

    assert [row["reference"] for row in record(sample(body))["remittances"]] == ["INV-1", "INV-2"]
    (told,) = findings(sample(body))
    at = sample(body).index(b"ADX")
    assert told == f"segment 11 (line 11, byte {at}): `ADX` stands without the ENT that should come before it"
    assert "ENT is missing before ADX" in refused(sample(body), leniency="strict")


def test_an_adjustment_before_the_lines_is_free_and_one_after_a_line_is_the_lines_own():
    body = [*BODY, "ENT*2", "ADX*7*53", "RMR*IV*INV-3**1"]

    found = record(sample(body))

    assert [row["amount"] for row in found["adjustments"]] == ["-9.5", "7"]
    assert [row["entity"]["number"] for row in found["remittances"]] == ["1", "1", "2"]


def test_a_composite_element_has_its_parts_by_name():
    body = [*BODY[:2], "REF*BT*77**PO>123>IV", *BODY[3:]]

    assert record(sample(body))["references"][0]["more"] == {"qualifier": "PO", "value": "123", "qualifier2": "IV"}


def test_what_does_not_add_up_is_noted_or_refuses_the_set():
    data = changed("BPR", BODY[0].replace("150.5", "151"))
    said = "`payment.amount` is 151, but `remittances.amount` and `adjustments.amount` add up to 150.5"

    assert said in findings(data)[0]
    assert findings(data, balance="off") == []
    assert refused(data, balance="error") == said


def test_lengths_follow_the_version():
    long = changed("TRN", f"TRN*1*{'7' * 40}")

    assert "longer than 30" in findings(long)[0]
    newer = long.replace(b"004010", b"005010").replace(ISA.encode(), ISA_5010.encode())
    assert findings(newer) == []


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("BPR", "BPR*C*1,50*C*ACH", "`amount`: `1,50` is no number"),
        ("BPR", "BPR*C**C*ACH", "`amount`: it is missing"),
        ("BPR", "BPR*C*150.5*X*ACH", "`credit_or_debit`: `X` is none of its codes"),
        ("BPR", "BPR*C*150.5*C*ACH************20261340", "`date`: `20261340` is no day of the calendar"),
        ("BPR", "", "`BPR`: `payment` is missing"),
        ("RMR*IV*INV-1", "RMR*IV*INV-1**#Amount#", "`amount`: `#Amount#` is no number"),
        ("TRN", "N4*Town", "`N4`: it can't stand here"),
        ("REF*BT", "TRN*1*AGAIN", "`TRN`: `trace` comes too often"),
        ("RMR*IV*INV-1", "RMR*IV*INV-1**1e5", "is no number"),
        ("RMR*IV*INV-1", "RMR*IV*INV-1**NaN", "is no number"),
        ("RMR*IV*INV-1", "RMR*IV*INV-1**" + "9" * 30, "it has 30 digits, more than 18"),
    ],
)
def test_a_wrong_element_or_segment_refuses_the_set_and_says_where(before, after, said):
    error = refused(changed(before, after))

    assert said in error
    assert error.startswith("segment ")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("REF*BT", "REF*BT", "one of `value`, `description` must be there"),
        ("RMR*IV*INV-1", "RMR*IV**PO*100", "`reference`: `qualifier`, `reference` stand together or not at all"),
        ("BPR", BODY[0].replace("20261121", "261121"), "has no century; it was read as 2026-11-21"),
        ("DTM*097", "ZZZ*1", "the set has no such segment; it was passed over"),
        ("DTM*097", "LX*1", "`LX` was passed over, as the description says"),
        ("N4", "N4*Town*NY*12345***X1*EXTRA", "it has 7 elements, not at most 6"),
        ("ADX*-9.5", "ADX*-9.5*Q9", "`Q9` is a code the description does not know"),
        ("NTE", "NTE*ADD*one>two", "it holds a delimiter of the file"),
        ("TRN", "TRN*1*EFT0099*123", "`originator`: `123` is shorter than 10"),
        ("DTM*097", "CUR*PR*USD", "`currency` should have come sooner"),
    ],
)
def test_a_small_fault_is_a_finding_and_the_set_is_read(before, after, said):
    data = changed(before, after)

    assert record(data)["payment"]["amount"] == "150.5"
    assert said in " ".join(findings(data))


def test_a_strict_reader_refuses_small_faults():
    assert "stand together" in refused(changed("RMR*IV*INV-1", "RMR*IV**PO*100"), leniency="strict")


def test_a_lenient_reader_takes_a_wrong_date_as_none_and_never_a_wrong_amount():
    data = changed("BPR", BODY[0].replace("20261121", "20261340"))

    assert "date" not in record(data, leniency="lenient")["payment"]
    assert "is no number" in refused(changed("BPR", "BPR*C*x*C*ACH"), leniency="lenient")


def test_one_wrong_set_does_not_stop_the_others():
    wrong = one_set(["BPR*C*x*C*ACH"], "0002")
    data = file(group(one_set(), wrong, one_set(number="0003")))

    first, second, third = records(data)

    assert (first["envelope"]["set"], third["envelope"]["set"]) == ("0001", "0003")
    assert isinstance(second, BadRow)
    assert second.place.startswith("set 0002 of group 7 in interchange 000000101, segment 20 ")


def test_another_set_is_refused_and_acknowledgements_are_passed_over():
    other = one_set(["BIG*1"], name="810")
    acks = group(one_set(["AK1*RA*1", "AK9*A*1*1*1"], name="997"), start=GS.replace("GS*RA", "GS*FA"))
    data = file(group(other), acks)

    assert refused(data) == "it is a set 810; only 820 is read here"
    assert "a group of acknowledgements (FA) was passed over" in " ".join(findings(data))


@pytest.mark.parametrize(
    ("version", "taken"), [("004010VICS", True), ("003060", False), ("005010X218", False), ("", False)]
)
def test_versions_not_named_are_refused(version, taken):
    data = file(group(one_set(), start=GS.replace("004010", version)))
    found = records(data)[0]

    assert isinstance(found, BadRow) is not taken
    if not taken:
        assert "is not accepted here (`versions` has 004010, 005010)" in found.error


def test_the_same_finding_is_told_once_with_its_count():
    body = [*BODY, *["ZZZ*1"] * 40]

    (told,) = findings(sample(body))

    assert told.endswith("(and 39 more)")


def test_many_errors_are_counted_and_not_all_kept():
    data = sample([*BODY, *["RMR*IV*X**y"] * 500])

    (result,) = examined(data).interchanges[0].groups[0].sets
    assert (len(result.errors), result.more_errors) == (100, 400)


def test_a_set_has_a_limit_that_is_named():
    with pytest.raises(ParcelError, match=r"more than 10 segments \(`max_segments`\)"):
        records(sample(), max_segments=10)


def test_a_byte_of_another_encoding_refuses_its_set_only():
    data = sample().replace(b"Acme Corp", b"Acm\xe9 Corp")

    assert "a byte is no utf-8" in refused(data)
    assert record(data, encoding="cp1252")["payer"]["name"] == "Acmé Corp"


def test_a_file_may_be_read_twice_with_the_same_result():
    stream = io.BytesIO(sample())
    first = list(kind().records_of(stream))
    stream.seek(0)

    assert list(kind().records_of(stream)) == first

"""997 and TA1: what is answered to a file, byte for byte, and what partners answer to ours."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from engine.errors import RecordError
from engine.formats.x12_acks import answer_of, build_997, build_ta1, wants_997, wants_ta1
from tests.unit.formats.x12_samples import (
    BATCH,
    BODY,
    GS,
    ISA,
    ISA_5010,
    changed,
    examined,
    file,
    group,
    kind,
    one_set,
    sample,
)


def answered(data: bytes, outcomes=None, place: int = 0, **keys) -> list[str]:
    """The 997's own segments, from ST to SE."""
    received = examined(data, **keys).interchanges[0]
    found = received.groups[place]
    told = {result.key: (outcomes or {}).get(result.key.number, "A") for result in found.sets}
    text = b"".join(build_997(received, found, told, BATCH)).decode()
    return text.replace("\n", "").rstrip("~").split("~")[2:-2]


def test_a_good_group_is_accepted_whole():
    received = examined(sample()).interchanges[0]

    text = b"".join(build_997(received, received.groups[0], {}, BATCH)).decode()

    assert text.split("~\n") == [
        "ISA*00*          *00*          *ZZ*PAYEE          *ZZ*PAYER          *261122*0730*U*00401*000000042*0*P*>",
        "GS*FA*PAYEE*PAYER*20261122*0730*42*X*004010",
        "ST*997*0001",
        "AK1*RA*7",
        "AK2*820*0001",
        "AK5*A",
        "AK9*A*1*1*1",
        "SE*6*0001",
        "GE*1*42",
        "IEA*1*000000042",
        "",
    ]


def test_wrong_elements_are_told_with_position_number_and_copy():
    data = changed("BPR", "BPR*C*12x*C*ACH*TOOLONGFORMAT")

    assert answered(data) == [
        "ST*997*0001",
        "AK1*RA*7",
        "AK2*820*0001",
        "AK3*BPR*2**8",
        "AK4*2*782*6*12x",
        "AK4*5*812*5*TOOLONGFORMAT",
        "AK5*R*5",
        "AK9*R*1*1*0",
        "SE*9*0001",
    ]


def test_wrong_segments_are_told_with_their_loop():
    body = [*BODY[:4], "TRN*1*AGAIN", "N1*PR*Acme", "N4*Town", "N4*Village", *BODY[6:]]

    told = answered(sample(body))

    assert "AK3*TRN*6**5" in told
    assert "AK3*N4*9*N1*5" in told
    assert "AK5*R*5" in told


def test_a_composite_part_is_told_by_its_place():
    data = changed("REF*BT", "REF*BT*77**PO>" + "9" * 40)

    assert "AK4*4>2*127*5*" + "9" * 40 in answered(data)
    assert "AK5*E*5" in answered(data)


@pytest.mark.parametrize(
    ("broken", "outcomes", "expected"),
    [
        ({}, {}, ["A", "A", "AK9*A*2*2*2"]),
        ({"0002": "TRN*1*EFT*1"}, {}, ["A", "E*5", "AK9*E*2*2*2"]),
        ({"0002": "BPR*C*x*C*ACH"}, {}, ["A", "R*5", "AK9*P*2*2*1"]),
        ({"0001": "BPR*C*x*C*ACH", "0002": "BPR*C*x*C*ACH"}, {}, ["R*5", "R*5", "AK9*R*2*2*0"]),
        ({}, {"0001": "R"}, ["R*5", "A", "AK9*P*2*2*1"]),
        ({}, {"0001": "R", "0002": "R"}, ["R*5", "R*5", "AK9*R*2*2*0"]),
        ({}, {"0001": "E"}, ["E", "A", "AK9*E*2*2*2"]),
        ({"0002": "BPR*C*x*C*ACH"}, {"0002": "A"}, ["A", "R*5", "AK9*P*2*2*1"]),
    ],
)
def test_the_group_is_answered_by_the_worst_of_its_sets(broken, outcomes, expected):
    """A set that can't be read stays rejected, whatever its records became; one that could be read may still be rejected."""

    def body(number):
        after = broken.get(number)
        return [after if after and segment[:3] == after[:3] else segment for segment in BODY]

    data = file(group(one_set(body("0001")), one_set(body("0002"), "0002")))

    told = [segment for segment in answered(data, outcomes) if segment.startswith(("AK5", "AK9"))]
    assert told == [f"AK5*{expected[0]}", f"AK5*{expected[1]}", expected[2]]


@pytest.mark.parametrize(
    ("before", "after", "set_codes", "group_answer"),
    [
        ("SE*17*0001", "SE*16*0001", "AK5*R*4", "AK9*R*1*1*0"),
        ("SE*17*0001", "SE*17*0009", "AK5*R*3", "AK9*R*1*1*0"),
        ("SE*17*0001~\n", "", "AK5*R*2", "AK9*R*1*1*0"),
        ("GE*1*7", "GE*3*7", "AK5*R*5", "AK9*R*3*1*0*5"),
        ("GE*1*7", "GE*1*8", "AK5*R*5", "AK9*R*1*1*0*4"),
        ("GE*1*7~\n", "", "AK5*R*5", "AK9*R*1*1*0*3"),
        ("X*004010", "X*003060", "AK5*R*5", "AK9*R*1*1*0*2"),
        ("ST*820*", "ST*810*", "AK5*R*1", "AK9*R*1*1*0"),
    ],
)
def test_a_broken_envelope_is_answered_with_its_code(before, after, set_codes, group_answer):
    told = answered(sample().replace(before.encode(), after.encode()))

    assert set_codes in told
    assert told[-2] == group_answer


def test_an_unbalanced_set_is_rejected_where_that_is_an_error():
    data = changed("BPR", BODY[0].replace("150.5", "1"))

    assert "AK5*R*5" in answered(data, balance="error")
    assert "AK5*A" in answered(data)


def test_version_5_is_answered_in_version_5():
    data = file(group(one_set(), start=GS.replace("004010", "005010")), isa=ISA_5010)

    assert answered(data)[1:3] == ["AK1*RA*7*005010", "AK2*820*0001"]
    received = examined(data).interchanges[0]
    text = b"".join(build_997(received, received.groups[0], {}, BATCH)).decode()
    assert "*X*005010~" in text
    assert "*^*00501*" in text


def test_acknowledgements_are_never_acknowledged():
    acks = group(one_set(["AK1*RA*1", "AK9*A*1*1*1"], name="997"), start=GS.replace("GS*RA", "GS*FA"))
    received = examined(file(acks)).interchanges[0]

    assert not wants_997(received, received.groups[0])
    with pytest.raises(RecordError, match="never acknowledged"):
        build_997(received, received.groups[0], {}, BATCH)


def test_guides_that_ask_for_a_999_get_no_997():
    data = file(group(one_set(), start=GS.replace("004010", "005010X218")), isa=ISA_5010)
    received = examined(data, versions=("005010X218",)).interchanges[0]

    assert not wants_997(received, received.groups[0])
    assert wants_997(received, replace(received.groups[0], version="005010"))


def test_what_a_sender_wrote_can_not_break_the_answer():
    data = sample(end="\n").replace(b"*0001", b"*0~1").replace(b"BPR*C*150.5", b"BPR*C*1~ST*9")

    told = answered(data)

    assert "AK2*820*0 1" in told
    assert "AK4*2*782*6*1 ST" in told


def ta1(data: bytes, **keys) -> str:
    (received, *_) = examined(data).interchanges
    return b"".join(build_ta1(received, BATCH, **keys)).decode()


def test_an_interchange_is_answered_alone():
    assert ta1(sample()).split("~\n") == [
        "ISA*00*          *00*          *ZZ*PAYEE          *ZZ*PAYER          *261122*0730*U*00401*000000042*0*P*>",
        "TA1*000000101*261121*1200*A*000",
        "IEA*0*000000042",
        "",
    ]


@pytest.mark.parametrize(
    ("data", "keys", "said"),
    [
        (sample().replace(b"IEA*1*000000101~\n", b""), {}, "*R*023~"),
        (sample().replace(b"IEA*1*000000101", b"IEA*1*000000999"), {}, "*R*001~"),
        (sample().replace(b"IEA*1*", b"IEA*3*"), {}, "*R*021~"),
        (sample(), {"note": "025"}, "*R*025~"),
    ],
)
def test_a_broken_or_repeated_interchange_is_rejected(data, keys, said):
    assert said in ta1(data, **keys)


def test_an_answer_is_wanted_where_the_sender_says_so():
    assert wants_ta1(examined(sample(isa=ISA.replace("*0*P*", "*1*P*"))).interchanges[0])
    assert not wants_ta1(examined(sample()).interchanges[0])


def test_a_sender_without_address_can_not_be_answered():
    received = examined(sample(isa=ISA.replace("*ZZ*PAYER ", "**PAYER "))).interchanges[0]

    with pytest.raises(RecordError, match="interchange 000000101 can't be answered"):
        next(build_ta1(received, BATCH))


def inbound(*segments: str):
    start = GS.replace("GS*RA*PAYER*PAYEE", "GS*FA*PAYEE*PAYER")
    data = file(group(one_set(segments, name="997"), start=start))
    (item,) = kind("997").records_of(io.BytesIO(data))
    return answer_of(item[1])


def test_a_partners_answer_names_what_it_rejects():
    answer = inbound(
        "AK1*RA*42",
        "AK2*820*0001",
        "AK5*A",
        "AK2*820*0002",
        "AK3*RMR*14**8",
        "AK4*4*782*6*12x",
        "AK5*R*5",
        "AK9*P*2*2*1",
    )

    assert (answer.functional, answer.number, answer.verdict, answer.accepted) == ("RA", "42", "P", False)
    assert [(each.number, each.accepted) for each in answer.sets] == [("0001", True), ("0002", False)]
    assert answer.sets[1].errors == ("RMR at 14, element 4: code 6 `12x`",)
    assert answer.sets[1].codes == ("5",)
    assert (answer.of("0001"), answer.of("0002"), answer.of("0003")) == ("A", "R", "A")


def test_an_answer_without_sets_is_for_all_of_them():
    assert inbound("AK1*RA*42", "AK9*A*2*2*2").of("0001") == "A"
    rejected = inbound("AK1*RA*42", "AK9*R*2*2*0*5")
    assert (rejected.of("0002"), rejected.codes) == ("R", ("5",))


def test_our_own_answers_are_read_back():
    received = examined(changed("BPR", "BPR*C*12x*C*ACH")).interchanges[0]
    data = b"".join(build_997(received, received.groups[0], {}, BATCH))

    (item,) = kind("997").records_of(io.BytesIO(data))

    answer = answer_of(item[1])
    assert (answer.sender, answer.receiver, answer.number) == ("PAYEE", "PAYER", "7")
    assert answer.sets[0].errors == ("BPR at 2, element 2: code 6 `12x`",)

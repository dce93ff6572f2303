"""Every peculiarity seen in files of real senders: read the same, and told as a finding with its place."""

from __future__ import annotations

import pytest

from engine.contracts import BadRow
from engine.errors import ParcelError
from tests.unit.formats.x12_samples import (
    BODY,
    GS,
    ISA,
    ISA_5010,
    examined,
    file,
    findings,
    group,
    one_set,
    record,
    records,
    refused,
    sample,
)

PLAIN = record(sample())
SHORT_ISA = "ISA*00**00**ZZ*PAYER*ZZ*PAYEE*261121*1200*U*00401*101*0*P*>"


def numbered(data: bytes, *pairs: tuple[bytes, bytes]) -> bytes:
    for before, after in pairs:
        assert before in data
        data = data.replace(before, after)
    return data


QUIRKS = {
    "a byte order mark": (b"\xef\xbb\xbf" + sample(), "a byte order mark before the ISA"),
    "blank lines first": (b"\r\n\n" + sample(), "blanks or blank lines before the first segment"),
    "indentation": (sample(end="~\n  "), "blanks before a segment"),
    "blank lines": (sample(end="~\n\n"), "blank lines before a segment"),
    "empty segments": (sample().replace(b"TRN*", b"~TRN*"), "an empty segment or a blank line"),
    "blank lines with a line end as terminator": (sample(end="\n\n"), "an empty segment or a blank line"),
    "an ISA without its widths": (sample(isa=SHORT_ISA), "the ISA's elements have not their fixed widths"),
    "an ISA with blanks before the terminator": (sample(isa=ISA + "  "), "fixed widths"),
    "blanks in an element of the envelope": (
        numbered(sample(), (b"IEA*1*000000101", b"IEA*1* 000000101")),
        "blanks around an element",
    ),
    "blanks behind the last element": (numbered(sample(), (b"X*004010~", b"X*004010 ~")), ""),
    "blanks in an element": (numbered(sample(), (b"*Acme Corp*", b"* Acme Corp  *")), "blanks around an element"),
    "a date that is none in the ISA": (
        numbered(sample(), (b"*261121*1200*U", b"*051513*1200*U")),
        "`051513` (ISA09) is no date",
    ),
    "a time that is none in the ISA": (numbered(sample(), (b"*1200*U", b"*2560*U")), "`2560` (ISA10) is no time"),
    "an unknown version of the ISA": (numbered(sample(), (b"*00401*", b"*004X1*")), "`004X1` (ISA12) is unknown"),
    "an unknown qualifier": (
        numbered(sample(), (b"*ZZ*PAYEE ", b"*QQ*PAYEE ")),
        "the qualifier `QQ` (ISA07) is unknown",
    ),
    "zeros before a set's number": (
        numbered(sample(), (b"SE*17*0001", b"SE*17*000000001")),
        "the same number, written in two ways",
    ),
    "zeros before a group's number": (
        numbered(sample(), (b"GE*1*7", b"GE*1*0007")),
        "the same number, written in two ways",
    ),
    "zeros before an interchange's number": (
        numbered(sample(), (b"IEA*1*000000101", b"IEA*1*101")),
        "written in two ways",
    ),
    "another functional group": (sample().replace(b"GS*RA", b"GS*HC"), "`HC`"),
    "lines broken at a width": (numbered(sample(), (b"*021000021*", b"*021\r\n000021*")), "broken over several lines"),
    "no terminator behind the last segment": (sample().rstrip(b"~\n"), "the last segment has no terminator"),
}


@pytest.mark.parametrize(("data", "said"), QUIRKS.values(), ids=QUIRKS)
def test_it_is_read_all_the_same_and_told(data, said):
    found = record(data)

    assert {**found, "envelope": None} == {**PLAIN, "envelope": None}
    assert said in " ".join(findings(data))


@pytest.mark.parametrize("end", ["~", "~\n", "~\r\n", "\n", "\r\n", "\r", "\\", "|\n", "\x1c", "'\n", "!"])
@pytest.mark.parametrize("mark", ["*", "|", "\t", "\x1d", "^"])
def test_any_delimiters_serve(end, mark):
    if mark in end:
        return
    data = sample(end=end).replace(b"*", mark.encode())

    assert {**record(data), "envelope": None} == {**PLAIN, "envelope": None}


def test_the_component_separator_may_be_what_others_end_segments_with():
    data = sample(isa=ISA[:-1] + "~", end="\n")

    assert record(data)["remittances"] == PLAIN["remittances"]


@pytest.mark.parametrize("end", ["~", "~\n", "~\r\n"])
def test_an_isa_may_leave_out_its_last_element(end):
    assert record(sample(isa=ISA[:-1], end=end))["remittances"] == PLAIN["remittances"]


def test_the_repetition_separator_is_one_from_version_5_only():
    newer = file(group(one_set(), start=GS.replace("004010", "005010")), isa=ISA_5010).replace(b"broken box", b"a^b")

    assert "it holds a delimiter of the file" in " ".join(findings(newer))
    assert findings(sample().replace(b"broken box", b"a^b")) == []


def test_several_interchanges_with_delimiters_of_their_own():
    other = sample(isa=ISA.replace("000000101", "000000102"), end="\n").replace(b"*", b"|")

    found = records(sample() + b"\r\n" + other + sample(isa=ISA.replace("000000101", "000000103")))

    assert [each["envelope"]["interchange"] for each in found] == ["000000101", "000000102", "000000103"]


def test_answers_stand_before_and_after_the_groups():
    ta1 = "TA1*000000007*261120*0900*A*000~"
    before = sample().replace(b"GS*RA", f"{ta1}\nGS*RA".encode())
    after = sample().replace(b"IEA*", f"{ta1}\nIEA*".encode())

    for data in (before, after):
        (found,) = examined(data).interchanges
        assert found.answers == (("000000007", "261120", "0900", "A", "000"),)
        assert record(data)["payment"]["amount"] == "150.5"
    assert findings(before) == []
    assert "a TA1 after a group" in findings(after)[0]


def test_an_interchange_of_answers_only_has_no_documents():
    data = f"{ISA}~\nTA1*000000007*261120*0900*A*000~\nIEA*0*000000101~\n".encode()

    assert records(data) == []
    assert examined(data).interchanges[0].answers[0][3] == "A"


@pytest.mark.parametrize("name", ["an ISA without its widths", "a date that is none in the ISA"])
def test_a_strict_reader_refuses_an_odd_isa(name):
    with pytest.raises(ParcelError, match=r"interchange 000000101|fixed widths"):
        records(QUIRKS[name][0], leniency="strict")


@pytest.mark.parametrize("name", ["blanks in an element", "zeros before a set's number", "lines broken at a width"])
def test_a_strict_reader_refuses_an_odd_set(name):
    assert refused(QUIRKS[name][0], leniency="strict")


def test_what_follows_the_end_is_refused_unless_the_reader_is_lenient():
    data = sample() + b"-- sent by machine 7\n"

    with pytest.raises(ParcelError, match="stands after the end of the interchange"):
        records(data)
    assert record(data, leniency="lenient")
    assert "passed over" in " ".join(findings(data, leniency="lenient"))


def test_blanks_and_an_end_of_file_mark_may_follow_the_end():
    assert record(sample() + b"\r\n \x1a\x00\n")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "the file is empty"),
        (b"  \r\n", "the file is empty"),
        (b"UNB+UNOA:1", "this is no X12 file: it begins with `UNB+UNOA:1`"),
        (b"vendor_id,name\n1,x\n", "not with `ISA`"),
        (b"ISA", "cut short"),
        (b"ISA*00*   ", "it is cut short or damaged"),
        (ISA.encode(), "can't be a segment terminator"),
        (sample().decode().encode("utf-16"), "the file is UTF-16"),
        (ISA[:-1].encode() + b"*~\n", "for two delimiters"),
        (sample().replace(b"TRN*1*", b"TRN*1*" + b"x" * 70_000), "longer than 65536 bytes"),
        (b"ISA" + b"A" * 500, "no delimiter behind it"),
    ],
)
def test_what_is_no_x12_is_refused_as_a_whole(data, said):
    with pytest.raises(ParcelError) as error:
        records(data)

    assert said in str(error.value)


def test_placeholders_of_a_guide_are_refused_with_their_elements():
    body = ["BPR*[code]*[amount]*[C/D]*[method]", *BODY[1:]]

    (found,) = records(sample(body))

    assert isinstance(found, BadRow)
    assert "`[amount]` is no number" in found.error

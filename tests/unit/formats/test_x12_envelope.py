"""The envelope: what does not belong together refuses the set, the group or the file, with the code to answer with."""

from __future__ import annotations

import pytest

from engine.contracts import BadRow
from engine.errors import ParcelError
from tests.unit.formats.x12_samples import ISA, examined, file, group, one_set, records, refused, sample

TWO = file(group(one_set(), one_set(number="0002")))


def replaced(data: bytes, before: str, after: str) -> bytes:
    assert before.encode() in data
    return data.replace(before.encode(), after.encode())


@pytest.mark.parametrize(
    ("before", "after", "note", "said"),
    [
        ("IEA*1*000000101~\n", "", "023", "the file is incomplete"),
        ("GE*1*7~\nIEA*1*000000101~\n", "", "023", "the file is incomplete"),
        ("SE*17*0001~\nGE*1*7~\nIEA*1*000000101~\n", "", "023", "the file is incomplete"),
        ("IEA*1*000000101", "IEA*1*000000102", "001", "IEA has the control number `000000102`"),
        ("IEA*1*", "IEA*2*", "021", "IEA tells 2 groups, there are 1"),
        ("IEA*1*", "IEA**", "021", "IEA tells nothing groups"),
        ("GS*RA*PAYER*PAYEE*20261121*1200*7*X*004010~\n", "", "024", "outside a set|without GS"),
        ("ST*820*0001~\n", "", "024", "`BPR` stands outside a set"),
        ("*000000101*0*P", "*00000010A*0*P", "018", "is no number"),
        ("*ZZ*PAYER          *", "*ZZ*               *", "006", "the sender"),
        ("*ZZ*PAYEE          *", "*ZZ*               *", "008", "the receiver"),
    ],
)
def test_a_broken_interchange_refuses_the_whole_file(before, after, note, said):
    data = replaced(sample(), before, after)

    with pytest.raises(ParcelError, match=said) as error:
        records(data)

    assert note in str(error.value)
    assert str(error.value).startswith("interchange ")
    (found,) = examined(data).interchanges
    assert (found.verdict, found.note, found.incomplete) == ("R", note, note == "023")


def test_nothing_of_a_partial_file_is_handed_over():
    """The end of the file is looked at before the first document."""
    whole = file(group(*(one_set(number=f"{n:04}") for n in range(1, 50))))

    for size in range(len(ISA) + 2, len(whole) - 40, 997):
        with pytest.raises(ParcelError, match=r"."):
            records(whole[:size])


def test_a_second_interchange_without_the_end_of_the_first():
    data = replaced(sample(), "IEA*1*000000101~\n", "") + sample(isa=ISA.replace("101*0*P", "102*0*P"))

    with pytest.raises(ParcelError, match="the file is incomplete"):
        records(data)
    first, second = examined(data).interchanges
    assert (first.note, second.note) == ("023", "000")


def test_the_same_interchange_twice_in_a_file():
    with pytest.raises(ParcelError, match=r"comes twice in the file.*025"):
        records(sample() + sample())


@pytest.mark.parametrize(
    ("before", "after", "code", "said"),
    [
        ("GE*2*7~\n", "", "3", "the group has no end (GE)"),
        ("GE*2*7", "GE*2*8", "4", "GE has the number `8`, GS has `7`"),
        ("GE*2*7", "GE*3*7", "5", "GE tells 3 sets, there are 2"),
        ("GE*2*7", "GE*x*7", "5", "GE tells x sets"),
    ],
)
def test_a_broken_group_refuses_its_sets(before, after, code, said):
    data = replaced(TWO, before, after)

    found = records(data)

    assert [each.error for each in found if isinstance(each, BadRow)] == [found[0].error] * 2
    assert said in found[0].error
    assert examined(data).interchanges[0].groups[0].codes == ((code, "R"),)


def test_a_broken_group_leaves_the_others_alone():
    data = file(group(one_set()), group(one_set(), start="GS*RA*PAYER*PAYEE*20261121*1200*8*X*004010", number="9"))

    first, second = records(data)

    assert first["envelope"]["group"] == "7"
    assert "GE has the number `9`, GS has `8`" in second.error


def test_a_group_number_used_twice():
    data = file(group(one_set()), group(one_set()))

    first, second = records(data)

    assert first["envelope"]["group"] == "7"
    assert "used before in the interchange" in second.error


@pytest.mark.parametrize(
    ("before", "after", "code", "said"),
    [
        ("SE*17*0001~\n", "", "2", "it has no end (SE)"),
        ("SE*17*0001", "SE*17*0002", "3", "its SE has the control number `0002`, its ST `0001`"),
        ("SE*17*0001", "SE*16*0001", "4", "its SE tells 16 segments, there are 17"),
        ("SE*17*0001", "SE**0001", "4", "its SE tells nothing segments"),
    ],
)
def test_a_broken_set_is_refused(before, after, code, said):
    data = replaced(sample(), before, after)

    assert said in refused(data)
    assert (code, "R") in examined(data).interchanges[0].groups[0].sets[0].codes


def test_a_set_number_used_twice_is_read_once():
    first, second = records(file(group(one_set(), one_set())))

    assert first["envelope"]["set"] == "0001"
    assert "used before in the group" in second.error


def test_a_set_number_that_is_too_short_is_noted():
    data = sample().replace(b"*0001", b"*1")

    assert records(data)[0]["envelope"]["set"] == "1"
    assert examined(data).interchanges[0].groups[0].sets[0].verdict == "E"
    assert "has not 4 to 9 digits" in refused(data, leniency="strict")


def test_sets_that_end_at_the_edge_of_a_piece_read():
    """Segments split over two reads of the stream are whole."""
    data = file(group(*(one_set(number=f"{n:04}") for n in range(1, 1500))))

    found = records(data)

    assert len(data) > 2 * 256 * 1024
    assert {each["payment"]["amount"] for each in found} == {"150.5"}
    assert len(found) == 1499

"""Descriptions of sets: those shipped hold together, others are written without Python, and mistakes in them are told."""

from __future__ import annotations

import copy
import io
from typing import Any

import pytest

from engine.formats.x12 import X12, compile_set
from engine.formats.x12_elements import KINDS, Fault, element_type
from engine.run.load import check
from engine.spec.schema import mistakes
from tests.unit.formats.x12_samples import GS, SETS, file, group, one_set

WAREHOUSE: dict[str, Any] = {
    "mlconnector": 1,
    "x12_set": "944",
    "title": "Stock transfer receipt",
    "group": "RE",
    "holds": {
        "receipt": {"segment": "W17", "required": True},
        "ship_from": {"segment": "N1", "when": {"entity": ["SF"]}},
        "others": {"segment": "N1", "repeat": True, "most": 2, "by": "entity"},
        "items": {"loop": "item", "repeat": True},
    },
    "loops": {
        "item": {
            "opens": "W07",
            "holds": {"notes": {"segment": "NTE", "repeat": True}, "seal": {"segment": "M7", "since": "005010"}},
        }
    },
    "segments": {
        "W17": {
            "title": "Receipt",
            "elements": {
                "status": {"at": 1, "type": "ID", "length": [1, 1]},
                "date": {"at": 2, "type": "DT", "length": [8, 8]},
            },
        },
        "N1": {
            "title": "Party",
            "elements": {
                "entity": {"at": 1, "type": "ID", "length": [2, 3], "required": True},
                "name": {"at": 2, "length": [1, 60]},
            },
        },
        "W07": {
            "title": "Item",
            "elements": {
                "quantity": {"at": 1, "type": "R", "length": [1, 10], "required": True},
                "value": {"at": 3, "type": "N2", "length": [1, 10]},
                "time": {"at": 4, "type": "TM", "length": [4, 8]},
            },
            "rules": [{"at_most_one": ["value", "time"]}, {"if": "time", "then_any": ["value", "quantity"]}],
        },
        "NTE": {"title": "Note", "elements": {"text": {"at": 2, "length": [1, 80]}}},
        "M7": {"title": "Seal", "elements": {"seal": {"at": 1, "length": [2, 15]}}},
    },
}


def changed(path: str, value: Any) -> dict[str, Any]:
    found = copy.deepcopy(WAREHOUSE)
    *above, last = path.split(".")
    place = found
    for step in above:
        place = place.setdefault(step, {})
    place[last] = value
    return found


def read(body: list[str], **keys: Any) -> Any:
    data = file(group(one_set(body, name="944"), start=GS.replace("GS*RA", "GS*RE")))
    return next(X12(set_="944", **keys).described(compile_set(WAREHOUSE)).records_of(io.BytesIO(data)))


@pytest.mark.parametrize("name", ["820", "997"])
def test_the_sets_shipped_are_valid(name):
    assert check(SETS / f"{name}.yaml") == ()


def test_a_set_of_ones_own_is_read_without_python():
    assert list(mistakes("x12-set", WAREHOUSE)) == []

    _, found = read(["W17*F*20261121", "N1*WH*Hall 3", "N1*SF*Acme", "W07*12**1250", "NTE**dry", "W07*1*x"])

    assert found["ship_from"]["name"] == "Acme"
    assert found["others"] == [{"entity": "WH", "name": "Hall 3"}]
    assert found["items"] == [{"quantity": "12", "value": "12.50", "notes": [{"text": "dry"}]}, {"quantity": "1"}]


def test_what_comes_more_often_than_allowed_is_told():
    body = ["W17*F", "N1*WH", "N1*SF", "N1*ST", "N1*BY"]

    assert "`others` comes too often" in read(body).error


def test_only_one_of_two_elements():
    _, found = read(["W17*F", "W07*1**100*1430"])
    assert found["items"][0]["time"] == "14:30:00"
    assert "only one of `value`, `time` may be there" in read(["W17*F", "W07*1**100*1430"], leniency="strict").error


def test_a_part_of_a_later_version_is_unknown_to_an_earlier_one():
    assert "`M7`: it can't stand here" in read(["W17*F", "W07*1", "M7*SEAL1"]).error


def test_a_description_on_disk_is_validated_like_any_spec(tmp_path):
    path = tmp_path / "820.yaml"
    text = (SETS / "820.yaml").read_text(encoding="utf-8")
    path.write_text(text.replace("total: payment.amount", "total: payment.amonut"), encoding="utf-8")

    (problem,) = check(path)

    assert problem.code == "E105"
    assert "`payment.amonut` leads nowhere at `amonut`" in problem.message
    path.write_text(text.replace("repeat: true, by: qualifier}", "repeats: true}", 1), encoding="utf-8")
    assert [each.code for each in check(path)] == ["E101"]


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("holds.items", {"loop": "itme", "repeat": True}, "names the loop `itme`, which is not under `loops`"),
        ("holds.receipt", {"segment": "W18"}, "`W18` is used and not described"),
        ("holds.envelope", {"segment": "NTE"}, "`envelope` stands for two things"),
        ("holds.receipt", {"segment": "W17", "most": 2}, "`receipt` has `most` and does not `repeat`"),
        ("holds.receipt", {"segment": "W17", "by": "status"}, "`receipt` must `repeat`"),
        ("holds.receipt", {"segment": "W17", "lift": "x"}, "`receipt` is no loop"),
        ("holds.receipt", {"segment": "W17", "when": {"stat": ["F"]}}, "names `stat`, which is no element of W17"),
        ("holds.items", {"loop": "item", "lift": "item"}, "everything it holds must `repeat`"),
        ("holds.items", {"loop": "item", "opener": "optional"}, "only where `lift` is said"),
        ("loops.item", {"opens": "W07", "holds": {"inner": {"loop": "item"}}}, "go deeper than 8, or hold themselves"),
        (
            "loops.item",
            {"opens": "W07", "holds": {"quantity": {"segment": "NTE"}}},
            "`quantity` stands for two things in `items`",
        ),
        ("segments.W17.elements.other", {"at": 1, "length": [1, 2]}, "stands at 1, where another element stands"),
        ("segments.W17.elements.status", {"at": 1, "length": [3, 2]}, "the length of `status` of W17 is 3 to 2"),
        ("segments.W17.elements.status", {"at": 1, "length": [1, 2], "closed": True}, "is `closed` and has no `codes`"),
        ("segments.W17.elements.status", {"at": 1, "length": [1, 2], "type": "B"}, "has the type `B`"),
        ("segments.W17.rules", [{"together": ["status", "dtae"]}], "names `dtae`, which is none of its elements"),
        ("segments.W17.rules", [{"if": "status"}], "neither `then` nor `then_any`"),
        ("balance", {"total": "receipt.total", "of": ["items.value"]}, "leads nowhere at `total`"),
        ("balance", {"total": "receipt.status", "of": ["items"]}, "`items` is no element"),
    ],
)
def test_what_does_not_hold_together_is_told(path, value, said):
    with pytest.raises(ValueError, match=r".") as error:
        compile_set(changed(path, value))

    assert said in str(error.value)


def test_parts_of_parts_are_unknown_to_x12():
    inner = {"at": 1, "components": {"deep": {"at": 1, "length": [1, 2]}}}

    with pytest.raises(ValueError, match="parts that have parts"):
        compile_set(changed("segments.W17.elements.status", {"at": 1, "components": {"inner": inner}}))


@pytest.mark.parametrize(
    ("kind", "low", "high", "text", "value"),
    [
        ("R", 1, 18, "100", "100"),
        ("R", 1, 18, "-.5", "-0.5"),
        ("R", 1, 18, "5.", "5"),
        ("R", 1, 18, "007.10", "7.10"),
        ("R", 1, 18, "-0", "0"),
        ("R", 1, 18, "-0.00", "0.00"),
        ("N2", 1, 10, "1250", "12.50"),
        ("N2", 1, 10, "-5", "-0.05"),
        ("N0", 1, 6, "000012", "12"),
        ("DT", 8, 8, "20240229", "2024-02-29"),
        ("DT", 6, 6, "691231", "2069-12-31"),
        ("DT", 6, 6, "700101", "1970-01-01"),
        ("TM", 4, 8, "2359", "23:59:00"),
        ("TM", 4, 8, "23595999", "23:59:59.99"),
        ("AN", 1, 5, "Zoë 1", "Zoë 1"),
    ],
)
def test_element_types_read(kind, low, high, text, value):
    assert element_type(kind, low, high, frozenset(), closed=False).check(text) == value


@pytest.mark.parametrize(
    ("kind", "text", "code"),
    [
        *[("R", text, "6") for text in ("", "1,000", "1e5", "+1", "٣", "1_0", "NaN", "--1", ".", "-", "1 0", "$1")],
        *[("N2", text, "6") for text in ("1.5", "", "x", "٣")],
        *[("DT", text, "8") for text in ("20260230", "2026112", "abcdefgh", "٢٠٢٦١١٢١", "00000101")],
        *[("TM", text, "9") for text in ("2400", "1260", "12", "12305")],
        ("AN", "a\x07b", "6"),
        ("AN", "x" * 19, "5"),
    ],
)
def test_element_types_refuse(kind, text, code):
    with pytest.raises(Fault) as fault:
        element_type(kind, 1, 18, frozenset(), closed=False).check(text)

    assert fault.value.code == code


def test_every_type_has_a_name_in_the_schema():
    from engine.spec.fragments import fragment

    assert tuple(fragment("x12-element")["properties"]["type"]["enum"]) == ("AN", "ID", *KINDS[2:])

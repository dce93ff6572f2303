"""Checks: true, or held or quarantined with the words of the spec."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.errors import RecordError
from engine.mapping.check import compile_checks
from engine.mapping.types import FieldType, parse_type
from engine.spec.document import Problems, read_text

SOURCE = {
    "total": parse_type("decimal"),
    "lines": FieldType(kind="list", fields={"amount": parse_type("decimal")}),
}
ADD_UP = '- {that: "sum(lines[].amount) == total", say: Lines do not add up, else: hold}'


def compiled(text, source=SOURCE):
    problems = Problems()
    return compile_checks(read_text(text, problems, shown="s.yaml"), problems, source=source), problems.found


def test_a_document_that_holds_passes():
    (check,), problems = compiled(ADD_UP)
    assert not problems
    check({"total": Decimal("0.3"), "lines": [{"amount": Decimal("0.1")}, {"amount": Decimal("0.2")}]})


@pytest.mark.parametrize(("outcome", "held"), [("hold", True), ("quarantine", False)])
def test_one_that_does_not_is_said_in_the_specs_words(outcome, held):
    (check,), _ = compiled(ADD_UP.replace("hold", outcome))
    with pytest.raises(RecordError, match="Lines do not add up") as caught:
        check({"total": Decimal("0.31"), "lines": [{"amount": Decimal("0.1")}]})
    assert caught.value.hold is held


def test_one_that_can_not_be_worked_out_fails_too():
    (check,), _ = compiled(ADD_UP)
    with pytest.raises(RecordError, match="Lines do not add up") as caught:
        check({"total": "x", "lines": [{"amount": Decimal(1)}]})
    assert caught.value.hold


@pytest.mark.parametrize(
    ("text", "code", "column"),
    [
        ('- {that: "totl == `1`", say: x}', "E202", 11),
        ('- {that: "total == ", say: x}', "E201", 18),
        ("- {that: total}", "E210", 3),
        ("- {that: total, say: x, else: wait}", "E210", 31),
        ("- {that: total, say: x, esle: hold}", "E210", 25),
        ("that: total", "E210", 1),
        ('- {that: "lines.amount", say: x}', "E202", 17),
    ],
)
def test_mistakes_are_placed(text, code, column):
    _, problems = compiled(text)
    assert [(problem.code, problem.column) for problem in problems] == [(code, column)]

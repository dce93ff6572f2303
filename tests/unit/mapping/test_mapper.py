"""Mappings: checked against both sides, generated once, explained when they fail."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import RecordError
from engine.mapping.crosswalk import Crosswalk
from engine.mapping.mapper import LookupObject, compile_mapping
from engine.mapping.types import FieldType, parse_type, read_fields
from engine.spec.document import Problems, read_text

WALKS = {"gl": Crosswalk(name="gl", pairs={"OFFICE": "6100"})}
OBJECTS = {
    "erp.vendors": LookupObject(
        by=("VendorID",), fields={"VendorNum": parse_type("integer"), "Name": parse_type("string")}
    ),
    "erp.accounts": LookupObject(by=("Chart", "Account"), fields={"Account": parse_type("string(20)")}),
}
SOURCE = """
number: string
vendor: string
posted: date
total: decimal
paid: boolean
rank: integer
note: string
lines: {list: {amount: decimal, gl: string, note: string}}
"""
TARGET = """
InvoiceNum: string(10)!
VendorNum: integer
VendorName: string(20)
InvoiceDate: date
Amount: decimal(10,2)!
Paid: string(3)
Note: string(12)
Rank: decimal(5,1)
Lines: {required: true, list: {Amount: "decimal(10,2)!", Account: string(8), Text: string(5), Nr: integer}}
"""
MAP = """
InvoiceNum: {from: number, trim: true}
VendorNum: {lookup: erp.vendors, match: {VendorID: vendor}, take: VendorNum, on_missing: wait}
VendorName: {lookup: erp.vendors, match: {VendorID: vendor}, take: Name, on_missing: empty}
InvoiceDate: posted
Amount: total
Paid: {from: paid, values: {"true": "yes", "false": "no"}, default: {const: n/a}}
Note: {text: "Nr {{ number }}", max_length: 12, cut: true}
Rank: rank
Lines:
  each: lines
  map:
    Amount: amount
    Account: {from: gl, crosswalk: gl, on_missing: hold}
    Text: {from: note, default: document.note, max_length: 5, cut: true}
    Nr: index
"""
RECORD = {
    "number": " 00123 ",
    "vendor": "O'Brien",
    "posted": date(2026, 11, 21),
    "total": Decimal("10.3"),
    "paid": True,
    "rank": 4,
    "note": "outer note",
    "lines": [{"amount": Decimal("10.30"), "gl": "OFFICE", "note": None}, {"amount": 0, "gl": None, "note": "x"}],
}
FOUND = {"erp.vendors": {("O'Brien",): [{"VendorNum": 12, "Name": "O'Brien & Sons"}]}}


def fields(text):
    problems = Problems()
    found = read_fields(read_text(text, problems, shown="t.yaml"), problems)
    assert not problems.found
    return found


def compiled(text, source=SOURCE, target=TARGET, objects=OBJECTS):
    problems = Problems()
    node = read_text(text, problems, shown="s.yaml")
    mapper = compile_mapping(
        node,
        problems,
        source=fields(source) if source else None,
        target=fields(target) if target else None,
        crosswalks=WALKS,
        objects=objects,
        reads="files.invoices",
        writes="erp.invoices",
    )
    return mapper, problems.found


def mapper_of(text, **sides):
    mapper, problems = compiled(text, **sides)
    assert mapper is not None, [str(problem) for problem in problems]
    return mapper


def test_a_document_with_lines_and_lookups():
    assert mapper_of(MAP).map(RECORD, {"need": {}}, FOUND) == {
        "InvoiceNum": "00123",
        "VendorNum": 12,
        "VendorName": "O'Brien & Sons",
        "InvoiceDate": date(2026, 11, 21),
        "Amount": Decimal("10.30"),
        "Paid": "yes",
        "Note": "Nr  00123 ",
        "Rank": Decimal("4.0"),
        "Lines": [
            {"Amount": Decimal("10.30"), "Account": "6100", "Text": "outer", "Nr": 1},
            {"Amount": Decimal("0.00"), "Account": None, "Text": "x", "Nr": 2},
        ],
    }


def test_the_generated_function_made_it_and_not_the_interpreter():
    mapper = mapper_of(MAP)
    assert mapper._run(RECORD, {}, FOUND) == mapper.interpret(RECORD, {}, FOUND)
    assert "00123" not in mapper.source
    assert "O'Brien" not in mapper.source


def test_lookups_are_collected_once_each():
    mapper = mapper_of(MAP)
    assert [(use.name, use.fields) for use in mapper.lookups] == [("erp.vendors", ("VendorID",))]
    assert mapper.needed(RECORD, {}) == [("erp.vendors", ("O'Brien",))]
    assert mapper.needed({**RECORD, "vendor": None}, {}) == []


def test_lookups_of_lines_are_collected_in_the_objects_own_key_order():
    mapper = mapper_of(
        "Lines: {each: lines, map: {Account: {lookup: erp.accounts, match: {Account: gl, Chart: document.vendor}, take: Account}}}",
        target=None,
    )
    record = {"vendor": "MAIN", "lines": [{"gl": "1"}, {"gl": "2"}, {"gl": "1"}, {"gl": None}]}
    assert mapper.needed(record, {}) == [("erp.accounts", ("MAIN", "1")), ("erp.accounts", ("MAIN", "2"))]


@pytest.mark.parametrize(
    ("hits", "words", "waits", "hold"),
    [
        ([], "no record with VendorID", True, False),
        ([{"VendorNum": 1}, {"VendorNum": 2}], "2 records", False, True),
    ],
)
def test_none_and_several_are_different_outcomes(hits, words, waits, hold):
    with pytest.raises(RecordError, match="VendorNum") as caught:
        mapper_of(MAP).map(RECORD, {}, {"erp.vendors": {("O'Brien",): hits}})
    assert words in str(caught.value)
    assert (caught.value.waits, caught.value.hold, caught.value.field) == (waits, hold, "VendorNum")


def test_every_failing_field_is_explained():
    record = {**RECORD, "number": "12345678901", "total": Decimal("1.005"), "lines": [{"amount": None, "gl": "NOPE"}]}
    mapper = mapper_of(MAP)
    problems = mapper.explain(record, {}, FOUND)
    assert [problem.field for problem in problems] == ["InvoiceNum", "Amount", "Lines[1].Amount", "Lines[1].Account"]
    assert problems[1].value == Decimal("1.005")
    assert "3 decimals" in problems[1].message
    assert problems[3].hold
    with pytest.raises(RecordError, match="3 more"):
        mapper.map(record, {}, FOUND)
    assert mapper.explain(RECORD, {}, FOUND) == []


def test_a_required_list_without_lines_fails():
    with pytest.raises(RecordError, match="no lines"):
        mapper_of(MAP).map({**RECORD, "lines": []}, {}, FOUND)


@pytest.mark.parametrize(
    ("old", "new", "code", "at", "suggestion"),
    [
        ("posted", "postd", "E202", "postd", "did you mean `posted`?"),
        ("{{ number }}", "{{ numbr }}", "E202", "numbr", "did you mean `number`?"),
        ("Amount: amount", "Amount: amont", "E202", "amont", "did you mean `amount`?"),
        ("document.note", "document.nte", "E202", "nte,", "did you mean `note`?"),
        ("InvoiceDate:", "InvoiceDat:", "E213", "InvoiceDat:", "did you mean `InvoiceDate`?"),
        ("    Nr: index", "    Num: index", "E213", "Num: index", None),
        ("Amount: total\n", "\n", "E206", "InvoiceNum", None),
        ("    Amount: amount\n", "", "E206", "Account: {", None),
        ("InvoiceDate: posted", "InvoiceDate: number", "E207", "number\nAmount", None),
        ("Rank: rank", "Rank: paid", "E207", "paid\nLines", None),
        ('"false": "no"', '"false": "none"', "E208", '"none"', None),
        ("max_length: 12", "max_length: 13", "E208", "13", "write `max_length: 12`"),
        ("crosswalk: gl", "crosswalk: lg", "E306", "lg", None),
        ("take: Name", "take: Nam", "E202", "Nam,", "did you mean `Name`?"),
        (
            "{VendorID: vendor}, take: Name",
            "{Vendor: vendor}, take: Name",
            "E302",
            "Vendor: vendor}",
            "did you mean `VendorID`?",
        ),
        ("erp.vendors, match", "erp.vendor, match", "E302", "erp.vendor,", "did you mean `erp.vendors`?"),
        ("each: lines", "each: line", "E202", "line\n", "did you mean `lines`?"),
        ("Amount: total", "Amount: lines.amount", "E202", "amount\nPaid", "write `lines[].amount`"),
        ("Amount: total", "Amount: total.x", "E202", "x\nPaid", None),
        ("Amount: total", "Amount: 5", "E210", "5\nPaid", "write {const: 5}"),
        ("Amount: total", "Amount: {const: abc}", "E207", "abc}", None),
        ("Amount: total", 'Amount: {const: "1.005", type: decimal}\nMore: posted', "E213", "More", None),
        ("Amount: total", 'Amount: "sum(lines[].amout)"', "E202", "amout", "did you mean `amount`?"),
    ],
)
def test_both_sides_are_checked_at_the_exact_place(old, new, code, at, suggestion):
    text = MAP.replace(old, new, 1)
    assert text != MAP
    place = text.index(at)
    line, column = text.count("\n", 0, place) + 1, place - text.rfind("\n", 0, place)
    _, problems = compiled(text)
    assert [(p.code, p.line, p.column, p.suggestion) for p in problems if p.code == code] == [
        (code, line, column, suggestion)
    ]


def test_all_problems_come_at_once():
    _, problems = compiled(
        MAP.replace("posted", "postd").replace("Amount: total", "Amont: total").replace("gl, cross", "lg, cross")
    )
    assert sorted(problem.code for problem in problems) == ["E202", "E202", "E213"]


def test_unknown_sides_are_not_checked():
    mapper = mapper_of("{A: anything, B: {const: 1}, C: x.y}", source=None, target=None)
    assert mapper.map({"anything": "O'Brien", "x": {"y": Decimal(1)}}, {}, {}) == {
        "A": "O'Brien",
        "B": 1,
        "C": Decimal(1),
    }


def test_names_of_the_scope_win_over_fields():
    mapper = mapper_of("{A: need.x, B: {need: x}}", source=None, target=None)
    assert mapper.map({"need": {"x": "stolen"}}, {"need": {"x": "real"}}, {}) == {"A": "real", "B": "real"}


def test_header_fields_do_not_leak_into_lines():
    mapper = mapper_of("Lines: {each: lines, map: {Text: note}}", source=None, target=None)
    assert mapper.map({"note": "outer", "lines": [{}]}, {}, {}) == {"Lines": [{"Text": None}]}


def test_field_names_are_data_and_never_code():
    hostile = 'a"]; import os; x["'
    mapper = mapper_of(f"{{{hostile!r}: '\"__import__(''os'')\"'}}", source=None, target=None)
    assert mapper.map({"__import__('os')": 1}, {}, {}) == {hostile: 1}


@pytest.mark.parametrize("text", ["12E4", "None", "00123", "1,200", "true", "O'Brien", 'say "hi"', "{{ x }}"])
def test_text_stays_what_it_was(text):
    mapper = mapper_of("{A: number, B: {text: '{{ number }}'}, C: {join: [number], with: x}}", source=None, target=None)
    assert mapper.map({"number": text}, {}, {}) == {"A": text, "B": text, "C": text}


def test_lookups_inside_lookups_are_refused():
    _, problems = compiled(
        "X: {lookup: erp.vendors, match: {VendorID: {lookup: erp.vendors, match: {VendorID: vendor}, take: Name}}, take: Name}",
        target=None,
    )
    assert [problem.code for problem in problems] == ["E210"]


SCALARS = st.one_of(
    st.none(),
    st.text(max_size=14),
    st.sampled_from(["OFFICE", "  x  ", "11/21/2026", "10.30", "00123", ""]),
    st.integers(-(10**6), 10**6),
    st.decimals(allow_nan=True, allow_infinity=True, places=None),
    st.decimals(min_value=-1000, max_value=1000, places=2),
    st.booleans(),
    st.dates(),
)
LINES = st.lists(
    st.one_of(
        st.fixed_dictionaries({}, optional={"amount": SCALARS, "gl": SCALARS, "note": SCALARS, "index": SCALARS}),
        SCALARS,
    ),
    max_size=3,
)
RECORDS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(["number", "vendor", "posted", "total", "paid", "rank", "note"], SCALARS),
        "lines": st.one_of(LINES, SCALARS),
        "deep": st.one_of(SCALARS, st.dictionaries(st.sampled_from(["x", "y"]), SCALARS), LINES),
        "need": SCALARS,
    },
)
UNTYPED = """
A: deep.x
B: deep[0].gl
C: {from: number, trim: true, default: note, max_length: 5, cut: true}
D: {from: total, round: 2}
E: {text: "{{ number }}-{{ note }}"}
F: {from: posted, type: date, format: "%m/%d/%Y"}
G: {from: vendor, values: {OFFICE: 1}, else: {from: note}}
H: {join: [number, note], with: "/"}
I: {each: deep, map: item}
J: {each: lines, map: {a: amount, i: index, d: document.number, n: need.x, t: "{{ x }}", inner: {each: document.lines, map: {i: index}}}}
K: {need: x}
L: need.x
M: {const: [1, 2]}
N: {from: rank, type: integer, required: true}
O: "sum(lines[].amount)"
P: {from: number, crosswalk: gl, on_missing: empty}
Q: {from: number, type: "string(6)", required: true}
R: {object: {a: number, b: [total]}}
"""


def same(left, right):
    return repr(left) == repr(right)


TYPED = mapper_of(MAP)
LOOSE = mapper_of(UNTYPED.replace('t: "{{ x }}"', 't: {text: "{{ gl }}"}'), source=None, target=None)
SINGLE = [
    mapper_of(line.replace('t: "{{ x }}"', "t: gl"), source=None, target=None) for line in UNTYPED.strip().splitlines()
]


@given(RECORDS, st.sampled_from([FOUND, {"erp.vendors": {}}]), st.sampled_from([TYPED, LOOSE, *SINGLE]))
def test_the_generated_function_and_the_interpreter_are_equal(record, found, mapper):
    scope = {"need": {"x": "setting"}}
    try:
        expected = mapper.interpret(record, scope, found)
    except RecordError as error:
        with pytest.raises(RecordError) as caught:
            mapper.map(record, scope, found)
        assert (str(caught.value), caught.value.waits, caught.value.hold) == (str(error), error.waits, error.hold)  # noqa: PT017
        with pytest.raises(Exception, match=r".*"):
            mapper._run(record, scope, found)
        return
    assert same(mapper.map(record, scope, found), expected)
    try:
        fast = mapper._run(record, scope, found)
    except Exception:  # noqa: BLE001  # unusual records may take the slow way, but never come out differently
        return
    assert same(fast, expected)


def test_settings_it_reads_are_known_with_their_place():
    mapper = mapper_of(
        "{A: {need: a.x}, L: {each: lines, map: {B: {text: '{{ need.b.y }}'}}}}", source=None, target=None
    )
    assert [(node.mark.column, name) for node, name in mapper.needs] == [(12, "a.x"), (44, "b.y")]


@pytest.mark.parametrize("vendor", [["x"], {"x": 1}, Decimal("sNaN"), Decimal("Infinity")])
def test_what_is_no_key_is_not_looked_up(vendor):
    mapper = mapper_of(MAP)
    record = {**RECORD, "vendor": vendor}
    assert mapper.needed(record, {}) == []
    with pytest.raises(RecordError, match="can't be looked up"):
        mapper.map(record, {}, FOUND)


@given(RECORDS)
def test_collecting_keys_never_fails(record):
    assert isinstance(TYPED.needed(record, {}), list)


def test_a_list_type_without_fields_takes_any_lines():
    mapper = mapper_of("Lines: {each: lines, map: {X: amount}}", target="Lines: list")
    assert mapper.map({"lines": [{"amount": 1}]}, {}, {}) == {"Lines": [{"X": 1}]}
    assert isinstance(fields("Lines: list")["Lines"], FieldType)

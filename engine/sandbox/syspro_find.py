"""COMFND of the SYSPRO stand-in: reads any table, by columns, conditions and order.

Not proven: the conditions besides EQ (here NE, GT, GE, LT, LE), that a reading without `ReturnRows` stops at 100 rows,
and that text is compared as written. And binds closer than Or.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any
from xml.etree import ElementTree as ET

from engine.sandbox.syspro_answers import Trouble, add, root_of
from engine.sandbox.syspro_store import TABLES, Row, Store, Table, written
from engine.sandbox.syspro_xml import check_shape, expect_root, shape

_DEFAULT_ROWS = 100
_QUERY = shape(
    "TableName ReturnRows Columns Where OrderBy",
    Columns=shape("Column+"),
    Where=shape("Expression+", Expression=shape("AndOr OpenBracket Column Condition Value CloseBracket")),
    OrderBy=shape("Column+"),
)
_CONDITIONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "EQ": operator.eq,
    "NE": operator.ne,
    "GT": operator.gt,
    "GE": operator.ge,
    "LT": operator.lt,
    "LE": operator.le,
}
Test = Callable[[Row], bool]


def find_rows(store: Store, document: ET.Element) -> ET.Element:
    """The rows as elements below the table's name; Trouble for an unknown table, column or condition."""
    expect_root(document, "Query")
    check_shape(document, _QUERY, strict=store.rules.strict_elements, ignored=store.ignored)
    name = (document.findtext("TableName") or "").strip()
    if name not in TABLES:
        raise Trouble(f"Table '{name}' not found")
    table = TABLES[name]
    columns = [_column(table, element) for element in document.findall("Columns/Column")]
    if not columns:
        raise Trouble("No columns were asked for")
    wanted = _where(table, document.findall("Where/Expression"))
    rows = [row for row in store.rows(name) if wanted(row)]
    for column in reversed([_column(table, element) for element in document.findall("OrderBy/Column")]):
        rows.sort(key=_rank(column))
    return _answer(store, name, columns, rows[: _limit(document)])


def _answer(store: Store, name: str, columns: Sequence[str], rows: Sequence[Row]) -> ET.Element:
    root = ET.Element(name, root_of(store.rules, name).attrib)
    add(ET.SubElement(root, "HeaderDetails"), "TableName", name)
    for row in rows:
        element = ET.SubElement(root, "Row")
        for column in columns:
            add(element, column, written(row[column]))
    add(root, "RowsReturned", f"{len(rows):8d}")
    return root


def _rank(column: str) -> Callable[[Row], tuple[bool, Any]]:
    return lambda row: (row[column] is not None, row[column])


def _limit(document: ET.Element) -> int:
    text = (document.findtext("ReturnRows") or "").strip()
    if text and not re.fullmatch(r"[0-9]{1,9}", text):
        raise Trouble(f"ReturnRows '{text}' must be numeric")
    return int(text) if text else _DEFAULT_ROWS


def _column(table: Table, element: ET.Element | None) -> str:
    name = (element.text or "").strip() if element is not None else ""
    if name not in table.columns:
        raise Trouble(f"Column '{name}' not found in table '{table.name}'")
    return name


def _where(table: Table, expressions: Sequence[ET.Element]) -> Test:
    """All terms as one test: words and brackets in a row, read by the usual rules."""
    tokens: list[str | Test] = []
    for number, element in enumerate(expressions):
        word = (element.findtext("AndOr") or "").strip().lower()
        if word not in ({"and", "or"} if number else {""}):
            raise Trouble("Every expression but the first must begin with AndOr And or Or")
        opens, closes = ((element.findtext(name) or "").strip() for name in ("OpenBracket", "CloseBracket"))
        if set(opens) - {"("} or set(closes) - {")"}:
            raise Trouble("A bracket element holds something else than brackets")
        tokens += [*([word] if word else []), *opens, _term(table, element), *closes]
    if not tokens:
        return lambda _: True
    reader = _Reader(tokens=tokens)
    test = reader.either()
    if reader.tokens:
        raise Trouble("The brackets of the expressions do not match")
    return test


@dataclass(kw_only=True)
class _Reader:
    tokens: list[str | Test]

    def take(self, word: str) -> bool:
        if self.tokens and self.tokens[0] == word:
            self.tokens.pop(0)
            return True
        return False

    def either(self) -> Test:
        tests = [self.both()]
        while self.take("or"):
            tests.append(self.both())
        return lambda row: any(test(row) for test in tests)

    def both(self) -> Test:
        tests = [self.single()]
        while self.take("and"):
            tests.append(self.single())
        return lambda row: all(test(row) for test in tests)

    def single(self) -> Test:
        if self.take("("):
            test = self.either()
            if not self.take(")"):
                raise Trouble("The brackets of the expressions do not match")
            return test
        token = self.tokens.pop(0) if self.tokens else ""
        if isinstance(token, str):
            raise Trouble("The brackets of the expressions do not match")
        return token


def _term(table: Table, element: ET.Element) -> Test:
    column = _column(table, element.find("Column"))
    condition = (element.findtext("Condition") or "").strip()
    if condition not in _CONDITIONS:
        raise Trouble(f"The condition '{condition}' is not one of {', '.join(_CONDITIONS)}")
    value, compare = _value(table.columns[column], element.findtext("Value") or "", column), _CONDITIONS[condition]
    return lambda row: row[column] is not None and compare(row[column], value)


def _value(kind: str, text: str, column: str) -> Any:
    try:
        if kind == "decimal" and (number := Decimal(text.strip())).is_finite():
            return number
        if kind == "integer":
            return int(text)
        if kind in {"string", "date"}:
            return date.fromisoformat(text.strip()) if kind == "date" else text.rstrip(" ")
    except (ValueError, InvalidOperation):
        pass
    raise Trouble(f"The value '{text}' does not fit the column '{column}'")

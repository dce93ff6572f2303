"""Lookups ask in batches, remember what they were told, and lose no record to a page's end."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest

from engine.errors import SetupError, TransientError
from engine.mapping.types import parse_type
from engine.sources.lookup import Lookup, LookupObject, ObjectLookups
from tests.unit.targets.erp import GONE, LOST, Asked, Reply, built, connected

LOOKUP = """
by: [VendorID]
batch: 4
post: Find
send: {keys: keys, limit: {const: 5}}
query: {top: {const: 5}}
records: value
"""
TYPES = {"VendorID": "string(8)", "VendorNum": "integer", "Limit": "decimal(9,2)"}
FIELDS = {name: parse_type(type_) for name, type_ in TYPES.items()}


class Vendors:
    """A list that is searched without regard to letter case, and cuts its answers at `top`."""

    def __init__(self, *ids: str) -> None:
        self.rows = [
            {"VendorID": name, "VendorNum": n, "Limit": 1.5, "More": "x"} for n, name in enumerate(ids, start=1)
        ]
        self.asked: list[list[Any]] = []

    def __call__(self, asked: Asked) -> Reply:
        keys = asked.body["keys"]
        self.asked.append([next(iter(key.values())) for key in keys])
        wanted = [{name: str(value).lower() for name, value in key.items()} for key in keys]
        rows = [
            row for row in self.rows if any(all(str(row[f]).lower() == v for f, v in key.items()) for key in wanted)
        ]
        return Reply(body={"value": rows[: int(asked.query.get("top", 1000))]})


@contextmanager
def lookups(serve: Any, text: str = LOOKUP, **more: Any) -> Iterator[ObjectLookups]:
    with connected(serve) as http:
        yield ObjectLookups({"erp.vendors": LookupObject(kind=built(Lookup, text), http=http, fields=FIELDS)}, **more)


def numbers(found: Any) -> dict[Any, list[int]]:
    return {key: [row["VendorNum"] for row in rows] for key, rows in found.items()}


def test_each_key_gets_its_records_none_one_or_several() -> None:
    with lookups(Vendors("A", "B", "B")) as reader:
        found = reader.fetch("erp.vendors", [("A",), ("B",), ("C",)])
        assert numbers(found) == {("A",): [1], ("B",): [2, 3], ("C",): []}
        assert found["A",][0] == {"VendorID": "A", "VendorNum": 1, "Limit": Decimal("1.5")}


def test_keys_are_asked_for_in_batches_and_each_once() -> None:
    server = Vendors(*"ABCDEF")
    with lookups(server, LOOKUP.replace("5", "50")) as reader:
        found = reader.fetch("erp.vendors", [(name,) for name in "ABCDEFA"])
    assert numbers(found) == {(name,): [n] for n, name in enumerate("ABCDEF", start=1)}
    assert server.asked == [["A", "B", "C", "D"], ["E", "F"]]


def test_what_was_told_is_remembered_for_the_run_absence_too() -> None:
    server = Vendors("A")
    with lookups(server) as reader:
        reader.fetch("erp.vendors", [("A",), ("Z",)])
        server.rows.clear()
        assert numbers(reader.fetch("erp.vendors", [("Z",), ("A",)])) == {("Z",): [], ("A",): [1]}
    assert server.asked == [["A", "Z"]]


def test_the_keys_not_used_for_longest_are_forgotten_first() -> None:
    server = Vendors(*"ABC")
    with lookups(server, most_kept=2) as reader:
        for name in "ABACAB":
            assert numbers(reader.fetch("erp.vendors", [(name,)])) == {(name,): ["ABC".index(name) + 1]}
    assert server.asked == [["A"], ["B"], ["C"], ["B"]]


def test_more_keys_than_are_remembered_are_still_all_answered() -> None:
    with lookups(Vendors(*"ABCDEF"), most_kept=1) as reader:
        found = reader.fetch("erp.vendors", [(name,) for name in "ABCDEF"])
    assert numbers(found) == {(name,): [n] for n, name in enumerate("ABCDEF", start=1)}


@pytest.mark.parametrize(
    "text", [LOOKUP, LOOKUP.replace("query: {top: {const: 5}}", 'query: {top: {const: "5"}}\nmost: 5')]
)
def test_an_answer_that_is_full_is_asked_for_by_halves_and_no_record_is_lost(text: str) -> None:
    server = Vendors("A", "A", "A", "B", "B", "B", "C", "D")
    with lookups(server, text) as reader:
        found = reader.fetch("erp.vendors", [(name,) for name in "ABCD"])
    assert numbers(found) == {("A",): [1, 2, 3], ("B",): [4, 5, 6], ("C",): [7], ("D",): [8]}
    assert server.asked == [["A", "B", "C", "D"], ["A", "B"], ["A"], ["B"], ["C", "D"]]


def test_one_key_with_more_records_than_an_answer_holds_has_several() -> None:
    with lookups(Vendors(*["A"] * 9)) as reader:
        assert len(reader.fetch("erp.vendors", [("A",)])["A",]) == 5


def test_letter_case_is_told_apart_even_where_the_system_does_not() -> None:
    with lookups(Vendors("acme", "ACME")) as reader:
        assert numbers(reader.fetch("erp.vendors", [("ACME",), ("Acme",)])) == {("ACME",): [2], ("Acme",): []}


@pytest.mark.parametrize("key", ["2", 2, Decimal("2.0")])
def test_numbers_and_their_text_are_the_same_key_of_a_number(key: Any) -> None:
    server = Vendors("A", "B")
    with lookups(server, LOOKUP.replace("VendorID", "VendorNum")) as reader:
        found = reader.fetch("erp.vendors", [(key,)])
    assert [row["VendorID"] for row in found[key,]] == ["B"]
    assert server.asked == [[2]]


@pytest.mark.parametrize("key", [None, "", "abc", "1.5"])
def test_a_key_no_record_can_have_is_not_asked_for(key: Any) -> None:
    server = Vendors("A")
    with lookups(server, LOOKUP.replace("VendorID", "VendorNum")) as reader:
        assert numbers(reader.fetch("erp.vendors", [(key,)])) == {(key,): []}
    assert server.asked == []


def test_keys_of_several_fields_match_in_all_of_them() -> None:
    with lookups(Vendors("A", "A", "B"), LOOKUP.replace("[VendorID]", "[VendorID, VendorNum]")) as reader:
        found = reader.fetch("erp.vendors", [("A", 2), ("B", 2), ("B", "3")])
    assert numbers(found) == {("A", 2): [2], ("B", 2): [], ("B", "3"): [3]}


def test_a_record_that_is_not_there_by_its_address_is_absent() -> None:
    text = """
    by: [VendorID]
    batch: 1
    get: {text: "Vendors/{{ keys[0].VendorID }}"}
    records: "[@]"
    """

    def serve(asked: Asked) -> Reply:
        name = asked.path.removeprefix("Vendors/")
        return Reply(body={"VendorID": name, "VendorNum": 1}) if name == "A" else GONE

    with lookups(serve, text) as reader:
        assert numbers(reader.fetch("erp.vendors", [("A",), ("B",)])) == {("A",): [1], ("B",): []}


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (LOST, TransientError),
        (Reply(status=500, body={}), TransientError),
        (Reply(status=404, body={}), SetupError),
        (Reply(body={}), SetupError),
        (Reply(body={"value": [7]}), SetupError),
        (Reply(body={"value": [{"VendorID": "A", "VendorNum": "seven"}]}), SetupError),
    ],
)
def test_an_answer_that_is_no_answer_is_an_error_and_is_not_remembered(reply: Reply, error: type[Exception]) -> None:
    server, replies = Vendors("A"), [reply, reply]

    def serve(asked: Asked) -> Reply:
        return replies.pop() if replies else server(asked)

    with lookups(serve) as reader:
        with pytest.raises(error):
            reader.fetch("erp.vendors", [("A",)])
        replies.clear()
        assert numbers(reader.fetch("erp.vendors", [("A",)])) == {("A",): [1]}


def test_an_object_without_lookup_and_a_key_that_is_no_field_are_setup_errors() -> None:
    with lookups(Vendors()) as reader, pytest.raises(SetupError, match=r"`erp\.terms` can't be looked up"):
        reader.fetch("erp.terms", [("A",)])
    with pytest.raises(SetupError, match="`Code`"), lookups(Vendors(), LOOKUP.replace("VendorID", "Code")):
        pass


def test_several_threads_may_look_up_at_once() -> None:
    names = [f"V{n}" for n in range(40)]
    turned = [[(name,) for name in names[shift:] + names[:shift]] for shift in range(8)]
    with lookups(Vendors(*names), most_kept=10) as reader, ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda keys: reader.fetch("erp.vendors", keys), turned))
    expected = {(name,): [n] for n, name in enumerate(names, start=1)}
    assert all(numbers(one) == expected for one in found)

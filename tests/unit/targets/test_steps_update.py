"""A record found is brought up to date by its own chain; an object that is only compared is never written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from engine.contracts import Document, Guarantee, State
from engine.errors import InDoubt, Refused, SetupError
from engine.targets.captured import CapturedTarget
from engine.targets.steps import Create, Look, StepTarget, Update, Ways

from .erp import LOST, Asked, Reply, Time, built, connected

CREATE = """
guarantee: {class: keyed, settle: 2m}
steps:
  - {name: add, post: Vendors, commits: true, send: {Id: document.Id, Name: document.Name, Terms: document.Terms}, expect: Id}
reference: document.Id
"""
UPDATE = """
settle: 3m
steps:
  - name: save
    post: Save
    commits: true
    send: {row: {set: found, at: {Name: document.Name, Terms: document.Terms}}}
    expect: Id
reference: found.Id
"""
FIND = """
get: Vendors
query: {id: document.Id}
records: value
show: {Name: Name, Terms: Terms, Note: Note}
reference: found.Id
"""


class Vendors:
    """A vendor file that keeps what it is not told about."""

    def __init__(self, *rows: dict[str, Any]) -> None:
        self.rows = {row["Id"]: row for row in rows}
        self.lost: set[str] = set()
        self.asked: list[str] = []

    def __call__(self, asked: Asked) -> Reply:
        self.asked.append(f"{asked.method} {asked.path}")
        if asked.method == "GET":
            return Reply(body={"value": [row for row in self.rows.values() if row["Id"] == asked.query["id"]]})
        row = asked.body["row"] if asked.path == "Save" else asked.body
        self.rows[row["Id"]] = row
        return LOST if asked.path in self.lost else Reply(body=row)


def vendor(**payload: Any) -> Document:
    return Document(
        key="acme", version=0, flow="vendors", kind="vendor", number="ACME", party="ACME", state=State.PROBING,
        content_hash="x", source={}, payload={"Id": "ACME", **payload},
    )  # fmt: skip


@contextmanager
def target(erp: Any, *, create: bool = True, update: bool = True, compare: Any = None) -> Iterator[StepTarget]:
    time = Time()
    with connected(erp, {}, time) as http:
        ways = Ways(
            create=built(Create, CREATE) if create else None,
            update=built(Update, UPDATE) if update else None,
            look=built(Look, FIND),
            compare=compare,
        )
        yield StepTarget(ways, http, {}, clock=time.clock, sleep=time.sleep)


ACME = {"Id": "ACME", "Name": "Acme", "Terms": "N30", "Note": "do not touch", "Rev": 7}


def test_only_what_the_document_says_something_about_is_compared() -> None:
    with target(Vendors(ACME)) as writer:
        assert writer.find(vendor(Name="Acme", Terms=None)).differences == ()
        assert "N45" in writer.find(vendor(Name="Acme", Terms="N45")).differences[0]


def test_the_record_found_is_sent_back_with_what_changed_and_all_that_stays() -> None:
    erp, intents = Vendors(ACME), []
    with target(erp) as writer:
        document = vendor(Name="Acme Ltd", Terms="N30")
        receipt = writer.amend(document, writer.find(document), intents.append)
        assert writer.find(document).differences == ()
    assert erp.rows["ACME"] == ACME | {"Name": "Acme Ltd"}
    assert (receipt.reference, intents) == ("ACME", ["save"])


def test_an_answer_lost_while_updating_is_a_doubt_and_looking_settles_it() -> None:
    erp = Vendors(ACME)
    erp.lost = {"Save"}
    with target(erp) as writer:
        document = vendor(Name="Acme Ltd")
        with pytest.raises(InDoubt):
            writer.amend(document, writer.find(document), lambda _step: None)
        assert writer.find(document).differences == ()


def test_the_longer_settle_counts_and_updating_alone_promises_a_look() -> None:
    with target(Vendors()) as both, target(Vendors(), create=False) as updating:
        assert (both.guarantee, both.settle.total_seconds()) == (Guarantee.KEYED, 180)
        assert (updating.guarantee, updating.settle.total_seconds()) == (Guarantee.LOOKUP, 180)


def test_an_object_that_is_only_updated_is_never_written_anew() -> None:
    erp = Vendors()
    with target(erp, create=False) as writer, pytest.raises(Refused, match="no such document"):
        writer.send(vendor(Name="Acme"), lambda _step: None)
    assert erp.asked == []


def test_an_object_that_is_only_compared_is_never_written() -> None:
    erp = Vendors(ACME)
    with target(erp, create=False, update=False, compare=("Name",)) as writer:
        document = vendor(Name="Acme Ltd")
        found = writer.find(document)
        for write in (lambda: writer.send(document, str), lambda: writer.amend(document, found, str)):
            with pytest.raises(Refused):
                write()
    assert erp.asked == ["GET Vendors"]


def test_an_update_without_anything_to_compare_is_refused() -> None:
    time, blind = Time(), built(Look, FIND.replace("show: {Name: Name, Terms: Terms, Note: Note}\n", ""))
    ways = Ways(update=built(Update, UPDATE), look=blind, compare=None)
    with connected(Vendors(), {}, time) as http, pytest.raises(SetupError, match="nothing to compare"):
        StepTarget(ways, http, {}, clock=time.clock, sleep=time.sleep)


def test_a_dry_run_shows_the_update_and_sends_nothing() -> None:
    erp = Vendors(ACME)
    with target(erp) as writer:
        dry, document = CapturedTarget(writer, writer.requests), vendor(Name="Acme Ltd")
        dry.amend(document, dry.find(document), lambda _step: None)
        (request,) = dry.seen(document).requests
    assert request.body == {"row": ACME | {"Name": "Acme Ltd"}}
    assert erp.asked == ["GET Vendors"]

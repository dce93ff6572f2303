"""Outgoing files: one batch under exactly one name, whatever instant the process dies at."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest

from engine.contracts import State
from engine.run.dropping import Claims
from engine.state.facts import Claimed, OutgoingFile
from engine.targets.drop import build
from engine.targets.forms import Stamp

from .conftest import a_document, take_in

FLOW = "books/invoices"


def never() -> bool:
    return False


@pytest.fixture
def dropping(desk):
    session = desk.session()
    return session.filing.dropping(session.integration.flows["invoices"])


def payload(number):
    return {"vendor": "ACME", "number": number, "total": "1.00"}


def left_half_way(desk, dropping, *, sending):
    """A batch that was built (and whose upload began) when the process died; returns its bytes."""
    take_in(desk.workspace, a_document("1", payload=payload("1")), a_document("2", payload=payload("2")))
    ledger = desk.workspace.ledger
    documents = ledger.claim(FLOW, desk.time(), 9, owner="gone:1:1")
    number = ledger.counter(f"outbox/{FLOW}")
    stamp = Stamp(number=number, at=desk.time())
    built = build(lambda records: dropping.form.encode(records, stamp), (d.payload for d in documents), dropping.spool)
    text = built.path.read_bytes()
    built.path.unlink()
    name = f"ledger_{number}.csv"
    file = OutgoingFile(
        flow=FLOW, folder="/out", name=name, sha256=built.sha256, size=built.size, number=number, made_at=stamp.at
    )
    ledger.outbox_build(file, documents)
    if sending:
        ledger.outbox_sending(FLOW, number)
    return text


def test_ready_documents_become_one_file_and_are_posted_under_its_name(desk, dropping):
    take_in(desk.workspace, a_document("1", payload=payload("1")), a_document("2", payload=payload("2")))

    assert dropping.run("run", never) == {"posted": 2}
    assert desk.out() == {"ledger_1.csv": "vendor,number,total\nACME,1,1.00\nACME,2,1.00\n"}
    assert desk.document("1").reference == "/out/ledger_1.csv"
    assert list(dropping.spool.iterdir()) == []


def test_in_a_file_for_people_no_text_is_a_formula(desk):
    """From the invoice that came in to the file that goes out; amounts and files for machines stay as they are."""
    desk.place("a.csv", "=1+1,1,-10.50,I")
    desk.run()
    assert desk.out() == {"ledger_1.csv": "vendor,number,total\n=1+1,1,-10.50\n"}
    system = desk.folder / "systems" / "partner.yaml"
    system.write_text(system.read_text().replace("csv: {newline: lf}", "csv: {newline: lf, excel_safe: true}"))
    desk.place("b.csv", "=1+1,2,-10.50,I", "@x,3,1,I", "+4,-5,1,I")
    desk.run()
    assert desk.out()["ledger_2.csv"] == "vendor,number,total\n'=1+1,2,-10.50\n'@x,3,1.00\n'+4,'-5,1.00\n"


@pytest.mark.parametrize("sending", [False, True])
def test_a_file_that_is_there_is_done(desk, dropping, sending):
    text = left_half_way(desk, dropping, sending=sending)
    (desk.box / "out" / "ledger_1.csv").write_bytes(text)

    assert dropping.run("run", never) == {"posted": 2}
    assert list(desk.out()) == ["ledger_1.csv"]


def test_a_file_whose_upload_never_began_is_sent_under_its_name(desk, dropping):
    text = left_half_way(desk, dropping, sending=False)

    assert dropping.run("run", never) == {"posted": 2}
    assert desk.out() == {"ledger_1.csv": text.decode()}


def test_a_file_that_may_have_been_taken_already_waits_for_a_person(desk, dropping):
    left_half_way(desk, dropping, sending=True)

    assert dropping.run("run", never) == {"held": 2}
    assert desk.out() == {}
    assert "/out/ledger_1.csv" in desk.document("1").reason


@pytest.mark.parametrize("sending", [False, True])
def test_another_file_of_that_name_waits_for_a_person(desk, dropping, sending):
    left_half_way(desk, dropping, sending=sending)
    (desk.box / "out" / "ledger_1.csv").write_text("somebody else's")

    assert dropping.run("run", never) == {"held": 2}
    assert desk.out() == {"ledger_1.csv": "somebody else's"}


def test_a_batch_that_cannot_be_built_again_byte_for_byte_waits_for_a_person(desk, dropping):
    left_half_way(desk, dropping, sending=False)
    (desk.folder / "systems" / "partner.yaml").write_text(
        (desk.folder / "systems" / "partner.yaml").read_text().replace("newline: lf", "newline: crlf")
    )
    session = desk.session()

    assert session.filing.dropping(session.integration.flows["invoices"]).run("run", never) == {"held": 2}
    assert "byte for byte" in desk.document("2").reason
    assert desk.out() == {}


def test_a_resumed_batch_and_new_documents_are_two_files(desk, dropping):
    left_half_way(desk, dropping, sending=False)
    take_in(desk.workspace, a_document("3", payload=payload("3")), name="more")

    assert dropping.run("run", never) == {"posted": 3}
    assert list(desk.out()) == ["ledger_1.csv", "ledger_2.csv"]


def test_a_name_that_is_taken_holds_the_batch(desk, dropping):
    take_in(desk.workspace, a_document("1", payload=payload("1")))
    (desk.box / "out" / "ledger_1.csv").write_text("somebody else's")

    assert dropping.run("run", never) == {"held": 1}
    assert "another file of that name" in desk.document("1").reason
    assert desk.out() == {"ledger_1.csv": "somebody else's"}


def test_no_file_holds_more_records_than_the_spec_allows(desk):
    system = desk.folder / "systems" / "partner.yaml"
    system.write_text(system.read_text().replace('_{{ batch }}.csv"}}', '_{{ batch }}.csv"}, max_records: 2}'))
    session = desk.session()
    take_in(desk.workspace, *(a_document(str(n), payload=payload(str(n))) for n in range(5)))

    session.filing.dropping(session.integration.flows["invoices"]).run("run", never)

    assert [text.count("ACME") for text in desk.out().values()] == [2, 2, 1]


def test_nothing_due_writes_nothing(desk, dropping):
    assert dropping.run("run", never) == {}
    assert desk.out() == {}


def test_a_run_goes_on_where_the_last_one_died(desk, dropping):
    left_half_way(desk, dropping, sending=False)

    summary = desk.run().flows[0]

    assert summary.moved == {"posted": 2}
    assert set(desk.states().values()) == {State.POSTED.value}


def test_a_large_file_is_claimed_a_piece_at_a_time_and_told_again_from_disk(desk):
    take_in(desk.workspace, *(a_document(str(n), payload=payload(str(n))) for n in range(7)))
    asked = []

    def claim(many):
        asked.append(many)
        return desk.workspace.ledger.claim(FLOW, desk.time(), min(many, 3), owner="us:1:1")

    with closing(Claims(claim, 100)) as claims:
        assert claims
        assert asked == [100]
        first = list(claims)
        again = list(claims)

    assert asked == [100, 97, 94, 93]
    assert [document.number for document in first] == [str(n) for n in range(7)]
    assert again == [
        Claimed(document.key, document.version, document.epoch, State.PROBING, document.parcel_id) for document in first
    ]


def test_no_more_are_claimed_than_one_file_may_hold(desk):
    take_in(desk.workspace, *(a_document(str(n), payload=payload(str(n))) for n in range(5)))
    with closing(
        Claims(lambda many: desk.workspace.ledger.claim(FLOW, desk.time(), many, owner="us:1:1"), 2)
    ) as claims:
        assert len(list(claims)) == 2
    with closing(Claims(lambda _many: [], 2)) as none:
        assert not none


def test_documents_claimed_in_pieces_are_one_file(desk, dropping):
    take_in(desk.workspace, *(a_document(str(n), payload=payload(str(n))) for n in range(5)))

    assert replace(dropping, at_a_time=2).run("run", never) == {"posted": 5}
    assert [line.split(",")[1] for line in desk.out()["ledger_1.csv"].splitlines()[1:]] == list("01234")
    assert desk.workspace.trail.verify().breaks == ()

"""Payloads whose time is over go, byte by byte; what keeps a document from being posted twice stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from engine.contracts import State
from engine.state.boot import boot_of
from engine.state.ledger_desk import Desk
from engine.state.ledger_moving import export_state, import_state
from engine.state.ledger_purge import ENDED, Over, due, owes_writing, purge, write_anew
from engine.state.rotation import rotate


def desk_of(house):
    return Desk(house.database, "acme", house.clock, boot_of(house.clock), house.vault, house.trail, "tester")


def post(house, make, key, clock, **fields):
    """One document on its way to POSTED, with a request and an answer."""
    house.take_in(make(key, source={"line": "s" * 3000}, payload={"line": "p" * 3000}, **fields))
    (claimed,) = house.ledger.claim("invoices", clock(), 1, owner="me", key=key)
    sending = house.ledger.intend(claimed, "save", b"r" * 3000, clock() + timedelta(minutes=1))
    return house.ledger.receipt(sending, State.POSTED, outcome="done", status=201, response=b"a" * 900, reference="7/1")


def sealed_of(house):
    """Every sealed byte string of documents and attempts."""
    rows = house.sql("select source_sealed, payload_sealed from document").all()
    rows += house.sql("select request_sealed, response_sealed from attempt").all()
    return [bytes(value) for row in rows for value in row if value is not None]


def old(house, clock, days=400):
    return Over(["invoices"], clock() - timedelta(days=days))


def test_only_what_ended_long_enough_ago_goes(house, make, clock):
    post(house, make, "long-ago", clock)
    for state in (State.HELD, State.READY, State.QUARANTINED, State.CONFLICT):
        house.take_in(make(state.value, state=state))
    clock.move(days=401)
    post(house, make, "new", clock)
    desk = desk_of(house)

    assert (due(desk, old(house, clock)).documents, due(desk, old(house, clock)).attempts) == (1, 1)
    gone = purge(desk, old(house, clock), integration="books", kept="400d")

    assert (gone.documents, gone.attempts) == (1, 1)
    after = house.ledger.document("long-ago")
    assert (after.source, after.payload, after.purged_at) == ({}, None, clock())
    assert (after.state, after.reference, after.content_hash, after.number) == (State.POSTED, "7/1", "h1", "00123")
    (attempt,) = house.ledger.attempts("long-ago")
    assert (attempt.request, attempt.response, attempt.outcome, attempt.status) == (b"", b"", "done", 201)
    for key in ("new", *(s.value for s in (State.HELD, State.READY, State.QUARANTINED, State.CONFLICT))):
        kept = house.ledger.document(key)
        assert kept.source
        assert kept.payload
        assert kept.purged_at is None
    assert purge(desk, old(house, clock), integration="books", kept="400d").documents == 0, "once"


@pytest.mark.parametrize("state", [state for state in State if state not in ENDED])
def test_a_document_that_is_open_or_held_is_never_purged(house, make, clock, state):
    post(house, make, "k1", clock)
    house.sql("update document set state = :state", state=state.value)
    clock.move(days=4000)
    before = sealed_of(house)

    assert purge(desk_of(house), old(house, clock), integration="books", kept="400d").documents == 0
    assert sealed_of(house) == before


def test_a_purged_duplicate_is_still_known_and_a_change_still_seen(house, make, clock, parcel):
    post(house, make, "k1", clock)
    clock.move(days=401)
    purge(desk_of(house), old(house, clock), integration="books", kept="400d")

    with house.ledger.intake("invoices", parcel(), "run-2") as intake:
        known = intake.known(["k1"])["k1"]
        intake.finish({})
    assert (known.content_hash, known.state) == ("h1", State.POSTED)


def test_who_purged_how_much_is_in_a_trail_that_verifies(house, make, clock):
    for key in ("a", "b"):
        post(house, make, key, clock)
    clock.move(days=401)
    purge(desk_of(house), old(house, clock), integration="books", kept="400d")

    assert not house.trail.verify().breaks
    assert [entry.event for entry in house.trail.entries(key="a")][-1] == "purged"
    last = house.trail.entries()[-1]
    assert (last.event, last.actor) == ("purge", "tester")
    assert (last.detail["documents"], last.detail["attempts"], last.detail["kept"]) == (2, 2, "400d")


def test_keys_rotate_over_what_was_purged(house, make, clock):
    post(house, make, "k1", clock)
    clock.move(days=401)
    post(house, make, "k2", clock)
    purge(desk_of(house), old(house, clock), integration="books", kept="400d")

    rotate(house.database, house.vault.keyring, clock=clock)

    assert house.ledger.document("k1").purged_at == clock()
    assert house.ledger.document("k2").payload == {"line": "p" * 3000}
    assert house.ledger.attempts("k1")[0].request == b""


def test_what_was_purged_stays_so_where_the_state_moves_to(home, make, clock, tmp_path):
    post(home, make, "k1", clock)
    clock.move(days=401)
    purge(desk_of(home), old(home, clock), integration="books", kept="400d")
    gone = clock()
    export_state(desk_of(home), "books", ["invoices"], tmp_path / "moved.jsonl")
    home.sql("delete from document")
    for table in ("run", "parcel", "parcel_name", "cursor", "outbox", "attempt", "identifier"):
        home.sql(f"delete from {table}")  # names of our own

    clock.move(days=3)
    import_state(desk_of(home), tmp_path / "moved.jsonl", reason="moved")

    assert home.ledger.document("k1").purged_at == gone


def test_no_byte_of_what_was_purged_is_left_in_any_file(home, make, clock):
    """Not in the pages of the database, not in what is free between them, not in the write-ahead log."""
    for n in range(40):
        post(home, make, f"k{n}", clock)
    for n in range(0, 40, 3):  # old copies lie about in free space
        document = home.ledger.document(f"k{n}")
        home.sql("update document set payload_sealed = :new where key = :key", key=document.key,
                 new=home.vault.seal(b"x" * 50, "document", document.key, str(document.version), "payload"))  # fmt: skip
    clock.move(days=401)
    house_files = [path for path in home.workspace.rglob("*") if path.is_file()]
    pieces = [value[k : k + 24] for value in sealed_of(home) for k in range(24, len(value) - 24, 400)]
    assert all(any(piece in path.read_bytes() for path in house_files) for piece in pieces[:5])
    desk = desk_of(home)

    purge(desk, old(home, clock), integration="books", kept="400d")
    assert owes_writing(desk)
    assert write_anew(desk)

    everything = b"".join(path.read_bytes() for path in home.workspace.rglob("*") if path.is_file())
    assert len(pieces) > 500
    assert [piece for piece in pieces if piece in everything] == []
    assert not owes_writing(desk)


def test_somebody_who_still_reads_is_told_of_and_the_next_purge_clears_it(home, make, clock):
    from sqlalchemy import text

    post(home, make, "k1", clock)
    clock.move(days=401)
    desk = desk_of(home)
    other = home.more()
    with other.database.look() as reading:
        reading.execute(text("select count(*) from document")).scalar()
        purge(desk, old(home, clock), integration="books", kept="400d")
        assert write_anew(desk, patience=0.01) is False
        assert owes_writing(desk)
    assert write_anew(desk)
    assert not owes_writing(desk)


def test_a_purge_cut_after_a_piece_goes_on_with_the_rest(home, make, clock):
    for key in ("a", "b", "c"):
        post(home, make, key, clock)
    clock.move(days=401)
    desk, ticks = desk_of(home), iter([clock()])
    stopped = replace(desk, clock=lambda: next(ticks))

    with pytest.raises(StopIteration):
        purge(stopped, old(home, clock), integration="books", kept="400d", piece=1)

    assert [home.ledger.document(key).purged_at is not None for key in "abc"] == [True, False, False]
    assert owes_writing(desk)
    assert purge(desk, old(home, clock), integration="books", kept="400d").documents == 2
    assert not home.trail.verify().breaks


def test_on_a_server_the_space_is_given_free(served, make, clock):
    post(served, make, "k1", clock)
    clock.move(days=401)
    desk = desk_of(served)
    purge(desk, old(served, clock), integration="books", kept="400d")
    assert write_anew(desk)
    assert not owes_writing(desk)
    assert sealed_of(served) == [value for value in sealed_of(served) if value.startswith(b"purged ")]

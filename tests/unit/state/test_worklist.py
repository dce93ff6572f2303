"""The work queue's questions, on both databases: what they find, in pages that neither lose nor repeat, by the indexes alone."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from engine.contracts import Guarantee, State
from engine.errors import UsageError
from engine.state import worklist as w
from engine.state import worklist_find as f
from engine.state.approvals import asking_of, decline, guarantee_of, needs_two, remember_guarantee, send
from engine.state.boot import boot_of
from engine.state.ledger_desk import Desk


def desk_of(house, actor="tester"):
    return Desk(house.database, "acme", house.clock, boot_of(house.clock), house.vault, house.trail, actor)


@pytest.fixture
def queue(house, make, parcel, clock):
    """Twelve in every state there can be from the start, an hour apart; amounts 0.10 to 1.20 and one without."""
    states = [State.HELD, State.CONFLICT, State.QUARANTINED, State.WAITING, State.READY]
    for n in range(12):
        state, given = states[n % 5], parcel(f"file_{n % 2}.csv")
        house.take_in(
            make(
                f"k{n}", number=f"INV-{n:03d}", party=f"V{n % 3}", state=state, reason="" if state is State.READY else f"No {n}",
                identifiers={"number": f"INV-{n:03d}", "vendor": f"V{n % 3}"},
                parcel_id=given.id, amount=None if n == 7 else f"{n / 10:.2f}",
            ),
            parcel=given,
        )  # fmt: skip
        clock.move(hours=1)
    return house


def numbers(found):
    return [each.document.number for each in found]


def pages(desk, order, size):
    """The whole list, page by page."""
    after, seen = None, []
    while some := w.listed(desk, w.Wanted(), order=order, after=after, most=size):
        seen += numbers(some)
        after = w.place_of(w.end_of(some, order).written())
    return seen


STOPPED = [n for n in range(12) if n % 5 != 4]


def test_pages_in_every_order_hold_each_document_once(queue):
    desk = desk_of(queue)
    by_amount = sorted((n for n in STOPPED if n != 7), reverse=True)
    for size in (1, 3, 50):
        assert pages(desk, "newest", size) == [f"INV-{n:03d}" for n in reversed(STOPPED)]
        assert pages(desk, "oldest", size) == [f"INV-{n:03d}" for n in STOPPED]
        assert pages(desk, "amount", size) == [f"INV-{n:03d}" for n in [*by_amount, 7]], "without an amount: last"


def test_a_list_is_narrowed(queue):
    desk = desk_of(queue)
    for wanted, found in [
        (w.Wanted(flow="invoices"), STOPPED),
        (w.Wanted(flow="other"), []),
        (w.Wanted(states=(State.HELD,)), [0, 5, 10]),
        (w.Wanted(party="v1"), [1, 7, 10]),
        (w.Wanted(party="%"), []),
        (w.Wanted(text="no 1"), [1, 10, 11]),
        (w.Wanted(text="inv-00"), [0, 1, 2, 3, 5, 6, 7, 8]),
        (w.Wanted(text="_"), []),
        (w.Wanted(text="\x00no 10"), [10]),
        (w.Wanted(holding="No 10"), [10]),
        (w.Wanted(file="FILE_1"), [1, 3, 5, 7, 11]),
        (w.Wanted(least=Decimal("0.5"), most=Decimal("1.00")), [5, 6, 8, 10]),
        (w.Wanted(least=Decimal("1.1")), [11]),
        (w.Wanted(states=()), []),
    ]:
        listed = w.listed(desk, wanted, order="oldest")
        assert numbers(listed) == [f"INV-{n:03d}" for n in found], wanted
        assert w.count(desk, wanted) == len(found), wanted


def test_what_stopped_lately_is_left_out(queue, clock):
    found = w.listed(desk_of(queue), w.Wanted(before=clock() - timedelta(hours=9, minutes=30)), order="oldest")
    assert numbers(found) == ["INV-000", "INV-001", "INV-002"]


def test_texts_are_looked_for_among_the_newest_only(queue):
    desk = desk_of(queue)
    since = w.reach(desk, 3)
    assert len(w.listed(desk, w.Wanted(text="no", since=since))) == 4
    assert w.reach(desk, 10) is None


def test_counts_flows_and_files(queue):
    desk = desk_of(queue)
    assert w.standing(desk) == {State.HELD: 3, State.CONFLICT: 3, State.QUARANTINED: 2, State.WAITING: 2}
    assert w.count(desk, w.Wanted(), most=4) == 5
    assert w.flows(desk) == ["invoices"]
    one = w.listed(desk, w.Wanted(), most=1)[0]
    assert w.file_names(desk, {("invoices", one.parcel)}) == {("invoices", one.parcel): "file_1.csv"}
    assert w.arrived(desk, "invoices", 1, 12, 100) == 12
    assert w.arrived(desk, "invoices", 2, 12, 5) == 6


def test_marks_tell_what_changed(queue):
    desk = desk_of(queue)
    before, marks = w.fingerprint(desk), w.marks(desk, 100)
    assert before[0] == len(marks) == 10
    assert {each.seq for each in w.at_marks(desk, marks)} == {mark.seq for mark in marks}
    queue.ledger.cancel("k0", actor="me", reason="no")
    assert w.fingerprint(desk) != before
    assert len(w.at_marks(desk, marks)) == 9


@pytest.mark.parametrize("place", ["!!", "AAAA", "bm8gcGxhY2U"])
def test_a_page_that_is_none(place):
    with pytest.raises(UsageError, match="open the list again"):
        w.place_of(place)


def test_finding_by_what_is_known_exactly(queue):
    desk = desk_of(queue)
    assert [(hit.what, hit.document.number) for hit in f.exact(desk, "inv-004")] == [("number", "INV-004")]
    assert [(hit.what, hit.document.number) for hit in f.exact(desk, "k4")] == [("key", "INV-004")]
    assert [(hit.what, hit.document.number) for hit in f.exact(desk, "v0")] == [
        ("vendor", f"INV-{n:03d}") for n in (9, 6, 3, 0)
    ]
    assert [(hit.what, hit.document.number) for hit in f.exact(desk, "0.4")] == [("amount", "INV-004")]
    queue.ledger.attest("k0", "ERP/77", actor="me", reason="there")
    assert [(hit.what, hit.document.number) for hit in f.exact(desk, "ERP/77")] == [("reference", "INV-000")]
    assert f.exact(desk, " ") == f.exact(desk, "nothing") == f.exact(desk, "\x00") == []


def test_finding_by_a_beginning(queue):
    desk = desk_of(queue)
    assert [hit.document.number for hit in f.beginning(desk, "inv-00")] == [f"INV-{n:03d}" for n in range(10)]
    assert len(f.beginning(desk, "INV", most=5)) == 5
    assert f.beginning(desk, "NV") == f.beginning(desk, "") == f.beginning(desk, "%") == []
    assert [hit.name for hit in f.files(desk, "file_0")] == ["file_0.csv"] * 6
    assert f.files(desk, "%") == f.files(desk, "") == []


@pytest.mark.parametrize(
    ("written", "ways"),
    [
        ("10", ["10", "10.0", "10.00", "10.000", "10.0000"]),
        ("1,234.50", ["1234.5", "1234.50", "1234.500", "1234.5000"]),
        ("-7.00", ["-7", "-7.0", "-7.00", "-7.000", "-7.0000"]),
        ("INV-1", None), ("", None), ("1e5", None), ("١٢", None), ("1.2.3", None),
    ],
)  # fmt: skip
def test_an_amount_is_found_however_it_is_written(written, ways):
    assert f.amount_of(written) == ways


def test_what_belongs_to_a_document(queue, make, parcel):
    desk = desk_of(queue)
    given = parcel("file_x.csv")
    queue.take_in(make("k4", version=1, state=State.CONFLICT, content_hash="h2"), parcel=given)
    queue.take_in(make("p1", state=State.WAITING, flow="payments", reason="waits for invoices INV-004, which is ready"))
    assert [each.version for each in f.versions(desk, "k4")] == [0, 1]
    assert f.origin(desk, "invoices", given.id).name == "file_x.csv"
    assert f.origin(desk, "invoices", "none") is None
    assert f.one(desk, "k4", 1).state is State.CONFLICT
    assert f.one(desk, "k4", 2) is None
    found = f.waiting_for(desk, ["payments"], "invoices", "INV-004")
    assert [each.key for each in found] == ["p1"]
    assert (
        f.waiting_for(desk, [], "invoices", "INV-004") == f.waiting_for(desk, ["payments"], "invoices", "INV-00") == []
    )


@pytest.mark.parametrize(
    "ask",
    [
        lambda d: w.listed(d, w.Wanted()),
        lambda d: w.listed(
            d, w.Wanted(states=(State.HELD,), flow="x", text="y"), order="amount", after=w.Place("1", 2)
        ),
        lambda d: w.listed(d, w.Wanted(), order="newest", after=w.Place("2026", 2)),
        lambda d: w.count(d, w.Wanted(party="x")),
        w.standing,
        w.flows,
        w.fingerprint,
        lambda d: w.marks(d, 9),
        lambda d: w.at_marks(d, [w.Mark(1, "2026")]),
        lambda d: w.arrived(d, "x", 1, 2, 9),
        lambda d: f.exact(d, "10.00"),
        lambda d: f.beginning(d, "INV"),
        lambda d: f.one(d, "k", 0),
        lambda d: f.versions(d, "k"),
    ],
)
def test_no_question_walks_through_the_ledger(home, ask):
    """Every plan goes by an index, whatever the figures: the table may hold ten million rows."""
    from sqlalchemy import event

    desk, plans = desk_of(home), []

    def explain(connection, cursor, statement, parameters, _context, _many):
        if statement.lstrip().upper().startswith("SELECT"):
            looking = cursor.connection.cursor()
            plans.extend(row[3] for row in looking.execute(f"EXPLAIN QUERY PLAN {statement}", parameters))
            looking.close()

    event.listen(home.database.engine, "before_cursor_execute", explain)
    try:
        ask(desk)
    finally:
        event.remove(home.database.engine, "before_cursor_execute", explain)
    assert plans
    assert not [plan for plan in plans if plan.startswith("SCAN document") and "INDEX" not in plan], plans
    assert not [plan for plan in plans if plan.startswith("SCAN identifier")], plans


def test_a_stopped_document_costs_an_entry_and_a_ready_one_none(home, make):
    """The index is partial: intake of what goes through pays nothing for the queue."""
    home.take_in(make("a"), make("b", state=State.HELD))
    with home.database.look() as connection:
        plan = connection.execute(text("SELECT sql FROM sqlite_master WHERE name = 'ix_document_stopped'")).scalar_one()
    assert "WHERE state IN ('held', 'conflict', 'quarantined', 'rejected', 'in_doubt', 'waiting')" in plan


# What takes two people


@pytest.fixture
def doubtful(house, make):
    """Held, of a flow whose target can't be asked."""
    remember_guarantee(desk_of(house), "invoices", Guarantee.BLIND)
    house.take_in(make("k1", state=State.HELD, reason="may be there"))
    return house


def one(house):
    return house.ledger.document("k1")


def test_what_a_target_promises_is_remembered_and_corrected(house):
    desk = desk_of(house)
    assert guarantee_of(desk, "invoices") is None
    for guarantee in (Guarantee.BLIND, Guarantee.BLIND, Guarantee.LOOKUP):
        remember_guarantee(desk, "invoices", guarantee)
        assert guarantee_of(desk, "invoices") is guarantee


@pytest.mark.parametrize("guarantee", [None, Guarantee.KEYED, Guarantee.LOOKUP, Guarantee.FILE])
def test_any_other_target_needs_one_person(house, make, guarantee):
    if guarantee is not None:
        remember_guarantee(desk_of(house), "invoices", guarantee)
    house.take_in(make("k1", state=State.HELD))
    assert not needs_two(desk_of(house), one(house))


def test_one_asks_another_sends(doubtful):
    assert needs_two(desk_of(doubtful), one(doubtful))
    assert send(desk_of(doubtful, "olga"), one(doubtful), "called them").kind == "asked"
    assert asking_of(desk_of(doubtful), one(doubtful)).by == "olga"
    assert send(desk_of(doubtful, " Olga "), one(doubtful), "called them").kind == "already"
    answer = send(desk_of(doubtful, "otto"), one(doubtful), "so did I")
    assert (answer.kind, answer.document.state) == ("sent", State.READY)
    assert one(doubtful).state is State.READY
    assert asking_of(desk_of(doubtful), one(doubtful)) is None
    assert [e.event for e in doubtful.trail.entries(key="k1")][-3:] == ["send asked", "send confirmed", "ready"]
    assert not doubtful.trail.verify().breaks


def test_a_changed_document_voids_what_was_asked(doubtful):
    stale = one(doubtful)
    send(desk_of(doubtful, "olga"), stale, "sure")
    doubtful.ledger.release("k1", State.IN_DOUBT, actor="ada", reason="look")
    with pytest.raises(UsageError, match="changed by somebody else"):
        send(desk_of(doubtful, "otto"), stale, "yes")
    doubtful.ledger.hold("k1", actor="ada", reason="again")
    assert asking_of(desk_of(doubtful), one(doubtful)) is None
    assert send(desk_of(doubtful, "otto"), one(doubtful), "yes").kind == "asked", "a new doubt, asked for anew"


def test_declined(doubtful):
    send(desk_of(doubtful, "olga"), one(doubtful), "sure")
    assert decline(desk_of(doubtful, "otto"), one(doubtful), "it is there").by == "olga"
    assert asking_of(desk_of(doubtful), one(doubtful)) is None
    assert one(doubtful).state is State.HELD
    with pytest.raises(UsageError, match="Nobody asks"):
        decline(desk_of(doubtful, "otto"), one(doubtful), "again")


@pytest.mark.parametrize(("actor", "reason"), [("", "why"), ("olga", " "), ("olga", "")])
def test_a_name_and_a_reason(doubtful, actor, reason):
    with pytest.raises(UsageError, match="name and a reason"):
        send(desk_of(doubtful, actor), one(doubtful), reason)


def test_what_was_never_mapped_can_not_be_asked_for(house, make):
    remember_guarantee(desk_of(house), "invoices", Guarantee.BLIND)
    house.take_in(make("k1", state=State.HELD, payload=None))
    with pytest.raises(UsageError, match="never mapped"):
        send(desk_of(house, "olga"), one(house), "sure")


def test_two_second_persons_at_once_send_it_once(doubtful):
    from concurrent.futures import ThreadPoolExecutor

    send(desk_of(doubtful, "olga"), one(doubtful), "sure")
    seen = one(doubtful)

    def confirm(name):
        try:
            return send(desk_of(doubtful, name), seen, "yes", only="confirm").kind
        except UsageError as error:
            return str(error)

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(confirm, ["otto", "ada", "ben", "eve"]))
    assert told.count("sent") == 1
    assert sum("changed by somebody else" in each for each in told) == 3

"""One durable transaction for everything that waits; everybody gets exactly their own answer."""

import threading

import pytest

from engine.contracts import State
from engine.errors import TransientError, UsageError
from engine.state.facts import LostClaim
from engine.state.group_commit import GroupCommit


@pytest.fixture
def commits(house):
    group = GroupCommit(house.trail)
    yield group
    group.close()


def together(commits, acts):
    """Runs acts at once, all queued behind one that waits for them; returns answers and errors in their order."""
    gate, begun, answers = threading.Event(), threading.Event(), {}

    def first(work):
        begun.set()
        gate.wait(10)

    def call(n, act):
        try:
            answers[n] = commits.run(act)
        except Exception as error:  # noqa: BLE001
            answers[n] = error

    threads = [threading.Thread(target=call, args=(-1, first))]
    threads[0].start()
    begun.wait(10)
    threads += [threading.Thread(target=call, args=job) for job in enumerate(acts)]
    for thread in threads[1:]:
        thread.start()
    while commits.waiting() < len(acts):
        pass
    gate.set()
    for thread in threads:
        thread.join()
    return [answers[n] for n in range(len(acts))]


def tell(name):
    def act(work):
        work.tell(name)
        return name

    return act


def refuse(work):
    work.tell("never")
    raise UsageError("no")


def break_down(work):
    work.tell("never")
    raise ZeroDivisionError


def test_sixteen_callers_share_one_commit(house, commits):
    answers = together(commits, [tell(f"e{n}") for n in range(16)])
    assert answers == [f"e{n}" for n in range(16)]
    assert commits.commits == 2
    assert sorted(house.events()) == sorted(answers)


def test_a_refusal_fails_its_own_caller_only(house, commits):
    first, refused, last = together(commits, [tell("a"), refuse, tell("b")])
    assert (first, last, str(refused)) == ("a", "b", "no")
    assert sorted(house.events()) == ["a", "b"]


def test_a_bug_in_one_piece_undoes_nothing_of_the_others(house, commits):
    first, broken, last = together(commits, [tell("a"), break_down, tell("b")])
    assert (first, last, type(broken)) == ("a", "b", ZeroDivisionError)
    assert sorted(house.events()) == ["a", "b"]


def test_a_commit_that_fails_fails_all(home):
    """The database becomes unwritable at the moment of the commit: nobody is told `durable`."""
    commits = GroupCommit(home.trail)

    def fill(work):
        work.connection.exec_driver_sql("PRAGMA max_page_count = 1")
        work.tell("x" * 100_000, detail={})

    answers = together(commits, [tell("a"), fill, tell("b")])
    commits.close()
    assert [type(answer) for answer in answers] == [TransientError] * 3
    assert home.more().events() == []


def test_sixteen_threads_deliver_and_one_loses_its_claim(house, make):
    house.take_in(*(make(f"k{i:02}") for i in range(64)))
    documents = house.ledger.claim("invoices", house.clock(), 64, owner="me")
    stolen = documents[40]
    house.ledger.change(stolen, State.READY)
    lost = []

    def work(some):
        for document in some:
            try:
                sent = house.ledger.intend(document, "save", b"{}", house.clock())
                house.ledger.receipt(sent, State.POSTED, outcome="done", reference=document.key)
            except LostClaim:
                lost.append(document.key)

    threads = [threading.Thread(target=work, args=(documents[n::16],)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert lost == [stolen.key]
    assert house.ledger.counts() == {State.READY: 1, State.POSTED: 63}
    assert house.trail.verify().breaks == ()


def test_a_closed_ledger_says_so(house):
    house.ledger.close()
    with pytest.raises(RuntimeError, match="closed"):
        house.ledger.counter("x")

"""People and their sessions as they stand in the database: counted before they are believed, and never without an admin."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from engine.errors import UsageError
from engine.state import people

IDLE, AGE, LOCK = timedelta(minutes=30), timedelta(hours=12), timedelta(minutes=15)


def desk(house):
    return house.ledger._desk


@pytest.fixture
def staffed(house):
    for name, role in (("ada", "admin"), ("olga", "operator")):
        people.add(desk(house), name, role, "$hash")
    return house


def enter(house, token="t1", name="olga"):
    people.enter(desk(house), name, session=token, form_token=f"form-{token}", rehashed=None, where="here")


def opened(house, token="t1"):
    return people.session(desk(house), token, idle=IDLE, age=AGE)


def guess(house, name="olga"):
    return people.guess(desk(house), name, most=5, lock_for=LOCK)


def test_a_person_is_found_and_listed_with_their_open_sessions(staffed):
    enter(staffed)
    enter(staffed, "t2")
    assert [(p.name, p.role, p.sessions) for p in people.listed(desk(staffed))] == [
        ("ada", "admin", 0),
        ("olga", "operator", 2),
    ]
    assert people.find(desk(staffed), "olga").created_at == staffed.clock()
    assert people.anyone(desk(staffed))
    with pytest.raises(UsageError, match="nobody called `eve`"):
        people.find(desk(staffed), "eve")


def test_of_another_tenant_there_is_nobody(staffed):
    from dataclasses import replace

    enter(staffed)
    other = replace(desk(staffed), tenant="umbrella")
    assert not people.anyone(other)
    assert people.session(other, "t1", idle=IDLE, age=AGE) is None
    assert people.guess(other, "ada", most=5, lock_for=LOCK) is None


def test_a_session_ends_by_idleness_by_age_and_is_swept(staffed, clock):
    enter(staffed)
    clock.move(minutes=29)
    assert opened(staffed).person.name == "olga"
    people.touch(desk(staffed), "t1")
    clock.move(minutes=29)
    assert opened(staffed).form_token == "form-t1"
    clock.move(minutes=1)
    assert opened(staffed) is None, "half an hour to the second"
    assert people.sweep(desk(staffed), idle=IDLE, age=AGE) == 1


def test_tries_are_counted_before_they_are_compared_so_many_at_once_are_no_way_round(staffed):
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(guess(staffed))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(not answer.locked for answer in answers) == 5
    assert people.find(desk(staffed), "olga").locked_until == staffed.clock() + LOCK


def test_a_lock_ends_by_itself_and_the_count_begins_anew(staffed, clock):
    for _ in range(5):
        guess(staffed)
    assert guess(staffed).locked
    clock.move(minutes=15)
    assert [guess(staffed).locked for _ in range(5)] == [False] * 5
    assert guess(staffed).locked


def test_a_right_password_forgets_the_wrong_ones(staffed):
    for _ in range(4):
        guess(staffed)
    enter(staffed)
    assert people.find(desk(staffed), "olga").failures == 0


@pytest.mark.parametrize("how", ["lock", "password", "remove"])
def test_whoever_is_kept_out_while_the_password_is_compared_does_not_come_in(staffed, how):
    at = desk(staffed)
    first = guess(staffed)
    {
        "lock": lambda: people.lock(at, "olga", staffed.clock() + timedelta(days=9)),
        "password": lambda: people.set_password(at, "olga", "$other"),
        "remove": lambda: people.remove(at, "olga"),
    }[how]()
    came = people.enter(at, "olga", session="t9", form_token="f", rehashed="$new", where="here", guess=first)
    assert (came, opened(staffed, "t9")) == (False, None)
    if how == "lock":
        assert people.find(at, "olga").locked_until == staffed.clock() + timedelta(days=9)


def test_the_fifth_try_may_still_be_the_right_one(staffed):
    for _ in range(4):
        guess(staffed)
    last = guess(staffed)
    assert people.enter(desk(staffed), "olga", session="t9", form_token="f", rehashed=None, where="here", guess=last)
    assert people.find(desk(staffed), "olga").locked_until is None


@pytest.mark.parametrize("how", ["password", "role", "lock", "end", "remove"])
def test_every_change_ends_that_persons_sessions_and_nobody_elses(staffed, how):
    enter(staffed)
    enter(staffed, "t2", "ada")
    at = desk(staffed)
    {
        "password": lambda: people.set_password(at, "olga", "$other"),
        "role": lambda: people.set_role(at, "olga", "viewer"),
        "lock": lambda: people.lock(at, "olga", staffed.clock() + LOCK),
        "end": lambda: people.end_sessions(at, "olga"),
        "remove": lambda: people.remove(at, "olga"),
    }[how]()
    assert (opened(staffed), opened(staffed, "t2").person.name) == (None, "ada")


def test_two_admins_that_demote_one_another_at_once_leave_one(served):
    for name in ("ada", "bea"):
        people.add(desk(served), name, "admin", "$hash")
    refused = []

    def demote(name):
        try:
            people.set_role(desk(served.more()), name, "viewer")
        except UsageError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=demote, args=(name,)) for name in ("ada", "bea")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert [p.role for p in people.listed(desk(served))].count("admin") == 1


@pytest.mark.parametrize(
    "act",
    [people.remove, lambda d, n: people.set_role(d, n, "viewer"), lambda d, n: people.lock(d, n, d.clock() + LOCK)],
)
def test_the_last_admin_stays(staffed, act):
    with pytest.raises(UsageError, match="only admin"):
        act(desk(staffed), "ada")


def test_a_secret_typed_in_the_place_of_a_name_is_not_kept(house):
    house.redactor.add("hunter2-hunter2")
    with pytest.raises(UsageError, match="holds, a secret") as refused:
        people.add(desk(house), "x-hunter2-hunter2", "viewer", "$hash")
    assert "hunter2" not in str(refused.value)
    assert not people.anyone(desk(house))


def test_a_name_is_given_once(staffed):
    with pytest.raises(UsageError, match="There is a `olga` already"):
        people.add(desk(staffed), "olga", "viewer", "$x")
    assert people.find(desk(staffed), "olga").role == "operator"


@pytest.mark.parametrize(
    "act",
    [lambda d: people.set_password(d, "eve", "$x"), lambda d: people.set_role(d, "eve", "viewer"),
     lambda d: people.end_sessions(d, "eve"), lambda d: people.remove(d, "eve"), lambda d: people.lock(d, "eve", None)],
)  # fmt: skip
def test_nobody_can_not_be_changed_and_the_trail_stays_as_it_is(staffed, act):
    head = staffed.trail.head()
    with pytest.raises(UsageError, match="nobody called `eve`"):
        act(desk(staffed))
    assert staffed.trail.head() == head

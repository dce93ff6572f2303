"""Directed schedules: one interleaving each that chance would rarely draw. Every scene ends in its problems, none when all is well.

A problem starts with the invariant it breaks; `E` is an end that needs a person, or a call, that the protocol can do without.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy.exc import OperationalError

from engine.errors import AlreadyRunning, TransientError

from .schedule import Play
from .shop import Stored


def at_rest(theatre, cast, klass, *, steps=1, documents=1):
    """A play without chance: only what the scene says goes wrong."""
    theatre.house.clear()
    play = Play(theatre.flow, theatre.house, klass, 7, cast)
    play.stage.stormy = False
    play.policy, play.flow = "hold", theatre.flow
    play.shop.steps, play.shop.lag, play.shop.latest = steps, 0.0, 120.0
    play.inbox.deliver([(f"N-{n}", f"{n}.50") for n in range(documents)])
    return play


def states(play):
    return [row.state for row in play._kept()]


def ending(play, *wanted):
    """The calm, and an `E` for every document that stands elsewhere."""
    problems = play._calm()
    return problems + [
        f"E {row.number} is {row.state}: {row.reason}" for row in play._kept() if row.state not in wanted
    ]


def dies(process):
    process.die("the planned place")


def theirs(play, *amounts, lines=1):
    """Documents of our number that somebody else keyed."""
    for amount in amounts:
        play.shop.stored.append(Stored("N-0", "somebody's", amount, play.stage.now, lines))


# Delivery


def killed_around_the_intent(theatre, cast):
    """Where a request is under way and nothing is written down, the next run would send it again."""
    play = at_rest(theatre, cast, "B")
    play.stage.answers["header N-0"] = "late"
    play.life(plan={"before intend": dies})
    play.life()
    return ending(play, "posted")


def a_full_disk_at_the_intent(theatre, cast):
    """One commit fails, that of the intent."""
    play = at_rest(theatre, cast, "C")

    def full(_process):
        raise OperationalError("COMMIT", {}, sqlite3.OperationalError("database or disk is full"))

    play.life(plan={"before intend": lambda process: process.plan.update({"commits": full})})
    return ending(play, "posted")


def killed_while_it_is_under_way(theatre, cast):
    play = at_rest(theatre, cast, "B")
    play.stage.answers["header N-0"] = "late"
    play.stage.chance.uniform = lambda low, high: high
    play.life(plan={"before receipt": dies})
    play.life()
    return ending(play, "posted")


def a_claim_taken_over(theatre, cast):
    play = at_rest(theatre, cast, "B")
    play.life(plan={"before intend": lambda _process: play.life()})
    return ending(play, "posted")


def yesterdays_database(theatre, cast):
    play = at_rest(theatre, cast, "B")
    play.life(plan={"before claim": dies})
    play._yesterday_comes_back()
    return ending(play, "adopted")


def a_moment_of_blindness(theatre, cast):
    play = at_rest(theatre, cast, "B")
    play.stage.answers["header N-0"] = "lost_after"
    play.life()
    play.stage.forward(1200)
    play.shop.blind["N-0"] = play.stage.now + timedelta(seconds=3)
    play.life()
    return ending(play, "posted")


def a_target_that_never_answers(theatre, cast):
    play = at_rest(theatre, cast, "B")
    play.shop.send = {"lost": 1}
    return [*ending(play, "held"), *many(play, "header N-0", 3)]


def a_target_that_always_refuses(theatre, cast):
    play = at_rest(theatre, cast, "B")
    play.shop.send = {"refused": 1}
    return [*ending(play, "held"), *many(play, "header N-0", 5)]


def many(play, call, most):
    calls = sum(line.endswith(f"{call} goes out") for line in play.stage.trace)
    return [f"P {call} went out {calls} times"] if calls > most else []


def a_busy_target(theatre, cast):
    """Three times 429, then a lost answer: that was one send, not four."""
    play = at_rest(theatre, cast, "B")
    for answer in ("busy", "busy", "busy", "lost"):
        play.stage.answers["header N-0"] = answer
        play.life()
        play.stage.forward(1200)
    return ending(play, "posted")


def somebody_keyed_it(theatre, cast, *amounts, lines=1):
    """What is there before us: judged by what the ledger may say about it, not by who made it."""
    play = at_rest(theatre, cast, "B")
    theirs(play, *amounts, lines=lines)
    for _ in range(3):
        play.life()
        play.stage.forward(1200)
    problems = [
        f"I2 {row.number} is {row.state} as theirs" for row in play._kept() if row.state in {"posted", "adopted"}
    ]
    if len([one for one in play.shop.stored if one.marker == "somebody's"]) != len(amounts):
        problems.append("I3 lost: what somebody keyed was removed")
    return problems


def somebody_keyed_another_amount(theatre, cast):
    return somebody_keyed_it(theatre, cast, "99.00")


def somebody_keyed_it_twice(theatre, cast):
    return somebody_keyed_it(theatre, cast, "0.50", "0.50")


def somebody_keyed_half(theatre, cast):
    return [line for line in somebody_keyed_it(theatre, cast, "0.50", lines=0) if not line.startswith("I2")]


def a_number_with_a_zero(theatre, cast):
    play = at_rest(theatre, cast, "B", documents=0)
    target = replace(theatre.flow.target, kind=replace(theatre.flow.target.kind, money=True))
    play.flow = replace(theatre.flow, target=target)
    for number in ("00123", "123"):
        play.inbox.deliver([(number, "5.00")])
        play.life()
    made = [number for what, number, _ in play.shop.history if what == "made"]
    return [f"I1 doubled: {made} are one invoice"] if len(made) > 1 else []


def a_document_that_kills(theatre, cast):
    """Whoever looks for N-0 dies; N-1 must not wait for it for ever."""
    play = at_rest(theatre, cast, "B", documents=2)
    for _ in range(6):
        play.life(plan={"look N-0": dies})
        play.stage.forward(1200)
    return [f"P stuck: {row.number} is {row.state}" for row in play._kept() if row.state not in {"held", "posted"}]


def the_clock_is_set(theatre, cast):
    play = at_rest(theatre, cast, "B")
    play.shop.latest = 200.0
    play.stage.answers["header N-0"] = "late"
    play.stage.chance.uniform = lambda low, high: high
    play.life()
    play.stage.skew = 3600.0
    play.life()
    return ending(play, "posted")


def a_lock_that_is_lost(theatre, cast):
    play = at_rest(theatre, cast, "B")
    given: dict[str, Any] = {}

    def gone():
        raise TransientError("the lock is gone")

    def delivery(**named):
        given.update(named)
        return cast.delivery(still_ours=gone, **named)

    play.cast = replace(cast, delivery=delivery)
    play.life()
    return [f"E sent without the lock: {what}" for what in play.shop.history]


def a_second_run(theatre, cast):
    """Not a matter of safety: random schedules run two at once without the lock."""
    database = theatre.house.database
    with suppress(AlreadyRunning), cast.lock(database, "default", "flow"), cast.lock(database, "default", "flow"):
        return ["E two runs of one flow went on side by side"]
    return []


# Intake and files


def a_mistake_in_the_middle(theatre, cast):
    play = at_rest(theatre, cast, "C")
    play.stage.answers["header N-0"] = "bug_after"
    play.life()
    return play._calm()


def the_same_file_again(theatre, cast):
    play = at_rest(theatre, cast, "B")
    play.life()
    play.inbox.deliver([("N-0", "0.50")])
    return ending(play, "posted")


def killed_inside_the_intake(theatre, cast):
    play = at_rest(theatre, cast, "B")

    def dies_behind_its_first_commit(process):
        process.plan["commits"] = lambda _: process.plan.update({"commits": dies})

    play.life(plan={"invoices_1.csv is read": dies_behind_its_first_commit})
    return ending(play, "posted")


def killed_behind_the_rename(theatre, cast):
    play = at_rest(theatre, cast, "F")
    play.life(plan={"put ledger_1.csv: renamed": dies})
    return ending(play, "posted")


def somebodys_file_has_the_name(theatre, cast):
    play = at_rest(theatre, cast, "F")
    play.folder.receive("ledger_1.csv")
    play.life()
    return ending(play, "held")


def somebodys_file_after_a_crash(theatre, cast):
    play = at_rest(theatre, cast, "F")
    play.life(plan={"put ledger_1.csv: half of the bytes": dies})
    play.folder.receive("ledger_1.csv")
    return ending(play, "held")


def the_consumer_was_faster(theatre, cast, place="put ledger_1.csv: renamed"):
    play = at_rest(theatre, cast, "F")
    play.life(plan={place: lambda process: (play.folder.consume(), dies(process))})
    return ending(play, "held")


def a_lost_rename_and_a_fast_consumer(theatre, cast):
    play = at_rest(theatre, cast, "F")
    real = play.stage.draw
    play.stage.draw = lambda weights: "lost_after" if "cut" in weights and not play.folder.history else real(weights)
    play.life()
    play.folder.consume()
    return ending(play, "held")

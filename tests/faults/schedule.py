"""One random schedule with the real engine: storm, then calm, then judgement. Everything is drawn from one seed."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy.exc import OperationalError

from engine.contracts import Guarantee, State
from engine.errors import MlconnectorError, UsageError
from engine.redaction import Redactor
from engine.run.flow import run_flow
from engine.run.model import Flow
from engine.run.seams import Seams, quiet
from engine.run.work import Work
from engine.state.ledger import Ledger
from engine.state.trail import Trail
from engine.state.vault import open_vault
from engine.targets.forms import PlainForm

from .cast import WHOLE, Cast
from .checker import export, judge_documents, judge_files, unfinished
from .folder import Folder, Uplink
from .house import House
from .inbox import Inbox
from .shop import Shop
from .stage import Killed, Process, Seamed, Stage, Turns

CLASSES = {"A": Guarantee.KEYED, "B": Guarantee.LOOKUP, "C": Guarantee.BLIND, "F": Guarantee.FILE}
COMMIT = {"ok": 60, "full": 0.6, "lost": 0.4, "killed": 0.5, "killed_after": 0.5}
CALM_RUNS = 10


@dataclass
class Outcome:
    """How a schedule ended; no `problems` is what it should."""

    seed: int
    klass: str
    problems: list[str]
    trace: list[str]
    states: list[str]

    def __str__(self) -> str:
        end = "\n".join([*self.trace[-400:], *self.states, *self.problems])
        return f"schedule {self.klass} seed {self.seed}: {self.problems[:3]}\n{end}"


class Play:
    """One schedule at work."""

    def __init__(self, flow: Flow, house: House, klass: str, seed: int, cast: Cast = WHOLE) -> None:
        self.house, self.klass, self.seed, self.cast = house, klass, seed, cast
        self.stage = Stage(seed)
        chance = self.stage.chance
        self.shop = Shop(self.stage, CLASSES[klass], steps=chance.choice((1, 2)))
        if klass == "B":
            self.shop.lag = chance.choice((0.0, 0.0, 20.0, 90.0))
        if klass == "A" and self.shop.steps == 1:
            self.shop.latest = 2000.0
        self.folder = Folder(self.stage)
        self.inbox = Inbox(self.stage)
        self.policy = chance.choice(("hold", "hold", "hold", "update")) if klass in "CF" else "hold"
        write = replace(flow.kind.write, on_changed=self.policy)
        self.flow = replace(flow, kind=replace(flow.kind, write=write))
        self.lives = 0
        self.acting: dict[str, Process] = {}
        self.turns: Turns | None = None
        self.at_work = ""

    # Memory

    def _open(self, process: Process) -> tuple[Trail, Ledger]:
        """A memory of its own for each process; what they share is the database."""
        redactor, clock, boot = Redactor(), self.stage.wall, self.cast.boot(self.stage)
        database = self.house.database
        vault = open_vault(database, "default", self.house.place, environment={}, redactor=redactor, clock=clock)
        trail = Trail(database, "default", vault=vault, redactor=redactor, clock=clock, actor=process.name)
        self.acting[process.name] = process
        given = {"clock": clock, "vault": vault, "trail": trail, "actor": process.name, "boot": boot}
        ledger = self.cast.ledger(database, "default", **given)
        ledger._commits = self.cast.commits(trail)
        return trail, ledger

    def _commit(self, connection: Any) -> None:
        """A drawn disaster as a transaction ends: it is not kept, or it is and nobody learns of it, or the process dies."""
        process = self.acting[self.turns.current if self.turns is not None else self.at_work]
        if process.dead:
            raise Killed
        if process.plan:
            process.seam("commits")
        how = "full" if process.full else self.stage.draw(COMMIT) if process.mortal else "ok"
        if how == "ok":
            return
        self.stage.note(f"{process.name} commit: {how}")
        if how in {"lost", "killed_after"}:
            connection.connection.dbapi_connection.execute("COMMIT")
        if how in {"killed", "killed_after"}:
            process.die("commit")
        raise OperationalError("COMMIT", {}, sqlite3.OperationalError("database or disk is full"))

    # One life

    def life(
        self,
        *,
        mortal: float = 0.0,
        turns: Turns | None = None,
        name: str = "",
        plan: Mapping[str, Any] | None = None,
        stops: int = 0,
    ) -> None:
        """A process from start to end, or to its death; with `stops`, stopped past its lease at the seam of that number."""
        self.lives += 1
        process = Process(
            name or f"p{self.lives}", self.stage, mortal=mortal, turns=turns, plan=dict(plan or {}), stops=stops,
            meanwhile=self._others_go_on,
        )  # fmt: skip
        before, self.at_work = self.at_work, process.name
        trail, ledger = self._open(process)
        self.house.on_commit = self._commit
        try:
            summary = run_flow(self._work(process, trail, ledger))
            self.stage.note(f"{process.name} ends: {summary.exit_code} {summary.error}")
        except Killed:
            process.dead = True
        except MlconnectorError as error:  # the command ends with it; the ledger could not even say that a run ended
            self.stage.note(f"{process.name} ends: {error}")
        finally:
            self.at_work = before
            ledger._commits.close()

    def _work(self, process: Process, trail: Trail, ledger: Ledger) -> Work:
        seams = Seams(clock=self.stage.wall, sleep=process.sleep, random=self.stage.chance.random, environ={})
        seamed: Any = Seamed(ledger, process)
        return Work(
            flow=self.flow,
            ledger=seamed,
            trail=trail,
            source=self.cast.source(self.inbox, process, lambda sha256: ledger.parcel(self.flow.id, sha256)),
            preparer=self.cast.preparer(self.flow, None, {}, tenant="default", books=["shop"]),
            deliver=self._deliver(process, seamed, seams),
            settle=self.shop.settle if self.klass != "F" and self.cast.recovery_settles else timedelta(0),
            seams=seams,
            progress=quiet,
        )

    def _deliver(self, process: Process, ledger: Any, seams: Seams) -> Any:
        if self.klass == "F":
            kind = self.flow.target.kind
            return self.cast.dropping(
                flow=self.flow.id, ledger=ledger, files=Uplink(self.folder, process), kind=kind.drop,
                form=PlainForm(kind.csv, tuple(kind.fields)), scope={}, spool=self.house.place / "spool", spec_sha=self.flow.spec_sha,
                seams=seams, progress=quiet,
            ).run  # fmt: skip
        delivery = self.cast.delivery(
            ledger=ledger,
            target=self.cast.target(self.shop, process),
            if_exists=self.flow.kind.write.if_exists,
            clock=self.stage.wall,
            random=seams.random,
        )
        return self.cast.writing(self.flow.id, ledger, delivery, 1, seams, quiet).run

    # The schedule

    def play(self) -> Outcome:
        self._storm()
        self.stage.stormy = False
        self.stage.note("-- calm --")
        problems = self._calm()
        return Outcome(self.seed, self.klass, problems, self.stage.trace, [str(row) for row in self._kept()])

    def _storm(self) -> None:
        chance = self.stage.chance
        rows = [(f"N-{n}", f"{n}.50") for n in range(chance.choice((1, 1, 2, 3)))]
        self.inbox.deliver(rows, bad=self.stage.often(0.1))
        for _ in range(chance.choice((2, 3, 3, 4))):
            if self.stage.often(0.25):
                self.inbox.deliver([chance.choice(rows)])
            if self.stage.often(0.15):
                number, total = chance.choice(rows)
                changed = (number, f"{Decimal(total) + chance.randint(1, 9) * 100}")
                self.inbox.deliver([changed])
                if self.policy == "update":  # an old content that comes again would be one more change, rightly sent
                    rows = [changed if row[0] == number else row for row in rows]
            if self.stage.often(0.2):
                self._two_at_once()
            elif self.stage.often(0.1):
                self.stage.note("-- one is stopped past its lease --")
                self.life(stops=chance.randint(4, 30))
            else:
                self.life(mortal=chance.choice((0.0, 0.02, 0.06, 0.15)))
            if self.stage.often(0.2):
                self._person_asks_to_look()
            if self.stage.often(0.4):
                self.folder.consume()
            if self.klass == "F" and self.stage.often(0.1):
                self.folder.receive(f"ledger_{chance.randint(1, 3)}.csv")
            self.stage.forward(chance.choice((1, 10, 70, 200, 1200)))
            if self.stage.often(0.1):
                self._somebody_sets_the_clock()
            if self.klass in "AB" and self.stage.often(0.1):
                self._yesterday_comes_back()

    def _others_go_on(self, _process: Process) -> None:
        """Who stands still is taken for dead, and everything it may have sent had time to settle."""
        for _ in range(2):
            self.stage.forward(self.stage.chance.choice((70, 300)))
            self.life()

    def _somebody_sets_the_clock(self) -> None:
        self.stage.skew += self.stage.chance.choice((-1800.0, 600.0, 3600.0))
        self.stage.note(f"the wall clock is {self.stage.skew:+g} s")
        self.stage.forward(10)

    def _yesterday_comes_back(self) -> None:
        """Today's work is forgotten; its files are put back where they came from. What was sent has landed by now."""
        self.house.back_up()
        self.life()
        self.stage.forward(1200)
        self.stage.note("-- yesterday's database comes back --")
        self.house.restore()
        self.inbox.waiting[:] = self.inbox.came

    def _two_at_once(self) -> None:
        """The flow's lock failed, and the second takes the first for dead: only epochs and settle are left."""
        self.stage.note("-- two at once --")
        turns = Turns(self.stage, patience=30.0)
        latest, self.shop.latest = self.shop.latest, min(self.shop.latest, 60.0)
        lag, self.shop.lag = self.shop.lag, min(self.shop.lag, 20.0)
        self.turns = turns
        turns.play(
            *((name, lambda name=name: self.life(mortal=0.02, turns=turns, name=name)) for name in self._next_names())
        )
        self.turns = None
        self.shop.latest, self.shop.lag = latest, lag

    def _next_names(self) -> tuple[str, str]:
        return f"p{self.lives + 1}", f"p{self.lives + 2}"

    def _person_asks_to_look(self) -> None:
        """`check again` for what is held, at once and without waiting for anything to settle."""
        self.house.on_commit = None
        _, ledger = self._open(Process("person", self.stage))
        try:
            for document in ledger.find_documents(states=[State.HELD]):
                self.stage.note(f"person: look again at {document.number}")
                with suppress(UsageError):  # another version of it is on its way
                    ledger.release(document.key, State.IN_DOUBT, actor="ann", reason="look", version=document.version)
        finally:
            ledger._commits.close()

    def _calm(self) -> list[str]:
        """Runs without a fault until nothing is open, then a day later one that must do nothing; what is wrong then."""
        for _ in range(CALM_RUNS):
            self.stage.forward(1200)
            self.life()
            if not self.inbox.waiting and not unfinished(self._kept()):
                break
        happened = len(self.shop.history), len(self.folder.history)
        self.stage.forward(86_400)
        self.life()
        problems = self._judge()
        if (
            (len(self.shop.history), len(self.folder.history)) != happened
            and self.klass != "A"
            and not self.stage.later
        ):
            problems.append("a run with nothing to do did something")
        return problems

    def _kept(self) -> list[Any]:
        return export(self.house.file)

    def _judge(self) -> list[str]:
        bugs = any("bug_after" in line for line in self.stage.trace)
        problems = [f"P stuck: {parcel.name} is read again and again" for parcel in self.inbox.waiting]
        if self.klass == "F":
            problems += [f"I3 lost: somebody's {name} was overwritten" for name in self.folder.overwritten]
            return problems + judge_files(self.inbox.offers, self._kept(), self.folder.history, bugs=bugs)
        apart = self.policy == "update"
        history = self.shop.history
        return problems + judge_documents(self.inbox.offers, self._kept(), history, bugs=bugs, versions_apart=apart)


def play(flow: Flow, house: House, klass: str, seed: int, cast: Cast = WHOLE) -> Outcome:
    """Runs one schedule in the emptied house."""
    house.clear()
    return Play(flow, house, klass, seed, cast).play()

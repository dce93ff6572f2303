"""One random schedule with the real engine: storm, then calm, then judgement. Everything is drawn from one seed."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from engine.contracts import BadRow, Guarantee, Parcel, ParcelOutcome, Row, State
from engine.errors import MlconnectorError
from engine.redaction import Redactor
from engine.run.deliver import Delivery
from engine.run.dropping import Dropping
from engine.run.flow import run_flow
from engine.run.model import Flow
from engine.run.prepare import Preparer
from engine.run.seams import Seams, quiet
from engine.run.work import Work
from engine.run.writing import Writing
from engine.state.database import open_database
from engine.state.ledger import Ledger
from engine.state.trail import Trail
from engine.state.vault import open_vault

from .checker import export, judge_documents, judge_files, unfinished
from .folder import Folder, Uplink
from .shop import Counter, Shop
from .stage import Killed, Process, Seamed, Stage, Turns

CLASSES = {"A": Guarantee.KEYED, "B": Guarantee.LOOKUP, "C": Guarantee.BLIND, "F": Guarantee.FILE}
COMMIT = {"ok": 60, "full": 0.6, "lost": 0.4, "killed": 0.5, "killed_after": 0.5}
CALM_RUNS = 10
Row_ = tuple[str, str]


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


@dataclass
class Inbox:
    """The source: parcels stay until they are settled, and come back when it pleases."""

    stage: Stage
    waiting: list[Parcel] = field(default_factory=list)
    offers: dict[str, list[str]] = field(default_factory=dict)
    count: int = 0
    hasty: bool = False

    def deliver(self, rows: list[Row_], *, bad: bool = False) -> None:
        self.count += 1
        lines: list[Row | BadRow] = [
            Row(place=f"row {n}", values={"vendor": "ACME", "number": number, "total": Decimal(total), "kind": "INV"})
            for n, (number, total) in enumerate(rows, start=2)
        ]
        if bad:
            lines.append(BadRow(place="row 99", values={"total": "?"}, error="is no number", field="total"))
        name = f"invoices_{self.count}.csv"
        self.waiting.append(
            Parcel(id=name, kind="file", name=name, read=lambda: iter(lines), sha256=f"{self.count:064}")
        )
        for number, total in rows:
            known = self.offers.setdefault(number, [])
            if total not in known:
                known.append(total)


class Reader:
    """The source as one process reads it."""

    def __init__(self, inbox: Inbox, process: Process, seen: Callable[[str], Any]) -> None:
        self._inbox = inbox
        self._process = process
        self._seen = seen

    def parcels(self) -> Iterator[Parcel]:
        """A file whose bytes are in the ledger is put away unread, as the pickup does."""
        for parcel in list(self._inbox.waiting):
            if self._inbox.hasty:
                self.settle(parcel, ParcelOutcome(ok=True))
            self._process.seam(f"reads {parcel.name}")
            if self._seen(parcel.sha256) is None:
                yield replace(parcel, read=lambda parcel=parcel: self._read(parcel))
            else:
                self.settle(parcel, ParcelOutcome(ok=True))

    def _read(self, parcel: Parcel) -> Iterator[Row | BadRow]:
        yield from parcel.read()
        self._process.seam(f"{parcel.name} is read")

    def settle(self, parcel: Parcel, outcome: ParcelOutcome) -> None:
        self._process.seam(f"archives {parcel.name}")
        if not self._process.stage.often(0.15):
            self._inbox.waiting[:] = [one for one in self._inbox.waiting if one.id != parcel.id]
        self._process.seam(f"{parcel.name} is archived")


class House:
    """A workspace that is empty again for every schedule. Its engine stays, for compiling every statement anew takes longest."""

    def __init__(self, empty: Path, place: Path) -> None:
        self.place = place
        self.file = place / ".mlconnector" / "state.db"
        self.on_commit: Callable[[Any], None] | None = None
        self._empty = empty
        shutil.copytree(empty, place)
        self.database = open_database(None, place)
        event.listen(self.database.engine, "commit", lambda connection: self.on_commit and self.on_commit(connection))

    def clear(self) -> None:
        """As on the first day."""
        self.on_commit = None
        self.database.close()
        for name in ("state.db", "state.db-wal", "state.db-shm"):
            (self.file.parent / name).unlink(missing_ok=True)
        shutil.copy(self._empty / ".mlconnector" / "state.db", self.file)

    def close(self) -> None:
        self.database.close()


class Play:
    """One schedule at work."""

    def __init__(self, flow: Flow, house: House, klass: str, seed: int, defect: str = "") -> None:
        self.house, self.klass, self.seed, self.defect = house, klass, seed, defect
        self.stage = Stage(seed)
        chance = self.stage.chance
        self.shop = Shop(self.stage, CLASSES[klass], steps=chance.choice((1, 2)))
        if klass == "B":
            self.shop.lag = chance.choice((0.0, 0.0, 20.0, 90.0))
        if klass == "A" and self.shop.steps == 1:
            self.shop.latest = 2000.0
        self.shop.defect = defect
        if defect == "settle":
            self.shop.settle = timedelta(0)
        self.folder = Folder(self.stage)
        self.inbox = Inbox(self.stage, hasty=defect == "commit before archive")
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
        redactor, clock = Redactor(), self.stage.clock
        database = self.house.database
        vault = open_vault(database, "default", self.house.place, environment={}, redactor=redactor, clock=clock)
        trail = Trail(database, "default", vault=vault, redactor=redactor, clock=clock, actor=process.name)
        self.acting[process.name] = process
        return trail, Ledger(database, "default", clock=clock, vault=vault, trail=trail, actor=process.name)

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
        self, *, mortal: float = 0.0, turns: Turns | None = None, name: str = "", plan: Mapping[str, Any] | None = None
    ) -> None:
        """A process from start to end, or to its death."""
        self.lives += 1
        process = Process(name or f"p{self.lives}", self.stage, mortal=mortal, turns=turns, plan=dict(plan or {}))
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
        seams = Seams(clock=self.stage.clock, sleep=process.sleep, random=self.stage.chance.random, environ={})
        seamed: Any = Seamed(ledger, process, left_out="abandoned" if self.defect == "recovery" else "")
        return Work(
            flow=self.flow,
            ledger=seamed,
            trail=trail,
            source=Reader(self.inbox, process, lambda sha256: ledger.parcel(self.flow.id, sha256)),
            preparer=Preparer(self.flow, None, {}, tenant="default", books=["shop"]),
            deliver=self._deliver(process, seamed, seams),
            settle=self.shop.settle if self.klass != "F" else timedelta(0),
            seams=seams,
            progress=quiet,
        )

    def _deliver(self, process: Process, ledger: Any, seams: Seams) -> Any:
        if self.klass == "F":
            kind = self.flow.target.kind
            return Dropping(
                flow=self.flow.id, ledger=ledger, files=Uplink(self.folder, process), kind=kind.drop, format=kind.csv,
                columns=tuple(kind.fields), scope={}, spool=self.house.place / "spool", spec_sha=self.flow.spec_sha,
                seams=seams, progress=quiet,
            ).run  # fmt: skip
        delivery = Delivery(
            ledger=ledger,
            target=Counter(self.shop, process),
            if_exists=self.flow.kind.write.if_exists,
            clock=self.stage.clock,
            random=seams.random,
        )
        return Writing(self.flow.id, ledger, delivery, 1, seams, quiet).run

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
            else:
                self.life(mortal=chance.choice((0.0, 0.02, 0.06, 0.15)))
            if self.stage.often(0.2):
                self._person_asks_to_look()
            if self.stage.often(0.4):
                self.folder.consume()
            self.stage.forward(chance.choice((1, 10, 70, 200, 1200)))

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
                ledger.release(document.key, State.IN_DOUBT, actor="ann", reason="look", version=document.version)
        finally:
            ledger._commits.close()

    def _calm(self) -> list[str]:
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
        if self.klass == "F":
            return judge_files(self.inbox.offers, self._kept(), self.folder.history, bugs=bugs)
        apart = self.policy == "update"
        return judge_documents(self.inbox.offers, self._kept(), self.shop.history, bugs=bugs, versions_apart=apart)


def play(flow: Flow, house: House, klass: str, seed: int, defect: str = "") -> Outcome:
    """Runs one schedule in the emptied house. `defect`: a step of the protocol the world around the engine breaks on purpose."""
    house.clear()
    return Play(flow, house, klass, seed, defect).play()

"""The server ends connections, or all of itself: the run notices, nothing goes out without an intent, nothing is doubled."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from engine.errors import TransientError
from engine.sandbox.faults import Fault
from engine.state.locks import flow_lock

from ..postgres import NoPostgres, fresh_database, own_server  # noqa: TID252 - the tests are no package
from ..specs.world import World, invoice  # noqa: TID252
from .house_postgres import TERMINATE, ServerPlay, plain, play_on_server
from .schedule import CLASSES
from .test_schedules import seeds

ROOT = Path(__file__).parents[2]
LOCKS = """
    SELECT pg_terminate_backend(a.pid, 5000) FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid
    WHERE l.locktype = 'advisory' AND a.datname = current_database()
"""


# One document, a connection ended at each of its durable writes


def a_play(theatre, klass):
    theatre.house.clear()
    play = ServerPlay(theatre.flow, theatre.house, klass, 7)
    play.stage.stormy = False
    play.shop.steps, play.shop.lag = 2, 0.0
    play.inbox.deliver([("N-0", "0.50")])
    return play


def cut_at_the_commit_of(play, write):
    """That write is on its way when its connection ends, and every other with it."""

    def next_commit(process):
        process.plan["commits"] = lambda _process: play.house.cut_all()

    return {f"before {write}": next_commit}


def sent(play):
    return [what for what, _, _ in play.shop.history].count("made")


@pytest.mark.parametrize(
    ("write", "left", "went_out"),
    [("claim", "ready", 0), ("receipt", "sending", 1), ("end_run", "posted", 1)],
)
@pytest.mark.parametrize("klass", ["A", "B", "C"])
def test_a_connection_that_ends_while_it_commits_ends_the_run(postgres_theatre, klass, write, left, went_out):
    play = a_play(postgres_theatre, klass)
    play.life(plan=cut_at_the_commit_of(play, write))
    assert ([row.state for row in play._kept()], sent(play)) == ([left], went_out)
    assert any("not available" in line for line in play.stage.trace)
    assert play._calm() == []
    assert [row.state for row in play._kept()] == ["held" if (klass, left) == ("C", "sending") else "posted"]
    assert sent(play) == 1


@pytest.mark.parametrize("klass", ["A", "B", "C"])
def test_an_intent_that_was_not_kept_sends_nothing(postgres_theatre, klass):
    """The document backs off, and goes out under its next intent, which is."""
    play = a_play(postgres_theatre, klass)
    play.life(plan=cut_at_the_commit_of(play, "intend"))
    steps = [line.partition(" ")[2] for line in play.stage.trace]
    steps = [line.partition(" ")[2] if line.startswith("p1 ") else line for line in steps]
    wanted = [line for line in steps if line in {"before intend", "intend done", "header N-0 goes out"}]
    assert wanted[:4] == ["before intend", "before intend", "intend done", "header N-0 goes out"]
    assert play._calm() == []
    assert ([row.state for row in play._kept()], sent(play)) == (["posted"], 1)


@pytest.mark.parametrize("place", ["before claim", "before intend", "header N-0 goes out", "before receipt"])
def test_connections_that_end_between_two_writes_are_made_anew(postgres_theatre, place):
    play = a_play(postgres_theatre, "B")
    play.life(plan={place: lambda _process: play.house.cut_all()})
    assert [row.state for row in play._kept()] == ["posted"]
    assert play._calm() == []


@pytest.mark.parametrize("write", ["outbox_build", "outbox_sending", "outbox_done"])
def test_a_connection_that_ends_while_a_file_is_dropped(postgres_theatre, write):
    play = a_play(postgres_theatre, "F")
    play.life(plan=cut_at_the_commit_of(play, write))
    assert play._calm() == []
    assert [row.state for row in play._kept()] == ["posted"]
    assert len(play.folder.history) == 1


@pytest.mark.parametrize("klass", CLASSES)
def test_connections_that_end_again_and_again(postgres_theatre, klass):
    """One in eight commits finds its connection gone, among all the other faults."""
    for seed in seeds(klass, 800_000, 6):
        outcome = play_on_server(postgres_theatre.flow, postgres_theatre.house, klass, seed, cuts=0.12)
        assert not outcome.problems, outcome


# The whole integration; `moment` is what happens while an answer of the ERP is slow


class Site:
    """A world whose ledger is on a server, and what befalls that server at a slow answer."""

    def __init__(self, stack, folder, url):
        self.url = url
        self.moment = lambda: None
        self.world = World(stack, folder, sleep=lambda _seconds: self.moment())
        self.world.keep_on(url)
        self.world.masters_are_fresh()
        self.world.offer("invoices_001.csv", invoice("S-1"), invoice("S-2"))

    def strike(self, at, nth, befalls):
        """Once, when that call has been made and is not answered yet."""

        def moment():
            self.moment = lambda: None
            befalls()

        self.moment = moment
        self.world.epicor.faults.add(Fault(kind="slow", at=at, nth=nth))

    def ask(self, statement):
        with psycopg.connect(plain(self.url), autocommit=True) as connection:
            return connection.execute(statement).fetchall()

    def command(self, flow):
        """A run by a process of its own, which knows nothing of this one."""
        lines = [f"{name}={value}" for name, value in self.world.environ.items()]
        env_file = self.world.folder / "site.env"
        env_file.write_text("\n".join([*lines, "MLCONNECTOR_ALLOW_LOOPBACK=1", ""]))
        env_file.chmod(0o600)
        command = [sys.executable, "-m", "cli", "run", str(self.world.spec), "--flow", flow]
        command += ["--workspace", str(self.world.home), "--env-file", str(env_file)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    def saves(self):
        return self.world.calls("*APInvoiceSvc/UpdateMaster")

    def ends_well(self):
        for _ in range(8):
            self.world.run("invoices")
            if {self.world.state("S-1"), self.world.state("S-2")} == {"posted"}:
                break
        self.world.assert_whole("S-1")
        self.world.assert_whole("S-2")
        assert {self.world.state("S-1"), self.world.state("S-2")} == {"posted"}


@pytest.fixture
def site(database_url, tmp_path):
    with ExitStack() as stack:
        yield Site(stack, tmp_path, database_url)


LOOK, SKELETON = "*APInvoiceSvc/GetByID", "*GetNewAPInvHedInvoice"
SAVE = "*APInvoiceSvc/UpdateMaster"


@pytest.mark.parametrize("at", [SKELETON, SAVE])
def test_locks_that_are_lost_stop_the_run_before_it_sends_more(site, at):
    site.strike(at, 1, lambda: site.ask(LOCKS))
    result = site.world.run("invoices")
    assert site.saves() == (at == SAVE), "something was sent after the locks were lost"
    assert result.exit_code == 4
    assert "stops before it sends more" in result.flows[0].error
    assert result.flows[0].passing, "nobody is woken up for it: the next run goes on"
    site.ends_well()


def test_the_flows_own_lock_counts_too(site):
    """While the writer's is held all the same: another run of the flow would take this one's documents for abandoned."""
    flow_only = LOCKS.rstrip() + " AND a.backend_start = (SELECT min(backend_start) FROM pg_stat_activity b "
    flow_only += "JOIN pg_locks k ON k.pid = b.pid WHERE k.locktype = 'advisory' AND b.datname = current_database())"
    site.strike(SKELETON, 1, lambda: site.ask(flow_only))
    result = site.world.run("invoices")
    assert (site.saves(), result.exit_code) == (0, 4)
    site.ends_well()


def test_a_file_is_not_dropped_by_a_run_whose_lock_is_lost(site):
    """Its bytes are built and its name is given; the next run drops that very file."""

    def lost(event, _figures):
        if event == "ingested":
            site.ask(LOCKS)

    result = site.world.run("vendors", progress=lost)
    assert site.world.stampli.inbound() == []
    assert result.exit_code == 4
    assert site.world.run("vendors").exit_code == 0
    assert len(site.world.stampli.inbound()) == 1


@pytest.mark.parametrize(("at", "nth"), [(SKELETON, 1), (SAVE, 1), (SAVE, 3)])
def test_every_connection_ended_at_once(site, at, nth):
    site.strike(at, nth, lambda: site.ask(TERMINATE))
    assert site.world.run("invoices").exit_code == 4
    site.ends_well()


def test_two_processes_at_one_flow_the_second_says_who_is_at_work(site):
    told = []
    site.strike(SKELETON, 1, lambda: told.append(site.command("invoices")))
    assert site.world.run("invoices").exit_code == 0
    (second,) = told
    assert second.returncode == 5
    assert "/invoices` is at work already" in second.stdout
    assert f"process {os.getpid()} on" in second.stdout
    site.ends_well()


# The server itself


@pytest.fixture(scope="module")
def own():
    """A server that may be stopped."""
    with ExitStack() as stack:
        try:
            yield stack.enter_context(own_server())
        except NoPostgres as reason:
            pytest.skip(f"no PostgreSQL of our own: {reason}")


@pytest.fixture
def stopped(own, tmp_path):
    """A site whose server may be stopped; started again for the next test."""
    with ExitStack() as stack, fresh_database(own.address, f"mlc_{os.getpid()}_stopped") as url:
        yield Site(stack, tmp_path, url)


@pytest.mark.parametrize(("at", "nth"), [(LOOK, 1), (SAVE, 1), (SAVE, 4)])
def test_the_server_stops_at_once_and_the_next_run_goes_on(own, stopped, at, nth):
    stopped.strike(at, nth, lambda: own.stop(at_once=True))
    try:
        with pytest.raises(TransientError, match=r"^The state database is not available: \S"):
            stopped.world.run("invoices")
        saves = stopped.saves()
    finally:
        own.start()
    assert saves == {LOOK: 0, SAVE: nth}[at]
    stopped.ends_well()


def test_the_command_says_it_in_one_line_and_ends_with_4(own, stopped):
    stopped.strike("*VendorSvc/Vendors", 1, lambda: own.stop(at_once=True))
    try:
        ended = [stopped.command("vendors") for _ in range(2)]
    finally:
        own.start()
    for each in ended:
        assert each.returncode == 4, each.stderr
        (said,) = [line for line in each.stderr.splitlines() if line.startswith("error: ")]
        assert said.startswith("error: The state database is not available: ")
        assert "Traceback" not in each.stderr
    stopped.ends_well()


def test_a_server_that_is_gone_is_told_by_whoever_asks_for_a_lock(own, stopped):
    with stopped.world.workspace() as workspace:
        own.stop(at_once=True)
        try:
            with pytest.raises(TransientError, match="not available"), flow_lock(workspace.database, "t", "f"):
                pass
        finally:
            own.start()

"""Several workers on one database, killed, frozen and told to leave: every firing once, no flow twice at once, nothing lost.

What counts was seen from outside: the shop's history, its listings, its open sessions. MLCONNECTOR_FLEET_SEED repeats a run.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import time
from collections import Counter
from datetime import datetime
from itertools import pairwise

import pytest

from .fleet_crew import Crew, wait
from .fleet_shop import Shop, serving, write_specs

SESSIONS = 3


class Site:
    """A shop, a fleet that works for it, and what was ordered."""

    def __init__(self, tmp_path, database, address, shop, *, groups, flows, every, at_once=3):
        self.shop, self.every = shop, every
        self.flows = write_specs(tmp_path, groups, flows, sessions=SESSIONS, every=f"{every}s")
        self.crew = Crew(tmp_path, database, address, shop, shop.seed, at_once=at_once)
        self.ordered = []
        self.recovered = []
        self.most_connections = 0
        self.lives_through_the_server = False

    def order(self, many):
        for _ in range(many):
            flow = self.shop.chance.choice(self.flows)
            self.ordered.append(self.shop.order(flow, len(self.ordered)))

    def strike(self, how="kill"):
        """Kills one in the middle of its work and sees how long it takes until others have taken over."""
        self.crew.wait_for_others()
        name = self.crew.chance.choice(sorted(self.crew.workers))
        pid = self.crew.workers[name].pid
        before = self.left_by(pid)
        self.crew.kill(name)
        began = time.monotonic()
        self.crew.start()
        wait(lambda: not self.left_by(pid), 120, said=self.crew.tail)
        if before:
            self.recovered.append(time.monotonic() - began)

    def left_by(self, pid):
        return self.crew.ask(
            "SELECT id FROM firing WHERE state = 'running' AND split_part(owner, ':', 2) = %s", str(pid)
        )

    def count_connections(self):
        asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        self.most_connections = max(self.most_connections, self.crew.ask(asked)[0][0])

    def settle(self, seconds):
        """Everything ordered arrives, then nothing is due any more, and what is open ends."""
        wait(lambda: len(self.shop.history) >= len(self.ordered), seconds, said=self.crew.tail)
        self.crew.stop_the_schedule()
        self.crew.rest(seconds)

    def check(self):
        """What must hold whatever happened."""
        crew, shop = self.crew, self.shop
        assert Counter(shop.history) == Counter(self.ordered)
        assert shop.overlaps == []
        assert max(shop.most.values()) <= SESSIONS
        rows = crew.ask("SELECT flow, cause, at, state, attempt, run, reason FROM firing ORDER BY flow, at")
        assert not {row[3] for row in rows} & {"queued", "running"}
        if not self.lives_through_the_server:  # what a lost database ends has failed, and the next start goes on
            for flow, _, _, state, attempt, _, reason in rows:
                assert state in {"done", "skipped", "superseded"} or attempt >= 2, (flow, state, reason)
            self._check_times(rows)
            self._check_runs(rows)
        verified = crew.command("audit", "verify")
        assert verified.returncode == 0, verified.stdout + verified.stderr

    def _check_times(self, rows):
        """Each time of each flow once, none left out."""
        for flow in self.flows:
            times = [datetime.fromisoformat(at) for of, cause, at, *_ in rows if of == flow and cause == "schedule"]
            apart = [(later - at).total_seconds() for at, later in pairwise(times)]
            assert all(abs(each - self.every) < 0.001 for each in apart), (flow, times)

    def _check_runs(self, rows):
        """As many runs as firings that are done, and one more for each that was stopped, or died between its end and its note."""
        done = Counter(row[0] for row in rows if row[3] == "done")
        deaths = self.crew.stopped()
        for flow, _, _, _, attempt, *_ in rows:
            deaths[flow] += attempt
        whole = Counter(
            dict(self.crew.ask("SELECT flow, count(*) FROM run WHERE outcome NOT IN ('', 'stopped') GROUP BY flow"))
        )
        for flow in self.flows:
            assert done[flow] <= whole[flow] <= done[flow] + deaths[flow], (flow, done[flow], whole[flow], deaths[flow])
        assert len({row[5] for row in rows if row[3] == "done"}) == sum(done.values())

    def figures(self):
        states = dict(self.crew.states())
        deaths = self.crew.ask("SELECT coalesce(sum(attempt), 0) FROM firing")[0][0]
        took = [round(each, 1) for each in self.recovered]
        return (
            f"seed {self.shop.seed}: {len(self.flows)} flows, {len(self.ordered)} orders, firings {states}, "
            f"{dict(self.crew.told)}, taken over {deaths}, after {took} s, "
            f"most sessions {max(self.shop.most.values())} of {SESSIONS}, most connections {self.most_connections}"
        )


@pytest.fixture
def make_site(tmp_path, database):
    opened = []

    def make(*, slow=0.05, **options):
        seed = int(os.environ.get("MLCONNECTOR_FLEET_SEED") or random.randrange(10**6))
        shop = Shop(seed, slow)
        door = serving(shop)
        site = Site(tmp_path, database, door.__enter__(), shop, **options)
        opened.append((site, door))
        return site

    yield make
    for site, door in opened:
        site.crew.end()
        door.__exit__(None, None, None)


def show(capsys, site):
    with capsys.disabled():
        sys.stdout.write(f"\n{site.figures()}\n")


def test_forty_flows_two_workers_two_kills(make_site, capsys):
    site = make_site(groups=2, flows=20, every=3600, at_once=2)
    site.order(100)
    site.crew.start()
    site.crew.start()
    for share in (5, 2):
        wait(lambda share=share: len(site.shop.history) >= len(site.ordered) // share, 60, said=site.crew.tail)
        site.strike()
    site.settle(60)
    site.count_connections()

    show(capsys, site)
    site.check()


@pytest.mark.faults
@pytest.mark.timeout(7200)
def test_a_thousand_flows_four_workers_random_harm(make_site, capsys):
    strikes = int(os.environ.get("MLCONNECTOR_FLEET_STRIKES") or 30)
    groups = int(os.environ.get("MLCONNECTOR_FLEET_GROUPS") or 20)
    site = make_site(groups=groups, flows=50, every=300)
    site.order(len(site.flows))
    for _ in range(4):
        site.crew.start()
    for _ in range(
        strikes
    ):  # each after a share of the work; what is left over of it comes with the next turn of the schedule
        begun = sum(site.shop.listings.values()) + len(site.flows) // strikes
        wait(lambda begun=begun: sum(site.shop.listings.values()) >= begun, 900, said=site.crew.tail)
        site.count_connections()
        site.order(5)
        if site.crew.chance.random() < 0.7:
            site.strike()
        else:
            site.crew.harm()
    site.settle(3600)

    show(capsys, site)
    site.check()


@pytest.mark.faults
@pytest.mark.timeout(600)
def test_a_worker_told_to_leave_finishes_the_document_in_hand_and_another_goes_on_at_once(make_site, capsys):
    site = make_site(groups=1, flows=1, every=3600, at_once=1, slow=0.6)
    for _ in range(30):
        site.order(1)
    first, second = site.crew.start(), site.crew.start()
    wait(lambda: len(site.shop.history) >= 5, 60, said=site.crew.tail)
    leaver = site.shop.at_work["g0/f0"]
    took = site.crew.leave(leaver)
    left_at = time.monotonic()
    other = second if leaver == first else first
    wait(lambda: site.shop.at_work["g0/f0"] == other, 20, said=site.crew.tail)
    gap = time.monotonic() - left_at
    site.settle(120)

    with capsys.disabled():
        sys.stdout.write(f"\nleft after {took:.1f} s, the other went on {gap:.1f} s later\n")
    assert took < 5
    assert gap < 3
    assert site.crew.ask("SELECT DISTINCT attempt FROM firing") == [(0,)]
    assert site.shop.sessions == {}
    site.check()


@pytest.mark.faults
@pytest.mark.timeout(1200)
def test_the_server_is_restarted_and_its_connections_are_cut_in_the_middle(make_site, capsys, pg):
    site = make_site(groups=2, flows=20, every=10, at_once=2)
    site.lives_through_the_server = True
    for _ in range(3):
        site.crew.start()
    for turn in range(6):
        site.order(40)
        arrived = len(site.ordered) - 30
        wait(lambda arrived=arrived: len(site.shop.history) >= arrived, 120, said=site.crew.tail)
        if turn % 2:
            pg.stop(at_once=turn == 3)
            pg.start()
        else:
            site.crew.ask(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                "AND pid <> pg_backend_pid()"
            )
        assert all(process.poll() is None for process in site.crew.workers.values()), site.crew.tail()
    site.settle(240)

    show(capsys, site)
    site.check()


@pytest.mark.faults
@pytest.mark.timeout(600)
def test_a_worker_without_some_of_the_specs_leaves_their_flows_to_those_that_have_them(make_site, tmp_path):
    site = make_site(groups=2, flows=10, every=3600, at_once=2)
    site.order(40)
    old = tmp_path / "old"
    shutil.copytree(tmp_path / "systems", old / "systems")
    shutil.copy(tmp_path / "g1.yaml", old / "g1.yaml")
    site.crew.start(old)
    wait(lambda: site.shop.listings["g1/f0"], 60, said=site.crew.tail)
    site.crew.start()
    site.settle(120)

    site.check()
    assert not any(flow.startswith("g0/") and worker == "w1" for flow, worker in site.shop.at_work.items())

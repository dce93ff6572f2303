"""A system whose licence counts sessions: a run takes a seat before it starts, waits for one, or says who has them."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from engine.redaction import Redactor
from engine.run.load import load
from engine.run.running import Options, run_spec
from engine.run.seams import Seams, quiet
from engine.run.seats import SEAT_WAIT, Seats, systems_of
from engine.run.settings import fill
from engine.run.workspace import open_workspace
from engine.state.locks import seat_lock
from tests.service.fleet_shop import Shop, serving, write_specs


class Site:
    """A shop with two sessions, and a workspace that works for it."""

    def __init__(self, folder, stack):
        write_specs(folder, 2, 2, sessions=2, every="")
        self.shop = Shop(1, slow=0)
        self.address = stack.enter_context(serving(self.shop))
        self.spec = folder / "g0.yaml"
        self.slept = []
        self.meanwhile = lambda: None
        environ = {"SHOP_SITE": self.address, "SHOP_WORKER": "w1"}
        self.seams = Seams(environ=environ, sleep=self.sleep, allow_loopback=True)
        self.workspace = stack.enter_context(open_workspace(folder, seams=self.seams, redactor=Redactor()))

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.meanwhile()

    def run(self, **options):
        return run_spec(self.spec, self.workspace, self.seams, Options(**options), quiet)

    def taken(self, group="g0"):
        """Somebody else's seat."""
        return seat_lock(self.workspace.database, f"shop {self.address}/{group}/", 2, shown="`shop`")


@pytest.fixture
def site(tmp_path):
    with ExitStack() as stack:
        yield Site(tmp_path, stack)


def test_a_run_takes_one_seat_for_all_its_flows_and_gives_it_back(site):
    site.shop.order("g0/f0", 1)
    with site.taken():
        assert [flow.exit_code for flow in site.run().flows] == [0, 0]
        assert site.shop.most["g0"] == 1
        with site.taken():
            pass


def test_no_seat_is_waited_for_and_then_told_with_who_has_them(site):
    with site.taken(), site.taken():
        result = site.run(flows=("f0",))

    assert result.exit_code == 5
    assert result.flows[0].error.startswith("`shop` allows 2 sessions at once, and each is at work already: process ")
    assert sum(site.slept) == pytest.approx(SEAT_WAIT, abs=1)
    assert site.shop.listings == {}


def test_a_seat_that_becomes_free_while_it_waits_is_taken(site):
    first = ExitStack()
    first.enter_context(site.taken())
    site.meanwhile = first.close
    with site.taken():
        assert site.run(flows=("f0",)).exit_code == 0
    assert site.slept


def test_a_service_is_told_at_once_and_nothing_is_noted(site):
    with site.taken(), site.taken():
        assert site.run(flows=("f0",), put_back=True).exit_code == 5
    assert site.slept == []


def test_another_company_has_seats_of_its_own(site):
    with site.taken("g1"), site.taken("g1"):
        assert site.run(flows=("f0",)).exit_code == 0


def test_a_dry_run_takes_none(site):
    with site.taken(), site.taken():
        assert site.run(flows=("f0",), dry_run=True).exit_code == 0


def test_what_is_no_number_is_refused(site, tmp_path):
    system = tmp_path / "systems" / "shop.yaml"
    system.write_text(system.read_text().replace("{const: 2}", "{need: group}"))

    result = site.run(flows=("f0",))

    assert (result.exit_code, result.flows[0].error) == (
        4,
        "`sessions` of `shop`: `most` is `g0`, and it takes a number from 1",
    )


def test_seats_that_were_not_all_free_are_given_back(site):
    integration = load(site.spec)
    flow = integration.flows["f0"]
    settings = fill(integration, site.workspace.vault, site.seams.environ)
    assert [system.alias for system in systems_of(integration, flow)] == ["shop"]
    with Seats(site.workspace.database, site.sleep) as seats:
        seats.take(integration, flow, settings, wait=0)
        seats.take(integration, flow, settings, wait=0)
        with site.taken():
            pass
    with site.taken(), site.taken():
        pass

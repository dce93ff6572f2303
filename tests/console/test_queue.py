"""The work queue: what stopped by cause, the list as it is narrowed, and another turn for all of one cause."""

from __future__ import annotations

import re
from contextlib import ExitStack
from html import unescape

import pytest

from engine.service.console.causes_board import board_of
from engine.service.working import perform

from ..specs.world import World  # noqa: TID252 - the tests are no package
from .office import Office, invoice

FLOW = "epicor-kinetic--stampli/invoices"


def links(visitor, part):
    """Addresses on the page that hold this."""
    return [unescape(found) for found in re.findall(r'(?:href|action)="([^"]+)"', visitor.text) if part in found]


def listed(visitor):
    """The numbers in the list, in its order."""
    return re.findall(r'<th scope="row"><a href="/documents/[^"]+">([^<]*)</a>', visitor.text)


def run_asked(office):
    """What the service's own loop does with the starts that wait."""
    done = []
    while (firing := office.parts.firings.take("test")) is not None:
        done.append(perform(office.parts, firing, stopping=lambda: False))
    return done


def test_what_stopped_stands_there_by_cause(viewer):
    viewer.get("/queue")

    assert viewer.page.status_code == 200
    assert "held 2" in viewer.seen
    assert "Lines do not add up to the invoice total" in viewer.seen
    assert "'MYSTERY'" in viewer.seen
    assert "in doubt 1" in viewer.seen
    assert set(listed(viewer)) == {"H-1", "G-1", "INV-1001", "W-1", "B-1", "R-1", "D-1"}
    assert "invoices_0301.csv, rows 5-6" in viewer.seen
    assert "Replay all" not in viewer.seen, "a viewer may not"


@pytest.mark.parametrize(
    ("narrow", "numbers"),
    [
        ("state=held", {"H-1", "G-1"}),
        ("state=held&state=conflict", {"H-1", "G-1", "INV-1001"}),
        ("state=posted", {"H-1", "G-1", "INV-1001", "W-1", "B-1", "R-1", "D-1"}),
        (f"flow={FLOW}&q=crosswalk", {"G-1"}),
        ("flow=unknown/flow", set()),
        ("party=newco", {"W-1"}),
        ("least=10.31&most=99", {"H-1", "INV-1001"}),
        ("least=1,000", set()),
        ("file=_0302", {"INV-1001", "R-1", "D-1"}),
        ("q=h-1", {"H-1"}),
        ("q=%25", {"B-1"}),
        ("older=30d", set()),
        ("older=nonsense&sort=nonsense", {"H-1", "G-1", "INV-1001", "W-1", "B-1", "R-1", "D-1"}),
    ],
)
def test_the_list_is_narrowed_by_its_address(viewer, narrow, numbers):
    viewer.get(f"/queue?{narrow}")

    assert viewer.page.status_code == 200
    assert set(listed(viewer)) == numbers


def test_it_is_sorted_by_amount_and_by_age(viewer):
    viewer.get("/queue?sort=amount")
    assert listed(viewer)[:2] == ["INV-1001", "H-1"]
    assert listed(viewer)[-1] == "G-1"
    newest = viewer.get("/queue") and listed(viewer)
    viewer.get("/queue?sort=oldest")
    assert listed(viewer) == newest[::-1]


@pytest.mark.parametrize("address", ["/queue?least=ten", "/queue?most=1e99", "/queue?after=%21%21"])
def test_what_can_not_be_understood_is_told(viewer, address):
    viewer.get(address)
    assert viewer.page.status_code == 400
    assert "Traceback" not in viewer.text


def test_an_unknown_cause_is_no_error(viewer):
    viewer.get("/queue?cause=ffffffff")
    assert viewer.page.status_code == 200
    assert "No document waits for that reason any more" in viewer.seen


@pytest.fixture(scope="module")
def crowded(tmp_path_factory):
    """Two hundred and ten invoices of a vendor nobody knows."""
    with ExitStack() as stack:
        world = World(stack, tmp_path_factory.mktemp("crowded"))
        world.masters_are_fresh()
        world.offer("invoices_many.csv", *(invoice(f"M-{n:03d}", vendor_id="NOBODY") for n in range(210)))
        world.run("invoices")
        yield Office(stack, world)


def test_pages_follow_one_another_without_loss(crowded):
    """Each once, whichever way they are sorted."""
    vic = crowded.visit("vic")
    for sort in ("newest", "oldest", "amount"):
        seen, address, pages = [], f"/queue?party=nobody&sort={sort}", 0
        while address:
            vic.get(address)
            seen += listed(vic)
            address = next(iter(links(vic, "after=")), "") if 'rel="next"' in vic.text else ""
            address = next((found for found in links(vic, "after=")), "") if address else ""
            pages += 1
        assert (len(seen), len(set(seen)), pages) == (210, 210, 5)
    vic.get("/queue")
    [cause] = [found for found in links(vic, "/queue?cause=") if "cause=" in found][:1]
    seen, address = [], cause
    while address:
        vic.get(address)
        seen += listed(vic)
        address = next(iter(links(vic, "after=")), "") if 'rel="next"' in vic.text else ""
    assert len(set(seen)) == len(seen) == 210


def test_all_of_a_cause_get_another_turn_after_a_page_that_says_how_many(make_office):
    office = make_office()
    office.world.offer("invoices_r.csv", invoice("R-2"), invoice("R-3"))
    office.world.run("invoices")
    assert office.world.state("R-2") == "rejected"
    office.world.epicor.close_periods(None)
    olga = office.visit("olga")
    olga.get("/queue?state=rejected")
    [ask] = links(olga, "/causes/")[:1]
    olga.get(ask)
    assert "Replay 3 documents over 30.90?" in olga.seen
    assert office.world.state("R-2") == "rejected", "asking changes nothing"

    olga.post(ask, act="replay", reason="the period is open again")

    assert "3 go on" in olga.seen
    assert "The flow was asked" not in olga.seen
    assert office.workspace.ledger.document(office.world.document("R-2").key).state.value == "ready"
    told = office.workspace.trail.entries(key=office.world.document("R-2").key)[-1]
    assert (told.actor, told.detail["reason"]) == ("olga", "the period is open again")
    go = olga.page.url.path
    assert run_asked(office) == ["done"]
    olga.get(go)
    assert "They stand now: posted 3" in olga.seen
    assert {office.world.state(number) for number in ("R-1", "R-2", "R-3")} == {"posted"}
    assert office.world.saved("R-2") == 1


def test_the_chosen_ones_are_mapped_again(office):
    olga = office.visit("olga")
    olga.get("/queue?q=crosswalk")
    names = re.findall(r'name="name" value="([^"]+)"', olga.text)
    assert len(names) == 1
    olga.post("/bulk", name=names, back="/queue")
    assert "Replay 1 document over 5.00?" in olga.seen
    olga.post("/bulk/chosen", name=names, act="remap", back="/queue")
    assert "stays held" in olga.seen
    assert "1 stays as it is" in olga.seen


def test_nothing_chosen_is_told(operator):
    operator.get("/queue")
    operator.post("/bulk", back="/queue")
    assert "No document was chosen" in operator.seen
    operator.post("/bulk", name="../../etc", back="/queue")
    assert operator.page.status_code == 400


def test_nobody_is_sent_elsewhere_by_the_way_back(operator):
    operator.get("/queue")
    operator.post("/bulk", back="https://evil.example/")
    assert operator.page.url.host == "127.0.0.1"


def test_a_viewer_can_start_nothing(viewer):
    viewer.get("/queue")
    for address in ("/bulk", "/bulk/chosen", "/causes/ffffffff"):
        assert viewer.post(address, name="a.1").status_code == 403


def test_a_go_that_is_not_known_any_more(operator):
    operator.get("/bulk/0123456789ab")
    assert "not remembered any more" in operator.seen


class Ticking:
    """A clock on which every look takes a second."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 1
        return self.now


def test_a_board_groups_as_far_as_its_time_reaches_and_goes_on(crowded):
    desk = crowded.workspace.desk
    board = type(board_of(desk))(Ticking())

    first = board.look(desk, budget=0.5)
    second = board.look(desk, budget=0.5)

    assert (first.read, first.many) == (200, 210)
    assert (second.read, second.many) == (210, 210)
    assert board.look(desk) is second, "nothing changed: nothing is read again"
    assert [(group.documents, str(group.amount)) for group in second.groups] == [(210, "2163.00")]
    crowded.workspace.ledger.cancel(crowded.world.document("M-000").key, actor="me", reason="no")
    assert [group.documents for group in board.look(desk).groups] == [209]

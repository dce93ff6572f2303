"""Vendors and accounts to Stampli: complete, each once, then only what changed, whatever happens to paging or the upload."""

from __future__ import annotations

import threading
from collections import Counter

import pytest

from engine.desk.people import release
from engine.sandbox.faults import Fault

MANY = 250


def many(count=MANY, start=100):
    return [{"VendorNum": start + n, "VendorID": f"V{n:04}", "Name": f"Vendor {n}"} for n in range(count)]


def arrived(world, pattern="vendors_*.csv", key="vendor_id"):
    return Counter(row[key] for row in world.stampli.read_inbound(pattern))


def strike(stand, kind, at, nth=1, value=None):
    stand.faults.add(Fault(kind=kind, at=at, nth=nth, value=value))


def test_the_first_run_sends_all_and_the_second_only_what_changed(world):
    world.epicor.seed(vendors=many(5))
    assert world.counts(world.run("vendors"), "vendors") == {"posted": 7}
    assert sum(arrived(world).values()) == 7
    world.run("vendors")
    assert len(world.stampli.inbound("vendors_*")) == 1, "nothing changed, nothing is sent"
    world.epicor.touch_vendor("V0003", City="Boulder")
    world.run("vendors")
    second = world.stampli.inbound("vendors_*")[-1]
    assert world.stampli.read_inbound(second.name) == [
        row for row in world.stampli.read_inbound(second.name) if row["vendor_id"] == "V0003"
    ]
    assert arrived(world, second.name) == {"V0003": 1}
    assert world.stampli.read_inbound(second.name)[0]["city"] == "Boulder"
    filters = [
        call.query
        for call in world.epicor.history.calls("*VendorSvc/Vendors")
        if "SysRevID+ge" in call.query or "SysRevID%20ge" in call.query
    ]
    assert filters, "the later runs ask the ERP only for what changed"
    world.assert_understood()


def test_a_new_vendor_with_the_highest_revision_so_far_is_not_missed(world):
    world.run("vendors")
    world.epicor.seed(vendors=many(1))
    world.run("vendors")
    assert arrived(world) == {"ACME": 1, "NWFRT": 1, "V0000": 1}


def test_vendors_with_one_and_the_same_stamp_all_arrive(world):
    world.epicor.seed(vendors=many(6))
    world.run("vendors")
    for n in range(6):
        world.epicor.touch_vendor(f"V{n:04}", City="Boulder")
    rows = [row for row in world.epicor.store.all("Vendor") if row["City"] == "Boulder"]
    for row in rows:
        row["SysRevID"] = rows[-1]["SysRevID"]
    world.run("vendors")
    assert all(arrived(world)[f"V{n:04}"] == 2 for n in range(6))


def test_more_vendors_than_a_page_holds_are_complete_and_each_once(world):
    world.epicor.seed(vendors=many())
    world.run("vendors")
    assert arrived(world) == Counter(["ACME", "NWFRT", *(f"V{n:04}" for n in range(MANY))])
    world.assert_understood()


def test_more_accounts_than_a_page_holds_are_complete_and_each_once(world):
    accounts = [
        {"COACode": "MAIN", "GLAccount": f"{7000 + n}|00|00", "AccountDesc": f"Account {n}"} for n in range(MANY)
    ]
    world.epicor.seed(gl_accounts=accounts)
    world.run("gl_accounts")
    found = arrived(world, "gl_accounts_*.csv", "account_number")
    assert set(found.values()) == {1}
    assert {account["GLAccount"] for account in accounts} <= set(found)


def test_rows_that_move_while_paging_are_not_lost(make_world):
    moved = []

    def somebody_works(_seconds):
        if not moved:
            moved.append(True)
            world.epicor.store.remove("Vendor", world.epicor.store.select("Vendor", VendorID="V0010")[0])

    world = make_world(sleep=somebody_works)
    world.epicor.seed(vendors=many())
    strike(world.epicor, "slow", "*VendorSvc/Vendors", 2)
    strike(world.epicor, "slow", "*VendorSvc/Vendors", 3)
    world.run("vendors")
    assert moved
    expected = {"ACME", "NWFRT", *(f"V{n:04}" for n in range(MANY))} - {"V0010"}
    found = arrived(world)
    assert expected <= set(found)
    assert {found[vendor] for vendor in expected} == {1}


def test_a_vendor_changed_while_paging_is_sent_as_it_is_in_the_end(make_world):
    done = []

    def somebody_works(_seconds):
        if not done:
            done.append(world.epicor.touch_vendor("V0005", City="Boulder"))

    world = make_world(sleep=somebody_works)
    world.epicor.seed(vendors=many())
    strike(world.epicor, "slow", "*VendorSvc/Vendors", 3)
    world.run("vendors")
    world.run("vendors")
    last = [row["city"] for row in world.stampli.read_inbound("vendors_*.csv") if row["vendor_id"] == "V0005"]
    assert last[-1] == "Boulder"


@pytest.mark.parametrize("nth", [1, 2, pytest.param(3, marks=pytest.mark.faults)])
@pytest.mark.parametrize("kind", ["lost_answer", "truncated", "html", "nan", "duplicate_keys"])
def test_a_page_that_breaks_never_passes_for_an_empty_one(world, kind, nth):
    world.epicor.seed(vendors=many(150))
    strike(world.epicor, kind, "*VendorSvc/Vendors", nth)
    for _ in range(2):
        world.run("vendors")
    found = arrived(world)
    assert len(found) == 152
    assert set(found.values()) == {1}


@pytest.mark.parametrize(("kind", "value"), [("429", "30"), ("429", None), ("500", None), ("503", "20"), ("503", None)])
def test_a_busy_erp_is_read_in_the_same_run_after_a_pause(world, kind, value):
    world.epicor.seed(vendors=many(150))
    before = world.clock()
    strike(world.epicor, kind, "*VendorSvc/Vendors", 2, value)
    strike(world.epicor, kind, "*VendorSvc/Vendors", 3, value)
    result = world.run("vendors")
    assert result.exit_code == 0
    assert len(arrived(world)) == 152
    if value:
        assert (world.clock() - before).total_seconds() >= 2 * int(value)


def test_an_erp_that_stays_down_stops_the_flow_and_moves_no_cursor(world):
    strike(world.epicor, "503", "*VendorSvc/Vendors", 0)
    result = world.run("vendors")
    assert result.exit_code == 4
    assert world.stampli.inbound() == []
    world.epicor.faults.clear()
    world.run("vendors")
    assert sum(arrived(world).values()) == 2


UPLOADS = [
    ("drop", "rename", None),
    ("drop", "rename", "after"),
    ("drop", "write", None),
    ("drop", "close", "after"),
    ("drop", "open", "after"),
    ("no_space", "write", None),
    ("no_space", "close", None),
    ("denied", "rename", None),
    ("rename_fails", "rename", None),
]


@pytest.mark.parametrize(("kind", "at", "value"), UPLOADS)
def test_an_upload_that_breaks_ends_as_exactly_one_file(world, kind, at, value):
    strike(world.stampli, kind, at, 1, value)
    for _ in range(3):
        world.run("vendors")
    assert len(world.stampli.inbound()) == 1
    assert arrived(world) == {"ACME": 1, "NWFRT": 1}
    assert world.state("ACME") == "posted"
    hidden = [path.name for path in world.stampli.path("/inbound").iterdir() if path.name.startswith(".")]
    assert hidden == [], "no half file stays behind"
    appeared = [
        e
        for e in world.stampli.history.effects("file.*")
        if "vendors_" in e.key and not e.key.split("/")[-1].startswith(".")
    ]
    assert len({effect.detail.get("sha256") for effect in appeared}) == 1


def test_full_sends_everything_known_only_where_it_changed(world):
    world.run("vendors")
    world.epicor.touch_vendor("ACME", City="Reno")
    result = world.run("vendors", full=True)
    assert world.counts(result, "vendors") == {"posted": 1, "seen": 1}
    assert arrived(world) == {"ACME": 2, "NWFRT": 1}


def test_since_takes_the_place_of_the_cursor(world):
    world.run("vendors")
    newest = max(row["SysRevID"] for row in world.epicor.vendors())
    result = world.run("vendors", since=str(newest))
    assert result.flows[0].counts["read"] == 1
    assert world.run("vendors", since="1").flows[0].counts["read"] == 2


def test_names_that_would_run_as_formulas_arrive_as_they_are(world):
    world.epicor.seed(
        vendors=[{"VendorNum": 77, "VendorID": "EVIL", "Name": '=HYPERLINK("http://x")', "City": 'a,"b"\nc'}]
    )
    world.run("vendors")
    evil = next(row for row in world.stampli.read_inbound("vendors_*.csv") if row["vendor_id"] == "EVIL")
    assert evil["vendor_name"].lstrip("'") == '=HYPERLINK("http://x")'
    assert evil["city"] == 'a,"b"\nc'


@pytest.fixture
def eager_consumer(world):
    """Takes every finished file out of the inbound folder as soon as it is there."""
    taken, over = [], threading.Event()

    def take():
        while not over.wait(0.002):
            for path in world.stampli.inbound():
                taken.append(path.name)
                path.unlink()

    thread = threading.Thread(target=take)
    thread.start()
    yield taken
    over.set()
    thread.join()


@pytest.mark.parametrize(
    ("decision", "files"),
    [({"send": False}, 1), ({"send": True}, 2), ({"posted_as": "taken by Stampli"}, 1)],
    ids=["look_again", "send_again", "it_arrived"],
)
def test_a_file_taken_before_its_answer_was_lost_is_a_persons_decision(world, eager_consumer, decision, files):
    strike(world.stampli, "drop", "rename", 1, "after")
    world.run("vendors")
    world.run("vendors")
    assert (world.state("ACME"), len(eager_consumer)) == ("held", 1), world.document("ACME").reason
    with world.workspace() as workspace:
        for vendor in ("ACME", "NWFRT"):
            release(workspace, vendor, reason="asked", **({"posted_as": None, "send": False} | decision))
    for _ in range(2):
        assert world.run("vendors").exit_code in {0, 3}
    assert len(eager_consumer) == files
    assert world.state("ACME") == ("held" if decision == {"send": False} else "posted")

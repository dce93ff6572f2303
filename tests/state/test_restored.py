"""A backup restored from yesterday: nothing is posted twice, and the next run says what it found and what it did about it."""

from __future__ import annotations

import json
import shutil
import stat
from contextlib import ExitStack
from pathlib import Path

import pytest

from engine.errors import SetupError
from engine.redaction import Redactor
from engine.run.restoring import THEN
from engine.run.seams import Seams
from engine.run.workspace import open_workspace
from engine.state.heads import HEADS_FILE, KEPT, MOST, behind, note_head, noted_heads
from engine.state.restored import last_restored
from tests.cli.conftest import desk
from tests.faults.test_old_backup import Embedded, Shared
from tests.postgres import NoPostgres, running_server
from tests.specs.world import World, invoice

__all__ = ["desk"]


@pytest.fixture(scope="module")
def server():
    try:
        with running_server() as address:
            yield address
    except NoPostgres as reason:
        pytest.skip(str(reason))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.faults)])
def site(request, tmp_path):
    """A world with its memory, and how that is backed up."""
    with ExitStack() as stack:
        world = World(stack, tmp_path)
        if request.param == "sqlite":
            yield world, Embedded(world)
        else:
            yield world, Shared(world, request.getfixturevalue("server"), stack)


def busy(world):
    """Two invoices taken in, and the target out of reach for now."""
    world.masters_are_fresh()
    world.offer("invoices_001.csv", invoice("B-1"), invoice("B-2"))
    world.epicor.faults.add("503:GetNewAPInvHedInvoice:0")
    world.run("invoices")
    world.epicor.faults.clear()


def test_it_is_told_once_and_the_summary_says_how_many_were_there(site):
    world, memory = site
    busy(world)
    memory.back_up()
    posted = world.run("invoices")
    memory.restore()
    world.masters_are_fresh()

    first = world.run("invoices")
    second = world.run("invoices")

    assert posted.restored == second.restored == ""
    assert "lines written later" in first.restored
    assert "a backup was restored. Documents already in the target will be adopted, not posted" in first.restored
    assert first.render("text").splitlines()[-2] == first.restored
    assert json.loads(first.render("json"))["restored"] == first.restored
    assert first.flows[0].notes[-1].startswith("2 of the documents were in the target already: a backup was restored")
    assert [world.state(number) for number in ("B-1", "B-2")] == ["adopted", "adopted"]
    assert [world.saved(number) for number in ("B-1", "B-2")] == [1, 1]
    assert not any("backup" in note for note in second.flows[0].notes)


def test_it_stands_in_the_trail_with_what_is_missing(site):
    world, memory = site
    world.masters_are_fresh()
    memory.back_up()
    with world.workspace() as workspace:
        kept = workspace.trail.head().n
    world.offer("invoices_001.csv", invoice("B-1"))
    world.run("invoices")
    with world.workspace() as workspace:
        lost = workspace.trail.head().n - kept
    memory.restore()

    world.run("payments")

    with world.workspace() as workspace:
        (line,) = [each for each in workspace.trail.entries(limit=50) if each.event == "restored"]
        assert line.detail["missing"] == lost
        assert last_restored(workspace.desk).missing == lost
        assert not workspace.trail.verify().breaks


def test_what_a_target_cant_tell_is_held_for_a_person(site):
    """A blind write has no look that could find it: it may have gone after the backup was made."""
    world, memory = site
    world.change(
        "systems/epicor-kinetic.yaml",
        ("guarantee: {class: keyed, settle: 2m}", "guarantee: {class: blind, settle: 2m}\n      accept: [blind]"),
    )
    busy(world)
    memory.back_up()
    world.run("invoices")
    memory.restore()
    world.masters_are_fresh()
    world.offer("invoices_002.csv", invoice("B-3"))

    after = world.run("invoices")

    assert after.exit_code == 3
    assert [world.state(number) for number in ("B-1", "B-2", "B-3")] == ["held"] * 3
    assert "look in the target before you release it" in world.document("B-1").reason
    assert [world.saved(number) for number in ("B-1", "B-2", "B-3")] == [1, 1, 0]

    world.offer("invoices_003.csv", invoice("B-4"))
    world.run("invoices")
    assert world.state("B-4") == "posted", "what comes later can't have gone before"


@pytest.mark.parametrize("amounts", [True, False], ids=["amounts", "master data"])
def test_amounts_in_files_are_held_and_master_data_is_not(desk, amounts):
    """Payments in a file of another name could be paid again; a list of vendors that comes twice does no harm."""
    if not amounts:
        Path(desk.spec).write_text(Path(desk.spec).read_text().replace("    amount: total\n", ""))
    box = desk.folder / "box"
    desk.place("a.csv", "1,5")
    desk.at("run", desk.spec)
    shutil.copytree(desk.folder / ".mlconnector", desk.folder / "backup")
    desk.place("b.csv", "2,5")
    desk.at("run", desk.spec)
    shutil.rmtree(desk.folder / ".mlconnector")
    (desk.folder / "backup").rename(desk.folder / ".mlconnector")
    (box / "out" / "ledger_2.csv").rename(desk.folder / "taken by the partner")
    (box / "done" / "b.csv").rename(box / "in" / "b.csv")

    again = desk.at("run", desk.spec)

    assert ("1 held" in again.stdout) is amounts, again.output
    assert (box / "out" / "ledger_2.csv").exists() is not amounts


# The file of heads ---------------------------------------------------------------------------------------------------


@pytest.fixture
def ran(desk):
    desk.place("a.csv", "1,10.50")
    assert desk.at("run", desk.spec).exit_code == 0
    return desk


def heads(desk):
    return [json.loads(line) for line in (desk.folder / HEADS_FILE).read_text().splitlines()]


def opened(desk, **more):
    return open_workspace(desk.folder, seams=Seams(environ={}), redactor=Redactor(), actor="tess", **more)


def test_every_run_notes_the_head_beside_the_state_for_its_owner_only(ran):
    ran.place("b.csv", "2,5")
    second = ran.at("run", ran.spec)

    noted = heads(ran)
    assert len(noted) == 2
    assert f"trail head {noted[-1]['n']}:{noted[-1]['hash']}" in second.output
    assert stat.S_IMODE((ran.folder / HEADS_FILE).stat().st_mode) == 0o600
    assert {each["first"] for each in noted} == {noted[0]["first"]}


def test_the_environment_may_name_another_file(desk, tmp_path):
    desk.place("a.csv", "1,10.50")
    elsewhere = tmp_path / "safe"
    elsewhere.mkdir()
    known = {
        "PARTNER_PATH": str(desk.folder / "box"),
        "PARTNER_CODE": "x",
        "MLCONNECTOR_HEADS": str(elsewhere / "heads"),
    }

    assert desk.at("run", desk.spec, environ=known).exit_code == 0

    assert (elsewhere / "heads").is_file()
    assert not (desk.folder / HEADS_FILE).exists()


def test_a_dry_run_notes_nothing(desk):
    desk.place("a.csv", "1,10.50")
    desk.at("run", desk.spec, "--dry-run")
    assert not (desk.folder / HEADS_FILE).exists()


def test_a_file_that_cant_be_written_stops_no_run(desk):
    desk.place("a.csv", "1,10.50")
    known = {"PARTNER_PATH": str(desk.folder / "box"), "PARTNER_CODE": "x", "MLCONNECTOR_HEADS": "/proc/nowhere/heads"}

    done = desk.at("run", desk.spec, environ=known)

    assert done.exit_code == 0
    assert "1 posted" in done.stdout


def test_a_file_open_to_others_is_not_written_to(ran):
    (ran.folder / HEADS_FILE).chmod(0o644)
    with opened(ran) as workspace, pytest.raises(SetupError, match="open to others"):
        note_head(ran.folder / HEADS_FILE, workspace.database, "default", workspace.desk.clock())


def test_the_file_stays_bounded(ran):
    path = ran.folder / HEADS_FILE
    path.write_text(path.read_text() * MOST)
    with opened(ran) as workspace:
        note_head(path, workspace.database, "default", workspace.desk.clock())
    assert len(heads(ran)) == KEPT + 1


def test_lines_that_are_no_heads_are_passed_over(ran):
    path = ran.folder / HEADS_FILE
    good = path.read_text()
    path.write_text('{"n": "x"}\n[]\nnull\n\x00\n' + good + '{"tenant":"default","fir')
    with opened(ran) as workspace:
        note_head(path, workspace.database, "default", workspace.desk.clock())
        assert behind(path, workspace.database, "default") is None
    assert len(noted_heads(path, "default")) == 2


def test_tenants_do_not_speak_for_one_another(ran):
    shutil.copytree(ran.folder / ".mlconnector", ran.folder / "backup")
    ran.place("b.csv", "2,5")
    ran.at("run", ran.spec)
    shutil.rmtree(ran.folder / ".mlconnector")
    shutil.copytree(ran.folder / "backup", ran.folder / ".mlconnector")

    with opened(ran) as workspace:
        assert behind(ran.folder / HEADS_FILE, workspace.database, "default") is not None
        assert behind(ran.folder / HEADS_FILE, workspace.database, "other") is None


def test_a_state_that_went_on_somewhere_else_is_told_too(ran):
    """Its trail is long enough, but it is another one."""
    shutil.copytree(ran.folder / ".mlconnector", ran.folder / "backup")
    ran.place("b.csv", "2,5")
    ran.at("run", ran.spec)
    kept = heads(ran)
    shutil.rmtree(ran.folder / ".mlconnector")
    shutil.copytree(ran.folder / "backup", ran.folder / ".mlconnector")
    elsewhere = {
        "PARTNER_PATH": str(ran.folder / "box"),
        "PARTNER_CODE": "x",
        "MLCONNECTOR_HEADS": str(ran.folder / "other"),
    }
    for number in range(3, 6):
        ran.place(f"{number}.csv", f"{number},5")
        ran.at("run", ran.spec, environ=elsewhere)

    with opened(ran) as workspace:
        found = behind(ran.folder / HEADS_FILE, workspace.database, "default")

    assert found is not None
    assert found.missing == kept[1]["n"] - kept[0]["n"]


def test_a_database_that_was_lost_is_told(ran):
    shutil.rmtree(ran.folder / ".mlconnector")
    ran.place("b.csv", "2,5")

    done = ran.at("run", ran.spec)

    assert "This database is empty" in done.output
    assert "it was lost, or the address is wrong" in done.output


def test_another_database_of_the_same_workspace_is_none_of_it(ran, tmp_path):
    """One that was never noted here."""
    known = {"PARTNER_PATH": str(ran.folder / "box"), "PARTNER_CODE": "x"}
    other = known | {"MLCONNECTOR_DATABASE_URL": f"sqlite:///{tmp_path}/other.db"}
    ran.at("run", ran.spec, environ=other)
    ran.place("b.csv", "2,5")

    assert "restored" not in ran.at("run", ran.spec).output
    assert "restored" not in ran.at("run", ran.spec, environ=other).output


# Doctor --------------------------------------------------------------------------------------------------------------


def finding(desk, name):
    told = json.loads(desk.at("doctor", "--format", "json").stdout)
    return next(each for each in told["findings"] if each["name"] == name)


def test_doctor_tells_before_anything_runs_and_for_a_week_after(ran):
    shutil.copytree(ran.folder / ".mlconnector", ran.folder / "backup")
    ran.place("b.csv", "2,5")
    ran.at("run", ran.spec)
    assert finding(ran, "backup")["state"] == "ok"
    shutil.rmtree(ran.folder / ".mlconnector")
    shutil.copytree(ran.folder / "backup", ran.folder / ".mlconnector")

    before = finding(ran, "backup")
    again = finding(ran, "backup")
    ran.at("run", ran.spec)
    after = finding(ran, "backup")

    assert before == again
    assert (before["state"], after["state"]) == ("warn", "warn")
    assert before["advice"] == after["advice"] == THEN
    assert "a backup was restored" in before["detail"]

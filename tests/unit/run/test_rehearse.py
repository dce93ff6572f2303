"""A dry run and a check: everything is read and mapped, and nothing is left behind anywhere."""

from __future__ import annotations

import json

from engine.desk.checking import check_systems


def inside(folder):
    """Every file with its content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_it_shows_every_document_and_writes_nothing_to_the_partner(desk):
    desk.place("a.csv", "ACME,1,10.50,I", "ACME,2,13,I", "ACME,3,x,I")
    before = inside(desk.box)

    told = desk.run(dry_run=True)

    assert told.exit_code == 3
    assert inside(desk.box) == before
    assert desk.states() == {}
    text = told.render("text")
    assert "1 (row 2): would be written to the next file" in text
    assert "Thirteen is unlucky" in text
    assert text.endswith("Dry run: nothing was written anywhere.")


def test_it_leaves_no_copy_of_what_it_read(desk):
    desk.place("a.csv", "ACME,1,10.50,I")
    desk.place("b.csv", "ACME,1,x,I", "ACME,2,y,I")

    desk.run(dry_run=True)

    assert [path for path in (desk.folder / ".mlconnector" / "spool").rglob("*") if path.is_file()] == []


def test_as_json(desk):
    desk.place("a.csv", "ACME,1,10.50,I")

    told = json.loads(desk.run(dry_run=True).render("json"))

    (flow,) = told["flows"]
    assert told["dry_run"] is True
    assert flow["counts"] == {"ready": 1}
    assert flow["documents"][0]["document"]["total"] == "10.50"


def test_what_is_known_is_left_out(desk):
    desk.place("a.csv", "ACME,1,10.50,I")
    desk.run()
    desk.place("b.csv", "ACME,1,10.50,I", "ACME,2,1,I")

    assert [shown["number"] for shown in desk.run(dry_run=True).flows[0].documents] == ["2"]


def test_a_bad_file_is_told_and_stays_where_it_is(desk):
    desk.place("a.csv", "ACME,1,x,I", "ACME,2,y,I")

    told = desk.run(dry_run=True)

    assert told.exit_code == 3
    assert told.flows[0].bad_files[0].startswith("a.csv: 2 of 2 records")
    assert (desk.box / "in" / "a.csv").exists()


def test_a_run_afterwards_is_as_if_nothing_had_been(desk):
    desk.place("a.csv", "ACME,1,10.50,I")
    desk.run(dry_run=True)

    assert desk.counts() == {"read": 1, "posted": 1}


def test_nothing_new(desk):
    told = desk.run(dry_run=True)

    assert told.exit_code == 0
    assert "invoices: nothing new" in told.render("text")


def test_a_folder_that_is_not_there_is_told_by_its_name(desk):
    (desk.box / "in").rmdir()

    told = desk.run(dry_run=True)

    assert told.exit_code == 4
    assert "/in" in told.flows[0].error


def test_check_names_every_folder(desk):
    desk.place("a.csv", "ACME,1,10.50,I")

    text, code = check_systems(desk.spec, desk.workspace, desk.seams, show_host_key=False)

    assert code == 0
    assert [line.partition(" (")[0] for line in text.splitlines()] == [
        "ok      partner: settings: 1 filled in",
        "ok      partner: folder /in: listed, 1 files; it may be written to",
        "ok      partner: folder /done: listed, 0 files; it may be written to",
        "ok      partner: folder /bad: listed, 0 files; it may be written to",
        "ok      partner: folder /out: listed, 0 files; it may be written to",
    ]


def test_check_says_what_fails(desk):
    (desk.box / "out").rmdir()

    text, code = check_systems(desk.spec, desk.workspace, desk.seams, show_host_key=False)

    assert code == 4
    assert text.splitlines()[-2].startswith("failed  partner: folder /out: ")
    assert "what to do: make the folder" in text


def test_only_sftp_servers_have_a_host_key_to_show(desk):
    text, code = check_systems(desk.spec, desk.workspace, desk.seams, show_host_key=True)

    assert (text.partition(" (")[0], code) == ("ok      partner: settings: 1 filled in", 0)

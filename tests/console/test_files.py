"""Files: what came and what went, what is wrong in them and where, and what a partner said."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import insert

from engine.contracts import Parcel
from engine.redaction import Redactor
from engine.run.seams import Seams
from engine.run.workspace import open_workspace
from engine.service.console.links import document_address
from engine.state import filebook, tables
from tests.cli.conftest import desk

__all__ = ["desk"]
EVIL = "</td><script>alert(1)</script><img src=x onerror=alert(2)>\u202egnp.csv"
FLOW = "epicor-kinetic--stampli/invoices"


def link_to(visitor, name):
    return re.search(rf'<a href="(/files/[^"]+)">{re.escape(name)}<', visitor.text)[1]


def test_what_came_is_listed_with_its_records_and_where_it_is(office, viewer):
    viewer.get("/files")

    assert viewer.page.status_code == 200
    assert viewer.text.count("<h1") == 1
    assert "invoices_0301.csv" in viewer.seen
    row = viewer.text.split("invoices_0301.csv</a>")[1].split("</tr>")[0]
    figures = re.findall(r'data-name="(Good|Bad) records">(\d+)<', row)
    assert figures == [("Good", "5"), ("Bad", "1")]
    assert "taken in" in row, "another flow has yet to read it"


def test_a_file_that_came_tells_its_documents_and_each_problem_with_its_place(office, viewer):
    viewer.get("/files")
    viewer.get(link_to(viewer, "invoices_0301.csv"))

    assert viewer.page.status_code == 200
    for words in (
        "5 good, 1 bad",
        "Not finished, in the order of the file",
        "rows 5-6",
        "Lines do not add up",
        "20.02.2026",
    ):
        assert words in viewer.seen, words
    held = office.world.documents("H-1")[-1]
    assert document_address(held.key, held.version) in viewer.text
    assert 'href="/queue?file=invoices_0301.csv"' in viewer.text
    assert "posted" in viewer.seen
    assert f"/runs/{office.workspace.ledger.parcels(FLOW)[0].run[:4]}" in viewer.text


def bare(make_office):
    office = make_office(filled=False)
    return office, office.workspace, office.visit("vic")


def came(workspace, name, *, bad="", flow="a/invoices", place=0):
    """A file that came, as a run notes it."""
    parcel = Parcel(
        id=f"file:{place}", kind="file", name=name, read=lambda: iter(()), sha256=f"{place:064d}", size=1234567
    )
    run = workspace.ledger.start_run(flow, "run", "x" * 64)
    with workspace.ledger.intake(flow, parcel, run) as intake:
        if bad:
            intake.spoil(bad)
        else:
            intake.finish({"read": 3, "quarantined": 1})
    return parcel


def test_a_file_that_every_flow_has_read_is_archived(desk, make_office):
    """As a real run leaves it: the ledger knows that the file has left its folder."""
    desk.place("a.csv", "1,10.50")
    assert desk.at("run", desk.spec).exit_code == 0
    with open_workspace(desk.folder, seams=Seams(environ={}), redactor=Redactor(), actor="test") as workspace:
        (file,) = filebook.came(workspace.desk, filebook.Asked(state="archived"))
    assert (file.name, file.state, file.good, file.bad) == ("a.csv", "settled", 1, 0)
    assert file.settled_at >= file.seen_at
    _, workspace, visitor = bare(make_office)
    parcel = came(workspace, "b.csv")
    workspace.ledger.put_away(["a/invoices", "a/other"], parcel.sha256)
    workspace.ledger.put_away(["a/invoices"], parcel.sha256)

    visitor.get("/files?state=archived")
    visitor.get(link_to(visitor, "b.csv"))

    assert "Put away 2026-03-02" in visitor.seen
    assert [entry.event for entry in workspace.trail.entries(parcel=parcel.id)].count("settled") == 1


def test_a_file_that_cant_be_used_says_where_and_why(make_office):
    _, workspace, visitor = bare(make_office)
    came(workspace, "broken.csv", bad="line 12, record 3, byte 480: a quote opened in this row is never closed")

    visitor.get("/files?state=in+error")
    assert "in error" in visitor.seen
    assert "line 12, record 3, byte 480" in visitor.seen
    visitor.get(link_to(visitor, "broken.csv"))

    assert "line 12, record 3, byte 480: a quote opened" in visitor.seen
    assert "nothing of this file was used" in visitor.seen
    assert "1,234,567 bytes" in visitor.seen


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["b.csv", "a.csv"]),
        ("flow=a/invoices", ["a.csv"]),
        ("state=in+error", ["b.csv"]),
        ("state=taken+in", ["a.csv"]),
        ("state=archived", []),
        ("name=B.c", ["b.csv"]),
        ("name=%25", []),
        ("state=nonsense", ["b.csv", "a.csv"]),
        ("side=nonsense", ["b.csv", "a.csv"]),
        ("before=nonsense", ["b.csv", "a.csv"]),
        ("flow=%00&name=%00&before=%00", ["b.csv", "a.csv"]),
    ],
)
def test_the_list_is_narrowed_by_its_address(make_office, query, names):
    office, workspace, visitor = bare(make_office)
    came(workspace, "a.csv")
    office.world.clock.forward(seconds=1)
    came(workspace, "b.csv", bad="unreadable", flow="a/other", place=1)

    visitor.get(f"/files?{query}")

    assert re.findall(r">([ab]\.csv)</a>", visitor.text) == names


def test_older_files_are_a_page_away(make_office):
    _, workspace, visitor = bare(make_office)
    for place in range(115):
        came(workspace, f"file_{place}.csv", place=place)
    seen = []
    visitor.get("/files")
    while True:
        seen += re.findall(r">(file_\d+\.csv)</a>", visitor.text)
        older = re.search(r'href="([^"]+)" rel="next"', visitor.text)
        if older is None:
            break
        visitor.get(older[1].replace("&amp;", "&"))

    assert sorted(seen) == sorted(f"file_{place}.csv" for place in range(115))


def sent(workspace, name, **more):
    row = {
        "tenant": workspace.tenant, "flow": "a/remittances", "number": 1, "folder": "/out", "name": name, "sha256": "f" * 64,
        "size": 900, "documents": 4, "state": "done", "built_at": "2026-03-01T08:00:00.000000+00:00",
        "done_at": "2026-03-01T08:00:05.000000+00:00", "series": "a b", "control": 41, "answer": "due", **more,
    }  # fmt: skip
    with workspace.database.write() as connection:
        connection.execute(insert(tables.outbox), [row])


def test_what_went_is_listed_with_its_number_and_the_answer(make_office):
    _, workspace, visitor = bare(make_office)
    sent(workspace, "remittance_41.edi")
    sent(workspace, "remittance_42.edi", number=2, control=42, answer="rejected")
    sent(workspace, "remittance_43.edi", number=3, control=43, state="sending", answer="", done_at=None)

    visitor.get("/files?side=out")
    for words in ("remittance_41.edi", "acknowledgement due", "rejected", "waiting", "42", "/out"):
        assert words in visitor.seen, words
    for state, names in (
        ("rejected", {"42"}),
        ("waiting", {"43"}),
        ("acknowledgement+due", {"41"}),
        ("sent", {"41", "42"}),
    ):
        visitor.get(f"/files?side=out&state={state}")
        assert set(re.findall(r"remittance_(\d+)\.edi</a>", visitor.text)) == names, state
    visitor.get("/files?side=out&name=_41")
    visitor.get(link_to(visitor, "remittance_41.edi"))

    assert visitor.page.status_code == 200
    for words in ("Control number 41", "acknowledgement due", "Folder /out"):
        assert words in visitor.seen, words


def test_control_numbers_a_partner_used_are_on_their_file(make_office):
    _, workspace, visitor = bare(make_office)
    parcel = came(workspace, "advice.edi")
    row = {
        "tenant": workspace.tenant, "scope": "s", "sender": "ZZ PARTNER", "control": "000000905", "flow": "a/invoices",
        "sha256": parcel.sha256, "name": "advice.edi", "seen_at": "2026-03-01T08:00:00.000000+00:00",
    }  # fmt: skip
    with workspace.database.write() as connection:
        connection.execute(insert(tables.interchange), [row])

    visitor.get("/files")
    visitor.get(link_to(visitor, "advice.edi"))

    assert "000000905 of ZZ PARTNER" in visitor.seen


@pytest.mark.parametrize(
    "path",
    ["/files/in/nonsense", "/files/in/!!!", "/files/out/YS9iCng", "/files/in/YS9iCng", "/files/out/" + "x" * 900],
)
def test_a_file_that_is_not_there_is_told(viewer, path):
    assert viewer.get(path).status_code in {400, 404}


def test_hostile_names_stay_text(make_office):
    _, workspace, visitor = bare(make_office)
    came(workspace, EVIL, bad=EVIL, flow=EVIL)
    sent(workspace, EVIL, folder=EVIL, answer=EVIL, flow=EVIL)
    paths = ["/files", "/files?side=out"]
    for path in list(paths):
        visitor.get(path)
        paths.append(re.search(r'href="(/files/(?:in|out)/[^"]+)"', visitor.text)[1])

    for path in paths:
        visitor.get(path)
        assert visitor.page.status_code == 200, path
        assert "<script>alert" not in visitor.text
        assert "<img src=x" not in visitor.text
        assert "\u202e" not in visitor.text
        assert "alert(1)" in visitor.seen

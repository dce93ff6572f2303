"""Crosswalks: codes that are missing, what waits for each, the line to add; and then the replay of all."""

from __future__ import annotations

import re
from contextlib import ExitStack

import pytest

from engine.errors import RecordError
from engine.mapping.crosswalk import Crosswalk, gap_in
from engine.mapping.modifiers import Modifiers, build_steps
from engine.service.console.crosswalks_facts import tables

from ..specs.world import World  # noqa: TID252 - the tests are no package
from .office import Office, invoice, line

EVIL = "</td><script>alert(1)</script><img src=x onerror=alert(2)>"


def test_a_missing_code_is_told_with_what_waits_and_the_line_to_add(office, viewer):
    viewer.get("/crosswalks")

    assert viewer.page.status_code == 200
    assert viewer.text.count("<h1") == 1
    row = viewer.text.split('<th scope="row">MYSTERY')[1].split("</tr>")[0]
    assert re.findall(r'data-name="(?:Documents|Amount)">([^<]+)<', row) == ["1", "5.00"]
    assert "MYSTERY,?" in row
    assert "/queue?cause=" in row
    assert "gl_codes.csv" in viewer.seen
    assert "No document waits for a code of this one." in viewer.seen, "the other crosswalk"


def test_an_operator_goes_on_to_the_replay_of_all(operator):
    operator.get("/crosswalks")
    to = re.search(r'href="(/causes/[0-9a-f]+)"', operator.text)[1]

    operator.get(to)

    assert operator.page.status_code == 200
    assert "is not in crosswalk" in operator.seen


@pytest.fixture(scope="module")
def more(tmp_path_factory):
    """A morning later: invoices with more codes nobody knows, hostile ones among them."""
    with ExitStack() as stack:
        world = World(stack, tmp_path_factory.mktemp("more"))
        world.masters_are_fresh()
        office = Office(stack, world)
        offer_more(office)
        yield office, office.visit("vic")


def offer_more(office):
    office.world.offer("invoices_0301.csv", invoice("C-0", line(1, "5.00", "MYSTERY")))
    office.world.run("invoices")
    office.world.offer(
        "invoices_0401.csv", invoice("C-1", line(1, "7.00", "MYSTERY")), invoice("C-2", line(1, "1.50", EVIL)),
        invoice("C-3", line(1, "2.00", 'quo"ted, code')), invoice("C-4", line(1, "1.00", "x" * 90)),
        invoice("C-5", line(1, "1.00", "A1"), line(2, "1.00", "A2")),
    )  # fmt: skip
    office.world.run("invoices")


def test_codes_are_counted_and_summed_and_stay_text(more):
    office, visitor = more
    (gl, _), part = tables(office.parts)
    visitor.get("/crosswalks")

    found = {each.code: (each.documents, str(each.amount), each.line) for each in gl.missing}
    assert not part
    assert found["MYSTERY"] == (2, "12.00", "MYSTERY,?,")
    assert found[EVIL][2].startswith(EVIL)
    assert found['quo"ted, code'] == (1, "2.00", '"quo""ted, code",?,')
    assert [(each.cut, each.code) for each in gl.missing if each.cut] == [(True, "x" * 58)]
    assert next(each for each in gl.missing if each.code == "A1").more == 1
    assert "<script>alert" not in visitor.text
    assert "<img src=x" not in visitor.text
    assert "alert(1)" in visitor.seen
    assert "lack another value too" in visitor.seen


def test_a_file_that_was_mended_is_seen(more):
    office, visitor = more
    file = office.world.spec.parent / "crosswalks" / "gl_codes.csv"
    before = file.read_text()
    file.write_text(before.rstrip("\n") + "\nMYSTERY,6100,x\n")

    visitor.get("/crosswalks")
    file.write_text(before)

    assert "the file has it now" in visitor.text.split('<th scope="row">MYSTERY')[1].split("</tr>")[0]


def test_a_file_that_is_broken_is_told(more):
    office, visitor = more
    (office.world.spec.parent / "crosswalks" / "gl_codes.csv").write_text("other,columns\n1,2\n")

    visitor.get("/crosswalks")

    assert visitor.page.status_code == 200
    assert "has no column `stampli_gl`" in visitor.seen
    assert "mend the file first" in visitor.seen


CODES = [
    "PENS", "it's", 'say "no"', "it's \"both\"", "a b c", "4711", "00123", "x' is not in crosswalk `other`; add a line for it", "tab\there",
    "back\\slash", "ünï", "`tick`",
]  # fmt: skip


@pytest.mark.parametrize("code", CODES)
def test_what_the_engine_says_of_a_gap_is_understood(code):
    """The same constant writes it and reads it."""
    (step,) = [
        run
        for name, run in build_steps(Modifiers(crosswalk=Crosswalk(name="gl_codes", pairs={})))
        if name == "crosswalk"
    ]
    with pytest.raises(RecordError) as caught:
        step(code, {})
    wrapped = RecordError(f"{caught.value} (and 2 more)", field="Lines[1].Account")

    gap = gap_in(str(wrapped))

    assert (gap.crosswalk, gap.code, gap.cut, gap.more) == ("gl_codes", code, False, 2)


@pytest.mark.parametrize(
    "reason",
    ["", "waits for a vendor", "'X' is none of its `values`", "is not in crosswalk", "` is not in crosswalk `"],
)
def test_other_reasons_are_no_gaps(reason):
    assert gap_in(reason) is None


def test_a_number_that_is_no_code_is_told_as_it_is():
    assert gap_in("12.50 is not in crosswalk `gl`; add a line for it").code == "12.50"

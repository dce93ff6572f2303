"""Seven in the morning: from the alert to the invoice that is posted, with the mouse and without."""

from __future__ import annotations

from datetime import date

import pytest

POSTED = 30_000
"""Milliseconds until a flow that was asked to run has run, on a busy machine."""


def mend_the_crosswalk(house):
    """What a person does in the folder of the specs, the books being open again; the service notices by itself."""
    house.world.epicor.close_periods(date(2026, 1, 31))
    file = house.world.spec.parent / "crosswalks" / "gl_codes.csv"
    before = house.parts.shelf.integrations["epicor-kinetic--stampli"]
    file.write_text(file.read_text() + "MYSTERY,6100,found in the morning\n")
    return lambda: house.parts.shelf.integrations["epicor-kinetic--stampli"] is not before


def test_from_the_alert_to_a_posted_invoice(make_house, window, until):
    """Link, login, queue, document, crosswalk mended, mapped again, posted; the page says so without being loaded again."""
    house = make_house()
    seen = window(base=house.base)
    page = seen.page
    seen.go(house.link_of("G-1"))
    seen.login("olga")
    assert "'MYSTERY' is not in crosswalk `gl_codes`; add a line for it" in seen.text

    page.get_by_role("link", name="G-1").last.click()
    assert page.get_by_role("heading", level=1).inner_text().startswith("G-1")
    assert "add a line for it" in seen.text
    until(mend_the_crosswalk(house))
    page.get_by_role("button", name="Map it again").click()
    page.get_by_role("status").filter(has_text="asked to run now").wait_for()

    page.evaluate("window.same = true")
    page.locator("#now .badge", has_text="posted").wait_for(timeout=POSTED)
    assert page.evaluate("window.same") is True
    assert "G-1" in house.world.numbers()
    assert house.world.saved("G-1") == 1
    assert "olga" in page.locator("main").inner_text(), "the story names who did it"


def test_the_same_without_a_mouse(make_house, window, until):
    """Tab, Enter and the page's own keys, from the login on."""
    house = make_house()
    seen = window(base=house.base)
    page, keys = seen.page, seen.page.keyboard
    seen.go("/queue?state=held")
    keys.type("olga")  # the name has the focus
    keys.press("Tab")
    keys.type("correct horse battery")
    keys.press("Enter")
    page.wait_for_url("**/queue?state=held")

    keys.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    keys.press("/")
    keys.type("G-1")
    keys.press("Enter")
    page.wait_for_url("**/documents/**")  # the only one of that number
    until(mend_the_crosswalk(house))
    tab_to(page, "button", "Map it again")
    keys.press("Enter")
    page.locator("#now .badge", has_text="posted").wait_for(timeout=POSTED)
    assert "G-1" in house.world.numbers()

    keys.press("g")
    keys.press("q")
    page.wait_for_url("**/queue")


def tab_to(page, tag, text):
    """Until the keyboard is there, and a person sees where it is."""
    tags = {"button": "BUTTON"}
    for _ in range(80):
        page.keyboard.press("Tab")
        at = page.evaluate("[document.activeElement.tagName, document.activeElement.textContent.trim()]")
        if at == [tags[tag], text]:
            shown = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert shown not in {"none", ""}, "nothing shows where the keyboard is"
            return
    pytest.fail(f"no {tag} `{text}` can be reached by Tab")


def test_without_scripts_login_filter_and_replay_work(make_house, window):
    """What scripts add is missing, nothing else: the page offers to look again."""
    house = make_house()
    seen = window(base=house.base, scripts=False)
    page = seen.page
    seen.go("/queue")
    seen.login("olga")
    page.get_by_label("held", exact=True).check()
    page.get_by_label("Number or reason has").fill("H-1")
    page.get_by_role("button", name="Show", exact=True).click()
    assert "state=held" in page.url
    assert page.locator("table").last.locator("tbody tr").count() == 1
    page.get_by_role("link", name="H-1").last.click()
    page.get_by_role("button", name="Map it again").click()
    page.get_by_role("status").filter(has_text="asked to run now").or_(page.get_by_role("status")).first.wait_for()
    assert page.get_by_role("status").inner_text()
    assert house.workspace.trail.entries(key=house.world.document("H-1").key, limit=5)[-1].actor in {"olga", "test"}

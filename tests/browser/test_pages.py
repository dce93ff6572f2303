"""Every page as people with other eyes, hands and screens meet it, and as a hostile partner would have it."""

from __future__ import annotations

from html import unescape
from urllib.parse import quote

import pytest
from axe_playwright_python.sync_playwright import Axe

from engine.service.console.app import pages

from .house import EVIL, EVIL_FILE
from .pages import NO_PAGE, PAGES, document
from .pictures import FOLDER

LOOKS = {"1280-light": (1280, False), "360-dark": (360, True)}
OTHERS = {"360-light": (360, False), "1280-dark": (1280, True)}
"""The first two see each width and each colour; the long proof sees the rest as well."""
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.mark.parametrize(
    ("width", "dark"),
    [*LOOKS.values(), *(pytest.param(*look, marks=pytest.mark.faults) for look in OTHERS.values())],
    ids=[*LOOKS, *OTHERS],
)
def test_no_page_shuts_anybody_out(house, window, width, dark):
    """axe-core finds nothing serious, nothing is cut off at the side, and there is one heading of the first rank."""
    axe, found, wide, seen = Axe(), [], [], window(base=house.base, width=width, dark=dark)
    for name, (_route, address) in PAGES.items():
        if name == "login":
            seen.page.context.clear_cookies()
        else:
            seen.enter(house.session("ada"))
        seen.go(address(house))
        assert seen.page.locator("h1").count() == 1, name
        result = axe.run(seen.page, options={"resultTypes": ["violations"], "runOnly": RULES})
        found += [
            (name, each["id"], each["impact"], [node["html"][:160] for node in each["nodes"]][:3])
            for each in result.response["violations"]
            if each["impact"] in {"serious", "critical"}
        ]
        if seen.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            wide.append(name)
    assert found == []
    assert wide == []


def test_every_page_is_looked_at():
    """The list here and the console's routes are the same."""
    shown = {route.path for route in pages() if "GET" in (route.methods or {"GET"})}
    assert shown == {route for route, _ in PAGES.values()} | NO_PAGE


def test_what_a_hostile_partner_writes_is_text(house, window):
    """In numbers, names, reasons, files and headlines: no dialog, no request, no complaint, and it can be read as it was written."""
    seen = window(base=house.base)
    seen.enter(house.session("ada"))
    page = seen.page
    for name, (_route, address) in PAGES.items():
        if name != "login":
            seen.go(address(house))
            assert page.locator("img[src=x], svg[onload], main script").count() == 0, name
    seen.go("/files")
    assert EVIL_FILE in unescape(page.content())
    page.get_by_role("link", name=EVIL_FILE[:20]).first.click()
    assert "onerror=alert(5)" in page.locator("h1").inner_text()
    for number, written in (("E-1", "E-1<img src=x"), ("E-2", "<svg onload"), ("E-3", EVIL), ("E-5", "E-5<svg onload")):
        seen.go(f"/search?q={number}")
        if "/documents/" not in page.url:  # the only one of that number is shown at once
            page.locator(f"main th a:has-text('{number}')").first.click()
        assert page.locator("h1").inner_text().startswith(number)
        assert page.locator("main img, main svg, main script").count() == 0
        assert written in seen.text, number
    assert page.locator("a[href^='javascript' i]").count() == 0


@pytest.mark.parametrize(
    "path", ["/search?q=", "/queue?q=", "/queue?party=", "/files?q=", "/runs?flow=", "/alerts?flow=", "/login?next="]
)
def test_what_an_address_holds_is_text(house, window, path):
    """A link somebody sent: its words are shown as words, and it leads nowhere else."""
    seen = window(base=house.base)
    seen.enter(house.session("olga"))
    seen.go(path + quote(EVIL))
    assert seen.page.locator("img[src=x], svg[onload], main script").count() == 0


def test_what_a_person_types_is_text(house, window):
    """A reason, which comes back in the story, in another person's window."""
    seen, other = window(base=house.base), window(base=house.base)
    seen.enter(house.session("olga"))
    other.enter(house.session("vic"))
    address = document("G-1")(house)
    seen.go(address)
    form = seen.page.locator("form[action$='/reject']")
    form.get_by_label("Reason").fill(EVIL)
    form.get_by_role("button").click()
    seen.page.locator("#now .badge", has_text="cancelled").wait_for()
    other.go(address)
    for page in (seen.page, other.page):
        assert page.locator("main img, main svg, main script").count() == 0
        assert "<script>alert(2)</script>" in page.locator("main").inner_text()


def test_there_is_a_picture_of_every_page():
    """Small enough to stand in a repository, and each is shown in the guide."""
    made = {path.stem: path.stat().st_size for path in FOLDER.glob("*.png")}
    assert set(made) == set(PAGES)
    assert {name: size for name, size in made.items() if size > 100_000} == {}
    guide = (FOLDER.parents[1] / "README.md").read_text(encoding="utf-8")
    assert [name for name in PAGES if f"console/pictures/{name}.png" not in guide] == []

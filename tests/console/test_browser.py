"""The pages in a real Chromium: for eyes, for a screen reader, for a keyboard, on a phone, in the dark; no rule of the CSP broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.service.counting import Counting

from .office import PASSWORD

pytestmark = pytest.mark.browser
CHROMIUM = next(
    (
        path
        for path in map(Path, ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"))
        if path.exists()
    ),
    None,
)
PAGES = ["/login", "/", "/people", "/help", "/nowhere"]
SIZES = {
    "desk": {"viewport": {"width": 1280, "height": 900}},
    "phone": {"viewport": {"width": 360, "height": 740}},
    "dark": {"viewport": {"width": 1000, "height": 800}, "color_scheme": "dark", "reduced_motion": "reduce"},
}


@pytest.fixture(scope="module")
def browser():
    """Chromium, without a window."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def open_as(office, browser):
    """Opens a tab in which somebody is in already; what its console says is kept in `said`."""
    contexts = []

    def open_tab(name, **traits):
        context = browser.new_context(base_url=office.base, **traits)
        contexts.append(context)
        if name:
            token = office.visit(name).client.cookies["mlc"]
            context.add_cookies([{"name": "mlc", "value": token, "url": office.base}])
        tab = context.new_page()
        tab.said = []
        tab.on("console", lambda message: tab.said.append(message.text))
        tab.on("pageerror", lambda error: tab.said.append(str(error)))
        return tab

    yield open_tab
    for context in contexts:
        context.close()


@pytest.mark.parametrize("size", SIZES)
def test_every_page_can_be_read_by_everybody(office, open_as, size):
    """axe-core finds nothing, nothing is wider than the screen, and the policy stops nothing of ours."""
    from axe_playwright_python.sync_playwright import Axe

    Counting(office.parts).tick()
    tab, stranger = open_as("ada", **SIZES[size]), open_as("", **SIZES[size])
    for path in PAGES:
        page = stranger if path == "/login" else tab
        page.goto(path)
        found = Axe().run(page).response["violations"]
        assert [(path, each["id"], each["nodes"][0]["html"]) for each in found] == []
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0, path
    broken = [text for text in (*tab.said, *stranger.said) if "Security Policy" in text or "Error" in text]
    assert broken == []


def test_somebody_logs_in_finds_the_search_and_a_page_and_leaves_by_keyboard_alone(open_as):
    tab = open_as("")
    tab.goto("/people")
    tab.keyboard.type("ada")
    tab.keyboard.press("Tab")
    tab.keyboard.type(PASSWORD)
    tab.keyboard.press("Enter")
    tab.get_by_role("heading", name="People", exact=True).wait_for()
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip"
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "main"
    tab.keyboard.press("/")
    assert tab.evaluate("document.activeElement.id") == "find"
    tab.keyboard.type("g")
    assert tab.input_value("#find") == "g", "in a field a key is a letter"
    tab.evaluate("document.activeElement.blur()")
    tab.keyboard.press("g")
    tab.keyboard.press("o")
    tab.get_by_role("heading", name="Overview", exact=True).wait_for()
    tab.get_by_role("button", name="Log out").focus()
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/login")


def test_what_runs_shows_up_without_a_reload(office, open_as):
    flow = "epicor-kinetic--stampli/payments"
    tab = open_as("vic")
    tab.goto("/")
    office.parts.live.progress(flow)("parcel", {"name": "payments_9.csv"})
    tab.wait_for_selector("text=reading payments_9.csv", timeout=9000)
    office.parts.live.ended(flow)


def test_the_same_buttons_work_without_scripts(office, open_as):
    tab = open_as("olga", java_script_enabled=False)
    tab.goto("/")
    tab.get_by_role("button", name="Run Approved invoices into Epicor AP (invoices) now").click()
    assert "starts as soon as there is a place for it" in tab.inner_text(".said")
    assert office.parts.firings.queued()[0].by == "olga"

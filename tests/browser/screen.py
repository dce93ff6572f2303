"""A browser and its windows, which note every request, dialog and complaint."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from playwright.sync_api import Page, sync_playwright

from ..console.office import PASSWORD  # noqa: TID252 - the tests are no package

QUIET = (
    "--disable-background-networking", "--disable-component-update", "--disable-default-apps", "--disable-sync",
    "--no-first-run", "--no-default-browser-check", "--disable-gpu", "--disable-dev-shm-usage", "--mute-audio",
    "--disable-features=Translate,MediaRouter,OptimizationHints,AutofillServerCommunication", "--no-sandbox",
)  # fmt: skip
"""Asks nobody anything by itself. Chromium's sandbox needs rights that root in a container lacks; it sees only our own pages."""
PATIENCE = 15_000
"""Milliseconds a page may take on a busy machine."""


class Browsing:
    """One Chromium with a profile of its own."""

    def __init__(self, path: str, folder: Path) -> None:
        self._path, self._folder = path, folder

    def __enter__(self) -> Self:
        self._playwright = sync_playwright().start()
        home = {"HOME": str(self._folder), "XDG_CONFIG_HOME": str(self._folder), "XDG_CACHE_HOME": str(self._folder)}
        try:
            self.browser = self._playwright.chromium.launch(executable_path=self._path, args=list(QUIET), env=home)
        except BaseException:
            self._playwright.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.browser.close()
        self._playwright.stop()

    @contextmanager
    def window(
        self, *, scripts: bool = True, width: int = 1280, dark: bool = False, base: str = ""
    ) -> Iterator[Window]:
        """A window without cookies. `scripts`: whether JavaScript is on."""
        context = self.browser.new_context(
            java_script_enabled=scripts,
            viewport={"width": width, "height": 800},
            color_scheme="dark" if dark else "light",
            base_url=base or None,
            locale="en-GB",
            timezone_id="UTC",
        )
        context.set_default_timeout(PATIENCE)
        try:
            window = Window(context.new_page(), base)
            yield window
        finally:
            context.close()
        assert window.trouble == [], window.trouble


class Window:
    """A page and what became of it. `trouble`: dialogs, errors, complaints of the console, requests to anywhere but the base."""

    def __init__(self, page: Page, base: str) -> None:
        self.page, self.base = page, base
        self.trouble: list[str] = []
        self.may_ask = False
        page.on("dialog", self._dialog)
        page.on("pageerror", lambda error: self.trouble.append(f"error: {error}"))
        page.on("console", self._said)
        page.on("request", lambda request: self._asked(request.url))

    def _dialog(self, dialog: Any) -> None:
        if not self.may_ask:
            self.trouble.append(f"dialog: {dialog.message}")
        dialog.accept()

    def _said(self, message: Any) -> None:
        text = message.text
        refused = "Failed to load resource: the server responded with a status of 4" in text  # a refusal we asked for
        if message.type in {"error", "warning"} and not refused:
            self.trouble.append(f"console: {text}")

    def _asked(self, url: str) -> None:
        if self.base and not url.startswith((f"{self.base}/", "data:", "about:")):
            self.trouble.append(f"request: {url}")

    def go(self, path: str) -> int:
        """The status of the answer."""
        response = self.page.goto(path if path.startswith("http") else f"{self.base}{path}")
        assert response is not None
        return response.status

    def enter(self, token: str) -> None:
        """As somebody who is in already."""
        self.page.context.add_cookies(
            [{"name": "mlc", "value": token, "url": self.base, "httpOnly": True, "sameSite": "Lax"}]
        )

    def login(self, name: str, password: str = PASSWORD) -> None:
        """On the login page, wherever that leads."""
        if urlsplit(self.page.url).path != "/login":
            self.go("/login")
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Log in").click()
        self.page.wait_for_url(lambda url: "/login" not in url)

    @property
    def text(self) -> str:
        """What a person reads."""
        return self.page.locator("main").inner_text()

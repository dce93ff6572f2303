"""Who may do what, as a browser meets it: roles, other sites, sessions that end."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .pages import PAGES


def test_a_viewer_sees_no_button_and_gets_no_further_by_hand(house, window):
    """Every page without a form that changes something, but for the log-out; the same POST by hand is refused."""
    seen = window(base=house.base)
    seen.enter(house.session("vic"))
    for name, (_route, address) in PAGES.items():
        if name not in {"login", "people", "cause"}:
            seen.go(address(house))
            forms = seen.page.locator("main form[method=post i] button:visible").all_inner_texts()
            assert forms == [], name
    assert seen.go(PAGES["cause"][1](house)) == 403
    assert seen.go("/people") == 403
    address = PAGES["document"][1](house)
    seen.go(address)
    status = seen.page.evaluate(
        """async (to) => (await fetch(to, {method: "POST", headers: {"Content-Type": "application/x-www-form-urlencoded"},
        body: new URLSearchParams({csrf_token: document.querySelector("[name=csrf_token]").value, reason: "by hand"})})).status""",
        f"{address}/reject",
    )
    assert status == 403
    assert house.world.state("H-1") == "held"


@contextmanager
def another_site(page):
    """A site of its own on another port: what it answers is that page."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            body = page.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_words):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_another_site_changes_nothing_in_somebodys_name(house, window):
    """A form of a stranger's page, sent by the browser of somebody who is in, from another port and from another host name."""
    held = house.world.document("H-1")
    target = f"{house.base}{PAGES['document'][1](house)}/reject"
    form = f"<form method=post action='{target}'><input name=reason value=stolen><button>win</button></form>"
    for host, answers in (
        ("127.0.0.1", 403),
        ("localhost", 303),
    ):  # another port is the same site: there the origin decides
        with another_site(form) as port:
            seen, came = window(), []
            seen.base = house.base
            seen.enter(house.session("olga"))
            seen.base = ""
            seen.page.on("response", lambda answer, came=came: came.append((answer.request.method, answer.status)))
            seen.page.goto(f"http://{host}:{port}/")
            with seen.page.expect_navigation():
                seen.page.get_by_role("button", name="win").click()
            assert [status for method, status in came if method == "POST"] == [answers]
    assert house.world.document("H-1") == held


def test_a_frame_of_another_site_stays_empty(house, window):
    """Nobody lays the console under a page of their own."""
    with another_site(f'<h1>free money</h1><iframe src="{house.base}/login"></iframe>') as port:
        seen = window()
        seen.page.goto(f"http://127.0.0.1:{port}/")
        seen.page.wait_for_load_state("networkidle")
        assert [
            frame for frame in seen.page.frames[1:] if "/login" in frame.url and frame.locator("form").count()
        ] == []
        seen.trouble.clear()  # the browser complains, as it should


def test_a_session_ends_by_log_out_and_by_itself(make_house, window):
    house = make_house()
    seen = window(base=house.base)
    page = seen.page
    seen.go("/queue?state=held")
    seen.login("vic")
    assert page.url.endswith("/queue?state=held")
    cookie = next(each for each in page.context.cookies() if each["name"] == "mlc")
    assert (cookie["httpOnly"], cookie["sameSite"] in {"Lax", "Strict"}) == (True, True)
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/login*")
    page.context.add_cookies([cookie])
    seen.go("/queue")
    assert "/login" in page.url, "the old cookie is worth nothing"

    seen.login("vic")
    house.world.clock.forward(minutes=31)
    seen.go("/runs")
    assert re.search(r"/login\?next=", page.url)


def test_a_wrong_password_says_no_more_than_that(house, window):
    seen = window(base=house.base)
    texts = []
    for name in ("olga", "nobody-of-that-name"):
        seen.go("/login")
        seen.page.get_by_label("Name").fill(name)
        seen.page.get_by_label("Password").fill("not the password")
        seen.page.get_by_role("button", name="Log in").click()
        texts.append(seen.page.get_by_role("alert").inner_text())
    assert texts[0] == texts[1]

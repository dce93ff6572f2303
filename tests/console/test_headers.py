"""What a browser is told to refuse; and files that may be kept for ever."""

from __future__ import annotations

import hashlib
import re

import pytest

from engine.service.console.static import FOLDER, files

HTMX = "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717"
"""htmx 2.0.11 as npm has it: dist/htmx.min.js of htmx.org-2.0.11.tgz."""
CSP = {
    "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self' data:", "connect-src": "'self'",
    "form-action": "'self'", "frame-ancestors": "'none'", "base-uri": "'none'",
}  # fmt: skip


@pytest.mark.parametrize("path", ["/", "/login", "/help", "/nowhere", "/people", "/flows/run"])
@pytest.mark.parametrize("name", ["", "vic"])
def test_every_answer_keeps_strangers_out(office, path, name):
    visitor = office.visit(name)
    visitor.client.follow_redirects = False
    answer = visitor.get(path)
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy == CSP
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin", "with no-referrer a browser's Origin would be `null`"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["x-frame-options"] == "DENY"
    assert "strict-transport-security" not in answer.headers, "there is no https here"
    assert "server" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/login", "/help", "/people"])
def test_no_page_holds_a_script_or_a_style_of_its_own(office, admin, path):
    visitor = office.visit() if path == "/login" else admin
    text = visitor.get(path).text
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|<script(?![^>]*\ssrc=)", text)
    sources = re.findall(r'(?:src|href)="([^"]+)"', text)
    assert all(source.startswith(("/", "#")) for source in sources)


def test_files_are_addressed_by_what_is_in_them_and_kept_for_ever(office):
    visitor = office.visit()
    text = visitor.get("/login").text
    addresses = re.findall(r'"(/static/[^"]+)"', text)
    assert len(addresses) == 4
    for address in addresses:
        answer = visitor.get(address)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert hashlib.sha256(answer.content).hexdigest().startswith(address.split("/")[2])
        assert visitor.get(address.replace("/static/", "/static/0")).status_code == 404


@pytest.mark.parametrize(
    "name", ["../app.py", "%2e%2e/app.py", "..%2fapp.py", "console.css/../../app.py", "console.css%00"]
)
def test_nothing_but_the_files_is_served(office, name):
    visitor = office.visit()
    digest = files()["console.css"][0]
    answer = visitor.get(f"/static/{digest}/{name}")
    assert answer.status_code == 404
    assert "import" not in answer.text


def test_htmx_is_the_version_that_was_published_with_its_licence():
    assert hashlib.sha256((FOLDER / "htmx.min.js").read_bytes()).hexdigest() == HTMX
    assert "Zero-Clause BSD" in (FOLDER / "htmx.LICENSE.txt").read_text()


def test_another_hosts_name_is_not_answered(office):
    visitor = office.visit()
    assert visitor.get("/login", Host="evil.example").status_code == 421


def test_no_colour_is_too_pale_to_be_read():
    """WCAG 2.2, 1.4.3: a contrast of 4.5 to 1, in the light and in the dark."""
    text = (FOLDER / "console.css").read_text()
    blocks = re.findall(r":root \{(.*?)\}", text, re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        colour = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
        pairs = [(one, back) for one in ("text", "quiet", "link", "bad") for back in ("back", "panel")]
        pairs += [(kind, f"{kind}-back") for kind in ("good", "warn", "bad", "busy", "rest")]
        pairs += [
            ("on-strong", "strong"),
            ("back", "bad"),
            ("text", "busy-back"),
            ("text", "bad-back"),
            ("text", "warn-back"),
        ]
        low = {pair: ratio for pair in pairs if (ratio := contrast(colour[pair[0]], colour[pair[1]])) < 4.5}
        assert low == {}
        shapes = [(bar, back) for bar in ("bar-good", "bar-warn", "bar-bad", "edge") for back in ("back", "panel")]
        assert {pair for pair in shapes if contrast(colour[pair[0]], colour[pair[1]]) < 3} == set()


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    r, g, b = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b

"""Controls 12, 16, 17, 20, 27: a server that is broken or wants to harm. A doubt is a doubt, never a success, and costs little."""

# ruff: noqa: E501 - specs and files are quoted as they are written

from __future__ import annotations

import gzip
import json
import resource
import time
import zlib

import pytest

from .peer import Peer

DEADLINE = 6.0


def bomb(megabytes):
    return gzip.compress(b" " * megabytes * 1024 * 1024, 9)


def on_post(*answer):
    return lambda asked: answer if asked.method == "POST" else None


def on_get(*answer):
    return lambda asked: answer if asked.method == "GET" else None


BODIES = {
    "gzip bomb": ({"Content-Encoding": "gzip"}, bomb(200)),
    "gzip in gzip": ({"Content-Encoding": "gzip, gzip"}, gzip.compress(bomb(10))),
    "deflate bomb": ({"Content-Encoding": "deflate"}, zlib.compress(b" " * 200 * 1024 * 1024, 9)),
    "unknown compression": ({"Content-Encoding": "br"}, b"\x00"),
    "deep": ({}, b'{"id":' * 100_000),
    "deep list": ({}, b"[" * 1_000_000),
    "NaN": ({}, b'{"id": NaN}'),
    "infinity": ({}, b'{"id": -Infinity}'),
    "a huge exponent": ({}, b'{"id": 1e999999999}'),
    "a million digits": ({}, b'{"id": ' + b"9" * 1_000_000 + b"}"),
    "duplicate keys": ({}, b'{"id": 1, "id": 2}'),
    "no UTF-8": ({}, b'{"id": "\xff\xfe"}'),
    "a web page": ({"Content-Type": "text/html"}, b"<!DOCTYPE html><html>ok</html>"),
    "nothing": ({}, b""),
    "null": ({}, b"null"),
    "no id": ({}, b"{}"),
    "half": ({"Content-Length": "500"}, b'{"id": 1'),
    "two documents": ({}, b'{"id": 1}{"id": 2}'),
    "headers of a megabyte": ({f"X-{n}": "x" * 900 for n in range(1000)}, b'{"id": 1}'),
    "too long": ({"Content-Length": "99999999999"}, b'{"id": 1}'),
}  # fmt: skip


@pytest.mark.parametrize("what", BODIES)
def test_20_a_hostile_answer_to_a_write_is_a_doubt(stage, what):
    """Never posted, never sent twice, little memory, little time."""
    headers, body = BODIES[what]
    stage.peer.answer = on_post(200, headers, body)
    stage.offer_bill()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.monotonic()
    stage.run()
    assert time.monotonic() - start < DEADLINE
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 * 1024
    assert set(stage.states().values()) <= {"in_doubt", "held"}
    assert len(stage.peer.posts()) == 1
    assert len(stage.reasons()) < 4096


@pytest.mark.parametrize(
    "what", [*BODIES, "a list where an object is due", "text where a list is due", "a wrong number"]
)
def test_20_a_hostile_answer_to_a_look_is_never_absent_and_never_found(stage, what):
    """`absent` would post a second invoice, `found` would lose this one."""
    more = {
        "a list where an object is due": ({}, b"[1, 2]"), "text where a list is due": ({}, b'{"items": "none"}'),
        "a wrong number": ({}, b'{"items": {"0": 1}}'),
    }  # fmt: skip
    headers, body = (BODIES | more)[what]
    stage.peer.answer = on_get(200, headers, body)
    stage.offer_bill()
    stage.run()
    assert stage.peer.posts() == []
    assert set(stage.states().values()) <= {"ready", "held"}


@pytest.mark.parametrize("said", ["x" * 3_000_000, "\x1b[2J\x1b[1;1Hposted", "a\r\nINFO bills: 1 posted", "\u202edetsop", "\x00", ["a"] * 10_000,
                                  {"a": 1}, "\ud800", "%s %n {0}", "[bold]x[/] [/]"], ids=range(10))  # fmt: skip
def test_27_an_error_text_is_short_harmless_and_one_line(stage, said):
    stage.peer.answer = on_post(400, {}, json.dumps({"message": said}).encode())
    stage.offer_bill()
    told = [stage.cli("run", str(stage.spec), "--debug"), stage.cli("held", "list", "--all"), stage.cli("held", "show", "A-1"),
            stage.cli("audit", "--invoice", "A-1"), stage.cli("audit", "--invoice", "A-1", "--format", "json")]  # fmt: skip
    printed = "".join(done.stdout + done.stderr for done in told)
    assert [done.returncode for done in told] == [3, 0, 0, 0, 0], printed
    assert not [c for c in printed if not c.isprintable() and c != "\n"]
    assert not [line for line in printed.splitlines() if line.startswith("INFO bills: 1 posted")]
    assert all(len(detail) <= 4096 for (detail,) in stage.rows("select detail from trail"))
    assert len(stage.reasons()) <= 2000
    assert set(stage.states().values()) <= {"rejected", "in_doubt"}


def test_20_a_drip_ends_at_the_deadline(stage):
    """One byte at a time, each well inside any read time-out."""
    stage.change("systems/shop.yaml", ("deadline: 2s", "deadline: 500ms"))

    def drip(asked):
        if asked.method == "POST":
            time.sleep(0.01)
            return 200, {"Content-Length": "1000000"}, b" " * 10
        return None

    stage.peer.answer = drip
    stage.offer_bill()
    start = time.monotonic()
    stage.run()
    assert time.monotonic() - start < DEADLINE
    assert stage.states() == {"A-1": "in_doubt"}


def listing(stage):
    """The shop as a source whose pages come from the peer."""
    stage.change("systems/shop.yaml", ("  bills:\n    title: Bills\n", """\
  notes:
    title: Notes
    key: [code]
    fields: {code: string(40), text: string(100)}
    list: {get: notes, records: items, page: {next: {link: next}}}
  bills:
    title: Bills
"""))  # fmt: skip
    head = stage.spec.read_text().partition("flows:\n")[0]
    stage.spec.write_text(
        head
        + """\
flows:
  notes:
    title: Notes
    read: {object: shop.notes}
    key: [code]
    map: {code: code, text: text}
    write: {object: files.notes, pattern: append}
"""
    )


@pytest.mark.parametrize("link", ["http://{thief}/api/notes?page=2", "//{thief}/api/notes", "http://{thief}@127.0.0.1/", "http://127.0.0.1:1@{thief}/",
                                  "http://169.254.169.254/latest/meta-data", "file:///etc/passwd", "/../../admin", "http://{own}/admin/../../x",
                                  "javascript:alert(1)", "http://{own}%2f@{thief}/", "https://{own}/api/notes"])  # fmt: skip
def test_16_a_next_link_leads_nowhere_but_on(stage, link):
    """The login goes with it, so it is followed on the connection's own origin only."""
    listing(stage)
    with Peer() as thief:
        own = f"127.0.0.1:{stage.peer.port}"
        target = link.format(thief=f"127.0.0.1:{thief.port}", own=own)
        stage.peer.answer = lambda asked: (
            200,
            {},
            json.dumps({"items": [{"code": "1", "text": "x"}], "next": target}).encode(),
        )
        checked = stage.cli("validate", str(stage.spec))
        assert checked.returncode == 0, checked.stdout
        result = stage.run()
        assert thief.asked == []
    assert result.exit_code in {3, 4}, result.render("text")
    assert list((stage.files / "in").iterdir()) == []
    assert len(stage.peer.asked) <= 3


def test_20_a_next_link_that_leads_in_a_circle_ends(stage):
    listing(stage)
    stage.peer.answer = lambda asked: (
        200,
        {},
        json.dumps({"items": [{"code": "1", "text": "x"}], "next": f"{stage.peer.url}/api/notes"}).encode(),
    )
    start = time.monotonic()
    result = stage.run()
    assert time.monotonic() - start < DEADLINE
    assert result.exit_code in {3, 4}
    assert len(stage.peer.asked) < 50

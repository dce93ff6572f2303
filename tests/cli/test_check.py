"""`check` on real sockets: each thing that can be wrong is named at its own step, and what could not be tried is not called ok."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from engine.sandbox.stampli import Stampli

WEB = """
mlconnector: 1
system: web
title: Web
needs:
  site: {type: url, title: Site}
  user: {type: string, title: User}
  password: {type: secret, title: Password}
http:
  base: {text: "{{ need.site }}/api/"}
  auth: {basic: {username: {need: user}, password: {need: password}}}
  check: {get: ping}
objects:
  items:
    title: Items
    key: [id]
    fields: {id: string(20)!}
    list: {get: items, records: items, page: none}
"""
FILES = """
mlconnector: 1
system: files
title: Files
needs:
  host: {type: string, title: Host}
  port: {type: integer, title: Port}
  user: {type: string, title: User}
  password: {type: secret, title: Password}
  host_key: {type: string, title: Host key}
sftp:
  host: {need: host}
  port: {need: port}
  username: {need: user}
  auth: {password: {need: password}}
  host_key: {need: host_key}
objects:
  in:
    title: Placed
    key: [id]
    fields: {id: string(20)!}
    drop: {folder: /inbound, name: {text: "x_{{ batch }}.csv"}}
    csv: {}
"""
SPEC = """
mlconnector: 1
integration: web--files
title: Web and files
systems:
  web: {use: web, with: {site: {env: SITE}, user: {env: WEB_USER}, password: {secret: web.password}}}
  files:
    use: files
    with:
      host: {env: SFTP_HOST}
      port: {env: SFTP_PORT}
      user: {env: SFTP_USER}
      password: {secret: files.password}
      host_key: {env: SFTP_KEY}
flows:
  items:
    title: Items
    read: {object: web.items}
    key: [id]
    map: {id: id}
    write: {object: files.in, pattern: append}
"""


@dataclass
class Site:
    """A web server that answers every path with one status, and remembers what it was asked."""

    status: int = 200
    asked: list[str] = field(default_factory=list)
    port: int = 0


@contextmanager
def serving(site: Site) -> Iterator[Site]:
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append(self.path)
            status = site.status if self.headers.get("Authorization") == "Basic dTpjb3JyZWN0LWhvcnNl" else 401
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    site.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def site():
    with serving(Site()) as found:
        yield found


@pytest.fixture
def stampli():
    stand = Stampli()
    stand.server.password = "correct-horse"
    with stand:
        yield stand


@pytest.fixture
def ask(desk, site, stampli):
    """Calls `check` with some settings changed; the steps by system and name."""
    (desk.folder / "systems" / "web.yaml").write_text(WEB)
    (desk.folder / "systems" / "files.yaml").write_text(FILES)
    spec = desk.folder / "web--files.yaml"
    spec.write_text(SPEC)
    known = {
        "SITE": f"http://127.0.0.1:{site.port}",
        "WEB_USER": "u",
        "SFTP_HOST": "127.0.0.1",
        "SFTP_PORT": str(stampli.server.port),
        "SFTP_USER": stampli.server.username,
        "SFTP_KEY": stampli.server.host_key_line,
        "MLCONNECTOR_ALLOW_LOOPBACK": "1",
    }
    for name in ("web.password", "files.password"):
        desk.at("secrets", "set", name, input="correct-horse")

    def call(*words, **changes):
        environ = {name: value for name, value in (known | changes).items() if value}
        result = desk.at("check", str(spec), "--format", "json", *words, environ=environ)
        assert result.stdout, result.stderr
        told = json.loads(result.stdout)
        assert told["exit_code"] == result.exit_code
        return result.exit_code, {
            (system["system"], step["step"]): step for system in told["systems"] for step in system["steps"]
        }

    return call


def states(steps, system):
    return {name: step["state"] for (alias, name), step in steps.items() if alias == system}


def test_everything_answers(ask, stampli, site):
    code, steps = ask()

    assert code == 0
    assert states(steps, "web") == {
        "settings": "ok", "address": "ok", "name": "ok", "port": "ok", "tls": "skipped", "login": "ok", "read": "ok",
    }  # fmt: skip
    assert states(steps, "files") == {
        "settings": "ok", "address": "ok", "name": "ok", "port": "ok", "host key": "ok", "login": "ok", "folder /inbound": "ok",
    }  # fmt: skip
    assert site.asked == ["/api/ping"]
    assert [e for e in stampli.history.effects() if e.what.startswith("file.")] == []
    assert all(isinstance(step["ms"], int) for step in steps.values())
    assert "not tried" in steps["files", "folder /inbound"]["detail"]


def failed(steps):
    """The one step that failed, and those that were not tried after it."""
    found = [name for name, step in steps.items() if step["state"] == "failed"]
    assert len(found) == 1, [(name, steps[name]["detail"]) for name in found]
    assert steps[found[0]]["advice"]
    after = list(steps)[list(steps).index(found[0]) + 1 :]
    skipped = [name for alias, name in after if alias == found[0][0]]
    assert all(steps[found[0][0], name]["state"] == "skipped" for name in skipped)
    return found[0], steps[found[0]]["detail"], skipped


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def test_a_closed_port(ask):
    port = free_port()
    code, steps = ask(SITE=f"http://127.0.0.1:{port}")

    step, detail, after = failed(steps)
    assert (code, step, after) == (4, ("web", "port"), ["tls", "login", "read"])
    assert "refused" in detail
    assert states(steps, "files")["login"] == "ok", "the other system is looked at all the same"

    code, steps = ask(SFTP_PORT=str(port))
    step, _, after = failed(steps)
    assert (code, step, after) == (4, ("files", "port"), ["host key", "login", "folder /inbound"])


def test_an_unknown_name(ask):
    code, steps = ask(SITE="http://no-such-host.invalid")

    step, detail, _ = failed(steps)
    assert (code, step) == (4, ("web", "name"))
    assert "no-such-host.invalid" in detail


def test_an_address_that_is_never_a_business_system(ask):
    _, steps = ask(SITE="http://169.254.169.254")

    step, detail, _ = failed(steps)
    assert step == ("web", "name")
    assert "metadata" in detail


def test_tls_to_a_plain_port(ask, site):
    code, steps = ask(SITE=f"https://127.0.0.1:{site.port}")

    step, detail, after = failed(steps)
    assert (code, step, after) == (4, ("web", "tls"), ["login", "read"])
    assert "does not speak TLS" in detail
    assert site.asked == []


def test_another_host_key(ask):
    other = "SHA256:" + "A" * 43
    code, steps = ask(SFTP_KEY=other)

    step, detail, after = failed(steps)
    assert (code, step, after) == (4, ("files", "host key"), ["login", "folder /inbound"])
    assert "another host key" in detail


def test_a_wrong_password(ask, desk, site):
    desk.at("secrets", "set", "web.password", input="battery-staple")
    code, steps = ask("--system", "web")

    step, _, after = failed(steps)
    assert (code, step, after) == (4, ("web", "login"), ["read"])
    assert "mlconnector secrets set web.password" in steps["web", "login"]["advice"]

    desk.at("secrets", "set", "files.password", input="battery-staple")
    code, steps = ask("--system", "files")
    step, detail, after = failed(steps)
    assert (code, step, after) == (4, ("files", "login"), ["folder /inbound"])
    assert "battery" not in detail
    assert steps["files", "host key"]["state"] == "ok"


def test_a_read_that_is_not_there(ask, site):
    site.status = 404
    code, steps = ask("--system", "web")

    step, detail, _ = failed(steps)
    assert (code, step) == (4, ("web", "read"))
    assert "404" in detail
    assert states(steps, "web")["login"] == "skipped", "a fixed login is proven by a good answer alone"


def test_a_missing_folder(ask, stampli):
    stampli.path("/inbound").rmdir()
    code, steps = ask("--system", "files")

    step, detail, _ = failed(steps)
    assert (code, step) == (4, ("files", "folder /inbound"))
    assert "no such file or folder" in detail


def test_a_missing_setting_holds_up_one_system_only(ask):
    code, steps = ask(WEB_USER="")

    step, detail, _ = failed(steps)
    assert (code, step) == (4, ("web", "settings"))
    assert "WEB_USER" in detail
    assert states(steps, "files")["login"] == "ok"


def test_a_host_the_operator_does_not_allow_is_not_reached(ask, site):
    code, steps = ask(MLCONNECTOR_ALLOW_HOSTS="*.acme.com")

    assert code == 4
    assert [name for name, step in steps.items() if step["state"] == "failed"] == [
        ("web", "address"),
        ("files", "address"),
    ]
    assert site.asked == []


def test_an_unknown_system_is_wrong_usage(desk):
    result = desk.at("check", desk.spec, "--system", "partnr")

    assert (result.exit_code, result.stdout) == (2, "")
    assert "did you mean `partner`?" in result.stderr


def test_the_key_a_server_shows_now(ask, stampli):
    _, steps = ask("--show-host-key", "--system", "files", SFTP_KEY="SHA256:" + "A" * 43)

    assert stampli.server.host_key_line.split()[-1] in steps["files", "host key"]["detail"]


def test_it_makes_no_workspace(desk):
    result = desk.at("check", desk.spec)

    assert result.exit_code == 0
    assert not (desk.folder / ".mlconnector").exists()
    assert "makes none" in result.stderr

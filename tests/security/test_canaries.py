"""Control 4: canary secrets, and every command, on paths that work and that fail. Every byte printed or written is searched."""

# ruff: noqa: E501 - calls and forms are quoted as they are

from __future__ import annotations

import base64
import html
import json
import urllib.parse
from contextlib import ExitStack
from pathlib import Path

import pytest
from click.testing import CliRunner

import cli
from engine.desk.opening import LOOPBACK
from engine.sandbox.faults import Fault
from tests.docs_tables import every_command
from tests.specs.world import CANARIES, World, invoice, line

from .peer import Peer
from .stage import PASSWORD, USER, Stage

WITHOUT = {"explain", "schema", "test", "sandbox", "demo"}
"""Commands that open no workspace; the stand-ins of the last three have secrets of their own making."""

CALLS = {
    "validate": [["{spec}"], ["{spec}", "--connect", "@"], ["{spec}", "--format", "sarif"], ["{folder}/nosuch.yaml"]],
    "explain": [["{spec}"], ["E305"], ["nonsense"]],
    "schema": [[]],
    "run": [["{spec}", "@"], ["{spec}", "--dry-run", "@"], ["{spec}", "--flow", "nosuch", "@"], ["{spec}", "--dry-run", "--format", "json", "@"]],
    "check": [["{spec}", "@"], ["{spec}", "--show-host-key", "@"], ["{spec}", "--system", "nosuch", "@"]],
    "map": [["{spec}", "--input", "{folder}/sample.csv", "--flow", "invoices"], ["{spec}", "--input", "{spec}"]],
    "inspect": [["{folder}/sample.csv"], ["{folder}/sample.csv", "--spec", "{spec}", "--flow", "invoices"], ["{folder}/nosuch.csv"]],
    "init": [["--from-sample", "{folder}/sample.csv"], ["--from-sample", "{folder}/nosuch.csv", "--format", "json"]],
    "held list": [["--all", "@"], ["--by-cause", "--format", "json", "@"]],
    "held show": [["00123", "@"], ["B", "@"], ["{canary}", "@"]],
    "held release": [["B", "--reason", "{canary}", "@"], ["00123", "--posted-as", "{canary}", "--reason", "x", "@"]],
    "held reject": [["B", "--reason", "because {canary}", "@"]],
    "replay": [["--failed", "@"], ["--failed", "--remap", "{spec}", "@"], ["{canary}", "@"]],
    "audit": [["--invoice", "00123", "@"], ["--since", "2026-01-01", "--format", "json", "@"], ["verify", "@"], ["--file", "{canary}", "@"]],
    "state show": [["@"]],
    "state set": [["vendors", "--cursor", "{canary}", "--reason", "{canary}", "@"]],
    "state reset": [["vendors", "--reason", "{canary}", "@"]],
    "state export": [["{folder}/moved.jsonl", "@"], ["{folder}/no/such/place", "@"]],
    "state import": [["{folder}/moved.jsonl", "--reason", "{canary}", "@"], ["{spec}", "--reason", "x", "@"]],
    "sweep": [["{spec}", "--days", "9999", "@"]],
    "purge": [["{spec}", "--older-than", "400d", "@"], ["{spec}", "--older-than", "soon", "@"]],
    "graph": [["{spec}"], ["{spec}", "--format", "svg"], ["{spec}", "--format", "json"]],
    "docs": [["{spec}"], ["{spec}", "--output", "{folder}/pages"], ["{spec}", "--output", "{spec}/no"]],
    "secrets set": [["stampli.password", "@"], ["no such name", "@"]],
    "secrets list": [["@"], ["--format", "json", "@"]],
    "secrets remove": [["nosuch", "@"]],
    "users add": [["ada", "--role", "admin", "--password-stdin", "@"], ["{canary}", "--password-stdin", "@"], ["no name", "--password-stdin", "@"]],
    "users passwd": [["ada", "--password-stdin", "@"], ["nobody", "--password-stdin", "@"]],
    "users role": [["ada", "viewer", "@"], ["nobody", "admin", "@"]],
    "users list": [["@"], ["--format", "json", "@"]],
    "users remove": [["nobody", "@"]],
    "db upgrade": [["@"]],
    "keys rotate": [["@"]],
    "doctor": [["@"], ["--full", "@"], ["--format", "json", "@"]],
    "alerts list": [["@"], ["--all", "--format", "json", "@"]],
    "alerts test": [["{spec}", "@"], ["{spec}", "{canary}", "@"]],
    "alerts send": [["{spec}", "--now", "@"]],
    "version": [[]],
    "worker": [["{spec}", "@"]],
    "serve": [["{spec}", "--host", "203.0.113.9", "@"], ["{folder}/nosuch.yaml", "@"]],
    "test": [], "sandbox": [], "demo": [],
}  # fmt: skip
"""Words after each command; `@` is the workspace, and --debug where there is one."""


def shapes(secret, user=""):
    """A secret as it may slip out, and nothing so short that it would be found by accident."""
    raw = secret.encode()
    texts = {
        secret, raw.hex(), raw.hex().upper(), base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode(),
        urllib.parse.quote(secret, safe=""), urllib.parse.quote(secret, safe="").replace("%2F", "%2f"),
        urllib.parse.quote_plus(secret), json.dumps(secret)[1:-1], json.dumps(secret)[1:-1].replace("/", "\\/"),
        json.dumps(secret, ensure_ascii=False)[1:-1], html.escape(secret), repr(raw)[2:-1],
    }  # fmt: skip
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + raw).decode()
        texts.add(whole[(before * 8 + 5) // 6 : (before + len(raw)) * 8 // 6])
    if user:
        texts.add(base64.b64encode(f"{user}:{secret}".encode()).decode())
    if "\n" in secret:
        texts |= {row.strip() for row in secret.splitlines() if len(row.strip()) > 20}
    return {text.encode() for text in texts if len(text) >= 8}


def found_in(secrets, content):
    return [f"{name} as {form[:40]!r}" for name, forms in secrets.items() for form in forms if form in content]


def files_below(folder):
    for path in folder.rglob("*"):
        if path.is_file() and "specs" not in path.relative_to(folder).parts:
            yield path, path.read_bytes()


class Desk:
    """Every command of the line, called in a world; what it said is kept."""

    def __init__(self, world):
        self.world, self.said = world, b""
        (world.folder / "sample.csv").write_text("invoice_number\n00123\n")
        self.environ = {**world.environ, LOOPBACK: "1", "MLCONNECTOR_ACTOR": "tess"}

    def call(self, name, words):
        places = {"spec": str(self.world.spec), "folder": str(self.world.folder), "canary": CANARIES["api_key"]}
        at = ["--workspace", str(self.world.home), "--debug"]
        told = [part for word in words for part in (at if word == "@" else [word.format(**places)])]
        done = CliRunner().invoke(cli.main, [*name.split(), *told], env=self.environ, input=CANARIES["sftp"])
        self.said += done.stdout_bytes + done.stderr_bytes
        return done

    def everything(self):
        """Every command, in an order in which each has something to do."""
        return {name: [self.call(name, words).exit_code for words in calls] for name, calls in CALLS.items()}


def secrets_of(world):
    return {
        name: shapes(value, world.environ.get("EPICOR_USER" if "epicor" in name else "STAMPLI_USER", ""))
        for name, value in world.secrets.items()
    }


ENDINGS = {
    "all is well": lambda _world: None,
    "a wrong password": lambda world: setattr(world.epicor.logins, "password", "another-one"),
    "a wrong client secret": lambda world: setattr(world.epicor.logins, "client_secret", "another-one"),
    "a wrong host key": lambda world: world.environ.update(STAMPLI_HOST_KEY="SHA256:" + "A" * 43),
    "a refused SFTP login": lambda world: (
        setattr(world.stampli.server, "password", "another-one"), setattr(world.stampli.server, "username", "somebody"),
    ),
    "a lost answer and a web page": lambda world: [
        world.epicor.faults.add(Fault(kind=kind, at=at)) for kind, at in (("lost_answer", "*UpdateMaster"), ("html", "*Vendors"))
    ],
}  # fmt: skip


def test_every_command_is_called():
    assert {" ".join(path) for path, _ in every_command()} == set(CALLS)


@pytest.mark.parametrize("ending", ENDINGS)
def test_04_no_command_shows_or_leaves_a_secret_however_it_ends(tmp_path, ending):
    """With --debug; in the database, its log, the spool, exported state, the partner's folders and everything printed."""
    with ExitStack() as stack:
        world = World(stack, tmp_path)
        world.change("systems/stampli.yaml", ("apart: 5s", "apart: 10ms"))
        world.masters_are_fresh()
        world.offer("invoices_001.csv", invoice(), invoice("00124"), invoice("B", line(1, "5"), invoice_date="x"))
        ENDINGS[ending](world)
        desk = Desk(world)
        codes = desk.everything()
        tokens = {f"token {n}": shapes(token) for n, token in enumerate(world.epicor.logins.tokens)}
        secrets = {**secrets_of(world), **tokens}
        assert codes["version"] == [0]
        assert 70 not in {code for each in codes.values() for code in each}, (codes, desk.said.decode()[-2000:])
        assert found_in(secrets, desk.said) == []
        written = {str(path): found_in(secrets, content) for path, content in files_below(world.folder)}
        assert {path: found for path, found in written.items() if found} == {}
        assert b"00123" in desk.said
        assert ending != "all is well" or "00123" in world.numbers()


def echoed(form):
    """A server that repeats the login and the password in that form, in a body it knows nothing else to say in."""

    def answer(asked):
        login = asked.headers.get("authorization", "")
        texts = {
            "plain": PASSWORD, "hex": PASSWORD.encode().hex(), "url": urllib.parse.quote(PASSWORD, safe=""),
            "small url": urllib.parse.quote(PASSWORD, safe="").replace("%2F", "%2f").replace("%2B", "%2b"),
            "json": json.dumps(PASSWORD)[1:-1], "escaped slash": json.dumps(PASSWORD)[1:-1].replace("/", "\\/"),
            "web page": html.escape(PASSWORD), "login": login, "base64 at 1": base64.b64encode(f"u{PASSWORD}xyz".encode()).decode(),
            "base64 at 2": base64.b64encode(f"us{PASSWORD}xyz".encode()).decode(),
        }  # fmt: skip
        return 400, {"Content-Type": "application/json"}, json.dumps({"message": f"no: {texts[form]} !"}).encode()

    return answer


FORMS = ["plain", "hex", "url", "small url", "json", "escaped slash", "web page", "login", "base64 at 1", "base64 at 2"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_04_a_server_that_echoes_a_secret_in_any_form_does_not_get_it_into_a_log(tmp_path, form, method):
    with Peer() as peer:
        stage = Stage(tmp_path, peer)
        stage.store_secrets()
        peer.answer = lambda asked: echoed(form)(asked) if asked.method == method else None
        stage.offer_bill()
        told = [stage.cli("run", str(stage.spec), "--debug"), stage.cli("check", str(stage.spec), "--debug"),
                stage.cli("held", "show", "A-1"), stage.cli("audit", "--invoice", "A-1"),
                stage.cli("audit", "--invoice", "A-1", "--format", "json")]  # fmt: skip
        said = "".join(done.stdout + done.stderr for done in told).encode()
        forms = {"password": shapes(PASSWORD, USER)}
        assert found_in(forms, said) == []
        assert [
            found
            for path in (stage.home, stage.files)
            for _, content in files_below(path)
            for found in found_in(forms, content)
        ] == []


PASTED = [
    "'{s}'", "{s}!", "@{s}", "*{s}", "&{s}", "!{s}", "%{s}", '"{s}', "'{s}", "`{s}", "{{secret: '{s}!! x'}}", "{{secret: {s}/+}}",
    "{{secret: [{s}]}}", "{{secret: {{a: {s}}}}}", "{{secrt: {s}}}", "{{secret: *{s}}}", '{{secret: "{s}\\q"}}', "{{env: '{s} x'}}",
    "{{env: {s}-x}}", "{{const: {s}}}", "{{text: '{s}'}}", "{{value: {s}}}", "{{need: {s}}}", "{s}: x", "[{s}]", "|\n      {s}\n", "{s} # x",
    "\t{s}", "> {s}", ", {s}", "{{secret: {s}\n", "{s}\u200bx",
]  # fmt: skip
LITERAL = "hunter2X9q"


@pytest.mark.parametrize("place", ["{secret: shop.password}", "{secret: alerts.team}", "{need: password}"])
@pytest.mark.parametrize("pasted", PASTED, ids=range(len(PASTED)))
def test_04_a_secret_pasted_into_a_spec_is_not_repeated_whatever_is_wrong_with_its_line(tmp_path, place, pasted):
    """Continuous integration keeps its logs for years, and shows them to everybody who may read the repository."""
    with Peer() as peer:
        stage = Stage(tmp_path, peer)
        stage.change("systems/shop.yaml" if "need" in place else "", (place, pasted.format(s=LITERAL)))
        for form in ("text", "json", "sarif", "github"):
            checked = stage.cli("validate", str(stage.spec), "--format", form)
            assert checked.returncode in {0, 1}
            assert LITERAL not in checked.stdout + checked.stderr
        ran = stage.cli("run", str(stage.spec), "--debug")
        assert LITERAL not in ran.stdout + ran.stderr


def test_04_hiding_what_was_pasted_costs_little():
    """A spec made of nothing but secrets: nothing of it is shown, at once."""
    import time

    from engine.spec.literals import hider_of

    start = time.monotonic()
    many = "".join(f"token_{n}_token: x9{n}abc\n" for n in range(40_000))
    one_line = "token: x9abc1 " * 60_000 + "type: secret " * 20_000 + ", " * 50_000 + "a" * 100_000
    deep = "".join(" " * n + "token: |\n" for n in range(1_400))
    shown = [hider_of(text)(text[:200]) for text in (many, one_line, deep)]
    assert time.monotonic() - start < 3
    assert all("x9" not in text for text in shown)


def test_04_names_and_references_in_a_report_stay_readable(tmp_path):
    with Peer() as peer:
        stage = Stage(tmp_path, peer)
        stage.change("", ("username: {env: SHOP_USER}", "usrname: {env: SHOP_USER}"))
        checked = stage.cli("validate", str(stage.spec))
        assert "password: {secret: shop.password}" in checked.stdout
        assert "***" not in checked.stdout


def test_04_exceptions_that_hold_a_secret_never_show_it(tmp_path, capsys):
    """The text, the traceback, what it was raised from, and the arguments of a log record."""
    import logging

    from engine.desk.reporting import told
    from engine.redaction import Redactor

    def fail():
        try:
            int(LITERAL)
        except ValueError as error:
            raise KeyError(f"outer {LITERAL}") from error

    def run(*, debug):
        with told(Redactor([LITERAL]), debug=debug):
            logging.getLogger("x").warning("with %s", LITERAL, exc_info=ValueError(LITERAL))
            fail()

    for debug in (False, True):
        with pytest.raises(SystemExit) as ended:
            run(debug=debug)
        assert ended.value.code == 70
    out, err = capsys.readouterr()
    assert LITERAL not in out + err
    assert Path(__file__).name in err, "the traceback is there, without the secret"

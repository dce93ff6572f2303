"""Controls 6 to 9, 13 to 16, 19: a spec is data from a stranger. It reaches no code, no file and no host it may not."""

# ruff: noqa: E501, ISC004 - specs and files are quoted as they are written

from __future__ import annotations

import socket
import time

import pytest

from .peer import Peer
from .stage import PASSWORD

DEADLINE = 3.0
"""Seconds a spec may take to be refused or to run, on a slow machine."""


def map_note(stage, value):
    stage.change("", ("      vendor: vendor\n", f"      vendor: vendor\n      note: {value}\n"))


def test_09_yaml_bombs_are_refused_at_once(stage):
    """Billion laughs, deep nesting, a megabyte of brackets, a huge scalar."""
    laughs = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9)
    )
    bombs = [laughs, "a: " + "[" * 100_000, "{" * 50_000, "a: " + "{a: " * 500, "a: '" + "x" * 2_000_000 + "'", "- " * 100_000,
             "!!python/object/apply:os.system ['id']", "a: !!python/name:os.system", "%YAML 1.1\n---\na: 1", "? " * 20_000]  # fmt: skip
    for bomb in bombs:
        stage.spec.write_text(bomb)
        start = time.monotonic()
        checked = stage.cli("validate", str(stage.spec))
        assert checked.returncode == 1, bomb[:30]
        assert time.monotonic() - start < DEADLINE, bomb[:30]


TEMPLATES = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}", "{{ vendor.__init__.__globals__ }}", "{{ self }}", "{{ cycler.__init__ }}",
    "{{ vendor | attr('__class__') }}", "{{ vendor['__class__'] }}", "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "{% for x in range(10**9) %}{{ x }}{% endfor %}", "{% include '/etc/passwd' %}", "{{ 'a' * 10**9 }}", "{{ 9**9**9 }}",
    "{{ '%999999999d' % 1 }}", "{{ 'x'.format(vendor) }}", "{{ vendor.center(10**9) }}", "{{ range(10**9) | list }}",
    "{{ vendor | map('upper') }}", "{{ namespace() }}", "{% set x = 1 %}{{ x }}", "{{ need.shop.password.expose() }}",
    "{{ need.shop.password._value }}", "{{ '" + "x" * 3000 + "' }}",
]  # fmt: skip


@pytest.mark.parametrize("text", TEMPLATES, ids=range(len(TEMPLATES)))
def test_06_a_template_that_is_code_or_a_bomb_never_runs(stage, text):
    map_note(stage, "{text: " + '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"}')
    stage.offer_bill()
    start = time.monotonic()
    checked, ran = stage.cli("validate", str(stage.spec)), stage.cli("run", str(stage.spec))
    assert time.monotonic() - start < DEADLINE
    assert (checked.returncode, ran.returncode) == (1, 1)
    assert stage.peer.asked == []
    assert PASSWORD not in checked.stdout + ran.stdout + ran.stderr


EXPRESSIONS = [
    "join(',', map(&to_string(@), lines))" * 30, "[" * 200 + "vendor" + "]" * 200, "@.@.@" + ".@" * 2000,
    "lines[].lines[].lines[].[@,@,@,@,@,@].[@,@,@,@,@,@].[@,@,@,@,@,@]", "!" * 3000 + "vendor", "(" * 500 + "vendor" + ")" * 500,
    "vendor || " * 400 + "vendor", "to_string([" + "`1`," * 300 + "`1`])",
]  # fmt: skip


@pytest.mark.parametrize("text", EXPRESSIONS, ids=range(len(EXPRESSIONS)))
def test_07_an_expression_costs_little_or_is_refused(stage, text):
    map_note(stage, "{from: " + '"' + text.replace('"', '\\"') + '", type: string}')
    stage.offer_bill()
    start = time.monotonic()
    ran = stage.cli("run", str(stage.spec))
    assert time.monotonic() - start < DEADLINE
    assert ran.returncode in {0, 1, 3}, ran.stderr


REGEXES = ["(a+)+$", "(a|aa)+$", "^(([a-z])+.)+[A-Z]([a-z])+$", "(.*)*x"]


@pytest.mark.parametrize("regex", REGEXES)
def test_08_no_regular_expression_of_a_spec_can_hang_validate_or_run(stage, regex):
    """A setting's pattern, a pickup's `matches` and an error rule's `says`, each with the text that makes backtracking explode."""
    evil = "a" * 64 + "!"
    stage.change("systems/shop.yaml", ("username: {type: string, title: User}", f"username: {{type: string, title: User, pattern: '{regex}'}}"),
                 ("{status: 4xx, means: refused, message: message}", f"{{status: 4xx, says: '{regex}', means: refused, message: message}}"))  # fmt: skip
    stage.change("systems/files.yaml", ('match: "*.csv"', f"matches: '{regex}'"))
    stage.change("", ("username: {env: SHOP_USER}", f"username: {evil}"))
    start = time.monotonic()
    assert stage.process("validate", str(stage.spec)).returncode == 1
    assert time.monotonic() - start < DEADLINE
    stage.change("", (f"username: {evil}", "username: {env: SHOP_USER}"))
    stage.offer("x", name=evil)
    stage.change("systems/files.yaml", (f"matches: '{regex}'", 'match: "*.csv"'))
    stage.change("systems/shop.yaml", (f", pattern: '{regex}'", ""))
    stage.offer_bill()
    stage.peer.answer = lambda asked: (
        (400, {}, b'{"message": "' + evil.encode() + b'"}') if asked.method == "POST" else None
    )
    stage.run()
    assert time.monotonic() - start < 2 * DEADLINE


def test_08_a_back_reference_is_no_pattern(stage):
    stage.change("systems/files.yaml", ('match: "*.csv"', "matches: '(a)\\1'"))
    assert stage.cli("validate", str(stage.spec)).returncode == 1


PATHS = [
    ("systems/files.yaml", "folder: /out,", "folder: /../../etc,"), ("systems/files.yaml", "folder: /out,", "folder: ../etc,"),
    ("systems/files.yaml", "done: /out/done", "done: /out/../../done"), ("systems/files.yaml", "bad: /out/bad", "bad: '/out\\bad'"),
    ("", "use: files", "use: ../systems/files"), ("", "use: files", "use: /etc/passwd"), ("", "use: files", "use: 'files\\..\\shop'"),
    ("", "flows:\n", "crosswalks:\n  c: {file: ../../../../etc/passwd, key: a, value: b}\nflows:\n"),
    ("", "flows:\n", "crosswalks:\n  c: {file: /etc/passwd, key: a, value: b}\nflows:\n"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new"), PATHS, ids=[new.strip()[:40] for _, _, new in PATHS])
def test_14_a_path_that_climbs_is_refused_and_shows_nothing_of_what_lies_there(stage, file, old, new):
    stage.change(file, (old, new))
    stage.offer_bill()
    checked, ran = stage.cli("validate", str(stage.spec)), stage.cli("run", str(stage.spec))
    assert (checked.returncode, ran.returncode) == (1, 1)
    assert "root:" not in checked.stdout + ran.stderr
    assert stage.peer.asked == []


def test_14_what_a_climbing_use_names_is_not_even_read(stage):
    """A file beside the specs that is no spec of ours; its lines must not be quoted as a mistake."""
    (stage.folder / "private.yaml").write_text("token: [ tops3cret-of-another-tool\n")
    stage.change("", ("use: files", "use: ../../private"))
    checked = stage.cli("validate", str(stage.spec))
    assert checked.returncode == 1
    assert "tops3cret" not in checked.stdout + checked.stderr


@pytest.mark.parametrize("name", ["../../escape.csv", "/etc/escape.csv", "a/b.csv", "..", "x\\..\\y", ".hidden"])
def test_14_a_drop_name_from_data_stays_one_name(stage, name):
    stage.change("", ("write: {object: shop.bills, pattern: create_once, if_exists: {compare: [date, total]}}",
                      "write: {object: files.notes, pattern: append}"),
                 ("      vendor: vendor\n      number: number\n      date: date\n      total: total\n"
                  "      lines: {each: lines, map: {description: description, amount: amount}}\n",
                  "      code: number\n      text: vendor\n"))  # fmt: skip
    stage.change("systems/files.yaml", ('{text: "notes_{{ batch }}.csv"}', "{const: '" + name + "'}"))
    stage.offer_bill()
    ran = stage.cli("run", str(stage.spec))
    assert ran.returncode in {1, 3, 4}
    assert not list(stage.folder.rglob("*escape*"))
    assert list((stage.files / "in").iterdir()) == []


def test_14_a_folder_that_is_a_link_out_of_its_root_is_not_followed(stage, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "bills_9.csv").write_text("vendor\n")
    (stage.files / "link").symlink_to(outside)
    (stage.files / "out/bills_8.csv").symlink_to(outside / "bills_9.csv")
    stage.change("systems/files.yaml", ("folder: /out,", "folder: /link,"))
    assert stage.cli("run", str(stage.spec)).returncode == 4
    stage.change("systems/files.yaml", ("folder: /link,", "folder: /out,"))
    stage.cli("run", str(stage.spec))
    assert stage.states() == {}


def test_14_data_in_a_path_stays_one_part_of_it(stage):
    """An invoice number that would climb to another service of the same host."""
    stage.change("systems/shop.yaml", ("find: {get: bills, query: {number: document.number},",
                                       "find: {get: {text: 'bills/{{ document.number | url_encode }}'}, query: {number: document.number},"))  # fmt: skip
    for number in ("../../admin", "..%2f..%2fadmin", "a/b?x=1#y", "%2e%2e/%2e%2e"):
        stage.offer_bill(number)
        stage.run()
        assert all(asked.path.startswith("/api/") and ".." not in asked.path for asked in stage.peer.asked), number


def test_13_an_invoice_number_can_not_change_an_odata_filter(stage):
    stage.change("systems/shop.yaml", ("query: {number: document.number},",
                                       "query: {number: document.number, $filter: {text: 'Number eq {{ document.number | odata }}'}},"))  # fmt: skip
    stage.offer_bill("x' or 1 eq 1 or Number eq '")
    stage.run()
    from urllib.parse import parse_qs

    assert parse_qs(stage.peer.asked[0].query)["$filter"] == ["Number eq 'x'' or 1 eq 1 or Number eq '''"]


@pytest.mark.parametrize("value", ["A-1\r\nX-Injected: yes", "A-1\nX-Injected: yes", "A\x00B"])
def test_15_data_can_not_add_a_header(stage, value):
    stage.change(
        "systems/shop.yaml",
        ("{name: save, post: bills,", "{name: save, post: bills, headers: {X-Number: document.number},"),
    )
    stage.offer(f'vendor,number,date,total,description,amount\nACME,"{value}",2026-11-01,1.00,x,1.00\n')
    stage.run()
    assert all("x-injected" not in asked.headers for asked in stage.peer.asked)
    assert stage.peer.posts() == []
    assert "posted" not in stage.states().values()


@pytest.mark.parametrize(
    "way", ["post: {text: 'EVIL/bills'}", "post: 'EVIL/bills'", "post: {from: \"join('', ['EVIL', '/x'])\"}"]
)
def test_16_a_step_that_goes_to_another_host_sends_nothing_there(stage, way):
    """Least of all the password: the login is for the connection's own origin."""
    with Peer() as thief:
        stage.change(
            "systems/shop.yaml", ("{name: save, post: bills,", "{name: save, " + way.replace("EVIL", thief.url) + ",")
        )
        stage.offer_bill()
        ran = stage.cli("run", str(stage.spec))
        assert thief.asked == []
    assert ran.returncode in {1, 3, 4}
    assert set(stage.states().values()) <= {"ready", "held"}


def test_16_a_redirect_of_the_login_or_a_write_is_not_followed(stage):
    with Peer() as thief:
        for status in (301, 302, 303, 307, 308):
            stage.peer.answer = lambda asked, status=status: (
                (status, {"Location": thief.url + "/api/bills"}, b"") if asked.method == "POST" else None
            )
            stage.offer_bill(f"R-{status}")
            stage.run()
        assert thief.asked == []
    assert set(stage.states().values()) == {"in_doubt"}


@pytest.mark.parametrize(
    "site",
    ["http://169.254.169.254", "http://2852039166", "http://0xa9fea9fe", "http://[::ffff:169.254.169.254]", "http://[fe80::1]",
     "http://0.0.0.0:1", "http://100.100.100.200", "http://[fd00:ec2::254]", "http://224.0.0.1", "http://169.254.169.254.",
     "http://0251.0376.0251.0376", "http://[::ffff:a9fe:a9fe]", "http://[2002:a9fe:a9fe::]", "http://[64:ff9b::a9fe:a9fe]"],
)  # fmt: skip
def test_19_metadata_and_link_local_addresses_are_refused_however_they_are_written(stage, site):
    """Nothing leaves the machine: the guard in conftest fails the test if a socket is tried."""
    stage.environ["SHOP_SITE"] = site
    stage.allow_loopback = site.startswith("http://0.0.0.0") is False
    stage.offer_bill()
    result = stage.run()
    assert set(stage.states().values()) <= {"ready"}
    if not site.endswith("."):  # that one is a name nobody has
        assert result.exit_code == 4
        assert any(
            word in result.render("text")
            for word in ("link-local", "no address", "this machine itself", "can't be read")
        )


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "127.1", "0x7f.1", "0.0.0.0"]
)
def test_19_this_machine_is_refused_unless_the_operator_allows_it(stage, host):
    stage.environ["SHOP_SITE"] = f"http://{host}:{stage.peer.port}"
    stage.allow_loopback = False
    stage.offer_bill()
    assert stage.run().exit_code == 4
    assert stage.peer.asked == []


@pytest.mark.parametrize("site", ["file:///etc/passwd", "ftp://127.0.0.1", "http://user:pass@127.0.0.1", "http://127.0.0.1@evil.example",
                                  "//127.0.0.1", "http://", "javascript:alert(1)", "http://127.0.0.1:99999"])  # fmt: skip
def test_16_a_base_that_is_no_plain_address_stops_before_anything_is_sent(stage, site):
    stage.environ["SHOP_SITE"] = site
    stage.offer_bill()
    ran = stage.cli("run", str(stage.spec))
    assert ran.returncode == 4, ran.stdout + ran.stderr
    assert stage.peer.asked == []


def test_19_loopback_is_refused_for_sftp_too(stage):
    """A system whose files are on this machine's own SSH port."""
    from engine.connections.sftp import scan_host_key
    from engine.errors import SetupError

    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(SetupError):
        scan_host_key("127.0.0.1", server.getsockname()[1], allow_loopback=False)


@pytest.mark.parametrize("host_key", ["SHA256:uNiVztksCsDhcc0u9e8BrrJXVGDxbi8fyKTAyaTcgRY", ""])
def test_18_an_sftp_server_with_another_key_gets_no_password(stage, host_key):
    """A man in the middle, and a spec that pins nothing: the login never happens, and no key is learned."""
    from engine.sandbox.stampli import Stampli

    with Stampli() as server:
        sftp = f"sftp: {{host: {{const: 127.0.0.1}}, port: {{const: {server.server.port}}}, username: {{const: x}}, "
        sftp += f'auth: {{password: {{need: password}}}}, host_key: {{const: "{host_key}"}}}}'
        stage.change("systems/files.yaml", ("folder: {path: {need: path}}", sftp),
                     ("path: {type: string, title: Folder}", "password: {type: secret, title: Password}"))  # fmt: skip
        stage.change("", ("path: {env: FILES_PATH}", "password: {secret: shop.password}"))
        ran = [stage.cli("run", str(stage.spec), "--debug") for _ in range(2)]
        assert [done.returncode for done in ran] == [4, 4], ran
        assert not [call for call in server.history.calls() if call.method in {"login", "list", "password"}]
        assert PASSWORD not in "".join(done.stdout + done.stderr for done in ran)


def test_17_no_proxy_of_the_environment_sees_a_request(stage):
    with Peer() as proxy:
        names = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
        stage.offer_bill()
        ran = stage.process("run", str(stage.spec), **dict.fromkeys(names, proxy.url))
        assert ran.returncode == 0
        assert proxy.asked == []


@pytest.mark.parametrize(
    "key", ["verify: false", "insecure: true", "tls: {verify: false}", "follow_redirects: true", "proxy: 'http://x'"]
)
def test_17_a_spec_has_no_switch_for_trust(stage, key):
    stage.change("systems/shop.yaml", ("  deadline: 2s\n", f"  deadline: 2s\n  {key}\n"))
    assert stage.cli("validate", str(stage.spec)).returncode == 1


def test_31_a_spec_has_no_sql(stage):
    """Identifiers of the ledger are values, whatever a spec calls its flows."""
    stage.change("", ("  bills:\n", '  "bills\'; drop table document; --":\n'))
    assert stage.cli("validate", str(stage.spec)).returncode == 1

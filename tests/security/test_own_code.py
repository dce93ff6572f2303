"""Controls 5, 8, 12, 17, 29, 30, 31: what no line of the engine may do, found by reading it."""

# ruff: noqa: E501 - lists are kept together

from __future__ import annotations

import ast
import io
import re
import tomllib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from .stage import ROOT

MODULES = sorted((ROOT / "engine").rglob("*.py"))
OURS = [path for path in MODULES if "sandbox" not in path.parts]
RUN_BY_TEXT = {"text", "exec_driver_sql", "execute", "executemany", "executescript"}
FIXED_SQL = {
    "state/database.py": {"pragma", "name", "value"},
    "state/inspection.py": {"n", "name"},
    "state/ledger_purge.py": {"patience"},
    "state/overview_figures.py": {"tables"},
    "state/queue.py": {"SCHEMA", "_ABANDONED"},
    "state/spool.py": {"pragma"},
    "state/worklist.py": {"tables"},
}
"""Files that put names of their own into SQL (settings of the database, and numbers), and which names they are: never a value from outside."""

WHY = {
    "alembic": "upgrades of the ledger's tables", "anyio": "of httpx",
    "attrs": "of jsonschema", "bcrypt": "of paramiko: OpenSSH keys", "certifi": "certificate authorities", "cffi": "of cryptography",
    "click": "the command line", "cronsim": "schedules", "cryptography": "AES-GCM, HKDF, keys", "defusedxml": "XML without traps",
    "google-re2": "regular expressions that can't hang", "h11": "of httpcore", "httpcore": "our own transport",
    "httpx": "HTTP", "idna": "of httpx", "invoke": "of paramiko", "jinja2": "parses templates", "jmespath": "parses expressions",
    "jsonschema": "the shape of specs", "jsonschema-specifications": "of jsonschema", "mako": "of alembic", "markdown-it-py": "of rich", "markupsafe": "of jinja2",
    "mdurl": "of rich", "msgspec": "rows, payloads and the trail as bytes", "paramiko": "SFTP", "psycopg": "PostgreSQL", "psycopg-binary": "PostgreSQL",
    "pycparser": "of cffi", "pygments": "of rich", "pynacl": "of paramiko", "referencing": "of jsonschema", "rich": "progress on a terminal", "rpds-py": "of jsonschema", "ruamel-yaml": "YAML with places",
    "setuptools": "the build, from source", "sqlalchemy": "the ledger", "typing-extensions": "of sqlalchemy", "tzdata": "time zones of schedules",
    "apprise": "messages to people", "argon2-cffi": "passwords of the console", "argon2-cffi-bindings": "of argon2-cffi", "charset-normalizer": "of requests", "markdown": "of apprise",
    "oauthlib": "of apprise", "prometheus-client": "metrics", "python-multipart": "of starlette: forms", "pyyaml": "of apprise", "requests": "of apprise",
    "requests-oauthlib": "of apprise", "starlette": "the service's pages and hooks", "urllib3": "of requests", "uvicorn": "the service's HTTP server",
}  # fmt: skip
"""Why each package is installed. A new one is argued here, or left out."""

FLOORS = {"jinja2": "3.1.6", "paramiko": "3.4", "httpx": "0.28", "defusedxml": "0.7.1", "cryptography": "42"}


GENERATED = {
    "formats/fixed_read.py",
    "formats/x12_alike.py",
    "mapping/codegen.py",
    "mapping/documents_values.py",
    "sources/columns.py",
}
"""Files that make functions of a spec or a file: texts go in as `repr`, and each has a test with texts that are code."""


def calls(path: Path) -> Iterator[ast.Call]:
    yield from (node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call))


def called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def built_up(node: ast.AST) -> set[str] | None:
    """The names a text is put together from; None when it is one constant or no text at all."""
    if isinstance(node, ast.JoinedStr):
        inside = [part for part in node.values if isinstance(part, ast.FormattedValue)]
        return {name.id for part in inside for name in ast.walk(part) if isinstance(name, ast.Name)}
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
        return {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}
    if isinstance(node, ast.Call) and called(node) in {"format", "join", "replace"}:
        return {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}
    return None


@pytest.mark.parametrize("path", sorted((ROOT / "engine" / "state").rglob("*.py")), ids=lambda path: path.name)
def test_31_no_text_put_together_is_ever_run_as_sql(path):
    """Values go as parameters. What is put into the text is named above, and is ours."""
    known = FIXED_SQL.get(path.relative_to(ROOT / "engine").as_posix(), set())
    wrong = [
        f"line {call.lineno}: {sorted(names - known)}"
        for call in calls(path)
        if called(call) in RUN_BY_TEXT and call.args
        for names in [built_up(call.args[0])]
        if names is not None and not names <= known | {"int"}
    ]
    assert wrong == []


def test_31_only_the_state_speaks_sql():
    speaking = {
        path
        for path in OURS
        if re.search(r"^\s*(?:from|import) (?:sqlalchemy|sqlite3|psycopg)", path.read_text(), re.MULTILINE)
    }
    others = {
        path.relative_to(ROOT / "engine").as_posix()
        for path in speaking
        if path.parent.name not in {"state", "versions"}
    }
    assert others <= {"desk/completion.py", "state/migrations/env.py"}, "a shell completes from the file as it is"


@pytest.mark.parametrize(
    ("what", "where"),
    [
        (r"\b(?:eval|exec)\(", GENERATED),
        (r"\bos\.system\(|shell\s*=\s*True|\bos\.popen\(", set()),
        (r"verify\s*=\s*False|CERT_NONE|check_hostname\s*=\s*False|_create_unverified", set()),
        (r"AutoAddPolicy|WarningPolicy|load_system_host_keys", set()),
        (r"follow_redirects\s*=\s*True|trust_env\s*=\s*True", set()),
        (r"^\s*import (?:pickle|marshal|shelve|zipfile|tarfile)\b", {"mapping/documents_order.py"}),
        (r"random\.(?:random|choice|randint|getrandbits)\(", set()),
        (r"\bhashlib\.(?:md5|sha1)\(|\bmodes\.(?:ECB|CBC)\b|\bFernet\b", {"connections/host_keys.py"}),
    ],
    ids=["code from text", "a shell", "no certificate check", "any host key", "redirects and proxies", "unpickling and unpacking", "weak randomness", "weak ciphers"],
)  # fmt: skip
def test_what_no_line_of_the_engine_does(what, where):
    found = {
        path.relative_to(ROOT / "engine").as_posix() for path in OURS if re.search(what, path.read_text(), re.MULTILINE)
    }
    assert found <= where


HOSTILE = [
    "'",
    '"',
    "\\",
    "a'] or __import__('os').abort() or g['",
    "{x}",
    "%s",
    "\n    import os",
    "\u2028",
    "v'.__class__",
    "#",
    "\\N{BULLET}",
]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_a_field_whose_name_is_code_is_a_name(name):
    """Where a listing's records are typed and where a file's rows are grouped; the mapper's own test is beside it."""
    from engine.mapping.types import parse_type
    from engine.sources.columns import compile_record, typed_record

    for kind in ("string", "decimal", "date", "integer"):
        fields = {name: parse_type(kind)}
        values = {name: {"string": "x", "decimal": "1.5", "date": "2026-11-21", "integer": "7"}[kind]}
        assert compile_record(fields)(values) == typed_record(values, fields)


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_a_column_whose_name_is_code_is_a_name(name):
    from engine.mapping.documents_values import Column, Field, compile_rows

    fields = [Field(name, Column(type="string"), 0), Field("total", Column(type="decimal"), 1)]
    make, make_all = compile_rows(fields, [0, 1], texts=True)
    assert make(["x", "1.50"]) == {name: "x", "total": Decimal("1.50")}
    assert make_all([["x", "1.50"]]) == [make(["x", "1.50"])]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_a_fixed_field_whose_name_is_code_is_a_name(name):
    from engine.formats.fixed import Fixed, FixedField, FixedRecord
    from engine.formats.reading import Wanted

    fields = {name: FixedField(slice=(1, 3)), "n": FixedField(slice=(4, 5))}
    form = Fixed(records={"line": FixedRecord(stands="opens", fields=fields)})
    wanted = [Wanted(names=(f"line.{field}",)) for field in fields if "." not in field]
    found = [each.header for each in form.nest(io.BytesIO(b"abc42\nxyz07\n"), wanted, [], None)]
    assert [list(header)[-1] for header in found] == ["42", "07"]


@pytest.mark.parametrize("code", ["'+'", '"""', "\\x", "{x}", "%s", "#", "')", "\\N{", "g['"])
def test_a_code_in_an_x12_file_that_is_code_is_a_text(code):
    """Forms of sets are learned from a file: what it says stands in the learned ones as text."""
    from engine.formats.reading import Wanted
    from tests.unit.formats.x12_samples import BODY, file, group, kind, one_set

    code = code.ljust(2, "_")
    body = [f"REF*{code}*77" if each.startswith("REF*BT") else each for each in BODY]
    data = file(group(*(one_set(body, number=f"{n:04}") for n in range(1, 9))))
    wanted = [Wanted(names=(f"references.{code}.qualifier",)), Wanted(names=("trace.number",))]
    found = [each.header for each in kind().nest(io.BytesIO(data), wanted, [], None)]
    assert found == [[code, "EFT0099"]] * 8


def test_12_no_reader_of_documents_makes_a_float_of_a_number():
    """Who reads JSON says what becomes of its numbers, or reads nothing that a document is made of."""
    said = {path.relative_to(ROOT / "engine").as_posix(): path.read_text() for path in OURS}
    readers = {
        name for name, text in said.items() if re.search(r"\bjson\.loads?\(", text) and "parse_float" not in text
    }
    no_documents = {
        "connections/oauth2.py",
        "connections/session.py",
        "service/console/connections.py",
        "state/heads.py",
        "state/locks.py",
        "state/inspection.py",
    }
    assert {name for name in readers if not name.startswith("spec/")} <= no_documents


def locked(lock="requirements.lock"):
    return dict(re.findall(r"(?m)^([A-Za-z0-9_.-]+)(?:\[[\w,]+\])?==([\w.]+)", (ROOT / lock).read_text()))


def test_30_every_package_installed_has_a_reason():
    names = {name.lower().replace(".", "-").replace("_", "-") for name in locked()}
    assert names <= set(WHY), "say why, or leave it out"


def test_30_versions_with_known_holes_are_not_even_allowed():
    """What is declared, not only what is locked: `pip install mlconnector` takes these floors too."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    floors = {re.split(r"[<>=!\[;~ ]", line)[0].lower(): re.search(r">=\s*([\d.]+)", line) for line in declared}
    assert all(floors.values()), [name for name, floor in floors.items() if not floor]
    for name, floor in FLOORS.items():
        if name in floors:
            assert numbers(floors[name][1]) >= numbers(floor), name


def numbers(version):
    return tuple(int(part) for part in version.split("."))

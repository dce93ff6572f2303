"""The documentation does what it says: every block is checked or run, every word of the product is in it."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from datetime import UTC, date, datetime
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from setuptools import find_namespace_packages

import cli
from engine import errors, kinds
from engine.contracts import Guarantee, State
from engine.mapping.crosswalk import Crosswalk
from engine.mapping.expressions import Expression
from engine.mapping.functions import FUNCTIONS
from engine.mapping.lookups import LookupObject
from engine.mapping.mapper import compile_mapping
from engine.mapping.modifiers import MODIFIERS
from engine.mapping.operations import PARTNERS
from engine.mapping.types import parse_type
from engine.mapping.values import compile_value
from engine.redaction import Redactor
from engine.run.load import check
from engine.run.promises import SENTENCES
from engine.run.running import Options, run_spec
from engine.run.seams import Seams, quiet
from engine.run.trial_world import SteppedClock
from engine.run.workspace import open_workspace
from engine.spec.codes import CODES
from engine.spec.document import Problems, read_document
from engine.spec.fragments import all_names
from engine.spec.report import as_text
from engine.spec.schema import check_shape

from .docs_blocks import PAGES, ROOT, blocks, commands, page_text, prose
from .docs_tables import GENERAL, every_command, function_rows, shown, with_tables

LANGUAGE = page_text("specs/README.md")
SPOKEN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
SAFE = {"validate", "explain", "schema"}


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder as a consultant would have it: the shipped specs, and the page's examples beside them."""
    folder = tmp_path_factory.mktemp("desk")
    for place in (folder, folder / "specs"):
        shutil.copytree(ROOT / "specs", place, dirs_exist_ok=True)
        for kind, subfolder, suffix in (("system", "systems/", ""), ("integration", "", ""), ("test", "", ".test")):
            for block in blocks("yaml", kind):
                (place / f"{subfolder}{_named(block)}{suffix}.yaml").write_text(block.text)
        for block in blocks("text", "crosswalks/"):
            (place / block.name).write_text(block.text)
    (folder / "id_ed25519").write_text("a key\n")
    return folder


def _named(block):
    return re.search(r"^(?:system|integration|tests): (\S+)$", block.text, re.MULTILINE)[1]


def _node(text, tmp_path):
    path = tmp_path / "block.yaml"
    path.write_text(text)
    problems = Problems()
    node = read_document(path, problems)
    assert not problems.found, problems.found
    return node


def _said(problems):
    return [f"{problem} {problem.suggestion or ''}" for problem in problems]


# Blocks -------------------------------------------------------------------------------------------------------------


def test_every_block_says_what_it_is():
    known = re.compile(r"(sh|text( \S+)?|yaml (integration|system|test|map|fragment:[a-z-]+))")
    for language in {"", "sh", "text", "yaml", "json", "python", "console"}:
        for block in blocks(language):
            assert known.fullmatch(f"{block.language} {block.name}".strip()), block


@pytest.mark.parametrize("block", blocks("yaml", "system", "integration", "test"), ids=str)
def test_whole_specs_hold_together(block, desk):
    place = {"system": f"systems/{_named(block)}.yaml", "test": f"{_named(block)}.test.yaml"}
    assert _said(check(desk / place.get(block.name, f"{_named(block)}.yaml"))) == []


@pytest.mark.parametrize("block", blocks("yaml", "fragment:"), ids=str)
def test_fragments_have_the_shape_of_their_kind(block, tmp_path):
    kind = block.name.removeprefix("fragment:")
    assert kind in all_names()
    problems = Problems()
    check_shape(kind, _node(block.text, tmp_path), problems)
    assert _said(problems.found) == []


@pytest.mark.parametrize("block", blocks("yaml", "map"), ids=str)
def test_maps_make_what_they_say(block, tmp_path):
    node = _node(block.text, tmp_path)
    given = node.get("in").plain()
    if "fails" in node:
        with pytest.raises(errors.RecordError, match=re.escape(node.get("fails").value)):
            _mapped(node, given)
        return
    assert _shown(_mapped(node, given)) == node.get("out").plain()


def _mapped(node, given):
    problems = Problems()
    if "value" in node:
        tree = compile_value(node.get("value"), problems)
        assert tree is not None, problems.found
        return tree(given)
    tables = node.get("crosswalks").plain() if "crosswalks" in node else {}
    records = node.get("records").plain() if "records" in node else {}
    objects = {name: _object(node, rows) for name, rows in records.items()}
    mapper = compile_mapping(
        node.get("map"),
        problems,
        source=None,
        target=None,
        crosswalks={name: Crosswalk(name=name, pairs=pairs, default=None) for name, pairs in tables.items()},
        objects=objects,
    )
    assert mapper is not None, problems.found
    record = {name: value for name, value in given.items() if name != "need"}
    found = {name: {} for name in records}
    for name, key in mapper.needed(record, {"need": given.get("need", {})}):
        by = objects[name].by
        found[name][key] = [row for row in records[name] if tuple(row[part] for part in by) == key]
    return mapper.map(record, {"need": given.get("need", {})}, found)


def _object(node, rows):
    """The object a lookup of this block reads: looked up by what its `match` names."""
    by = re.search(r"match: \{(\w+):", node.get("map").mark and Path(node.mark.file).read_text())[1]
    return LookupObject(by=(by,), fields={name: parse_type("any") for name in rows[0]})


def _shown(value):
    if isinstance(value, dict):
        return {name: _shown(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_shown(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


# The first flow -----------------------------------------------------------------------------------------------------


def _text(name):
    return blocks("text", name)[0].text


@pytest.fixture
def exchange(tmp_path):
    """The folder of the first flow with its file in it."""
    for folder in ("out", "in", "done", "error"):
        (tmp_path / "exchange" / folder).mkdir(parents=True)
    (tmp_path / "exchange" / "out" / "suppliers_1.csv").write_text(_text("out/suppliers_1.csv"))
    return tmp_path / "exchange"


def _run(desk, exchange, **options):
    """What `mlconnector run` does, with a clock that does not wait."""
    clock = SteppedClock(datetime(2026, 11, 21, 6, tzinfo=UTC))
    seams = Seams(clock=clock, sleep=clock.sleep, environ={"ACME_FOLDER": str(exchange)})
    with open_workspace(exchange.parent, seams=seams, redactor=Redactor(), actor="test") as workspace:
        result = run_spec(desk / "acme--partner.yaml", workspace, seams, Options(**options), quiet)
        return result.exit_code, result.render("text")


def test_the_first_flow_does_what_the_page_says(desk, exchange):
    code, said = _run(desk, exchange, dry_run=True)
    assert code == 0, said
    assert "Harbor Paper" in said
    assert not list((exchange / "in").iterdir())

    code, said = _run(desk, exchange)
    assert code == 0, said
    (file,) = (exchange / "in").iterdir()
    assert f"`{file.name}`" in LANGUAGE
    assert file.read_text() == _text("in/vendors.csv")
    assert [path.name for path in (exchange / "done").iterdir()] == ["suppliers_1.csv"]

    code, said = _run(desk, exchange)
    assert (code, said.splitlines()[0]) == (0, "suppliers: nothing new")
    assert list((exchange / "in").iterdir()) == [file]


def test_the_mistake_shown_is_told_as_shown(desk, tmp_path, monkeypatch):
    shutil.copytree(desk / "systems", tmp_path / "systems")
    spec = (desk / "acme--partner.yaml").read_text().replace("vendor_name:", "vendr_name:")
    (tmp_path / "acme--partner.yaml").write_text(spec)
    monkeypatch.chdir(tmp_path)
    (example,) = [block for block in blocks("text") if "error[E213]" in block.text]
    assert example.text in as_text(check(Path("acme--partner.yaml"))) + "\n"


def test_the_test_file_of_the_page_passes(desk):
    (block,) = blocks("yaml", "test")
    result = CliRunner().invoke(cli.main, ["test", str(desk / f"{_named(block)}.test.yaml")], catch_exceptions=False)
    assert result.exit_code == 0, result.output


# Commands -----------------------------------------------------------------------------------------------------------


def _walk(words):
    """The command those words name, and what is left for it."""
    command, rest = cli.main, list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        assert rest[0] in command.commands, f"there is no command {words}"
        command = command.commands[rest.pop(0)]
    return command, rest


def _own(words):
    """The words for mlconnector itself of a command line, None for what `go.py` does alone."""
    if words[0] == "mlconnector":
        return words[1:]
    assert words[:2] == ["python3", "go.py"], words
    return None if words[2] == "test" else words[2:]


@pytest.mark.parametrize(("block", "words"), commands(), ids=lambda value: str(value)[:60])
def test_every_command_line_parses(block, words, desk, monkeypatch):
    monkeypatch.chdir(desk)
    own = _own(words)
    if own is None:
        return
    command, rest = _walk(own)
    command.make_context("mlconnector", rest).close()
    if own[0] in SAFE:
        result = CliRunner().invoke(cli.main, own, catch_exceptions=False)
        assert result.exit_code == 0, result.output


@pytest.mark.parametrize("page", PAGES)
def test_commands_named_in_a_sentence_exist(page):
    lines = [code.split() for code in SPOKEN.findall(prose(page)) if code.startswith("mlconnector ")]
    for words in lines:
        command, rest = _walk(word for word in words[1:] if word not in {"…", "…/"})
        options = {name for param in command.params for name in param.opts}
        assert {word for word in rest if word.startswith("-")} <= options, words


@pytest.mark.parametrize("words", [["explain", code] for code in CODES] + [["schema", k] for k in ("system", "test")])
def test_what_is_safe_to_run_works(words):
    assert CliRunner().invoke(cli.main, words, catch_exceptions=False).exit_code == 0


@pytest.mark.parametrize("path", [path for path, _ in every_command()], ids=" ".join)
def test_every_command_helps(path):
    assert CliRunner().invoke(cli.main, [*path, "--help"]).exit_code == 0


# Every word of the product ------------------------------------------------------------------------------------------


def test_the_tables_are_those_of_the_code():
    assert with_tables(LANGUAGE) == LANGUAGE, "run `python tests/docs_tables.py`"


def test_every_option_is_told():
    for _, command in every_command():
        for option in command.params:
            if isinstance(option, click.Option):
                assert f"`{option.opts[0]}" in LANGUAGE, option.opts
    assert all(f"`--{name.replace('_', '-')}`" in LANGUAGE for name in GENERAL)


@pytest.mark.parametrize(("usage", "call", "result"), [(row[0], row[2], row[3]) for row in function_rows()])
def test_the_functions_give_what_the_table_says(usage, call, result):
    assert shown(Expression(call)({})) == result


def test_every_function_operation_and_modifier_is_told():
    for name in FUNCTIONS:
        assert f"| `{name}(" in LANGUAGE, name
    partners = {key for keys in PARTNERS.values() for key in keys}
    for name in (*PARTNERS, *partners, *MODIFIERS):
        assert re.search(rf"`{name}\b", LANGUAGE), name


def test_every_kind_is_told():
    tables = (kinds.SYSTEMS, kinds.AUTH, kinds.SFTP_AUTH, kinds.PAGERS, kinds.FORMATS)
    for name in (name for table in tables for name in table):
        assert re.search(rf"`{name}[`:]", LANGUAGE), name


def test_every_key_of_the_language_is_told():
    for path in (ROOT / "schemas" / "kinds").glob("*.json"):
        for key in json.loads(path.read_text(encoding="utf-8")).get("properties", {}):
            assert re.search(rf"`{key}\b|\b{key}:", LANGUAGE), f"{path.stem}: {key}"


@pytest.mark.parametrize("state", [state.value for state in State])
def test_every_state_is_told(state):
    assert f"| `{state}` | " in LANGUAGE


def test_every_promise_is_told():
    assert set(SENTENCES) == {each.value for each in Guarantee}
    for name in SENTENCES:
        assert f"| `{name}` | " in LANGUAGE


def test_every_code_is_told():
    for code in CODES.values():
        assert f"`{code.code}` {code.title}" in LANGUAGE


def _error_classes(root=errors.MlconnectorError):
    yield root
    for inner in root.__subclasses__():
        if inner.__module__ == "engine.errors":
            yield from _error_classes(inner)


def test_every_error_and_exit_code_is_told():
    engine, readme = page_text("engine/README.md"), page_text("README.md")
    for each in _error_classes():
        assert f"`{each.__name__}`" in engine, each
        assert re.search(rf"^\| (?:\d+, )*{each.exit_code}\b", readme, re.MULTILINE), each
    for code in (0, 2, 130, 143):
        assert re.search(rf"^\| (?:\d+, )*{code}\b", readme, re.MULTILINE), code


def test_every_environment_variable_is_told():
    sources = [ROOT / "cli.py", *(ROOT / "engine").rglob("*.py")]
    used = {name for path in sources for name in re.findall(r"MLCONNECTOR_[A-Z_]+", path.read_text(encoding="utf-8"))}
    assert {name for page in PAGES for name in re.findall(r"MLCONNECTOR_[A-Z_]+", page_text(page))} == used


# Names and places ---------------------------------------------------------------------------------------------------


def _places(page):
    """What a page names as a file or folder of this project: links, and code that looks like a path."""
    text = prose(page)
    links = [link for link in re.findall(r"\]\(([^)#\s]+)", text) if "://" not in link]
    named = [
        code for code in SPOKEN.findall(text) if re.fullmatch(r"[\w.-]+(?:/[\w.-]*)+|[\w-]+\.(?:py|md|lock)", code)
    ]
    return links, named


def _exists(page, name):
    near = (ROOT, (ROOT / page).parent, ROOT / "engine", ROOT / "specs")
    return any((place / name).exists() for place in near) or any((ROOT / "engine").rglob(name))


@pytest.mark.parametrize("page", PAGES)
def test_every_file_named_is_there(page, desk):
    links, named = _places(page)
    for link in links:
        assert ((ROOT / page).parent / link).exists(), link
    own = {".mlconnector/"}
    for name in named:
        assert name in own or (desk / name).exists() or _exists(page, name), name


@pytest.mark.parametrize("page", PAGES)
def test_every_anchor_leads_somewhere(page):
    heads = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    known = {re.sub(r"[^a-z0-9 -]", "", head.lower()).replace(" ", "-") for head in heads}
    assert {anchor for anchor in re.findall(r"\]\(#([^)]+)\)", page_text(page))} <= known


@pytest.mark.parametrize("page", [*PAGES, ".pre-commit-hooks.yaml", "pyproject.toml", "go.py"])
def test_no_address_and_no_place_of_one_machine(page):
    text = page_text(page)
    for host in re.findall(r"https?://([^/\s\"'`)]+)", text):
        assert host.endswith(".example"), host
    assert not re.search(r"(?<![\w.])/(?:home|work|tmp|root|Users|usr)/", text)


def test_the_lock_names_no_index():
    assert "://" not in page_text("requirements.lock")


# What is shipped ----------------------------------------------------------------------------------------------------


def test_every_package_and_file_is_in_the_wheel():
    tools = tomllib.loads(page_text("pyproject.toml"))["tool"]["setuptools"]
    found = set(find_namespace_packages(str(ROOT), include=tools["packages"]["find"]["include"]))
    for top, patterns in tools["package-data"].items():
        shipped = {path for pattern in patterns for path in (ROOT / top).glob(pattern)}
        for path in (ROOT / top).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                package = ".".join(path.parent.relative_to(ROOT).parts)
                assert package in found, path
                assert path.suffix == ".py" or path in shipped, path


def test_the_pre_commit_hook_runs_a_real_command():
    problems = Problems()
    hooks = read_document(ROOT / ".pre-commit-hooks.yaml", problems)
    assert hooks is not None, problems.found
    (hook,) = hooks.plain()
    own = _own(hook["entry"].split())
    assert _walk(own)[0].name == "validate"
    assert re.search(hook["files"], "specs/epicor-kinetic--stampli.yaml")

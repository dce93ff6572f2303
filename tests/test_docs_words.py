"""Every word of the product is in the documentation, and every file the documentation names is there and shipped."""

from __future__ import annotations

import json
import re
import tomllib

import click
import pytest
from setuptools import find_namespace_packages

from engine import errors, kinds
from engine.contracts import Guarantee, State
from engine.desk.promises import SENTENCES
from engine.mapping.expressions import Expression
from engine.mapping.functions import FUNCTIONS
from engine.mapping.modifiers import MODIFIERS
from engine.mapping.operations import PARTNERS
from engine.spec.codes import CODES
from engine.spec.document import Problems, read_document

from .docs_blocks import PAGES, ROOT, SPOKEN, page_text, prose, walk
from .docs_tables import GENERAL, every_command, function_rows, shown, with_tables

LANGUAGE = page_text("specs/README.md")
EXAMPLES = {".mlconnector/", ".venv/bin/mlconnector", "systems/acme-folder.yaml", "systems/ledgerly.yaml"}
"""Files the reader makes."""


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
    assert set(SENTENCES) == {each.value for each in Guarantee} | {"update", "compare"}
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


TRAPS = re.findall(
    r"^\| `([^`]+)` \| [^|]+ \| [^|]*\((E\d{3})\)", LANGUAGE.partition("| not | but |")[2], re.MULTILINE
)[:10]


@pytest.mark.parametrize(("wrong", "code"), TRAPS)
def test_the_traps_of_yaml_are_told(wrong, code, tmp_path):
    (tmp_path / "trap.yaml").write_text(f"key: {wrong}\n")
    problems = Problems()
    read_document(tmp_path / "trap.yaml", problems)
    assert [problem.code for problem in problems.found] == [code]


def test_every_environment_variable_is_told():
    sources = [ROOT / "cli.py", *(ROOT / "engine").rglob("*.py")]
    used = {name for path in sources for name in re.findall(r"MLCONNECTOR_[A-Z_]+", path.read_text(encoding="utf-8"))}
    assert {name for page in PAGES for name in re.findall(r"(?<!_)MLCONNECTOR_[A-Z_]+", page_text(page))} == used


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
def test_every_file_named_is_there(page):
    links, named = _places(page)
    for link in links:
        assert ((ROOT / page).parent / link).exists(), link
    for name in named:
        assert name in EXAMPLES or _exists(page, name), name


@pytest.mark.parametrize("page", PAGES)
def test_every_anchor_leads_somewhere(page):
    heads = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    known = {re.sub(r"[^a-z0-9 -]", "", head.lower()).replace(" ", "-") for head in heads}
    assert set(re.findall(r"\]\(#([^)]+)\)", page_text(page))) <= known


@pytest.mark.parametrize("page", [*PAGES, ".pre-commit-hooks.yaml", "pyproject.toml", "go.py"])
def test_no_address_and_no_place_of_one_machine(page):
    text = page_text(page)
    for host in re.findall(r"https?://([^/\s\"'`)]+)", text):
        assert host.endswith(".example"), host
    assert str(ROOT) not in text
    assert not re.search(r"(?<![\w.])/(?:home|tmp|root|Users)/", text)


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
    assert walk(hook["entry"].split()[1:])[0].name == "validate"
    assert re.search(hook["files"], "specs/epicor-kinetic--stampli.yaml")

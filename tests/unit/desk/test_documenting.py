"""`docs`: whatever a spec says stands in its page, in words; nothing in a spec becomes markup."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli import main
from engine.desk.documenting import page_of as make_page
from engine.desk.documenting_flow import table
from engine.desk.documenting_values import code, plain, value_told
from engine.desk.promises import SENTENCES
from engine.run.load import load as load_spec
from engine.spec.document import Problems, read_text
from engine.spec.timetable import duration_in_words, schedule_in_words
from engine.spec.tree import read_tree

SPECS = sorted(p for p in (Path(__file__).resolve().parents[3] / "specs").glob("*.yaml") if ".test." not in p.name)
load, page_of = lru_cache(load_spec), lru_cache(make_page)


def node(text):
    return read_text(text, Problems(), shown="x.yaml")


def fields(map_, prefix=""):
    for name, value in map_.items():
        yield prefix + name
        if "each" in value and value.get("map") is not None and value.get("map").kind == "map":
            yield from fields(value.get("map"), f"{prefix}{name}[].")


@pytest.mark.parametrize("spec", SPECS, ids=lambda p: p.stem)
def test_every_flow_field_and_check_of_every_shipped_integration_is_in_its_page(spec):
    integration, tree = load(spec), read_tree(spec, Problems())

    parts = dict(re.findall(r"^### (\w+): (.*?)(?=^##)", page_of(spec).text, re.DOTALL | re.MULTILINE))

    for name, flow in integration.flows.items():
        part, map_ = parts[name], tree.integration.get("flows").get(name).get("map")
        told = re.findall(r"^\| `([^`|]+)` \| .", part, re.MULTILINE)
        assert told[-len(list(fields(map_))) :] == list(fields(map_)), name
        assert [plain(check.say) in part for check in flow.checks] == [True] * len(flow.checks)
        assert all(code(check.that.text).replace("|", "\\|") in part for check in flow.checks)
        assert f"`{flow.target.address}`" in part
        assert any(sentence in part for sentence in SENTENCES.values())
        assert all(f"`{need}`" in part for need in flow.kind.needs)
    for alias, system in integration.systems.items():
        names = [s.env or s.secret for s in system.settings.values() if s.env or s.secret]
        assert [each for each in names if f"`{each}`" not in parts[alias]] == []


@pytest.mark.parametrize("spec", SPECS, ids=lambda p: p.stem)
def test_every_table_is_even(spec):
    text = page_of(spec).text

    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(widths) == 1, block


def test_every_page_has_its_picture_and_its_commands():
    text = page_of(SPECS[0]).text

    assert text == make_page(SPECS[0]).text, "the same each time"
    assert "```mermaid\nflowchart LR" in text
    assert f"mlconnector run {SPECS[0].name} --dry-run" in text


SAID = {
    "vendor_id": "`vendor_id`",
    "{const: false}": "always `false`",
    "{need: stampli.company_id}": "the setting `stampli.company_id`",
    '{text: "Stampli {{ n }}", max_length: 30, cut: true}': "the text `Stampli {{ n }}`, at most 30 characters, cut when longer",
    "{from: gl, crosswalk: codes, on_missing: hold}": "`gl`, translated by the crosswalk `codes`, held for a person when nothing is found",
    "{from: a, default: {from: b}}": "`a`, or, where that is empty, (`b`)",
    "{from: a, values: {x: '1'}, else: {const: '2'}}": "`a`, translated: `x` becomes `1`, anything else becomes always `2`",
    "{join: [a, {const: '00'}], with: '|'}": "joined with `|` between: (`a`); (always `00`)",
    "{lookup: s.v, match: {id: v}, take: num, on_missing: wait}": "`num` of the `s.v` whose `id` is (`v`), waits until it is found",
    "[a, b]": "the list of `a`; `b`",
    "{object: {a: b}}": "an object of `a`: `b`",
    "{a: b, c: {const: 1}}": "an object of `a`: `b`; `c`: always `1`",
    "{each: lines, map: amount}": "for each of `lines`: `amount`",
    "{merge: [a, b]}": "`{merge: [a, b]}`",
    "{from: a, trim: true, type: date, format: '%Y'}": "`a`, blanks at both ends taken off, as `date`, written as `%Y`",
    "{from: a, round: 2, required: true, trim: false}": "`a`, rounded to 2 places, must be there",
}  # fmt: skip


@pytest.mark.parametrize("text", SAID)
def test_a_value_is_told_in_words(text):
    assert value_told(node(text)) == SAID[text]


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ("{every: 15m}", "every 15 minutes"),
        ("{every: 1h}", "every hour"),
        ("{every: 1h30m}", "every 1 hour 30 minutes"),
        ("{every: 1d}", "every day"),
        ("{cron: '0 2 * * SUN', timezone: America/New_York}", "at 02:00 on Sunday (America/New_York)"),
        ("{cron: '*/15 6-18 * * *'}", "every 15th minute from 06:00 through 18:59 (UTC)"),
    ],
)
def test_a_schedule_is_told_in_words(schedule, words):
    assert schedule_in_words(node(schedule)) == words


def test_a_flow_without_a_schedule_says_so():
    assert schedule_in_words(None) == "only when somebody starts it"
    assert duration_in_words("8d") == "8 days"


def test_nothing_a_spec_says_becomes_markup():
    hostile = "<img src=x onerror=alert(1)> [a](javascript:x) `b` # c | d\n| e"

    assert "<" not in plain(hostile)
    assert "[a]" not in plain(hostile)
    assert plain(hostile).count("\n") == 0
    assert code("a`b|c").startswith("``")
    assert list(table(("a",), [(code("x | y"),)]))[2] == "| `x \\| y` |"


def test_pages_are_written_to_a_folder(tmp_path):
    words = ["docs", *map(str, SPECS[:2]), "--output", str(tmp_path / "new" / "pages")]

    first = CliRunner().invoke(main, words)
    again = CliRunner().invoke(main, [*words, "--format", "json"])

    assert first.exit_code == 0, first.output
    assert [f["integration"] for f in json.loads(again.output)] == [load(spec).name for spec in SPECS[:2]]
    written = sorted((tmp_path / "new" / "pages").iterdir())
    assert [p.name for p in written] == [f"{load(spec).name}.md" for spec in SPECS[:2]]
    assert written[0].read_text().startswith("# ")


def test_a_folder_that_cant_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")

    done = CliRunner().invoke(main, ["docs", str(SPECS[0]), "--output", str(tmp_path / "file" / "x")])

    assert done.exit_code == 2
    assert "can't be written" in done.stderr

"""The documentation does what it says: every block is checked or run, every word of the product is in it."""

from __future__ import annotations

import re
import shutil
import textwrap
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

import cli
from engine import errors
from engine.redaction import Redactor
from engine.run.load import check
from engine.run.running import Options, run_spec
from engine.run.seams import Seams, quiet
from engine.run.summary import FlowSummary
from engine.run.workspace import open_workspace
from engine.spec.codes import CODES
from engine.spec.document import Problems, read_document
from engine.spec.fragments import all_names
from engine.spec.report import as_text
from engine.spec.schema import check_shape
from engine.trial.world import SteppedClock

from .docs_blocks import PAGES, ROOT, SPOKEN, blocks, commands, every_block, page_text, prose, walk
from .docs_maps import mapped, shown
from .docs_tables import every_command

LANGUAGE = page_text("specs/README.md")
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
    (folder / "moved.jsonl").write_text("{}\n")
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
    known = re.compile(
        r"(sh|text( \S+)?|ini systemd|dockerfile container|yaml (integration|system|test|map|fragment:[a-z0-9-]+))"
    )
    for block in every_block():
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


def test_the_overlay_fits_the_shipped_system(desk):
    (use,) = blocks("yaml", "fragment:system-use")
    spec = (desk / "ledgerly--stampli.yaml").read_text()
    laid = re.sub(r"(?<=  stampli:\n)    use: .*\n    with: .*\n", textwrap.indent(use.text, "    "), spec)
    assert laid != spec
    (desk / "overlaid").mkdir()
    shutil.copytree(desk / "systems", desk / "overlaid" / "systems")
    shutil.copytree(desk / "crosswalks", desk / "overlaid" / "crosswalks")
    (desk / "overlaid" / "ledgerly--stampli.yaml").write_text(laid)
    assert _said(check(desk / "overlaid" / "ledgerly--stampli.yaml")) == []


@pytest.mark.parametrize("block", blocks("yaml", "map"), ids=str)
def test_maps_make_what_they_say(block, tmp_path):
    node = _node(block.text, tmp_path)
    given = node.get("in").plain()
    if "fails" in node:
        with pytest.raises(errors.RecordError, match=re.escape(node.get("fails").value)):
            mapped(node, given)
        return
    assert shown(mapped(node, given)) == node.get("out").plain()


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


def test_a_run_accounts_for_itself_as_shown():
    counts = Counter(read=4, passed_over=1, posted=2, held=1)
    told = FlowSummary(flow="invoices", counts=counts, amounts={"posted": "260.30", "held": "99.00"})
    told.conclude()
    assert "\n".join(told.lines()) + "\n" in {block.text for block in blocks("text")}


def test_the_mistake_shown_is_told_asshown(desk, tmp_path, monkeypatch):
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


def test_a_sample_tells_codes_without_a_line(desk, tmp_path, monkeypatch):
    monkeypatch.chdir(desk)
    (named,) = re.findall(r"`mlconnector (validate \S+ --data (\S+))`", page_text("specs/README.md"))
    shutil.copy(ROOT / "specs" / "samples" / "invoice_two_lines.csv", named[1])
    result = CliRunner().invoke(cli.main, named[0].split(), catch_exceptions=False)
    assert "is not in crosswalk `accounts`" in result.output


# Commands -----------------------------------------------------------------------------------------------------------


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
    command, rest = walk(own)
    command.make_context("mlconnector", rest).close()
    if own[0] in SAFE:
        result = CliRunner().invoke(cli.main, own, catch_exceptions=False)
        assert result.exit_code == 0, result.output


@pytest.mark.parametrize("page", PAGES)
def test_commands_named_in_a_sentence_exist(page):
    lines = [code.split() for code in SPOKEN.findall(prose(page)) if code.startswith("mlconnector ")]
    for words in lines:
        command, rest = walk([word for word in words[1:] if word != "…"])
        options = {name for param in command.params for name in param.opts}
        assert {word for word in rest if word.startswith("-")} <= options, words


@pytest.mark.parametrize("words", [["explain", code] for code in CODES] + [["schema", k] for k in ("system", "test")])
def test_what_is_safe_to_run_works(words):
    assert CliRunner().invoke(cli.main, words, catch_exceptions=False).exit_code == 0


@pytest.mark.parametrize("path", [path for path, _ in every_command()], ids=" ".join)
def test_every_command_helps(path):
    assert CliRunner().invoke(cli.main, [*path, "--help"]).exit_code == 0


# The service --------------------------------------------------------------------------------------------------------


def test_the_drawing_shown_is_the_first_flows(desk):
    from engine.desk.graphing import graph_of, mermaid
    from engine.run.load import load

    assert mermaid(graph_of(load(desk / "acme--partner.yaml"))).strip() == _text("graph").strip()


def test_a_message_reads_as_shown(desk):
    from engine.run.load import load
    from engine.service.alerts.digest import Writer
    from engine.state.alerts import Alert

    night = datetime(2026, 11, 21, 2, 14, tzinfo=UTC)
    alert = Alert(
        id="1", integration="epicor-kinetic--stampli", flow="epicor-kinetic--stampli/invoices", kind="quarantined",
        subject="5e0c9a41", name="ap_team", state="open", said="`GLAccount`: '6150' is not in crosswalk `gl_codes`; add a line for it",
        next_step="mend the crosswalk, then `mlconnector replay --group 5e0c9a41 --remap SPEC`", heals="",
        times=12, amount="18250.40", since=night, opened_at=night, seen_at=night, told_at=None, closed_at=None,
    )  # fmt: skip
    writer = Writer(
        integration=load(ROOT / "specs" / "epicor-kinetic--stampli.yaml"), redactor=Redactor(), now=night,
        head="12345:ab12cd34ef56ab78", address="https://connect.example",
        runs=lambda _flow: "next run Sat 21 Nov 02:30 UTC, in 16 minutes (every 15m)",
    )  # fmt: skip
    assert writer.compose([alert], [], []).body.strip() == _text("message").strip()

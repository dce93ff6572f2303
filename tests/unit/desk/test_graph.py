"""`graph`: every flow is an arrow, every text is harmless, both forms can be read by a machine."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from cli import main
from engine.desk.graphing import Arrow, Graph, graph_of, mermaid, render, svg
from engine.run.load import load as load_spec

SPECS = sorted(p for p in (Path(__file__).resolve().parents[3] / "specs").glob("*.yaml") if ".test." not in p.name)
load = lru_cache(load_spec)
HOSTILE = "\"]<script>alert(1)</script>&'`|#{}\n end"
SVG = "{http://www.w3.org/2000/svg}"


def hostile():
    return Graph(
        name="x",
        title=HOSTILE,
        systems={"a": HOSTILE, "b": "b"},
        objects={"a": (f"a.{HOSTILE}",), "b": ("b.o",)},
        arrows=(Arrow(name=HOSTILE, title=HOSTILE, source=f"a.{HOSTILE}", target="b.o"),),
    )


@pytest.mark.parametrize("spec", SPECS, ids=lambda p: p.stem)
def test_every_flow_of_every_shipped_integration_is_an_arrow(spec):
    integration = load(spec)

    text, picture = render(integration, "mermaid"), ET.fromstring(render(integration, "svg"))

    labels = re.findall(r'-(?:-|\.-)>\|"([^"]+)"\|', text)
    assert labels == list(integration.flows)
    assert ["".join(t.itertext()).removeprefix(t.findtext(f"{SVG}title") or "") for t in picture.iter(f"{SVG}text")][
        -len(labels) :
    ] == labels
    assert all(f"{alias}" in text for alias in integration.systems)


def test_an_svg_says_what_it_shows_to_those_who_do_not_see_it():
    picture = ET.fromstring(render(load(SPECS[0]), "svg"))

    assert picture.get("role") == "img"
    assert picture.get("aria-labelledby") == "graph-title graph-desc"
    assert picture.find(f"{SVG}title").text == load(SPECS[0]).title
    assert "invoices: from " in picture.find(f"{SVG}desc").text


def test_an_svg_needs_no_style_sheet_and_runs_nothing():
    """The console's content policy lets neither through."""
    for spec in SPECS:
        assert re.search(r"style=|<style|<script|href|\son\w+=", render(load(spec), "svg")) is None


def test_hostile_names_stay_text():
    graph = hostile()

    drawn = ET.fromstring(svg(graph))
    text = mermaid(graph)

    assert {each.tag for each in drawn.iter()} == {
        f"{SVG}{t}" for t in ("svg", "title", "desc", "defs", "marker", "path", "rect", "text")
    }
    assert "<script" not in text
    assert len(text.splitlines()) == 10
    assert all(line.count('"') in {0, 2} for line in text.splitlines())


def test_lanes_do_not_lie_on_one_another():
    """Each label has a line of its own."""
    picture = ET.fromstring(render(load(SPECS[0]), "svg"))
    flows = len(load(SPECS[0]).flows)
    heights = [int(t.get("y")) for t in picture.iter(f"{SVG}text")][-flows:]

    assert len(set(heights)) == flows
    assert min(b - a for a, b in zip(sorted(heights), sorted(heights)[1:], strict=False)) >= 20


def test_results_that_are_told_are_dotted():
    graph = graph_of(load(next(spec for spec in SPECS if "ramp" in spec.stem)))
    dotted = [each.name for each in graph.arrows if each.outcomes]

    assert dotted
    assert mermaid(graph).count("-.->") == svg(graph).count("stroke-dasharray") == len(dotted)


def test_the_command_prints_it():
    done = CliRunner().invoke(main, ["graph", str(SPECS[0]), "--format", "json"])

    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    assert [each["flow"] for each in told["flows"]] == list(load(SPECS[0]).flows)
    assert told["mermaid"] == render(load(SPECS[0]), "mermaid"), "the same each time"

"""`graph SPEC`: an integration's systems, objects and flows as a diagram: Mermaid text, or an SVG made here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine.desk.graphing_svg import Box, Lane, Picture, drawn
from engine.run.model import Integration
from engine.run.show import as_json

_MERMAID = re.compile(r'[#"&<>`|\\{}\[\]]')


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrow:
    """One flow: what it is called, and the addresses it leads from and to."""

    name: str
    title: str
    source: str
    target: str
    outcomes: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Graph:
    """An integration as boxes and arrows. `objects`: alias to the addresses its flows touch, in the order they are met."""

    name: str
    title: str
    systems: dict[str, str]
    objects: dict[str, tuple[str, ...]]
    arrows: tuple[Arrow, ...]


def graph_of(integration: Integration) -> Graph:
    """What the flows touch; objects nobody reads or writes are left out."""
    objects: dict[str, dict[str, None]] = {alias: {} for alias in integration.systems}
    arrows: list[Arrow] = []
    for flow in integration.flows.values():
        for use in (flow.source, flow.target):
            objects.setdefault(use.system.alias, {})[use.address] = None
        arrows.append(
            Arrow(
                name=flow.name,
                title=flow.kind.title or flow.name,
                source=flow.source.address,
                target=flow.target.address,
                outcomes=bool(flow.kind.read.outcomes),
            )
        )
    return Graph(
        name=integration.name,
        title=integration.title,
        systems={alias: system.name for alias, system in integration.systems.items()},
        objects={alias: tuple(found) for alias, found in objects.items()},
        arrows=tuple(arrows),
    )


def render(integration: Integration, form: str) -> str:
    """`mermaid`, `svg` or `json`."""
    graph = graph_of(integration)
    if form == "json":
        return as_json(facts(graph))
    return svg(graph) if form == "svg" else mermaid(graph)


def facts(graph: Graph) -> dict[str, Any]:
    """For `--format json`: the boxes and arrows, and the Mermaid text."""
    return {
        "integration": graph.name,
        "title": graph.title,
        "systems": [
            {"alias": alias, "uses": uses, "objects": list(graph.objects[alias])}
            for alias, uses in graph.systems.items()
        ],
        "flows": [
            {"flow": each.name, "title": each.title, "from": each.source, "to": each.target} for each in graph.arrows
        ],
        "mermaid": mermaid(graph),
    }


def mermaid(graph: Graph) -> str:
    """A flow chart: a box a system, its objects in it, an arrow a flow; dotted where results are told."""
    return "\n".join(_mermaid_lines(graph))


def _mermaid_lines(graph: Graph) -> Iterator[str]:
    ids: dict[str, str] = {}
    yield "flowchart LR"
    yield f"  accTitle: {_label(graph.title)}"
    yield f"  accDescr: {_label(_described(graph))}"
    for number, (alias, uses) in enumerate(graph.systems.items(), 1):
        yield f'  subgraph s{number}["{_label(f"{alias} ({uses})" if alias != uses else alias)}"]'
        for place, address in enumerate(graph.objects[alias], 1):
            ids[address] = f"s{number}o{place}"
            yield f'    {ids[address]}["{_label(_short(alias, address))}"]'
        yield "  end"
    for arrow in graph.arrows:
        line = "-.->" if arrow.outcomes else "-->"
        yield f'  {ids[arrow.source]} {line}|"{_label(arrow.name)}"| {ids[arrow.target]}'


def _described(graph: Graph) -> str:
    return ". ".join(f"{each.name}: from {each.source} to {each.target}" for each in graph.arrows)


def _short(alias: str, address: str) -> str:
    return address.removeprefix(f"{alias}.")


def _label(text: str) -> str:
    """Text as Mermaid shows it: what would mean something to it, or to HTML, by its number."""
    return _MERMAID.sub(lambda found: f"#{ord(found.group())};", " ".join(text.split()))


def svg(graph: Graph) -> str:
    """Objects read on the left, objects written on the right, a lane a flow between them."""
    left = _column(graph, [each.source for each in graph.arrows])
    right = _column(graph, [each.target for each in graph.arrows])
    lanes = tuple(
        Lane(label=each.name, hint=each.title, source=each.source, target=each.target, dotted=each.outcomes)
        for each in graph.arrows
    )
    return drawn(Picture(title=graph.title, about=_described(graph), left=left, right=right, lanes=lanes))


def _column(graph: Graph, addresses: list[str]) -> tuple[Box, ...]:
    """Systems in the order in which the lanes meet them, so that few lanes cross."""
    home = {address: alias for alias, found in graph.objects.items() for address in found}
    rows: dict[str, dict[str, None]] = {}
    for address in addresses:
        rows.setdefault(home[address], {})[address] = None
    return tuple(
        Box(
            title=f"{alias} ({graph.systems[alias]})" if alias != graph.systems[alias] else alias,
            rows=tuple((address, _short(alias, address)) for address in found),
        )
        for alias, found in rows.items()
    )

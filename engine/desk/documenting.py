"""`docs SPEC…`: a page for each integration, made from its spec: what moves, from where, when, how, and what is promised."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.desk.documenting_flow import flow_told, table
from engine.desk.documenting_values import code, plain, written
from engine.desk.graphing import graph_of, mermaid
from engine.desk.promises import promised
from engine.errors import UsageError
from engine.mapping.crosswalk import load_crosswalk
from engine.run.load import load
from engine.run.model import Integration, System
from engine.run.show import as_json
from engine.spec.document import Problems
from engine.spec.nodes import Node
from engine.spec.timetable import duration_in_words, schedule_in_words
from engine.spec.tree import SpecTree, read_tree


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """One integration's page, as Markdown."""

    integration: str
    title: str
    text: str

    @property
    def file(self) -> str:
        """What it is called in a folder."""
        return f"{self.integration}.md"


def write_docs(specs: Sequence[Path], output: Path | None, form: str) -> str:
    """The pages themselves, or, with `output`, the names of the files written there. Raises SpecError, UsageError."""
    pages = [page_of(spec) for spec in specs]
    if output is None:
        if form == "json":
            return as_json(
                [{"integration": each.integration, "title": each.title, "page": each.text} for each in pages]
            )
        return "\n\n".join(each.text for each in pages)
    written_to = [_save(page, output) for page in pages]
    if form == "json":
        return as_json(
            [{"integration": each.integration, "file": str(to)} for each, to in zip(pages, written_to, strict=True)]
        )
    return "\n".join(f"{to} written" for to in written_to)


def page_of(spec: Path) -> Page:
    """Raises SpecError for one with mistakes, UsageError for a file that is no integration."""
    integration = load(spec)
    tree = read_tree(spec, Problems())
    if tree is None:
        raise UsageError(f"`{spec}` changed while it was read: try again")
    return Page(integration=integration.name, title=integration.title, text="\n".join(_page(integration, tree, spec)))


def _save(page: Page, folder: Path) -> Path:
    path = folder / page.file
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(page.text + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"`{path}` can't be written: {error.strerror}") from None
    return path


def _page(integration: Integration, tree: SpecTree, spec: Path) -> Iterator[str]:
    root = tree.integration
    flows = root.get("flows")
    yield f"# {plain(integration.title)}"
    yield ""
    yield f"Made from `{spec.name}` by `mlconnector docs`: change the spec, then make this page again."
    yield ""
    yield "## What it moves"
    yield ""
    yield from table(("flow", "what", "from", "to", "runs", "promise"), list(_overview(integration, flows)))
    yield "## Picture"
    yield ""
    yield from ("```mermaid", mermaid(graph_of(integration)), "```", "")
    yield "## Systems"
    yield ""
    for alias, system in integration.systems.items():
        yield from _system(system, tree.systems[alias].node)
    yield "## Flows"
    yield ""
    for name, flow in integration.flows.items():
        node = flows.get(name) if flows is not None else None
        if node is not None:
            yield from flow_told(flow, node)
    yield from _crosswalks(root.get("crosswalks"), spec)
    yield from _alerts(root.get("alerts"))
    yield from _kept(root.get("retention"))
    yield from _commands(integration, spec)


def _overview(integration: Integration, flows: Node | None) -> Iterator[Sequence[str]]:
    for name, flow in integration.flows.items():
        node = flows.get(name) if flows is not None else None
        schedule = node.get("schedule") if node is not None else None
        title = plain(flow.kind.title or name)
        source, target = code(flow.source.address), code(flow.target.address)
        yield code(name), title, source, target, schedule_in_words(schedule), promised(flow)[0]


def _system(system: System, node: Node) -> Iterator[str]:
    title = node.get("title")
    yield f"### {system.alias}: {plain(str(title.value)) if title is not None else system.name}"
    yield ""
    needs = node.get("needs")
    rows = []
    for name, setting in system.settings.items():
        need = needs.get(name) if needs is not None else None
        what = need.get("title") if need is not None else None
        given = f"the value {code(_literal(setting.value))}"
        if setting.env:
            given = f"environment variable {code(setting.env)}"
        elif setting.secret:
            given = f"secret {code(setting.secret)} of the vault"
        elif setting.value is None:
            continue
        rows.append((code(name), plain(str(what.value)) if what is not None else "", given))
    yield from table(("setting", "what it is", "where it comes from"), rows)


def _literal(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _crosswalks(crosswalks: Node | None, spec: Path) -> Iterator[str]:
    if crosswalks is None:
        return
    yield "## Crosswalks"
    yield ""
    rows = []
    for name, node in crosswalks.items():
        file, key, value, default = (node.get(part) for part in ("file", "key", "value", "default"))
        at = str(file.value) if file is not None else ""
        found = load_crosswalk(name, spec.parent / at, node, Problems())
        many = f"{len(found.pairs):,}" if found is not None else ""
        columns = [code(written(each)) if each is not None else "" for each in (key, value)]
        other = code(written(default)) if default is not None else "no value: see the flow"
        rows.append((code(name), code(at), *columns, many, other))
    yield from table(("crosswalk", "file", "from column", "to column", "codes", "for an unknown code"), rows)


def _alerts(alerts: Node | None) -> Iterator[str]:
    if alerts is None:
        return
    yield "## Who is told"
    yield ""
    for name, node in alerts.items():
        to = node.get("to")
        others = ", ".join(f"{key} {code(written(value))}" for key, value in node.items() if key != "to")
        yield f"- {code(name)}: {_from_where(to)}" + (f"; {others}" if others else "")
    yield ""


def _from_where(to: Node | None) -> str:
    for key, said in (("secret", "the address in the secret"), ("env", "the address in the environment variable")):
        named = to.get(key) if to is not None else None
        if named is not None:
            return f"{said} {code(written(named))}"
    return "an address"


def _kept(retention: Node | None) -> Iterator[str]:
    yield "## How long it is kept"
    yield ""
    yield (
        f"Payloads of finished documents: {duration_in_words(written(retention))}, then they are taken out."
        if retention is not None
        else "Payloads of finished documents: until somebody runs `mlconnector purge`."
    ) + " Keys, hashes, states, references and the trail stay for good, so nothing is posted twice."
    yield ""


def _commands(integration: Integration, spec: Path) -> Iterator[str]:
    flow = next(iter(integration.flows), "")
    yield "## Commands"
    yield ""
    yield "```sh"
    yield f"mlconnector validate {spec.name}                          # is the spec in order"
    yield f"mlconnector check {spec.name}                             # can every system be reached"
    yield f"mlconnector run {spec.name} --dry-run --flow {flow}       # what a run would do"
    yield f"mlconnector run {spec.name} --flow {flow}                 # one flow, now"
    yield "mlconnector held list --all                            # what waits for a person"
    yield f"mlconnector sweep {spec.name}                             # does the target still have it all"
    yield "```"

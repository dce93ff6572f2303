"""From checked trees to flows: every expression compiled, every name resolved, both sides' fields compared.

A spec is valid exactly when it compiles: `validate` and `run` come through here alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from engine.connections.wire import Wire
from engine.mapping.check import compile_checks
from engine.mapping.crosswalk import Crosswalk, load_crosswalk
from engine.mapping.documents import LINES, Column, DocumentShape
from engine.mapping.expressions import Expression
from engine.mapping.field_names import Names, check_source, type_at
from engine.mapping.lookups import LookupObject
from engine.mapping.mapper import compile_mapping
from engine.mapping.types import ANY, FieldType, parse_type
from engine.run.build import Builder
from engine.run.compile_files import answers_format, compile_files
from engine.run.compile_outcomes import compile_outcomes
from engine.run.model import Flow, FlowKind, Integration, ObjectKind, ObjectUse, Setting, System, SystemKind
from engine.run.telling import AlertKind
from engine.sources.lookup import Lookup
from engine.spec.document import Node, Problems
from engine.spec.scalars import parse_duration
from engine.spec.tree import SpecTree, SystemTree, stays_beside
from engine.spec.walk import text_of
from engine.targets.steps import faults_in_target


def compile_integration(tree: SpecTree, path: Path, sha: str, problems: Problems) -> Integration:
    """The integration with whatever compiles; what does not is in `problems`."""
    systems = {alias: compile_system(alias, system, problems) for alias, system in tree.systems.items()}
    crosswalks = _crosswalks(tree, path, problems)
    flows: dict[str, Flow] = {}
    nodes = tree.integration.get("flows")
    readers = _readers(nodes) if nodes else {}
    for name, node in nodes.items() if nodes else ():
        flow = _flow(name, node, tree, systems, crosswalks, readers, sha, problems)
        if flow is not None:
            flows[name] = flow
    title, retention = tree.integration.get("title"), text_of(tree.integration, "retention")
    return Integration(
        name=path.stem,
        title=str(title.value) if title else path.stem,
        path=path,
        sha=sha,
        systems=systems,
        flows=flows,
        retention=parse_duration(retention.value) if retention is not None else None,
        alerts=_alerts(tree.integration.get("alerts"), problems),
    )


def _alerts(node: Node | None, problems: Problems) -> dict[str, AlertKind]:
    """Who can be told; one that does not hold together is told where it stands."""
    built = {name: Builder(problems, {}).build(AlertKind, each) for name, each in node.items()} if node else {}
    return {name: kind for name, kind in built.items() if kind is not None}


def compile_system(alias: str, tree: SystemTree, problems: Problems) -> System:
    """One system file with an integration's settings and overlay."""
    settings = {name: _setting(name, node, tree) for name, node in tree.settings.items()}
    settings |= {name: default for name, default in _defaults(tree) if name not in settings}
    choices = {name: setting.value for name, setting in settings.items() if setting.value is not None}
    builder = Builder(problems, choices)
    objects_node = tree.node.get("objects")
    objects: dict[str, ObjectKind] = {}
    for name, node in objects_node.items() if objects_node else ():
        built = builder.build(ObjectKind, node)
        objects[name] = compile_files(built, node, tree.sets, problems) if built is not None else ObjectKind()
    books = tree.node.get("books")
    named = tree.node.get("system")
    return System(
        alias=alias,
        name=str(named.value) if named else alias,
        kind=_reached(builder, tree.node),
        settings=settings,
        books=tuple(str(item) for item in books.plain()) if books and books.kind == "list" else (),
        objects=objects,
        answers=answers_format(tree.sets, problems),
    )


def _reached(builder: Builder, node: Node) -> SystemKind:
    """How the system is reached; its `wire`, said once for the whole file, goes with the connection that writes it."""
    kind: SystemKind = builder.build(SystemKind, node) or SystemKind()
    wire = node.get("wire")
    if kind.http is None or wire is None:
        return kind
    return replace(kind, http=replace(kind.http, wire=builder.build(Wire, wire) or Wire()))


def _setting(name: str, node: Node, tree: SystemTree) -> Setting:
    declared = tree.node.get("needs")
    need = declared.get(name) if declared else None
    type_ = need.get("type") if need else None
    kind = str(type_.value) if type_ else "string"
    if (env := node.get("env")) is not None:
        pattern = need.get("pattern") if need else None
        return Setting(type=kind, env=str(env.value), pattern=str(pattern.value) if pattern else "")
    if (secret := node.get("secret")) is not None:
        return Setting(type=kind, secret=str(secret.value))
    return Setting(type=kind, value=node.plain())


def _defaults(tree: SystemTree) -> list[tuple[str, Setting]]:
    needs = tree.node.get("needs")
    declared = [(name, need.get("type"), need.get("default")) for name, need in needs.items()] if needs else []
    return [
        (name, Setting(type=str(type_.value) if type_ else "string", value=default.plain() if default else None))
        for name, type_, default in declared
    ]


def _crosswalks(tree: SpecTree, path: Path, problems: Problems) -> dict[str, Crosswalk]:
    found: dict[str, Crosswalk] = {}
    declared = tree.integration.get("crosswalks")
    for name, node in declared.items() if declared else ():
        file = node.get("file")
        named = file is not None and file.kind == "text" and stays_beside(file.value)
        there = file is not None and named and (path.parent / file.value).is_file()
        loaded = load_crosswalk(name, path.parent / file.value, node, problems) if file is not None and there else None
        # what is wrong with it is told; that it can't be used then would only be noise
        found[name] = loaded or Crosswalk(name=name, pairs={})
    return found


def _readers(flows: Node) -> dict[str, tuple[str, ...]]:
    """Object address to the flows that read it: a file is archived when all of them have taken it in."""
    readers: dict[str, tuple[str, ...]] = {}
    for name, flow in flows.items():
        read = flow.get("read")
        address = read.get("object") if read else None
        if address is not None:
            readers[str(address.value)] = (*readers.get(str(address.value), ()), name)
    return readers


def _flow(
    name: str,
    node: Node,
    tree: SpecTree,
    systems: Mapping[str, System],
    crosswalks: Mapping[str, Crosswalk],
    readers: Mapping[str, tuple[str, ...]],
    sha: str,
    problems: Problems,
) -> Flow | None:
    kind = Builder(problems, {}).build(FlowKind, node)
    source = _readable(_use(node, "read", systems)) or compile_outcomes(
        node.get("read"), tree.integration.get("flows"), lambda other: _read_by(other, systems)
    )
    target = _use(node, "write", systems)
    _check_acknowledged_once(name, node, source, readers, problems)
    known = source_fields(source.kind) if source else None
    if kind is not None and known is not None:
        _check_expressions(kind, node, Names(fields=known, scope={}, record=source.address if source else ""), problems)
    checks_node, map_node = node.get("check"), node.get("map")
    settings = _settings(tree)
    checks = compile_checks(checks_node, problems, source=known, settings=settings) if checks_node else ()
    mapper = None
    if map_node is not None:
        mapper = compile_mapping(
            map_node,
            problems,
            source=known,
            target=_asked_fields(target.kind, kind) if target and writable(target.kind) else None,
            crosswalks=crosswalks,
            objects=_lookups(tree, systems),
            reads=source.address if source else "the source",
            writes=target.address if target else "the target",
            settings=settings,
        )
    if kind is None or mapper is None or source is None or target is None:
        return None
    flow = Flow(
        name=name,
        integration=str(tree.integration.get("integration").value),  # type: ignore[union-attr]
        kind=kind,
        source=source,
        target=target,
        mapper=mapper,
        checks=checks,
        readers=readers.get(source.address, (name,)),
        spec_sha=sha,
    )
    _check_target(flow, node, problems)
    return flow


def _check_acknowledged_once(
    name: str, node: Node, source: ObjectUse | None, readers: Mapping[str, tuple[str, ...]], problems: Problems
) -> None:
    """A file is acknowledged by one flow: two would tell its sender two things."""
    first = readers.get(source.address, (name,))[0] if source is not None else name
    read = node.get("read")
    if source is not None and source.kind.acknowledge is not None and first != name and read is not None:
        message = f"`{source.address}` is acknowledged, and `{first}` reads it already: only one flow may"
        problems.add("E311", read.get("object") or read, message)


def _asked_fields(target: ObjectKind, flow: FlowKind | None) -> Mapping[str, FieldType]:
    """The fields to map; what is required counts where a new one may be written."""
    if flow is None or flow.write.pattern not in {"update_only", "reconcile"}:
        return target.fields
    return {name: replace(type_, required=False) for name, type_ in target.fields.items()}


def writable(kind: ObjectKind) -> bool:
    """Whether a flow can write the object, or compare with it."""
    return any(way is not None for way in (kind.create, kind.update, kind.drop, kind.find))


def _check_target(flow: Flow, node: Node, problems: Problems) -> None:
    """What can't work in the steps of the object written, told at the flow that needs them."""
    write, kind = node.get("write"), flow.target.kind
    if write is None or flow.by_file or not (kind.create or kind.update or kind.find):
        return
    for fault in faults_in_target(replace(flow.ways, compare=None if flow.ways.compare is None else ())):
        problems.add("E313", write, f"{flow.target.address}: {fault}")


def _check_expressions(kind: FlowKind, node: Node, names: Names, problems: Problems) -> None:
    """The names read by a flow's own expressions; `map` and `check` look after themselves."""
    asked: list[tuple[Expression | None, Node | None]] = [
        (kind.when, node.get("when")),
        (kind.amount, node.get("amount")),
        *_pairs(kind.key, node.get("key")),
    ]
    identifiers = node.get("identifiers")
    asked += [
        (expression, identifiers.get(name) if identifiers else None) for name, expression in kind.identifiers.items()
    ]
    for expression, place in asked:
        if expression is not None and place is not None:
            check_source(expression, place, names, problems)
    after = node.get("after")
    if kind.after is not None and after is not None:
        each = after.get("each")
        if kind.after.each is not None and each is not None:
            check_source(kind.after.each, each, names, problems)
            names = names.inside(type_at(kind.after.each, names))
        for expression, place in _pairs(kind.after.key, after.get("key")):
            check_source(expression, place, names, problems)


def _pairs(expressions: Sequence[Expression], node: Node | None) -> list[tuple[Expression, Node]]:
    children = node.children() if node is not None else []
    return list(zip(expressions, children, strict=False)) if len(expressions) == len(children) else []


def _use(node: Node, key: str, systems: Mapping[str, System]) -> ObjectUse | None:
    block = node.get(key)
    address = block.get("object") if block else None
    alias, _, name = str(address.value).partition(".") if address else ("", "", "")
    system = systems.get(alias)
    if system is None or name not in system.objects:
        return None
    return ObjectUse(system=system, name=name, kind=system.objects[name])


def _readable(use: ObjectUse | None) -> ObjectUse | None:
    """The object, where it can be read at all; that it can't is told by the rules."""
    return use if use is not None and (use.kind.list is not None or use.kind.pickup is not None) else None


def _read_by(flow: Node, systems: Mapping[str, System]) -> tuple[ObjectUse, Mapping[str, FieldType]] | None:
    """The object a flow reads, with the fields of its records."""
    use = _readable(_use(flow, "read", systems))
    return None if use is None else (use, source_fields(use.kind))


def _settings(tree: SpecTree) -> FieldType:
    """What `need` holds where documents are made: every system's settings but its secrets, which go to that system only."""
    declared = tree.integration.get("systems")
    if declared is not None and set(declared.keys) - set(tree.systems):
        return ANY
    given: dict[str, FieldType] = {}
    for alias, system in tree.systems.items():
        needs = system.node.get("needs")
        pairs = [(name, need.get("type")) for name, need in needs.items()] if needs else []
        shown = {name: ANY for name, type_ in pairs if type_ is None or type_.value != "secret"}
        given[alias] = FieldType(kind="any", fields=shown)
    return FieldType(kind="any", fields=given)


def _lookups(tree: SpecTree, systems: Mapping[str, System]) -> dict[str, LookupObject] | None:
    """What mappings may look up; None, which checks nothing, while a system of the integration can't be read."""
    declared = tree.integration.get("systems")
    if declared is None or set(declared.keys) - set(systems):
        return None
    return {
        f"{alias}.{name}": LookupObject(by=_looked_up_by(kind.lookup, kind), fields=kind.fields)
        for alias, system in systems.items()
        for name, kind in system.objects.items()
        if kind.lookup is not None
    }


def _looked_up_by(lookup: Lookup, kind: ObjectKind) -> tuple[str, ...]:
    """The fields, or none where the system file is wrong about them, which is told there."""
    return lookup.by if set(lookup.by) <= kind.fields.keys() else ()


def document_fields(shape: DocumentShape) -> Mapping[str, FieldType]:
    """The types of a grouped document: its header, and its lines as a list."""
    fields = {name: _column(column) for name, column in shape.header.items()}
    if shape.lines:
        lines = {name: _column(column) for name, column in shape.lines.items()}
        fields[LINES] = FieldType(kind="list", fields=lines)
    return fields


def _column(column: Column) -> FieldType:
    type_ = parse_type(column.type)
    return replace(type_, required=type_.required or column.required)


def source_fields(kind: ObjectKind) -> Mapping[str, FieldType]:
    """What a record of this object holds: the document's header and lines for a file, the declared fields otherwise."""
    return document_fields(kind.document) if kind.document is not None else kind.fields

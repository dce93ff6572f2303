"""A spec file with the files it refers to: an integration, its systems with their overlays, its crosswalks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from engine.spec.document import read_document
from engine.spec.nodes import Node
from engine.spec.overlay import lay_over
from engine.spec.problems import Problems, did_you_mean
from engine.spec.schema import check_shape
from engine.spec.sets import SetFile, read_sets
from engine.spec.walk import every_map, text_of

PACKAGED = Path(__file__).resolve().parents[2] / "specs" / "systems"

SpecKind = Literal["system", "integration", "test", "x12-set"]

_FIRST_KEYS: dict[str, SpecKind] = {
    "system": "system",
    "integration": "integration",
    "tests": "test",
    "x12_set": "x12-set",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class SystemTree:
    """A system file as one integration uses it: `node` has the overlay in it, `settings` what `with` supplies, `sets` its X12 sets."""

    node: Node
    file: Path
    sets: Mapping[str, SetFile] = field(default_factory=dict)
    settings: Mapping[str, Node] = field(default_factory=dict)
    alias: str = ""
    use: Node | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SpecTree:
    """One spec file of any kind (`integration` is its root, whatever the kind), and for an integration what it is made of."""

    kind: SpecKind
    path: Path
    integration: Node
    systems: Mapping[str, SystemTree] = field(default_factory=dict)
    files: tuple[Path, ...] = ()


def load_tree(path: Path, problems: Problems, *, roots: tuple[Path, ...] = ()) -> SpecTree | None:
    """The tree, with every problem its shape, its references and its settings have; None where it can't be read at all.

    System files are looked for in `systems/` beside the spec, then in `roots`, then among those shipped.
    """
    from engine.spec.rules import check_rules

    tree = read_tree(path, problems, roots=roots)
    if tree is not None:
        check_rules(tree, problems)
    return tree


def read_tree(path: Path, problems: Problems, *, roots: tuple[Path, ...] = ()) -> SpecTree | None:
    """The same, checked for its shape only."""
    root = read_document(path, problems)
    if root is None:
        return None
    kind = kind_of(root, problems)
    if kind is None:
        return None
    check_shape(kind, root, problems)
    systems: dict[str, SystemTree] = {}
    if kind == "integration":
        places = (path.parent / "systems", *roots, PACKAGED)
        systems = _systems(root, places, problems)
    described = {each.file for system in systems.values() for each in system.sets.values()}
    files = (path, *sorted({*described, *(system.file for system in systems.values())}), *_crosswalk_files(root, path))
    return SpecTree(kind=kind, path=path, integration=root, systems=systems, files=files)


def files_behind(path: Path) -> frozenset[Path]:
    """Every file what `path` says depends on, those that are missing too: a spec is wrong until they are there."""
    root = read_document(path, Problems())
    if root is None:
        return frozenset({path})
    named = {node.value for found in every_map(root) if (node := text_of(found, "file")) is not None}
    found = {path, *(path.parent / name for name in named if stays_beside(name))}
    uses, tested = root.get("systems"), text_of(root, "tests")
    names = [text_of(use, "use") for _, use in uses.items()] if uses else []
    places = (path.parent / "systems", PACKAGED)
    found |= {place / f"{name.value}.yaml" for name in names if name and stays_beside(name.value) for place in places}
    if tested is not None and stays_beside(tested.value):
        found |= files_behind(path.parent / f"{tested.value}.yaml")
    return frozenset(found)


def load_system(tree: SpecTree, problems: Problems) -> SystemTree:
    """The system of a system file's own tree, without settings."""
    sets = read_sets(tree.integration, (tree.path.parent, PACKAGED), problems)
    return SystemTree(node=tree.integration, file=tree.path, sets=sets)


def kind_of(root: Node, problems: Problems) -> SpecKind | None:
    """What kind of file this is, by the key that names it."""
    found = [kind for key, kind in _FIRST_KEYS.items() if key in root]
    if len(found) == 1 or found == ["system", "integration"]:
        return found[-1]  # of an integration's `systems` misspelt the schema tells more
    close = next((did_you_mean(key, _FIRST_KEYS) for key in root.keys if did_you_mean(key, _FIRST_KEYS)), None)
    problems.add(
        "E110",
        root,
        "this is no spec: it must say `system`, `integration`, `tests` or `x12_set`"
        if not found
        else "this is several kinds of spec at once",
        suggestion=close or "start with `mlconnector: 1` and then `integration: <name of this file>`",
    )
    return None


def stays_beside(name: str) -> bool:
    """Whether a path leads nowhere but into the spec's own folder."""
    return not name.startswith(("/", "~")) and "\\" not in name and ".." not in name.split("/")


def known_systems(places: tuple[Path, ...]) -> list[str]:
    """The names of all system files within reach."""
    return sorted({file.stem for place in places if place.is_dir() for file in place.glob("*.yaml")})


def _systems(root: Node, places: tuple[Path, ...], problems: Problems) -> dict[str, SystemTree]:
    systems: dict[str, SystemTree] = {}
    documents: dict[Path, Node | None] = {}
    uses = root.get("systems")
    for alias, use in uses.items() if uses else ():
        name = use.get("use")
        if name is None or name.kind != "text" or not stays_beside(name.value) or "/" in name.value:
            continue  # the schema told it; what it names is not even read, for problems quote what they find
        file = next((p for place in places if (p := place / f"{name.value}.yaml").is_file()), None)
        if file is None:
            known = known_systems(places)
            suggestion = did_you_mean(name.value, known) or f"there are {', '.join(known)}"
            problems.add("E301", name, f"there is no system file `systems/{name.value}.yaml`", suggestion=suggestion)
            continue
        if file not in documents:
            documents[file] = _read_system(file, problems)
        document = documents[file]
        if document is not None:
            systems[alias] = _in_use(alias, use, document, (file, places), problems)
    return systems


def _read_system(file: Path, problems: Problems) -> Node | None:
    document = read_document(file, problems)
    if document is None or kind_of(document, problems) is None:
        return None
    check_shape("system", document, problems)
    return document


def _in_use(
    alias: str, use: Node, document: Node, found: tuple[Path, tuple[Path, ...]], problems: Problems
) -> SystemTree:
    file, places = found
    settings, objects = use.get("with"), use.get("objects")
    if objects is not None and objects.kind == "map":
        document = lay_over(document, objects, problems)
        merged = document.get("objects")
        for name in objects.keys:
            changed = merged.get(name) if merged else None
            if changed is not None:
                check_shape("object", changed, problems)
    return SystemTree(
        node=document,
        file=file,
        sets=read_sets(document, places, problems),
        settings=dict(settings.items()) if settings else {},
        alias=alias,
        use=use,
    )


def _crosswalk_files(root: Node, path: Path) -> tuple[Path, ...]:
    declared = root.get("crosswalks")
    names = [node.get("file") for _, node in declared.items()] if declared else []
    there = [name.value for name in names if name is not None and name.kind == "text"]
    files = {path.parent / name for name in there if stays_beside(name)}
    return tuple(sorted(file for file in files if file.is_file()))

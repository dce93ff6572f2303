"""Rules for a file's own name, and for test files."""

from __future__ import annotations

from engine.spec.document import read_document
from engine.spec.nodes import Node, step
from engine.spec.problems import Problems, did_you_mean
from engine.spec.tree import SpecTree, stays_beside
from engine.spec.walk import every_map, text_of

_NAMED_BY = {
    "system": ("system", ".yaml"),
    "integration": ("integration", ".yaml"),
    "test": ("tests", ".test.yaml"),
    "x12-set": ("x12_set", ".yaml"),
}


def check_name(tree: SpecTree, problems: Problems) -> None:
    """A spec is found by its file's name, so the name inside must be the same."""
    key, ending = _NAMED_BY[tree.kind]
    named = text_of(tree.integration, key)
    stem = tree.path.name.removesuffix(ending)
    if named is not None and named.value != stem:
        message = f"`{named.value}` is not the name of this file, `{tree.path.name}`"
        problems.add("E316", named, message, suggestion=f"write {stem}")


def check_test(tree: SpecTree, problems: Problems) -> None:
    """The integration exists, and the flows, systems and files a test names exist too."""
    root = tree.integration
    for found in every_map(root):
        _file_exists(found, tree, problems)
    name = text_of(root, "tests")
    path = tree.path.parent / f"{name.value}.yaml" if name is not None and stays_beside(name.value) else None
    if name is None or path is None or not path.is_file():
        if name is not None:
            known = [file.stem for file in tree.path.parent.glob("*.yaml") if not file.stem.endswith(".test")]
            message = f"there is no integration `{name.value}` beside this file"
            problems.add("E319", name, message, suggestion=did_you_mean(name.value, known))
        return
    integration = read_document(path, Problems())  # its own problems are told when it is checked itself
    if integration is not None:
        _names_exist(root, integration, problems)


def _names_exist(root: Node, integration: Node, problems: Problems) -> None:
    flows, systems = integration.get("flows"), integration.get("systems")
    cases = root.get("cases")
    case_list = cases.children() if cases else []
    for case in case_list:
        run = case.get("run")
        for flow in run.children() if run else ():
            if flows is not None and flow.kind == "text" and flow.value not in flows:
                message = f"`{root.value['tests'].value}` has no flow `{flow.value}`"
                problems.add("E310", flow, message, suggestion=did_you_mean(flow.value, flows.keys))
    for holder in (root, *case_list):
        sandbox = holder.get("sandbox")
        for alias in sandbox.keys if sandbox else ():
            if sandbox is not None and systems is not None and alias not in systems:
                mark, path = sandbox.key_mark(alias), step(sandbox.path, alias)
                suggestion = did_you_mean(alias, systems.keys)
                problems.add(
                    "E315", mark, f"`{alias}` is not a system of the integration", suggestion=suggestion, path=path
                )


def _file_exists(found: Node, tree: SpecTree, problems: Problems) -> None:
    file = text_of(found, "file")
    if file is None or (tree.path.parent / file.value).is_file():
        return
    folder = (tree.path.parent / file.value).parent
    near = did_you_mean(file.value.rpartition("/")[2], (f.name for f in folder.glob("*"))) if folder.is_dir() else None
    problems.add("E319", file, f"there is no file `{file.value}` beside this file", suggestion=near)

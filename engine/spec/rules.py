"""What a spec must hold beyond its shape: one small function per code, each needing only the tree and the files beside it."""

from __future__ import annotations

from engine.spec.problems import Problems
from engine.spec.rules_alerts import check_alerts
from engine.spec.rules_crosswalks import check_crosswalks
from engine.spec.rules_files import check_name, check_test
from engine.spec.rules_flows import check_flow
from engine.spec.rules_order import check_order
from engine.spec.rules_settings import check_settings
from engine.spec.rules_systems import check_system
from engine.spec.rules_use import check_use
from engine.spec.rules_webhooks import check_webhooks
from engine.spec.tree import SpecTree, load_system


def check_rules(tree: SpecTree, problems: Problems) -> None:
    """Adds every problem of the tree's references and settings."""
    check_name(tree, problems)
    if tree.kind == "system":
        system = load_system(tree, problems)
        check_system(system, problems)
        check_webhooks(system, problems)
    elif tree.kind == "test":
        check_test(tree, problems)
    elif tree.kind == "integration":
        _check_integration(tree, problems)


def _check_integration(tree: SpecTree, problems: Problems) -> None:
    for system in tree.systems.values():
        check_system(system, problems)
        check_webhooks(system, problems)
        check_settings(system, problems)
    flows = tree.integration.get("flows")
    for flow in (node for _, node in flows.items()) if flows else ():
        check_flow(flow, tree, problems)
    check_alerts(tree, problems)
    check_order(tree, problems)
    check_crosswalks(tree, problems)
    check_use(tree, problems)

"""Rules for one flow: the objects it names exist and can be used this way."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from engine.spec.nodes import Node
from engine.spec.problems import Problems, did_you_mean, one_of
from engine.spec.scalars import parse_duration
from engine.spec.tree import SpecTree
from engine.spec.walk import every_map, text_of

_PATTERNS = {
    "create_once": ("create",),
    "upsert": ("create", "update"),
    "update_only": ("update",),
    "reconcile": ("find",),
    "append": ("drop",),
}
"""What an object must have to be written in a pattern."""
_FOR_MONEY = ("create_once", "reconcile")
_WAYS = {"read": ("list", "pickup"), "write": ("create", "update", "drop", "find"), "lookup": ("lookup",)}


def check_flow(flow: Node, tree: SpecTree, problems: Problems) -> None:
    """Objects, schedule, alert, settings named in the map, money."""
    source = _object(text_of(flow, "read", "object"), "read", tree, problems)
    target = _object(text_of(flow, "write", "object"), "write", tree, problems)
    for found in every_map(flow.get("map")):
        _object(text_of(found, "lookup"), "lookup", tree, problems)
        _need_exists(found, tree, problems)
    _schedule(flow.get("schedule"), problems)
    _alert(text_of(flow, "on_error", "alert"), tree, problems)
    if source is not None:
        _changes_can_be_read(flow, source, problems)
    if target is not None:
        _pattern_fits(flow, target, problems)
        _compared_fields_exist(flow, target, problems)


def _object(address: Node | None, use: str, tree: SpecTree, problems: Problems) -> Node | None:
    """The object an address names, told when there is none or when it can't be used this way."""
    alias, dot, name = address.value.partition(".") if address is not None else ("", "", "")
    if address is None or not dot:
        return None
    uses = tree.integration.get("systems")
    if uses is not None and alias not in uses:
        message = f"`{alias}` is not among `systems`"
        problems.add("E302", address, message, suggestion=did_you_mean(alias, uses.keys))
        return None
    system = tree.systems.get(alias)
    objects = system.node.get("objects") if system else None
    if objects is None:
        return None
    node = objects.get(name)
    if node is None:
        close = did_you_mean(name, objects.keys)
        message = f"`{alias}` has no object `{name}`"
        problems.add("E302", address, message, suggestion=close or f"it has {one_of(objects.keys)}")
        return None
    if not any(way in node for way in _WAYS[use]):
        message = f"`{address.value}` can't be used for `{use}`: it says nothing of {one_of(_WAYS[use])}"
        others = [f"{alias}.{other}" for other, its in objects.items() if any(way in its for way in _WAYS[use])]
        problems.add("E311", address, message, suggestion=f"objects that can: {one_of(others)}" if others else None)
    return node


def _need_exists(found: Node, tree: SpecTree, problems: Problems) -> None:
    need = text_of(found, "need")
    if need is None:
        return
    alias, dot, name = need.value.partition(".")
    uses = tree.integration.get("systems")
    if uses is not None and (not dot or alias not in uses):
        suggestion = did_you_mean(alias, uses.keys) if dot else f"write {next(iter(uses.keys), 'alias')}.{alias}"
        problems.add("E315", need, f"`{alias}` is not among `systems`", suggestion=suggestion)
        return
    system = tree.systems.get(alias)
    declared = system.node.get("needs") if system else None
    if declared is not None and name not in declared:
        problems.add("E303", need, f"`{name}` is no setting of `{alias}`", suggestion=did_you_mean(name, declared.keys))
        return
    type_ = text_of(declared, name, "type")
    if type_ is not None and type_.value == "secret":
        message = f"`{name}` is a secret of `{alias}`: it goes to that system only, never into a document"
        problems.add("E305", need, message, suggestion="take it out")


def _schedule(schedule: Node | None, problems: Problems) -> None:
    every, cron, zone = (text_of(schedule, key) for key in ("every", "cron", "timezone"))
    if every is not None and (length := parse_duration(every.value)) is not None and length.total_seconds() < 1:
        problems.add("E308", every, "a flow can't run more often than once a second")
    if cron is not None and (wrong := _wrong_cron(cron.value)):
        problems.add("E308", cron, f"`{cron.value}` is no schedule: {wrong}", suggestion='such as "30 2 * * MON-FRI"')
    check_zone(zone, problems)


def check_zone(zone: Node | None, problems: Problems) -> None:
    """Tells a time zone that does not exist."""
    if zone is not None and not _is_zone(zone.value):
        close = did_you_mean(zone.value, available_timezones())
        problems.add("E308", zone, f"`{zone.value}` is no time zone", suggestion=close or "such as America/New_York")


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _wrong_cron(text: str) -> str | None:
    from cronsim import CronSim, CronSimError

    fields = text.split()
    if len(fields) != 5:
        return f"it has {len(fields)} fields instead of 5 (minute, hour, day, month, weekday)"
    try:
        next(CronSim(text, datetime(2024, 1, 1, tzinfo=UTC).astimezone(ZoneInfo("UTC"))))
    except CronSimError:
        return "one of its fields is out of range or misspelt"
    except StopIteration:
        return "it never happens"
    return None


def _alert(name: Node | None, tree: SpecTree, problems: Problems) -> None:
    alerts = tree.integration.get("alerts")
    known = list(alerts.keys) if alerts else []
    if name is not None and name.value not in known:
        problems.add(
            "E312",
            name,
            f"`{name.value}` is not among `alerts`",
            suggestion=did_you_mean(name.value, known) or "add it under `alerts`",
        )


def _changes_can_be_read(flow: Node, source: Node, problems: Problems) -> None:
    read = flow.get("read")
    asked = read.get("changed_since") if read else None
    listing = source.get("list")
    if read is not None and asked is not None and (listing is None or "changed" not in listing):
        message = "this object can't be asked for what changed: it has no `list.changed`"
        path = f"{read.path}.changed_since"
        problems.add("E311", read.key_mark("changed_since"), message, suggestion="remove it", path=path)


def _pattern_fits(flow: Node, target: Node, problems: Problems) -> None:
    write, pattern = flow.get("write"), text_of(flow, "write", "pattern")
    name = pattern.value if pattern is not None else "create_once"
    money = target.get("money")
    if name not in _PATTERNS or not any(way in target for way in _WAYS["write"]):
        return  # told already
    place = pattern or (write.get("object") if write else None) or flow
    if money is not None and money.value is True and name not in _FOR_MONEY:
        message = "this object moves money: it is written with `create_once`, or compared with `reconcile`"
        problems.add("E313", place, message, suggestion="write create_once")
        return
    missing = [way for way in _PATTERNS[name] if way not in target]
    if missing:
        other = next((fix for fix, ways in _PATTERNS.items() if all(way in target for way in ways)), None)
        message = f"`{name}` needs `{missing[0]}`, which this object does not have"
        problems.add("E311", place, message, suggestion=f"write `pattern: {other}`" if other else None)
    elif name == "reconcile" and write is not None and not _compares(write):
        message = "`reconcile` compares nothing: say which fields must be the same"
        problems.add("E311", place, message, suggestion="add `if_exists: {compare: [...]}`")


def _compares(write: Node) -> bool:
    asked = write.get("if_exists")
    compare = asked.get("compare") if asked is not None else None
    return compare is not None and bool(compare.children())


def _compared_fields_exist(flow: Node, target: Node, problems: Problems) -> None:
    write, fields = flow.get("write"), target.get("fields")
    if_exists = write.get("if_exists") if write else None
    compare = if_exists.get("compare") if if_exists else None
    shown = target.get("find")
    show = shown.get("show") if shown else None
    for item in compare.children() if compare else ():
        if item.kind != "text" or fields is None:
            continue
        if item.value not in fields:
            message = f"`{item.value}` is not a field of the object written"
            problems.add("E321", item, message, suggestion=did_you_mean(item.value, fields.keys))
        elif show is not None and item.value not in show:
            message = f"`{item.value}` can't be compared: the object's `find.show` does not show it"
            problems.add("E321", item, message, suggestion=f"it shows {one_of(show.keys)}")

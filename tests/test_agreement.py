"""Schema and code agree: the keys of every block, which of them must be there, what holds where nothing is said, and that each is read."""

from __future__ import annotations

import ast
import dataclasses
import typing
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pytest

from engine import kinds
from engine.connections.answers import Answers
from engine.connections.exchange import ErrorRule, Exchange, Retry
from engine.connections.http_kind import HttpKind, Sessions
from engine.connections.login_kinds import ApiKey, Basic, Front, OAuth2, SessionLogin
from engine.connections.paging import CursorPager, NextPager, NoPager, OffsetPager
from engine.connections.places import FolderKind, KeyLogin, PasswordLogin, SftpKind
from engine.connections.serves import Serves
from engine.connections.webhooks import Webhook
from engine.connections.wire import Wire
from engine.connections.wire_shape import Wrap
from engine.formats.csv import Csv, Footer
from engine.formats.fixed import Fixed, FixedField, FixedRecord, FixedTotal
from engine.formats.json import Json
from engine.formats.x12 import X12
from engine.formats.x12_keys import X12Delimiters, X12Party, X12Send
from engine.formats.xml import Xml
from engine.mapping.check import Check
from engine.mapping.documents import DocumentShape
from engine.mapping.documents_values import Column
from engine.mapping.types import FieldType
from engine.run.build import COMPILED, fields_of
from engine.run.deliver import IfExists
from engine.run.model import After, FlowKind, Need, ObjectKind, Read, Schedule, SystemKind, Write
from engine.run.telling import AlertKind, Expect, Kept, OnError, Quiet
from engine.sources.answers import Acknowledged
from engine.sources.hinted import Hinted
from engine.sources.listing import Changed, ChangedSince, ListRead, Newest, Order
from engine.sources.lookup import Lookup
from engine.sources.pickup import Pickup, Settled
from engine.sources.pickup_away import After as Folders
from engine.spec.fragments import all_names, fragment, property_schema
from engine.spec.scalars import parse_duration
from engine.targets.acknowledging import Acknowledge
from engine.targets.drop import Drop
from engine.targets.looks import Look
from engine.targets.steps_kinds import Create, Loop, Poll, Promise, Step, Together, Undo, Update

ROOT = Path(__file__).resolve().parents[1]

BLOCKS: dict[str, type] = {
    "acknowledge": Acknowledge,
    "acknowledged": Acknowledged,
    "after": After,
    "after-folders": Folders,
    "alert": AlertKind,
    "answers": Answers,
    "auth-api-key": ApiKey,
    "auth-basic": Basic,
    "auth-oauth2": OAuth2,
    "auth-session": SessionLogin,
    "batch": Together,
    "changed": Changed,
    "changed-since": ChangedSince,
    "check": Check,
    "csv": Csv,
    "csv-footer": Footer,
    "document": DocumentShape,
    "document-field": Column,
    "drop": Drop,
    "error-rule": ErrorRule,
    "exchange": Exchange,
    "find": Look,
    "fixed": Fixed,
    "fixed-field": FixedField,
    "fixed-record": FixedRecord,
    "fixed-total": FixedTotal,
    "flow": FlowKind,
    "flow-expect": Expect,
    "flow-need": Need,
    "folder": FolderKind,
    "front": Front,
    "guarantee": Promise,
    "hinted": Hinted,
    "http": HttpKind,
    "if-exists": IfExists,
    "json": Json,
    "list": ListRead,
    "lookup": Lookup,
    "newest": Newest,
    "object": ObjectKind,
    "on-error": OnError,
    "order": Order,
    "page-cursor": CursorPager,
    "page-next": NextPager,
    "page-offset": OffsetPager,
    "pickup": Pickup,
    "poll": Poll,
    "quiet": Quiet,
    "read": Read,
    "retry": Retry,
    "schedule": Schedule,
    "serves": Serves,
    "sessions": Sessions,
    "setting-source": Kept,
    "settled": Settled,
    "sftp": SftpKind,
    "sftp-key": KeyLogin,
    "step-call": Step,
    "step-group": Loop,
    "system": SystemKind,
    "undo": Undo,
    "update": Update,
    "webhook": Webhook,
    "wire": Wire,
    "wire-wrap": Wrap,
    "write": Write,
    "write-steps": Create,
    "x12": X12,
    "x12-delimiters": X12Delimiters,
    "x12-party": X12Party,
    "x12-send": X12Send,
    "xml": Xml,
}

NO_BLOCK = {NoPager: "written `none`", PasswordLogin: "one value, under its own key"}
"""Kinds that are not written as a map of their fields."""

READ_ELSEWHERE: dict[str, set[str]] = {
    "flow": {"map", "check"},  # mapper and checks
    "system": {
        "mlconnector",
        "system",
        "title",
        "needs",
        "books",
        "objects",
        "wire",
    },  # compile_system takes these apart
}
"""Keys that are no field of their block's dataclass."""

SET_ELSEWHERE: dict[str, set[str]] = {
    "http": {"wire"},  # said once, at the top of a system file
    "x12": {"description"},  # compiled from the file that `set` names
    **{
        name: {"put", "patch", "delete"} for name in ("list", "lookup", "find", "serves", "hinted")
    },  # reading is never one of these
}
"""Fields that are no key of their block."""

STRICTER: dict[str, set[str]] = {
    "after-folders": {"done", "bad"},  # both or `leave`; the kind is also used with one
    "flow": {"title", "map"},
    "list": {"page"},  # `none` must be said: a list cut at its first page looks complete
    "object": {"title", "key"},  # a kind without them stands in for one that did not compile
    "pickup": {"after"},  # `leave` must be said
    "system": {"mlconnector", "system", "title", "objects"},
}
"""Required of whoever writes a spec, though the code has a default."""

OTHER_BLOCKS = {
    *(name for name in all_names() if name.startswith("op-")),  # value trees, compiled by the mapper
    *{"case", "expect", "fault", "sandbox-file", "stage", "test"},  # tests of specs
    *{"crosswalk", "integration", "need", "overlay", "system-use"},  # read from the tree
    *{"choose", "auth-choose", "sftp-auth-choose", "auth-kind", "sftp-auth-kind", "page-kind", "field-list"},  # unions
    *{
        f"x12-{part}" for part in ("balance", "element", "loop", "part", "rule", "segment", "set")
    },  # compiled by their format
}
"""Fragments with keys that become no kind."""


def kinds_in(hint: Any) -> Iterator[type]:
    """The blocks a type hint names."""
    if typing.get_origin(hint) is not None:
        for inner in typing.get_args(hint) if typing.get_origin(hint) is not Literal else ():
            yield from kinds_in(inner)
    elif isinstance(hint, type) and dataclasses.is_dataclass(hint) and hint not in {*COMPILED, FieldType}:
        yield hint


def reachable() -> set[type]:
    found: set[type] = set()
    waiting: list[type] = [ObjectKind, SystemKind, FlowKind, AlertKind]
    while waiting:
        kind = waiting.pop()
        if kind not in found:
            found.add(kind)
            waiting += [inner for _, hint, _ in fields_of(kind) for inner in kinds_in(hint)]
    return found


def keys(kind: type) -> set[str]:
    return {name.rstrip("_") for name, _, _ in fields_of(kind)}


def test_every_kind_has_its_fragment_and_every_fragment_its_kind():
    assert reachable() | {Check} == {*BLOCKS.values(), *NO_BLOCK}
    blocks = {name for name in all_names() if fragment(name).get("properties")}
    assert blocks - OTHER_BLOCKS == set(BLOCKS)


@pytest.mark.parametrize(
    ("name", "table"),
    [("auth-kind", kinds.AUTH), ("sftp-auth-kind", kinds.SFTP_AUTH)],
)
def test_the_kinds_of_a_login_are_those_of_the_schema(name, table):
    assert set(fragment(name)["properties"]) == set(table)


def test_the_kinds_of_a_system_a_page_and_a_format_are_those_of_the_schema():
    assert fragment("system")["chooseOne"][0]["of"] == list(kinds.SYSTEMS)
    assert {*fragment("page-kind")["properties"], *fragment("page-none")["enum"]} == set(kinds.PAGERS)
    assert list(kinds.FORMATS) in [choice["of"] for choice in fragment("object")["chooseOne"]]


@pytest.mark.parametrize("name", sorted(BLOCKS))
def test_the_same_keys(name):
    described = set(fragment(name)["properties"])
    assert described - keys(BLOCKS[name]) == READ_ELSEWHERE.get(name, set()), "a key nobody reads"
    assert keys(BLOCKS[name]) - described == SET_ELSEWHERE.get(name, set()), "a field no spec can set"


@pytest.mark.parametrize("name", sorted(BLOCKS))
def test_required_is_what_has_no_default(name):
    needed = {field.rstrip("_") for field, _, required in fields_of(BLOCKS[name]) if required}
    assert set(fragment(name).get("required", ())) == needed | STRICTER.get(name, set())


@pytest.mark.parametrize("name", sorted(BLOCKS))
def test_the_same_defaults(name):
    """Where the schema names no default, the code has none, an empty one or a block whose own keys have theirs."""
    for field in dataclasses.fields(BLOCKS[name]):
        key = field.name.rstrip("_")
        described = fragment(name)["properties"].get(key)
        if described is None or key in fragment(name).get("required", ()):
            assert "default" not in (described or {}), key
            continue
        default = field.default if field.default is not dataclasses.MISSING else field.default_factory()
        told = property_schema(fragment(name), key).get("default")
        if "default" in described:
            assert plain(told) == plain(default), key
        else:
            assert not default or dataclasses.is_dataclass(default) or (name, key) in IMPLIED, key


IMPLIED = {("pickup", "match")}  # `*` beside `matches`: exactly one of the two is written


def plain(value: Any) -> Any:
    """A default of either side as one thing."""
    if isinstance(value, str):
        return length if (length := parse_duration(value)) is not None else value
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, float | Decimal):
        return Decimal(str(value))
    return value


def test_values_to_choose_from_are_the_same():
    for name, kind in BLOCKS.items():
        for field, hint, _ in fields_of(kind):
            described = property_schema(fragment(name), field.rstrip("_"))
            offered = [choice for part in (hint, *typing.get_args(hint)) for choice in choices(part)]
            if offered and described:
                one = described["items"] if described.get("type") == "array" else described
                assert set(one["enum"]) == set(offered), f"{name}.{field}"


def choices(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if typing.get_origin(hint) is Literal else ()


def test_durations_are_durations_on_both_sides():
    for name, kind in BLOCKS.items():
        for field, hint, _ in fields_of(kind):
            described = fragment(name)["properties"].get(field.rstrip("_"), {})
            if described.get("allOf") == [{"$ref": "#/definitions/duration"}]:
                assert hint in {timedelta, timedelta | None}, f"{name}.{field}"


def test_every_field_is_read_by_the_engine():
    """A key that nothing looks at would be a promise nobody keeps; one with a single value has nothing to tell."""
    read = {
        node.attr
        for file in (ROOT / "engine").rglob("*.py")
        if "sandbox" not in file.parts
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }
    unread = {
        f"{name}.{field}"
        for name, kind in BLOCKS.items()
        for field, hint, _ in fields_of(kind)
        if field not in read and len(choices(hint)) != 1
    }
    assert unread == set()

"""Schema and code agree: what a block may hold, what it must hold, and what holds where nothing is said."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from engine.connections.auth import ApiKey, Basic
from engine.connections.exchange import ErrorRule, Exchange, Retry
from engine.connections.http_kind import HttpKind
from engine.connections.oauth2 import OAuth2
from engine.connections.paging import CursorPager, NextPager, OffsetPager
from engine.connections.places import FolderKind, KeyLogin, SftpKind
from engine.connections.session import SessionLogin
from engine.connections.wire import Wire
from engine.formats.csv import Csv, Footer
from engine.formats.json import Json
from engine.mapping.check import Check
from engine.mapping.documents import DocumentShape
from engine.mapping.documents_values import Column
from engine.run.deliver import IfExists
from engine.run.model import After, FlowKind, Need, ObjectKind, Read, Write
from engine.sources.listing import Changed, ChangedSince, ListRead, Newest, Order
from engine.sources.lookup import Lookup
from engine.sources.pickup import Pickup
from engine.spec.fragments import fragment, property_schema
from engine.spec.scalars import parse_duration
from engine.targets.drop import Drop
from engine.targets.looks import Look
from engine.targets.steps_kinds import Create, Loop, Poll, Promise, Step, Undo

BLOCKS: dict[str, type] = {
    "auth-api-key": ApiKey,
    "auth-basic": Basic,
    "auth-oauth2": OAuth2,
    "auth-session": SessionLogin,
    "after": After,
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
    "flow": FlowKind,
    "flow-need": Need,
    "folder": FolderKind,
    "guarantee": Promise,
    "http": HttpKind,
    "if-exists": IfExists,
    "json": Json,
    "list": ListRead,
    "lookup": Lookup,
    "newest": Newest,
    "object": ObjectKind,
    "order": Order,
    "page-cursor": CursorPager,
    "page-next": NextPager,
    "page-offset": OffsetPager,
    "pickup": Pickup,
    "poll": Poll,
    "read": Read,
    "retry": Retry,
    "sftp": SftpKind,
    "sftp-key": KeyLogin,
    "step-call": Step,
    "step-group": Loop,
    "undo": Undo,
    "wire": Wire,
    "write": Write,
    "write-steps": Create,
}

ELSEWHERE = {
    "flow": {"check", "currency", "map", "on_error", "schedule"},  # compiled or read on their own
    "http": {"wire"},  # stands at the top of a system file
    **{name: {"put", "patch", "delete"} for name in ("list", "lookup", "find")},  # a read is no write
}


@pytest.mark.parametrize("name", sorted(BLOCKS))
def test_the_same_keys(name: str) -> None:
    fields = {field.name.rstrip("_") for field in dataclasses.fields(BLOCKS[name])}
    keys = set(fragment(name)["properties"])
    assert fields ^ keys <= ELSEWHERE.get(name, set())


@pytest.mark.parametrize("name", sorted(BLOCKS))
def test_what_the_code_can_not_do_without_is_required(name: str) -> None:
    required = {field.name.rstrip("_") for field in dataclasses.fields(BLOCKS[name]) if default_of(field) is ABSENT}
    assert required <= set(fragment(name).get("required", ()))


@pytest.mark.parametrize("name", sorted(BLOCKS))
def test_the_same_defaults(name: str) -> None:
    for field in dataclasses.fields(BLOCKS[name]):
        described = property_schema(fragment(name), field.name.rstrip("_"))
        if described.get("default") and field.name.rstrip("_") not in fragment(name).get("required", ()):
            assert plain(default_of(field)) == plain(described["default"]), field.name


ABSENT = object()


def default_of(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    return field.default_factory() if field.default_factory is not dataclasses.MISSING else ABSENT


def plain(value: Any) -> Any:
    if isinstance(value, str) and (length := parse_duration(value)) is not None:
        return length
    return value if isinstance(value, timedelta | bool | int) else str(value)

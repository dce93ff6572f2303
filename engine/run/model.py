"""A spec as compiled: plain objects with everything resolved, made once and read by every run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from engine.connections.http_kind import HttpKind
from engine.connections.places import FolderKind, SftpKind
from engine.connections.webhooks import Webhook
from engine.formats.csv import Csv
from engine.formats.fixed import Fixed
from engine.formats.json import Json
from engine.formats.layouts import Format
from engine.formats.x12 import X12
from engine.formats.xml import Xml
from engine.mapping.check import Check
from engine.mapping.documents import DocumentShape
from engine.mapping.expressions import Expression
from engine.mapping.mapper import Mapper
from engine.mapping.types import FieldType
from engine.run.telling import AlertKind, Expect, OnError
from engine.sources.answers import Acknowledged
from engine.sources.hinted import Hinted
from engine.sources.listing import ChangedSince, ListRead
from engine.sources.lookup import Lookup
from engine.sources.pickup import Pickup
from engine.targets.acknowledging import Acknowledge
from engine.targets.drop import Drop
from engine.targets.steps import Create, Look, Update, Ways


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectKind:
    """The keys of an object in a system file: a thing that can be read or written."""

    title: str = ""
    key: tuple[str, ...] = ()
    money: bool = False
    fields: dict[str, FieldType] = field(default_factory=dict)
    list: ListRead | None = None
    hinted: Hinted | None = None
    lookup: Lookup | None = None
    find: Look | None = None
    create: Create | None = None
    update: Update | None = None
    pickup: Pickup | None = None
    drop: Drop | None = None
    csv: Csv | None = None
    json: Json | None = None
    xml: Xml | None = None
    fixed: Fixed | None = None
    x12: X12 | None = None
    acknowledge: Acknowledge | None = None
    acknowledged: Acknowledged | None = None
    document: DocumentShape | None = None

    @property
    def format(self) -> Format | None:
        """What its files look like."""
        return self.csv or self.json or self.xml or self.fixed or self.x12


@dataclass(frozen=True, kw_only=True, slots=True)
class SystemKind:
    """The keys of a system file that say how it is reached, exactly one of the first three, and how it reaches us."""

    http: HttpKind | None = None
    sftp: SftpKind | None = None
    folder: FolderKind | None = None
    webhook: Webhook | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """A start-up value: given in the spec, taken from the environment, or kept in the vault."""

    type: str = "string"
    value: Any = None
    env: str = ""
    secret: str = ""
    pattern: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class System:
    """One system as an integration uses it. `answers` is how files that acknowledge ours are read, where it has such."""

    alias: str
    name: str
    kind: SystemKind
    settings: Mapping[str, Setting]
    books: tuple[str, ...]
    objects: Mapping[str, ObjectKind]
    answers: X12 | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Read:
    """`read:` of a flow: an object of a system, or what became of another flow's documents."""

    object: str = ""
    outcomes: str = ""
    changed_since: ChangedSince | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class IfExists:
    """What a whole document of the same key in the target means: the same one is adopted, another one waits for a person."""

    same: Literal["adopt", "hold"] = "adopt"
    different: Literal["hold"] = "hold"
    compare: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Write:
    """`write:` of a flow."""

    object: str
    pattern: Literal["create_once", "upsert", "update_only", "reconcile", "append"] = "create_once"
    if_exists: IfExists = field(default_factory=IfExists)
    on_changed: Literal["hold", "update", "ignore"] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """Another flow that must have succeeded within that time."""

    within: timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class After:
    """An edge between documents: this one waits until the named flow's documents of these keys are in the target."""

    flow: str
    key: tuple[Expression, ...]
    each: Expression | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """`schedule:` of a flow: when it starts by itself, every so often or by a cron line read in a time zone."""

    every: timedelta | None = None
    cron: str = ""
    timezone: str = "UTC"
    overlap: Literal["skip", "queue"] = "skip"
    catch_up: Literal["once", "none"] = "once"


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowKind:
    """The keys of a flow, but for `map` and `check`, which compile on their own."""

    read: Read
    write: Write
    key: tuple[Expression, ...]
    title: str = ""
    schedule: Schedule | None = None
    when: Expression | None = None
    amount: Expression | None = None
    identifiers: dict[str, Expression] = field(default_factory=dict)
    needs: dict[str, Need] = field(default_factory=dict)
    after: After | None = None
    max_bad_share: Decimal = Decimal("0.5")
    max_wait: timedelta = timedelta(days=5)
    on_error: OnError | None = None
    expect: Expect | None = None
    accept: tuple[Literal["near_duplicates"], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectUse:
    """An object of one of the integration's systems; or what stands for one, by the name it is `called`."""

    system: System
    name: str
    kind: ObjectKind
    called: str = ""

    @property
    def address(self) -> str:
        """`alias.object`."""
        return self.called or f"{self.system.alias}.{self.name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Flow:
    """One flow, ready to run. `readers` are all flows of the integration that read the same object."""

    name: str
    integration: str
    kind: FlowKind
    source: ObjectUse
    target: ObjectUse
    mapper: Mapper
    checks: tuple[Check, ...]
    readers: tuple[str, ...]
    spec_sha: str

    @property
    def id(self) -> str:
        """`integration/flow`: the flow's name in the ledger."""
        return f"{self.integration}/{self.name}"

    @property
    def on_changed(self) -> str:
        """What a known key with other content means: money is held, master data is sent again."""
        pattern = self.kind.write.pattern
        held = pattern == "create_once" or (self.target.kind.money and pattern != "reconcile")
        return self.kind.write.on_changed or ("hold" if held else "update")

    @property
    def by_file(self) -> bool:
        """Whether documents leave in files; otherwise one by one, by calls."""
        return self.kind.write.pattern == "append"

    @property
    def ways(self) -> Ways:
        """What the flow's pattern may do with the object written."""
        kind, pattern, asked = self.target.kind, self.kind.write.pattern, self.kind.write.if_exists.compare
        updates = pattern in {"upsert", "update_only"}
        return Ways(
            create=kind.create if pattern in {"create_once", "upsert"} else None,
            update=kind.update if updates else None,
            look=kind.find,
            compare=asked if asked or not updates else None,
        )

    @property
    def looks_near(self) -> bool:
        """Whether money documents whose numbers differ only in zeros and punctuation wait for a person."""
        return self.target.kind.money and "near_duplicates" not in self.kind.accept

    @property
    def max_bad_share(self) -> Decimal:
        """Above this share of unusable records a file is refused whole."""
        return self.kind.max_bad_share


@dataclass(frozen=True, kw_only=True, slots=True)
class Integration:
    """An integration, ready to run."""

    name: str
    title: str
    path: Path
    sha: str
    systems: Mapping[str, System]
    flows: Mapping[str, Flow]
    retention: timedelta | None = None
    alerts: Mapping[str, AlertKind] = field(default_factory=dict)

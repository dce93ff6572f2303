"""A record of the Acumatica stand-in, and what a client gave of one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(kw_only=True, slots=True)
class Record:
    """A stored entity or a line of one: `values` by field (None is empty), `lists` and `links` by name.

    `custom` holds custom fields by `View.Field`, `files` what was attached by name.
    """

    id: str
    values: dict[str, Any]
    note: str = ""
    lists: dict[str, list[Record]] = field(default_factory=dict)
    links: dict[str, Record] = field(default_factory=dict)
    custom: dict[str, Any] = field(default_factory=dict)
    files: dict[str, tuple[str, bytes, str]] = field(default_factory=dict)
    released: bool = False

    def copied(self) -> Record:
        """A record of its own that shares nothing that changes."""
        return Record(
            id=self.id,
            values=dict(self.values),
            note=self.note,
            lists={name: [line.copied() for line in lines] for name, lines in self.lists.items()},
            links={name: link.copied() for name, link in self.links.items()},
            custom=dict(self.custom),
            files=dict(self.files),
            released=self.released,
        )

    def plain(self) -> dict[str, Any]:
        """Its values with lines and linked entities inside, for tests and checks."""
        lists = {name: [line.plain() for line in lines] for name, lines in self.lists.items()}
        links = {name: link.plain() for name, link in self.links.items()}
        return {**self.values, **links, **lists, **({"custom": dict(self.custom)} if self.custom else {})}


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """What a client sent of an entity or a line; `values` are typed, None clears."""

    id: str | None = None
    delete: bool = False
    values: dict[str, Any] = field(default_factory=dict)
    note: str | None = None
    custom: dict[str, Any] = field(default_factory=dict)
    lists: dict[str, list[Given]] = field(default_factory=dict)
    links: dict[str, Given] = field(default_factory=dict)

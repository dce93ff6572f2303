"""What a spec says of a fixed-width file: its record types, and where in each of them the fields stand."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

MOST_LINES = 100_000
"""Lines of one document."""
_LONGEST = 1024 * 1024

Stand = Literal["first", "opens", "within", "closes", "last"]


@dataclass(frozen=True, kw_only=True, slots=True)
class FixedField:
    """One field. `slice` is its first and last position, from 1.

    A `decimal` may have `implied` decimals, and its sign in its last digit (`overpunch`); it is right-aligned with zeros and
    a `text` left-aligned with blanks, unless `pad` and `justify` say otherwise. `trim` takes the padding away.
    """

    slice: tuple[int, ...]
    type: Literal["text", "decimal"] = "text"
    implied: int | None = None
    overpunch: bool = False
    sign: Literal["leading", "trailing", "none"] = "leading"
    const: str | None = None
    pad: str | None = None
    justify: Literal["left", "right"] | None = None
    trim: bool = True

    def __post_init__(self) -> None:
        _check_slice("slice", self.slice)
        if self.type != "decimal" and (self.implied is not None or self.overpunch or self.sign != "leading"):
            raise ValueError("`implied`, `overpunch` and `sign` are for `type: decimal`")
        if self.overpunch and self.sign != "leading":
            raise ValueError("`overpunch` has the sign in the last digit: `sign` has no place beside it")
        if self.implied is not None and not 0 <= self.implied <= 18:
            raise ValueError("`implied` is a number of decimals from 0 to 18")
        if self.pad is not None and (len(self.pad) != 1 or not self.pad.isprintable()):
            raise ValueError(f"`pad` must be one printable character, not {self.pad!r}")
        if self.type == "decimal" and not self.right and self.padding != " ":
            raise ValueError('a `decimal` with `justify: left` needs `pad: " "`: zeros behind it would change it')
        if self.type == "decimal" and (self.padding in "123456789+-." or self.const is not None):
            raise ValueError(
                "the `pad` of a `decimal` is 0, a blank or a mark like `*`, and `const` is for `type: text`"
            )
        if self.const is not None and (len(self.const) > self.width or not self.const.isprintable()):
            raise ValueError(f"`const` is text of at most {self.width} printable characters here")

    @property
    def width(self) -> int:
        """How many characters it has."""
        return self.slice[1] - self.slice[0] + 1

    @property
    def padding(self) -> str:
        """The character that fills it."""
        return self.pad if self.pad is not None else ("0" if self.type == "decimal" else " ")

    @property
    def right(self) -> bool:
        """Whether its text stands at its end."""
        return self.justify == "right" if self.justify is not None else self.type == "decimal"


@dataclass(frozen=True, kw_only=True, slots=True)
class FixedTotal:
    """What a field of a closing record states: how many records of some types there are, or what fields add up to (`modulo`: a hash).

    `only` counts records whose field has one of some values: `{entry.code: ["22", "32"]}`.
    """

    field: str
    count: tuple[str, ...] = ()
    sum: tuple[str, ...] = ()
    modulo: int | None = None
    only: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if bool(self.count) == bool(self.sum):
            raise ValueError("a total has either `count` (record types) or `sum` (fields, `type.field`)")
        if self.modulo is not None and self.modulo < 1:
            raise ValueError("`modulo` is at least 1")


@dataclass(frozen=True, kw_only=True, slots=True)
class FixedRecord:
    """One record type, told by what `is` `at` a place. `stands` says where it may be; `each` is the list it is written from."""

    at: tuple[int, ...] = ()
    is_: str | None = None
    stands: Stand | None = None
    fields: Mapping[str, FixedField] = dataclasses.field(default_factory=dict)
    each: str | None = None
    least: int = 0
    most: int | None = None
    totals: tuple[FixedTotal, ...] = ()

    def __post_init__(self) -> None:
        if bool(self.at) != (self.is_ is not None):
            raise ValueError("a record type is told by `at` and `is` together")
        if self.at:
            _check_slice("at", self.at)
            if len(self.is_ or "") != self.at[1] - self.at[0] + 1:
                raise ValueError(f"`is: {self.is_}` is not as long as `at` is wide")
        taken = sorted((one.slice[0], one.slice[1], name) for name, one in self.fields.items())
        for (_, last, before), (first, _, name) in pairwise(taken):
            if first <= last:
                raise ValueError(f"the fields `{before}` and `{name}` share a position")
        if self.least < 0 or (self.most is not None and self.most < max(1, self.least)):
            raise ValueError("`least` and `most` say how many there are in a document: 0 or more, and 1 or more")

    @property
    def width(self) -> int:
        """The last position it says anything of."""
        return max([*self.at, *(one.slice[1] for one in self.fields.values())], default=0)


@dataclass(frozen=True, kw_only=True, slots=True)
class FixedKeys:
    """The keys of `fixed:`. A position is a byte, unless UTF-8 is declared: that one needs `positions: characters`."""

    records: Mapping[str, FixedRecord]
    encoding: Literal["cp1252", "latin-1", "ascii", "utf-8"] = "cp1252"
    positions: Literal["bytes", "characters"] = "bytes"
    record_length: int | None = None
    newline: Literal["required", "none"] = "required"
    line_end: Literal["crlf", "lf"] = "crlf"
    block_factor: int | None = None
    fill: str = "9"
    max_rows: int | None = None

    def __post_init__(self) -> None:
        if self.encoding == "utf-8" and self.positions == "bytes":
            raise ValueError(
                "a letter of UTF-8 may take several bytes: say `positions: characters` if positions count letters"
            )
        if self.newline == "none" and self.record_length is None:
            raise ValueError("`newline: none` needs `record_length`: nothing else tells where a record ends")
        if self.record_length is not None and not 1 <= self.record_length <= _LONGEST:
            raise ValueError(f"`record_length` is a number of characters from 1 to {_LONGEST}")
        if len(self.fill) != 1 or not self.fill.isprintable():
            raise ValueError("`fill` is one printable character")
        if self.block_factor is not None and self.block_factor < 1:
            raise ValueError("`block_factor` is a number of records, at least 1")
        self._check_types()
        self._check_totals()

    def stand(self, name: str) -> Stand:
        """Where records of this type stand; the only type nothing is said of opens a document each time."""
        said = self.records[name].stands
        if said is not None:
            return said
        alone = [one for one in self.records.values() if one.stands is None]
        opens = any(one.stands == "opens" for one in self.records.values())
        return "opens" if len(alone) == 1 and not opens else "within"

    def standing(self, *stands: Stand) -> list[str]:
        """The types that stand there."""
        return [name for name in self.records if self.stand(name) in stands]

    def _check_types(self) -> None:
        if not self.standing("opens"):
            raise ValueError("no record type opens a document: say `stands: opens` of the one that does")
        for stand in ("first", "closes", "last"):
            if len(self.standing(stand)) > 1:
                raise ValueError(f"only one record type can say `stands: {stand}`")
        untold = [name for name, one in self.records.items() if not one.at]
        if len(untold) > 1:
            raise ValueError(f"nothing tells `{untold[0]}` and `{untold[1]}` apart: each but one needs `at` and `is`")
        told = [(one.at, one.is_) for one in self.records.values() if one.at]
        if len(set(told)) != len(told):
            raise ValueError("two record types have the same `at` and `is`")
        for name, one in self.records.items():
            if self.record_length is not None and one.width > self.record_length:
                raise ValueError(f"`{name}` has a position beyond `record_length`")
            if (one.least or one.most is not None or one.each) and self.stand(name) != "within":
                raise ValueError(f"`least`, `most` and `each` are for records within a document, and `{name}` is none")

    def _check_totals(self) -> None:
        for name, one in self.records.items():
            for total in one.totals:
                if self.stand(name) not in {"closes", "last"}:
                    raise ValueError(
                        f"`totals` stand in a record that closes a document or is the last: `{name}` is neither"
                    )
                if total.field not in one.fields:
                    raise ValueError(f"the total's field `{total.field}` is no field of `{name}`")
                for counted in total.count:
                    if counted not in self.records:
                        raise ValueError(f"`count` names `{counted}`, which is no record type")
                for path in (*total.sum, *total.only):
                    owner, _ = self.split(path)
                    if owner == name:
                        raise ValueError(f"a total of `{name}` can't be made of its own fields")

    def split(self, path: str) -> tuple[str, str]:
        """Record type and field of `type.field`. Raises ValueError where there is no such field."""
        owner, _, name = path.partition(".")
        if owner not in self.records or name not in self.records[owner].fields:
            known = [f"{record}.{one}" for record, kind in self.records.items() for one in kind.fields]
            shown = ", ".join(f"`{path}`" for path in known[:8]) + (", …" if len(known) > 8 else "")
            raise ValueError(f"`{path}` is no field of the file's records: there are {shown}")
        return owner, name


def _check_slice(title: str, found: tuple[int, ...]) -> None:
    if len(found) != 2 or not 1 <= found[0] <= found[1] <= _LONGEST:
        raise ValueError(f"`{title}` is the first and the last position, from 1: `[1, 10]`")

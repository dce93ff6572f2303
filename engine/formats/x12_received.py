"""What was received, as plain data that acknowledgements are built from later: it outlives the process that read the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from engine.formats.x12_findings import Group, Interchange, SetKey, SetResult

Plain = dict[str, Any]


_MOST_DETAILED = 2_000
"""Sets of a file whose findings are kept one by one; of further ones only the verdict is told."""


class Received:
    """Fills `into` with a map for each interchange. A set without findings is its number alone: a file may have very many."""

    def __init__(self, interchanges: Sequence[Interchange], into: list[Plain], set_id: str) -> None:
        self._set_id = set_id
        self._detailed = 0
        self._groups: list[Plain] = []
        for each in interchanges:
            told = msgspec.to_builtins(each)
            told["set_id"] = set_id
            self._groups.extend(told["groups"])
            for group in told["groups"]:
                group["sets"] = []
            into.append(told)

    def add(self, group: int, result: SetResult) -> None:
        """One set of the group at that place of the file, in the file's order."""
        clean = result.verdict == "A" and result.id == self._set_id and not (result.guide or result.messages)
        if clean:
            self.add_clean(group, result.key.number)
        elif self._detailed < _MOST_DETAILED:
            self._detailed += 1
            self._groups[group]["sets"].append(msgspec.to_builtins(result))
        else:
            self._groups[group]["sets"].append([result.key.number, result.id, result.verdict])

    def add_clean(self, group: int, number: str) -> None:
        """A set of the file's kind without findings."""
        self._groups[group]["sets"].append(number)


def interchange_of(plain: Mapping[str, Any]) -> Interchange:
    """The interchange of a map, with its groups and their sets."""
    whole: Interchange = msgspec.convert({**plain, "groups": []}, Interchange)
    groups = tuple(_group_of(each, plain["control"], plain["set_id"]) for each in plain["groups"])
    return replace(whole, groups=groups)


def _group_of(plain: Mapping[str, Any], control: str, set_id: str) -> Group:
    group: Group = msgspec.convert({**plain, "sets": []}, Group)
    return replace(group, sets=_Sets(plain["sets"], control, group, set_id))


class _Sets(Sequence[SetResult]):
    """The sets of a group, each made when it is asked for: 250,000 of them would fill the memory."""

    def __init__(self, plain: Sequence[Any], control: str, group: Group, set_id: str) -> None:
        self._plain, self._given = plain, (control, group, set_id)

    def __len__(self) -> int:
        return len(self._plain)

    def __getitem__(self, at: Any) -> Any:
        some = _sets_of(self._plain[at] if isinstance(at, slice) else [self._plain[at]], *self._given)
        return tuple(some) if isinstance(at, slice) else next(some)

    def __iter__(self) -> Iterator[SetResult]:
        return _sets_of(self._plain, *self._given)


def _sets_of(plain: Sequence[Any], control: str, group: Group, set_id: str) -> Iterator[SetResult]:
    for each in plain:
        if isinstance(each, str):
            key = SetKey(interchange=control, group=group.control, number=each)
            yield SetResult(key=key, id=set_id, at=group.at)
        elif isinstance(each, Sequence):
            number, id_, verdict = each
            key = SetKey(interchange=control, group=group.control, number=number)
            yield SetResult(key=key, id=id_, at=group.at, codes=(("5", verdict),))
        else:
            yield msgspec.convert(each, SetResult)

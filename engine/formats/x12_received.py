"""What was received, as plain data that acknowledgements are built from later: it outlives the process that read the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from engine.formats.x12_findings import Group, Interchange, SetKey, SetResult

Plain = dict[str, Any]


class Received:
    """Fills `into` with a map for each interchange. A set without findings is its number alone: a file may have very many."""

    def __init__(self, interchanges: Sequence[Interchange], into: list[Plain], set_id: str) -> None:
        self._set_id = set_id
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
        self._groups[group]["sets"].append(result.key.number if clean else msgspec.to_builtins(result))


def interchange_of(plain: Mapping[str, Any]) -> Interchange:
    """The interchange of a map, with its groups and their sets."""
    whole: Interchange = msgspec.convert({**plain, "groups": []}, Interchange)
    groups = tuple(_group_of(each, plain["control"], plain["set_id"]) for each in plain["groups"])
    return replace(whole, groups=groups)


def _group_of(plain: Mapping[str, Any], control: str, set_id: str) -> Group:
    group: Group = msgspec.convert({**plain, "sets": []}, Group)
    return replace(group, sets=tuple(_sets_of(plain["sets"], control, group, set_id)))


def _sets_of(plain: Sequence[Any], control: str, group: Group, set_id: str) -> Iterator[SetResult]:
    for each in plain:
        if isinstance(each, str):
            key = SetKey(interchange=control, group=group.control, number=each)
            yield SetResult(key=key, id=set_id, at=group.at)
        else:
            yield msgspec.convert(each, SetResult)

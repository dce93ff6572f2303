"""A process that dies at any look at the clock, which is before and after everything it writes down: nothing is said twice."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace

import pytest

from engine.redaction import Redactor
from engine.run.running import Options, run_spec
from engine.run.seams import quiet
from engine.run.workspace import open_workspace

from .interchange_desk import SPEC, SYSTEM, advice, of, segments

EVERY = 7


class Killed(BaseException):
    """The process is gone."""


class Dying:
    """A clock whose process dies at its n-th look, and stays dead."""

    def __init__(self, time, at):
        self.time, self.left = time, at

    def __call__(self):
        self.left -= 1
        if self.left < 0:
            raise Killed
        return self.time()


@pytest.fixture
def house(desk):
    (desk.box / "acks").mkdir()
    (desk.folder / "systems" / "partner.yaml").write_text(SYSTEM, encoding="utf-8")
    desk.spec.write_text(SPEC, encoding="utf-8")
    return desk


def one_life(house, clock):
    """A process from its start to its end; True when it lived to see it."""
    seams = replace(house.seams, clock=clock)
    with suppress(Killed):
        with open_workspace(house.folder, seams=seams, redactor=Redactor(), actor="tess") as workspace:
            run_spec(house.spec, workspace, seams, Options(flows=("advices",)), quiet)
        return True
    return False


def test_killed_anywhere_a_group_is_acknowledged_once_and_a_payment_posted_once(house):
    lived, at = False, 0
    while not lived:
        at += EVERY
        data = advice({"number": f"EFT{at}"}, control=at, group=at)
        (house.box / "in" / f"820_{at}.edi").write_bytes(data)
        lived = one_life(house, Dying(house.time, at))
        for _ in range(2):
            house.time.pass_by(minutes=5)
            assert one_life(house, house.time)
    assert at > 10 * EVERY

    told = [of("AK1", segments(file.read_bytes()))[0][1] for file in (house.box / "acks").iterdir()]
    paid = re.findall(r"^(EFT\d+),", "\n".join(house.out().values()), re.MULTILINE)
    held = [d.number for d in house.workspace.ledger.find_documents(limit=999) if d.state.value == "held"]
    wanted = [str(n) for n in range(EVERY, at + 1, EVERY)]
    assert sorted([*told, *(n.partition("/")[2] for n in held if "/" in n)]) == sorted(wanted)
    assert sorted([*paid, *(n for n in held if "/" not in n)]) == sorted(f"EFT{n}" for n in wanted)
    assert len(held) < len(wanted) / 4, "only what died between the order to rename and its end needs a person"

"""Every step of the delivery protocol, left out on purpose, is caught; and the scenes that catch it are quiet without it."""

from __future__ import annotations

import sys

import pytest

from .cast import WHOLE
from .defects import DEFECTS, RARE, catch

SCENES = sorted({one.scene for one in DEFECTS if one.scene is not None}, key=lambda scene: scene.__name__)


@pytest.mark.parametrize(
    "defect", [pytest.param(one, id=str(one), marks=[pytest.mark.faults] * (one.within == RARE)) for one in DEFECTS]
)
def test_a_step_left_out_is_caught(theatre, defect):
    """With `-s` it prints a line of the table: step, section, invariant, what caught it, how."""
    caught = catch(theatre, defect)
    sys.stdout.write(f"{caught}\n")
    assert any(line.startswith(defect.invariant) for line in caught.problems), f"the suite is blind to it: {caught}"


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_a_scene_is_quiet_when_nothing_is_left_out(theatre, scene):
    assert scene(theatre, WHOLE) == []

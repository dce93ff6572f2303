"""The protocol on paper: every interleaving keeps the invariants, and no step of it can be left out."""

from __future__ import annotations

import pytest

from .model import STEPS, Protocol


@pytest.mark.parametrize("keyed", [False, True], ids=["lookup", "keyed"])
def test_every_interleaving_keeps_every_invariant(keyed):
    assert Protocol(keyed=keyed).violations() == set()


@pytest.mark.parametrize(("step", "invariant"), STEPS.items())
def test_without_any_one_step_an_invariant_breaks(step, invariant):
    assert invariant in Protocol(step).violations()

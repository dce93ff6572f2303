"""Waiting between tries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.connections.backoff import delay


@given(tried=st.integers(0, 10_000), cap=st.floats(0, 600), drawn=st.floats(0, 0.999), asked=st.floats(0, 1e9))
def test_no_wait_is_negative_or_above_the_cap(tried: int, cap: float, drawn: float, asked: float) -> None:
    assert 0 <= delay(tried, cap=cap, random=lambda: drawn, asked=asked) <= cap


@pytest.mark.parametrize(("tried", "most"), [(1, 1), (2, 2), (3, 4), (6, 32), (20, 120)])
def test_full_jitter_draws_between_nothing_and_a_doubling_ceiling(tried: int, most: float) -> None:
    assert delay(tried, cap=120, random=lambda: 0.0) == 0
    assert delay(tried, cap=120, random=lambda: 1.0) == most


def test_what_the_server_asked_for_is_the_least() -> None:
    assert delay(1, cap=120, random=lambda: 0.5, asked=30) == 30

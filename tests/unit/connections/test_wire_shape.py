"""Systems that wrap every single value: wrapped on the way out, alone on the way in, and nothing else touched."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.connections.wire import Wire, encode_json
from engine.connections.wire_shape import Wrap, dressed, undressed
from engine.errors import RecordError

WRAP = Wrap(in_="value", but=("id", "custom"))
WRAPPED = Wire(wrap=WRAP, nulls="drop", blanks="trim")


def sent(value: Any, wire: Wire = WRAPPED) -> Any:
    return json.loads(encode_json(value, wire), parse_float=Decimal)


def test_single_values_are_wrapped_at_every_depth_and_the_named_members_are_not() -> None:
    custom = {"Document": {"AttributeX": {"type": "CustomStringField", "value": "y"}}}
    value = {"Total": Decimal("10.30"), "id": "7", "Lines": [{"Note": "a", "id": "8"}], "custom": custom}
    assert sent(value) == {
        "Total": {"value": Decimal("10.30")},
        "id": "7",
        "Lines": [{"Note": {"value": "a"}, "id": "8"}],
        "custom": custom,
    }


def test_nulls_are_left_out_where_asked_and_wrapped_where_not() -> None:
    assert sent({"a": None, "b": {"c": None, "d": False}, "e": [None]}) == {
        "b": {"d": {"value": False}},
        "e": [{"value": None}],
    }
    assert sent({"a": None}, Wire(wrap=WRAP)) == {"a": {"value": None}}
    assert sent({"a": None, "b": 1}, Wire(nulls="drop")) == {"b": 1}


def test_without_a_word_in_the_spec_nothing_changes() -> None:
    value = {"value": {"value": 1}, "a": {}, "b": "x  ", "c": None}
    assert sent(value, Wire()) == value


def test_wrapped_values_come_out_alone_empty_ones_as_null() -> None:
    answer = {
        "id": "7  ",
        "Total": {"value": Decimal("10.3000")},
        "Key": {"value": "ACME      "},
        "Note": {},
        "Account": {"value": "X", "error": "cannot be found"},
        "Lines": [{"Note": {"value": None}}],
        "custom": {"Document": {}},
    }
    assert undressed(answer, WRAP, trim=True) == {
        "id": "7  ",
        "Total": Decimal("10.3000"),
        "Key": "ACME",
        "Note": None,
        "Account": "X",
        "Lines": [{"Note": None}],
        "custom": {"Document": {}},
    }


def test_a_list_called_like_the_wrapping_member_is_no_wrapped_value() -> None:
    assert undressed({"value": [{"a": {"value": 1}}]}, WRAP, trim=False) == {"value": [{"a": 1}]}


def test_blanks_at_the_end_stay_unless_asked_for() -> None:
    assert undressed(["a ", {"b": " c "}], None, trim=True) == ["a", {"b": " c"}]
    assert undressed(["a "], WRAP, trim=False) == ["a "]


def test_a_body_without_an_end_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(RecordError, match="nested too deep"):
        dressed(endless, WRAP, drop_nulls=False, deepest=64)


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, min_size=1, max_size=3),
    max_leaves=12,
)


@given(TREES)
def test_what_is_wrapped_comes_back_as_it_was(tree: Any) -> None:
    """Members called like the wrapping one, and empty objects, have another meaning there: neither is in these trees."""
    wrap = Wrap(in_="value")
    assert undressed(dressed(tree, wrap, drop_nulls=False, deepest=64), wrap, trim=False) == tree

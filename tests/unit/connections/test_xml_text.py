"""Plain data written as XML: what is read back is what was there, and what XML has no form for is refused."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.connections.answers import Answers, read_answer
from engine.connections.wire import Wire
from engine.connections.xml_text import encode_xml
from engine.errors import RecordError
from engine.redaction import Secret

LETTERS = st.characters(
    codec="utf-8", exclude_categories=("Cs",), exclude_characters="".join(map(chr, [*range(32), 0xFFFE, 0xFFFF]))
)
TEXTS = st.text(LETTERS | st.sampled_from("\r\n\t<>&\"'"), max_size=30)


def test_elements_keep_their_order_and_nulls_are_left_out() -> None:
    tree = {
        "Post": {
            "@xmlns:x": "urn:x",
            "@x:where": 'a"<b>\n',
            "Item": [
                {"Z": Decimal("10.30"), "A": date(2026, 2, 20), "Gone": None, "Empty": "", "Flag": True, "N": 7},
                {"Z": "1 < 2 & 3"},
            ],
            "None": [],
        }
    }
    assert encode_xml(tree, Wire()) == (
        '<Post xmlns:x="urn:x" x:where=\'a"&lt;b&gt;&#10;\'>'
        "<Item><Z>10.30</Z><A>2026-02-20</A><Empty></Empty><Flag>true</Flag><N>7</N></Item>"
        "<Item><Z>1 &lt; 2 &amp; 3</Z></Item></Post>"
    )


def test_own_text_and_secrets() -> None:
    assert encode_xml({"r": {"@a": "1", ".": "t", "b": Secret("hidden")}}, Wire()) == '<r a="1">t<b>hidden</b></r>'


@given(TEXTS, TEXTS)
def test_every_text_comes_back_as_it_was(text: str, attribute: str) -> None:
    written = encode_xml({"r": {"@a": attribute, "e": text}}, Wire())
    read = read_answer(Answers(as_="xml"), written.encode())
    assert read == {"r": {"@a": attribute, "e": text}}


@pytest.mark.parametrize(
    ("tree", "says"),
    [
        ({}, "one root"),
        ({"a": 1, "b": 2}, "one root"),
        ([1], "one root"),
        ({"a": None}, "neither nothing nor a list"),
        ({"a": ["1", "2"]}, "neither nothing nor a list"),
        ({"a b": "1"}, "can't be the name"),
        ({"a": {"1": "x"}}, "can't be the name"),
        ({"a": {"@x y": "x"}}, "can't be the name"),
        ({"a": {"b": "\x00"}}, "XML has no form for"),
        ({"a": {"b": "\ud800"}}, "XML has no form for"),
        ({"a": {"b": object()}}, "can't be written as one text"),
        ({"a": {"b": Decimal("NaN")}}, "can't be sent"),
    ],
)
def test_what_xml_has_no_form_for_is_refused(tree: Any, says: str) -> None:
    with pytest.raises(RecordError, match=says):
        encode_xml(tree, Wire())


def test_the_error_names_the_place() -> None:
    with pytest.raises(RecordError) as error:
        encode_xml({"a": {"b": [{"c": "fine"}, {"c": "\x01"}]}}, Wire())
    assert error.value.field == "a/b/c"


def test_depth_has_an_end() -> None:
    tree: Any = "x"
    for _ in range(70):
        tree = {"a": tree}
    with pytest.raises(RecordError, match="deeper than 64"):
        encode_xml(tree, Wire())

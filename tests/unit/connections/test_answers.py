"""Answers that are XML or bare text: framed, encoded and named in every way a server may do it, and hostile ones refused."""

from __future__ import annotations

import json
from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.connections.answers import Answers, read_answer
from engine.connections.wire import Broken

XML = Answers(as_="xml", unwrap=True, encoding="cp1252", names="lower", repeat=("Item",))
DOCUMENT = (
    '<?xml version="1.0" encoding="Windows-1252"?>\n<Post Version="7"><Item><Key>Söhne €</Key></Item><Left/></Post>'
)
READ = {"post": {"@version": "7", "item": [{"key": "Söhne €"}], "left": ""}}
STRING = '<string xmlns="http://schemas.microsoft.com/2003/10/Serialization/">{}</string>'
FRAMES = {
    "bare": (DOCUMENT.encode("cp1252"), "application/octet-stream"),
    "bare in UTF-8, which the message says": (DOCUMENT.encode(), "text/xml; charset=utf-8"),
    "a JSON string": (json.dumps(DOCUMENT, ensure_ascii=False).encode(), "application/json; charset=utf-8"),
    "a JSON string in ASCII": (json.dumps(DOCUMENT).encode(), ""),
    "an element": (STRING.format(escape(DOCUMENT)).encode(), "application/xml; charset=utf-8"),
    "an element with a declaration": (
        f'<?xml version="1.0" encoding="utf-8"?>{STRING.format(escape(DOCUMENT))}'.encode(),
        "",
    ),
}


@pytest.mark.parametrize("frame", FRAMES)
def test_the_same_document_in_every_frame(frame: str) -> None:
    assert read_answer(XML, *FRAMES[frame]) == READ


@pytest.mark.parametrize(
    ("body", "text"),
    [(b"3EA60100  ", "3EA60100  "), (b'"3EA60100  "', "3EA60100  "), (b"ERROR: no", "ERROR: no"), (b"0", "0")],
)
def test_bare_text_stands_under_text_with_its_blanks(body: bytes, text: str) -> None:
    assert read_answer(XML, body) == {"text": text}
    assert read_answer(XML, STRING.format(text).encode()) == {"text": text}


def test_what_comes_several_times_is_a_list_and_what_is_named_so_always() -> None:
    kind = Answers(as_="xml", repeat=("c",))
    assert read_answer(kind, b"<r><a>1</a><b/><a>2</a><a>3</a><c>4</c></r>") == {
        "r": {"a": ["1", "2", "3"], "b": "", "c": ["4"]}
    }


def test_text_beside_attributes_or_elements_is_not_lost_and_namespaces_are_names_of_no_one() -> None:
    body = b'<x:r xmlns:x="urn:x"><x:a x:unit="kg">5</x:a> t <b/></x:r>'
    assert read_answer(Answers(as_="xml"), body) == {"r": {"a": {"@unit": "kg", ".": "5"}, "b": "", ".": " t "}}


def test_without_unwrap_an_element_called_string_is_an_element() -> None:
    assert read_answer(Answers(as_="xml"), b"<string>&lt;a/&gt;</string>") == {"string": "<a/>"}


def test_json_stays_json() -> None:
    assert read_answer(Answers(), b'{"a": [1]}') == {"a": [1]}
    with pytest.raises(Broken, match="web page or XML"):
        read_answer(Answers(), b"<a/>")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"<!DOCTYPE html><html></html>", "a web page"),
        (b"<HTML><body>", "a web page"),
        (b'<!DOCTYPE r [<!ENTITY e "x">]><r>&e;</r>', "DTD"),
        (b"<r><a></r>", "no XML: mismatched tag in line 1"),
        (b"<r>", "no XML"),
        (b"<r/><s/>", "no XML"),
        (b'""', "it is empty"),
        (b'"half', None),
        (b'"a" "b"', "begins like a JSON string"),
        (b'<?xml version="1.0" encoding="Shift_JIS"?><r/>', "encoded as `Shift_JIS`"),
        (b'<?xml version="1.0" encoding="utf-8"?><r>\xe9</r>', "not encoded as utf-8"),
        (b"<r>" * 70 + b"</r>" * 70, "more than 64 levels"),
        (b"<r>\x00</r>", "no XML"),
    ],
)
def test_what_is_none_is_refused(body: bytes, says: str | None) -> None:
    if says is None:
        assert read_answer(XML, body) == {"text": '"half'}
        return
    with pytest.raises(Broken, match=says):
        read_answer(XML, body)


@given(st.binary(max_size=200))
def test_no_bytes_are_anything_but_an_answer_or_broken(body: bytes) -> None:
    try:
        read = read_answer(XML, body)
    except Broken:
        return
    assert isinstance(read, dict)

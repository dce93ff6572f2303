"""XML files in Windows-1252: read as they declare it, read where they declare nothing, written."""

from __future__ import annotations

import io
from typing import Any

import pytest

from engine.errors import ParcelError
from engine.formats.xml import Xml

BODY = "<Rows><Row><Name>Söhne “€” Łódź</Name></Row></Rows>"


def read(kind: Xml, data: bytes) -> list[Any]:
    return [item[1] for item in kind.records_of(io.BytesIO(data)) if isinstance(item, tuple)]


@pytest.mark.parametrize("declared", ["Windows-1252", "windows-1252", "cp1252"])
def test_a_declared_file_is_read(declared: str) -> None:
    text = f'<?xml version="1.0" encoding="{declared}"?>{BODY}'
    data = text.encode("cp1252", "xmlcharrefreplace")
    assert read(Xml(records="Rows/Row"), data) == [{"Name": "Söhne “€” Łódź"}]


def test_a_file_that_declares_nothing_is_read_as_the_spec_says() -> None:
    data = BODY.encode("cp1252", "xmlcharrefreplace")
    assert read(Xml(records="Rows/Row", encoding="cp1252"), data) == [{"Name": "Söhne “€” Łódź"}]
    with pytest.raises(ParcelError):
        read(Xml(records="Rows/Row"), data)


def test_what_is_written_comes_back() -> None:
    kind = Xml(records="Rows/Row", encoding="cp1252")
    data = b"".join(kind.encode([{"Name": "Söhne “€” Łódź"}]))
    assert data.startswith(b'<?xml version="1.0" encoding="Windows-1252"?>')
    assert "Söhne “€”".encode("cp1252") in data
    assert read(kind, data) == [{"Name": "Söhne “€” Łódź"}]


def test_bytes_that_windows_1252_does_not_have_are_refused() -> None:
    data = b'<?xml version="1.0" encoding="Windows-1252"?><Rows><Row><Name>\x81</Name></Row></Rows>'
    with pytest.raises(ParcelError):
        read(Xml(records="Rows/Row"), data)


def test_others_are_refused_by_name() -> None:
    data = b'<?xml version="1.0" encoding="Windows-1251"?><Rows/>'
    with pytest.raises(ParcelError, match="`Windows-1251`"):
        read(Xml(records="Rows/Row"), data)

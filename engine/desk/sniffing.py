"""What a file is by its looks: encoding, line ends, and which of the formats. A hint for people; a run never guesses."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from engine.desk.sniffed import HEAD, MOST_BYTES, Kind, Sniffed
from engine.errors import UsageError
from engine.formats.lines import Encoding

_PIECE = 256 * 1024
_X12 = re.compile(rb"ISA[^A-Za-z0-9 \0]")
_JSON = re.compile(r'\{\s*["}]|\[\s*[\[{"\]\-0-9tfn]')
_UNDEFINED = (b"\x81", b"\x8d", b"\x8f", b"\x90", b"\x9d")
_OTHERS = {
    b"PK\x03\x04": "a ZIP archive or an Excel workbook: unpack it, or save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel or Word file: save the sheet as CSV",
    b"\x1f\x8b": "compressed (gzip): unpack it first",
    b"%PDF": "a PDF",
    b"-----BEGIN PGP": "encrypted (PGP): decrypt it first",
}


def sniff(path: Path, said: Kind | None = None) -> Sniffed:
    """Looks at a file; `said` is what a person says it is. Raises UsageError for one that can't be opened."""
    try:
        if not path.is_file():
            raise UsageError(f"`{path}` is no file")
        with path.open("rb") as stream:
            return _sniffed(path, stream, said)
    except OSError as error:
        raise UsageError(f"`{path}` can't be read: {error.strerror or error}") from error


def _sniffed(path: Path, stream: BinaryIO, said: Kind | None) -> Sniffed:
    size = path.stat().st_size
    head = stream.read(HEAD)
    if not head.strip(b"\xef\xbb\xbf\xff\xfe \t\r\n\0"):
        return Sniffed(path=path, size=size, kind=None, why="the file is empty")
    for magic, what in _OTHERS.items():
        if head.startswith(magic) and said is None:
            return Sniffed(path=path, size=size, kind=None, why=f"the file is {what}")
    wide = head.startswith((b"<\0", b"\0<"))  # XML in UTF-16 tells by itself
    if b"\0" in head and not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and not wide and said is None:
        at = head.index(b"\0")
        line = head.count(b"\n", 0, at) + 1
        why = f"line {line}, byte {at}: the file holds NUL characters: it is binary, damaged, or UTF-16 without a byte order mark"
        return Sniffed(path=path, size=size, kind=None, why=why)
    stream.seek(0)
    encoding, mark, ascii_, findings = _encoding_of(stream)
    text = _text_of(head, "utf-16-le" if head.startswith(b"<\0") else "utf-16-be" if wide else encoding, size)
    kind = said or _kind_of(head, text)
    return Sniffed(
        path=path,
        size=size,
        kind=kind,
        encoding=encoding,
        mark=mark,
        text=text,
        whole=size <= HEAD,
        ascii=ascii_,
        findings=tuple(findings) if kind not in {"xml", "x12"} else (),
    )


def _kind_of(head: bytes, text: str) -> Kind:
    from engine.desk.sniffing_csv import delimiter_of
    from engine.desk.sniffing_fixed import looks_fixed

    start = text.lstrip(" \t\r\n\ufeff")
    if _X12.match(head.lstrip(b"\xef\xbb\xbf \t\r\n")):
        return "x12"
    if start.startswith("<"):
        return "xml"
    if _JSON.match(start):
        return "json"
    return "fixed" if delimiter_of(text) is None and looks_fixed(text) else "csv"


def _encoding_of(stream: BinaryIO) -> tuple[Encoding, str, bool, list[str]]:
    """How the bytes become text, the byte order mark, whether there is nothing but ASCII, and what is not sure about it."""
    first = stream.read(3)
    stream.seek(0)
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", "UTF-16", False, []
    mark = "UTF-8" if first == codecs.BOM_UTF8 else ""
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    wrong, undefined, plain, offset, lines = "", False, True, 0, 0
    for piece in pieces(stream):
        undefined = undefined or any(byte in piece for byte in _UNDEFINED)
        plain = plain and piece.isascii()
        if not wrong:
            try:
                decoder.decode(piece)
            except UnicodeDecodeError as error:
                at = offset + len(piece) - len(error.object) + error.start
                line = lines + error.object.count(b"\n", 0, error.start) + 1
                wrong = f"line {line}, byte {at} (hex {error.object[error.start : error.start + 1].hex()})"
        offset, lines = offset + len(piece), lines + piece.count(b"\n")
    if not wrong and decoder.getstate()[0] and offset < MOST_BYTES:
        wrong = f"end of file, byte {offset - len(decoder.getstate()[0])}"
    if not wrong:
        return "utf-8-sig", mark, plain, []
    if mark:
        return "utf-8-sig", mark, False, [f"{wrong}: this is no UTF-8, though the file starts with its mark"]
    name: Encoding = "latin-1" if undefined else "cp1252"
    said = f"{wrong}: this is no UTF-8; read here as `encoding: {name}`, a guess: look at the letters beyond ASCII"
    return name, mark, False, [said]


def pieces(stream: BinaryIO, most: int = MOST_BYTES) -> Iterator[bytes]:
    """The stream's bytes, at most so many."""
    left = most
    while left > 0 and (piece := stream.read(min(_PIECE, left))):
        left -= len(piece)
        yield piece


def _text_of(head: bytes, encoding: str, size: int) -> str:
    text = head.decode("utf-8-sig" if encoding == "utf-8" else encoding, "replace")
    if len(head) >= size:
        return text
    cut = max(text.rfind("\n"), text.rfind("\r"))
    return text[: cut + 1] if cut >= 0 else text

"""Invented X12 files, put together from segments so that every test shows only what it is about."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from engine.contracts import BadRow
from engine.formats.x12 import X12, compile_set
from engine.formats.x12_compose import Batch, Envelope
from engine.formats.x12_findings import Party
from engine.formats.x12_set import TransactionSet
from engine.spec.document import Problems, read_document

SETS = Path(__file__).resolve().parents[3] / "specs" / "x12"
ISA = "ISA*00*          *00*          *ZZ*PAYER          *ZZ*PAYEE          *261121*1200*U*00401*000000101*0*P*>"
ISA_5010 = ISA.replace("*U*00401*", "*^*00501*")
GS = "GS*RA*PAYER*PAYEE*20261121*1200*7*X*004010"
BODY = (
    "BPR*C*150.5*C*ACH*CCP*01*021000021*DA*12345*1234567890**01*021000022*DA*6789*20261121",
    "TRN*1*EFT0099*1234567890",
    "REF*BT*77",
    "DTM*097*20261120",
    "N1*PR*Acme Corp*ZZ*ACME",
    "N4*Town*NY*12345",
    "N1*PE*Widget Co*91*V001",
    "ENT*1",
    "ADX*-9.5*04",
    "NTE*ADD*broken box",
    "RMR*IV*INV-1**100*110*10",
    "DTM*003*20261001",
    "RMR*IV*INV-2*PO*60",
    "REF*PO*P1",
    "ADX*-5*01*CM*C1",
)
BATCH = Batch(number=42, at=datetime(2026, 11, 22, 7, 30, tzinfo=UTC))
ENVELOPE = Envelope(sender=Party(qualifier="ZZ", id="PAYER"), receiver=Party(qualifier="01", id="123456789"))


@cache
def described(name: str = "820") -> TransactionSet:
    node = read_document(SETS / f"{name}.yaml", Problems())
    assert node is not None
    return compile_set(node.plain())


def kind(name: str = "820", **keys: Any) -> X12:
    return X12(set_=name, **keys).described(described(name))


def one_set(body: Sequence[str] = BODY, number: str = "0001", *, name: str = "820") -> list[str]:
    return [f"ST*{name}*{number}", *body, f"SE*{len(body) + 2}*{number}"]


def group(*sets: Sequence[str], start: str = GS, number: str = "7") -> list[str]:
    return [start, *(segment for each in sets for segment in each), f"GE*{len(sets)}*{number}"]


def file(*groups: Sequence[str], isa: str = ISA, end: str = "~\n") -> bytes:
    segments = [isa, *(segment for each in groups for segment in each), f"IEA*{len(groups)}*{isa.split('*')[13]}"]
    return "".join(segment + end for segment in segments).encode()


def sample(body: Sequence[str] = BODY, **keys: Any) -> bytes:
    return file(group(one_set(body)), **keys)


def changed(before: str, after: str, body: Sequence[str] = BODY) -> bytes:
    """The sample with a segment replaced (`RMR*IV*INV-1` by its beginning); with "" it is left out."""
    found = [after if segment.startswith(before) else segment for segment in body]
    assert found != list(body)
    return sample([segment for segment in found if segment])


def records(data: bytes, **keys: Any) -> list[Any]:
    """Each set's record, or its BadRow."""
    found = kind(**keys).records_of(io.BytesIO(data))
    return [item if isinstance(item, BadRow) else item[1] for item in found]


def record(data: bytes, **keys: Any) -> Any:
    (found,) = records(data, **keys)
    assert not isinstance(found, BadRow), found.error
    return found


def refused(data: bytes, **keys: Any) -> str:
    (found,) = records(data, **keys)
    assert isinstance(found, BadRow), found
    return found.error


def findings(data: bytes, **keys: Any) -> list[str]:
    nesting = kind(**keys).nest(io.BytesIO(data), [], [], None)
    list(nesting)
    return nesting.findings


def examined(data: bytes, **keys: Any) -> Any:
    return kind(**keys).examine(io.BytesIO(data))

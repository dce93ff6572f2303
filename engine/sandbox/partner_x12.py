"""The partner's X12: payment advices it sends, what it reads of ours, and its acknowledgements. Nothing of the engine's own formats.

Segments and codes are those of the generic 820 and 997 in version 004010.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

Verdict = Literal["A", "E", "R"]
Segment = list[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Parties:
    """Who sends to whom, by qualifier and id."""

    sender: str
    receiver: str
    sender_qualifier: str = "ZZ"
    receiver_qualifier: str = "ZZ"


def interchange(
    parties: Parties,
    functional: str,
    sets: Sequence[Sequence[str]],
    *,
    control: int,
    group: int | None = None,
    asks: bool = False,
) -> bytes:
    """An interchange of one group; each set is its segments between ST and SE, the set's id first."""
    head = (
        f"ISA*00*          *00*          *{parties.sender_qualifier}*{parties.sender:15}"
        f"*{parties.receiver_qualifier}*{parties.receiver:15}*260302*0900*U*00401*{control:09}*{int(asks)}*P*>"
    )
    number = group if group is not None else control
    found = [head, f"GS*{functional}*{parties.sender}*{parties.receiver}*20260302*0900*{number}*X*004010"]
    for count, (name, *body) in enumerate(sets, 1):
        found += [f"ST*{name}*{count:04}", *body, f"SE*{len(body) + 2}*{count:04}"]
    found += [f"GE*{len(sets)}*{number}", f"IEA*1*{control:09}"]
    return "".join(f"{segment}~\n" for segment in found).encode("ascii")


def read(data: bytes) -> list[Segment]:
    """The segments of a file we got, taken apart by the delimiters its ISA shows."""
    text = data.decode("ascii")
    mark, end = text[3], text[105]
    return [part.strip("\r\n").split(mark) for part in text.split(end) if part.strip("\r\n")]


def named(segments: Iterable[Segment], name: str) -> list[Segment]:
    """The elements of every segment of that name."""
    return [segment[1:] for segment in segments if segment[0] == name]


def remittances(data: bytes) -> list[dict[str, Any]]:
    """What an 820 of ours says: a map for each payment, with its invoices."""
    found: list[dict[str, Any]] = []
    for segment in read(data):
        name, e = segment[0], [*segment[1:], *[""] * 20]
        if name == "BPR":
            found.append({"amount": Decimal(e[1]), "method": e[3], "date": e[15], "invoices": []})
        elif name == "TRN":
            found[-1]["number"] = e[1]
        elif name == "N1":
            found[-1][{"PR": "payer", "PE": "payee"}[e[0]]] = e[1]
        elif name == "RMR":
            invoice = {"number": e[1], "paid": Decimal(e[3]), "gross": e[4], "discount": e[5]}
            found[-1]["invoices"].append(invoice)
    return found


def acknowledge(data: bytes, *, control: int, verdicts: Mapping[str, Verdict] | None = None) -> bytes:
    """A 997 for a file of ours. `verdicts` by the set's number; sets it does not name are accepted."""
    segments, said = read(data), verdicts or {}
    head, group = segments[0], named(segments, "GS")[0]
    body = ["997", f"AK1*{group[0]}*{group[5]}"]
    found: list[Verdict] = []
    for start in named(segments, "ST"):
        verdict = said.get(start[1], "A")
        found.append(verdict)
        body += [f"AK2*{start[0]}*{start[1]}"]
        body += ["AK3*RMR*9**8", "AK4*4*782*1"] if verdict == "R" else []
        body += [f"AK5*{verdict}" + ("*5" if verdict == "R" else "")]
    refused = found.count("R")
    whole = "R" if refused == len(found) else "P" if refused else "A"
    body += [f"AK9*{whole}*{len(found)}*{len(found)}*{len(found) - refused}"]
    back = Parties(
        sender=head[8].strip(), receiver=head[6].strip(), sender_qualifier=head[7], receiver_qualifier=head[5]
    )
    return interchange(back, "FA", [body], control=control)

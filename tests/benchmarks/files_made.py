"""Files of any size that a partner could have sent, each with its totals right: XML invoices, X12 820, fixed width."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

LINES = 3
Amounts = tuple[list[str], str]


def amounts_of(n: int, many: int) -> Amounts:
    """The amounts of one document's lines and what they add up to."""
    cents = [(n * 7919 + at * 104_729) % 500_000 + 1 for at in range(many)]
    return [f"{each // 100}.{each % 100:02d}" for each in cents], f"{sum(cents) // 100}.{sum(cents) % 100:02d}"


def write_xml(path: Path, invoices: int) -> int:
    """Invoices of three lines, some 860 bytes each; returns how many."""

    def pieces() -> Iterator[str]:
        yield '<?xml version="1.0" encoding="UTF-8"?>\n<Invoices>\n'
        for n in range(invoices):
            amounts, total = amounts_of(n, LINES)
            day = f"2026-{1 + n % 12:02d}-{1 + n % 28:02d}"
            lines = "".join(
                f'      <Line no="{at + 1}"><Text>Line {at + 1} &amp; more</Text><Amount>{amount}</Amount>'
                f"<Account>6100-{n % 50:02d}</Account><Center>CC{n % 20}</Center></Line>\n"
                for at, amount in enumerate(amounts)
            )
            yield (
                f'  <Invoice currency="USD">\n    <Vendor><Id>V{n % 997:05d}</Id><Name>Vendor {n % 997} Inc.</Name></Vendor>\n'
                f"    <Number>INV-{n:07d}</Number>\n    <InvoiceDate>{day}</InvoiceDate>\n    <DueDate>{day}</DueDate>\n"
                f"    <Total>{total}</Total>\n    <Note>Goods, as ordered</Note>\n    <Status>APPROVED</Status>\n"
                f"    <Lines>\n{lines}    </Lines>\n  </Invoice>\n"
            )
        yield "</Invoices>\n"

    _write(path, pieces())
    return invoices


def write_x12(path: Path, megabytes: int) -> int:
    """One group of payment advices of one to nine remittances, some 400 bytes a set; returns how many sets."""
    sets = megabytes * 1_000_000 // 400

    def pieces() -> Iterator[str]:
        yield (
            f"ISA*00*          *00*          *ZZ*{'PAYER':15}*ZZ*{'PAYEE':15}*261121*1200*U*00401*000000101*0*P*>~\n"
            "GS*RA*PAYER*PAYEE*20261121*1200*7*X*004010~\n"
        )
        for n in range(sets):
            amounts, total = amounts_of(n, 1 + n % 9)
            body = "".join(
                f"RMR*IV*INV-{n:07d}-{at}**{amount}~\nDTM*003*202611{1 + n % 28:02d}~\n"
                for at, amount in enumerate(amounts)
            )
            yield (
                f"ST*820*{n + 1:09d}~\nBPR*C*{total}*C*ACH*CTX***********202611{1 + n % 28:02d}~\nTRN*1*PAY{n:07d}*1512345678~\n"
                f"N1*PR*Acme Corporation~\nN1*PE*Widget {n % 997}*91*W{n % 997:05d}~\nENT*1~\n"
                f"{body}SE*{7 + 2 * len(amounts)}*{n + 1:09d}~\n"
            )
        yield f"GE*{sets}*7~\nIEA*1*000000101~\n"

    _write(path, pieces())
    return sets


def write_fixed(path: Path, records: int) -> int:
    """A header, bills of three lines each, and a trailer with counts and a sum; returns how many bills."""
    bills = records // (LINES + 1)

    def pieces() -> Iterator[str]:
        yield f"H{'PAYER':10}20261121{'':61}\n"
        paid = 0
        for n in range(bills):
            amounts, total = amounts_of(n, LINES)
            day = f"2026{1 + n % 12:02d}{1 + n % 28:02d}"
            lines = "".join(
                f"L{at + 1:05d}{amount.replace('.', ''):0>12}{f'Line {at + 1}':30}{f'6100-{n % 50:02d}':20}{f'CC{n % 20}':12}\n"
                for at, amount in enumerate(amounts)
            )
            paid += int(total.replace(".", ""))
            yield f"B{f'INV-{n:07d}':20}{f'V{n % 997:05d}':10}{day}{total.replace('.', ''):0>12}{f'Vendor {n % 997} Inc.':26}USD\n{lines}"
        yield f"T{bills:09d}{bills * LINES:09d}{paid:015d}{'':46}\n"

    _write(path, pieces())
    return bills


def _write(path: Path, pieces: Iterator[str]) -> None:
    with path.open("w", encoding="ascii", newline="") as file:
        file.writelines(pieces)

"""A desk for X12: payment advices come in and become CSV, and payments in CSV go out as payment advices."""

from __future__ import annotations

from typing import Any

SYSTEM = """
mlconnector: 1
system: partner
title: Partner files
needs:
  path: {type: string, title: Folder}
books: [path]
folder: {path: {need: path}}
objects:
  advices:
    title: Payment advices
    key: [number]
    pickup: {folder: /in, match: "820_*", after: {done: /done, bad: /bad}}
    x12: {set: "820", balance: error}
    acknowledge: {folder: /acks, name: {text: "997_{{ sender }}_{{ control | pad_left(9) }}.edi"}}
    document:
      key: [number]
      each: remittances
      header:
        number: {path: trace.number, type: string}
        payer: {path: payer.name, type: string}
        amount: {path: payment.amount, type: decimal}
        date: {path: payment.date, type: date}
      lines:
        invoice: {path: reference, type: string}
        paid: {path: amount, type: decimal}
  ledger:
    title: Ledger
    key: [number]
    fields: {number: string(20)!, payer: string(30), amount: "decimal(18,2)", date: date}
    drop: {folder: /out, name: {text: "ledger_{{ batch }}.csv"}}
    csv: {newline: lf}
  payments:
    title: Payments
    key: [number]
    pickup: {folder: /in, match: "pay_*", after: {done: /done, bad: /bad}}
    csv: {}
    document:
      key: [number]
      header:
        number: {column: number, type: string}
        amount: {column: amount, type: decimal}
      lines:
        invoice: {column: invoice, type: string}
        paid: {column: paid, type: decimal}
  remittances:
    title: Remittance advices
    key: [trace.number]
    fields:
      payment.handling: string(2)!
      payment.amount: "decimal(18,2)!"
      payment.credit_or_debit: string(1)!
      payment.method: string(3)!
      trace.type: string(2)!
      trace.number: string(30)!
      payer.name: string(60)!
      payee.name: string(60)!
      remittances: {list: {qualifier: string(3)!, reference: string(30)!, amount: "decimal(18,2)!"}}
    drop: {folder: /out, name: {text: "820_{{ control | pad_left(9) }}.edi"}}
    x12:
      set: "820"
      send:
        sender: {qualifier: {const: ZZ}, id: {const: PAYEE}}
        receiver: {qualifier: {const: ZZ}, id: {const: PAYER}}
    acknowledged: {within: 2h, pickup: {folder: /answers, match: "*.edi", settled: {apart: 0s}, after: {done: /done, bad: /bad}}}
"""

SPEC = """
mlconnector: 1
integration: books
title: Books
systems:
  partner: {use: partner, with: {path: {env: PARTNER_PATH}}}
flows:
  advices:
    title: Advices
    read: {object: partner.advices}
    key: [payer, number]
    amount: amount
    check:
      - {that: "payer != 'Nobody'", say: Nobody pays nothing}
    map: {number: number, payer: payer, amount: amount, date: date}
    write: {object: partner.ledger, pattern: append}
  remittances:
    title: Remittances
    read: {object: partner.payments}
    key: [number]
    map:
      payment.handling: {const: C}
      payment.amount: amount
      payment.credit_or_debit: {const: C}
      payment.method: {const: CHK}
      trace.type: {const: "1"}
      trace.number: number
      payer.name: {const: Acme Corp}
      payee.name: {const: Widget Co}
      remittances: {each: lines, map: {qualifier: {const: IV}, reference: invoice, amount: paid}}
    write: {object: partner.remittances, pattern: append}
"""


def advice(
    *sets: dict[str, Any],
    control: int = 101,
    group: int = 7,
    sender: str = "PAYER",
    whole: bool = True,
    asks: bool = False,
    functional: str = "RA",
) -> bytes:
    """An interchange put together by hand; each set has `number` and may have `amount`, `paid`, `payer` and `method`."""
    isa = (
        f"ISA*00*          *00*          *ZZ*{sender:15}*ZZ*PAYEE          *261121*1200*U*00401*{control:09}"
        f"*{int(asks)}*P*>"
    )
    found = [isa, f"GS*{functional}*{sender}*PAYEE*20261121*1200*{group}*X*004010"]
    for count, each in enumerate(sets, 1):
        amount = each.get("amount", "150.5")
        body = [
            f"BPR*C*{amount}*C*{each.get('method', 'ACH')}************20261121",
            f"TRN*1*{each['number']}",
            f"N1*PR*{each.get('payer', 'Acme Corp')}",
            "ENT*1",
            f"RMR*IV*INV-1**{each.get('paid', amount)}",
        ]
        found += [f"ST*820*{count:04}", *body, f"SE*{len(body) + 2}*{count:04}"]
    found += [f"GE*{len(sets)}*{group}", *([f"IEA*1*{control:09}"] if whole else [])]
    return "~\n".join([*found, ""]).encode()


def answer(group: int, verdict: str = "A", *sets: tuple[str, str], control: int = 900, code: str = "") -> bytes:
    """A partner's 997 for a group of ours."""
    isa = (
        f"ISA*00*          *00*          *ZZ*PAYER          *ZZ*PAYEE          *261121*1200*U*00401*{control:09}*0*P*>"
    )
    body = [f"AK1*RA*{group}"]
    for number, found in sets:
        body += [f"AK2*820*{number}", *(["AK3*BPR*2**8", "AK4*2*782*6*1x"] if found == "R" else [])]
        body += [f"AK5*{found}" + (f"*{code or 5}" if found == "R" else "")]
    many = max(len(sets), 1)
    body += [f"AK9*{verdict}*{many}*{many}*{many if verdict == 'A' else 0}"]
    found = [isa, f"GS*FA*PAYER*PAYEE*20261121*1200*{control}*X*004010", "ST*997*0001", *body]
    found += [f"SE*{len(body) + 2}*0001", f"GE*1*{control}", f"IEA*1*{control:09}"]
    return "~\n".join([*found, ""]).encode()


def rejected_interchange(control: int, note: str = "022") -> bytes:
    """A partner's TA1 that rejects an interchange of ours."""
    isa = "ISA*00*          *00*          *ZZ*PAYER          *ZZ*PAYEE          *261121*1200*U*00401*000000950*0*P*>"
    return "~\n".join([isa, f"TA1*{control:09}*261121*0900*R*{note}", "IEA*0*000000950", ""]).encode()


def segments(data: bytes) -> list[list[str]]:
    """A file of ours, taken apart by nothing but its delimiters."""
    return [each.split("*") for each in data.decode("ascii").replace("\n", "").split("~") if each]


def of(name: str, found: list[list[str]]) -> list[list[str]]:
    """The segments of that name, without it."""
    return [each[1:] for each in found if each[0] == name]

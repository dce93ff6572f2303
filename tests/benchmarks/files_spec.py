"""The integration both sides of the file benchmarks do: a partner's files to documents, and documents into the ledger."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench_spec import PARTNER

from engine.redaction import Redactor
from engine.run.seams import Seams, quiet
from engine.run.session import Session, open_session
from engine.run.workspace import Workspace, open_workspace

PARTNER_FILES = """
mlconnector: 1
system: partner
title: A partner's folder
needs:
  path: {type: string, title: Folder}
books: [path]
folder: {path: {need: path}}
objects:
  rows:
    title: Invoices as CSV
    key: [vendor_id, invoice_number]
    pickup: {folder: /in, match: "*.csv", settled: {apart: 0s}, after: {done: /done, bad: /bad}}
    csv: {encoding: utf-8-sig}
    document:CSV_DOCUMENT
  xml:
    title: Invoices as XML
    key: [vendor, number]
    pickup: {folder: /in, match: "*.xml", settled: {apart: 0s}, after: {done: /done, bad: /bad}}
    xml: {records: Invoices/Invoice}
    document:
      key: [vendor, number]
      each: Lines/Line
      header:
        vendor:   {path: Vendor/Id, type: string}
        number:   {path: Number, type: string}
        name:     {path: Vendor/Name, type: string}
        currency: {path: "@currency", type: string}
        date:     {path: InvoiceDate, type: date, required: true}
        due:      {path: DueDate, type: date}
        total:    {path: Total, type: decimal, required: true}
        note:     {path: Note, type: string}
        status:   {path: Status, type: string, required: true}
      lines:
        line:    {path: "@no", type: integer}
        text:    {path: Text, type: string}
        amount:  {path: Amount, type: decimal, required: true}
        account: {path: Account, type: string, required: true}
        center:  {path: Center, type: string}
  x12:
    title: Payment advices
    key: [number]
    pickup: {folder: /in, match: "*.edi", settled: {apart: 0s}, after: {done: /done, bad: /bad}}
    x12: {set: "820", balance: error}
    acknowledge: {folder: /acks, name: {text: "997_{{ control | pad_left(9) }}.edi"}}
    document:
      key: [number]
      each: remittances
      header:
        number: {path: trace.number, type: string}
        payer:  {path: payer.name, type: string}
        payee:  {path: payee.id, type: string}
        method: {path: payment.method, type: string}
        amount: {path: payment.amount, type: decimal}
        date:   {path: payment.date, type: date}
      lines:
        invoice: {path: reference, type: string, required: true}
        paid:    {path: amount, type: decimal, required: true}
        dated:   {path: dates.003.date, type: date}
  fixed:
    title: Bills
    key: [vendor, number]
    pickup: {folder: /in, match: "*.txt", settled: {apart: 0s}, after: {done: /done, bad: /bad}}
    fixed:
      records:
        head: {at: [1, 1], is: H, stands: first, fields: {payer: {slice: [2, 11]}, day: {slice: [12, 19]}}}
        bill:
          at: [1, 1]
          is: B
          stands: opens
          fields:
            number:   {slice: [2, 21]}
            vendor:   {slice: [22, 31]}
            date:     {slice: [32, 39]}
            total:    {slice: [40, 51], type: decimal, implied: 2}
            name:     {slice: [52, 77]}
            currency: {slice: [78, 80]}
        line:
          at: [1, 1]
          is: L
          least: 1
          fields:
            number:  {slice: [2, 6], type: decimal, implied: 0}
            amount:  {slice: [7, 18], type: decimal, implied: 2}
            text:    {slice: [19, 48]}
            account: {slice: [49, 68]}
            center:  {slice: [69, 80]}
        end:
          at: [1, 1]
          is: T
          stands: last
          fields:
            bills: {slice: [2, 10], type: decimal, implied: 0}
            lines: {slice: [11, 19], type: decimal, implied: 0}
            paid:  {slice: [20, 34], type: decimal, implied: 2}
          totals:
            - {field: bills, count: [bill]}
            - {field: lines, count: [line]}
            - {field: paid, sum: [line.amount]}
    document:
      key: [vendor, number]
      each: line
      header:
        vendor:   {path: bill.vendor, type: string}
        number:   {path: bill.number, type: string}
        payer:    {path: head.payer, type: string}
        date:     {path: bill.date, type: date, format: "%Y%m%d", required: true}
        total:    {path: bill.total, type: decimal, required: true}
        name:     {path: bill.name, type: string}
        currency: {path: bill.currency, type: string}
      lines:
        line:    {path: line.number, type: integer}
        amount:  {path: line.amount, type: decimal, required: true}
        text:    {path: line.text, type: string}
        account: {path: line.account, type: string, required: true}
        center:  {path: line.center, type: string}
  taken:
    title: What was taken
    key: [Party, Number]
    fields:
      Party: string(60)!
      Number: string(50)!
      Day: date
      Amount: decimal(18,2)!
      Text: string(100)
      lines: {list: {Text: string(100), Amount: "decimal(18,2)!", Account: string(50)}}
    drop: {folder: /out, name: {text: "taken_{{ batch }}.xml"}}
    xml: {records: Taken/Document}
"""

FLOWS = """
mlconnector: 1
integration: bench
title: Bench
systems:
  partner: {use: partner, with: {path: {env: BOX}}}
flows:
  rows:
    title: CSV
    read: {object: partner.rows}
    key: [vendor_id, invoice_number]
    amount: invoice_total
    map:
      Party: vendor_id
      Number: invoice_number
      Day: invoice_date
      Amount: invoice_total
      Text: vendor_name
      lines: {each: lines, map: {Text: line_description, Amount: line_amount, Account: gl_account}}
    write: {object: partner.taken, pattern: append}
  xml:
    title: XML
    read: {object: partner.xml}
    key: [vendor, number]
    amount: total
    map:
      Party: vendor
      Number: number
      Day: date
      Amount: total
      Text: name
      lines: {each: lines, map: {Text: text, Amount: amount, Account: account}}
    write: {object: partner.taken, pattern: append}
  x12:
    title: X12
    read: {object: partner.x12}
    key: [payee, number]
    amount: amount
    map:
      Party: payee
      Number: number
      Day: date
      Amount: amount
      Text: payer
      lines: {each: lines, map: {Text: invoice, Amount: paid, Account: {const: null}}}
    write: {object: partner.taken, pattern: append}
  fixed:
    title: Fixed width
    read: {object: partner.fixed}
    key: [vendor, number]
    amount: total
    map:
      Party: vendor
      Number: number
      Day: date
      Amount: total
      Text: name
      lines: {each: lines, map: {Text: text, Amount: amount, Account: account}}
    write: {object: partner.taken, pattern: append}
"""
SUFFIXES = {"rows": "csv", "xml": "xml", "x12": "edi", "fixed": "txt"}


class FilesBench:
    """A folder with the specs, a partner's box and a workspace."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.box = folder, folder / "box"
        for name in ("in", "out", "done", "bad", "acks"):
            (self.box / name).mkdir(parents=True, exist_ok=True)
        (folder / "systems").mkdir(exist_ok=True)
        shape = PARTNER.partition("    document:")[2].partition("  vendors:")[0]
        system = PARTNER_FILES.replace("CSV_DOCUMENT\n", shape)
        (folder / "systems" / "partner.yaml").write_text(system, encoding="utf-8")
        self.spec = folder / "bench.yaml"
        self.spec.write_text(FLOWS, encoding="utf-8")
        self.seams = Seams(environ={"BOX": str(self.box)})

    def place(self, file: Path, form: str) -> None:
        """Puts the file where the flow of that form finds it, without copying it."""
        os.link(file, self.box / "in" / f"file.{SUFFIXES[form]}")

    @contextmanager
    def session(self) -> Iterator[tuple[Workspace, Session]]:
        """The integration, open."""
        with (
            open_workspace(self.folder, seams=self.seams, redactor=Redactor(), actor="bench") as workspace,
            open_session(self.spec, workspace, self.seams, quiet) as session,
        ):
            yield workspace, session

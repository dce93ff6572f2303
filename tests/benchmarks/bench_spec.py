"""The integration both sides of a benchmark do: vendors from pages to a file, invoices from a file to calls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.redaction import Redactor
from engine.run.running import Options, run_spec
from engine.run.seams import Seams, quiet
from engine.run.session import Session, open_session
from engine.run.summary import Summary
from engine.run.workspace import Workspace, open_workspace

ERP = """
mlconnector: 1
system: erp
title: An ERP on loopback
needs:
  site: {type: string, title: Site}
  many: {type: string, title: Vendors to list, default: "0"}
books: [site]
http:
  base: {text: "{{ need.site }}/"}
  at_once: AT_ONCE
  errors:
    - {status: 404, means: absent}
    - {status: 4xx, means: refused, message: message}
objects:
  vendors:
    title: Vendors
    key: [VendorID]
    fields:
      VendorNum: integer
      VendorID: string(8)
      Name: string(50)
      LegalName: string(100)
      Address1: string(50)
      Address2: string(50)
      City: string(50)
      State: string(50)
      ZIP: string(10)
      Country: string(50)
      PhoneNum: string(20)
      EMailAddress: string(50)
      TermsCode: string(4)
      CurrencyCode: string(4)
      TaxPayerID: string(20)
      Inactive: boolean
      CreditLimit: decimal(18,2)
      OpenDate: date
    list:
      get: vendors
      query: {of: {need: many}}
      records: value
      page: {next: {link: '"@odata.nextLink"'}}
  invoices:
    title: Invoices
    key: [VendorID, InvoiceNum]
    money: true
    fields:
      VendorID: string(20)!
      InvoiceNum: string(50)!
      DocumentType: string(20)!
      InvoiceID: string(50)
      VendorName: string(100)
      InvoiceDate: date!
      DueDate: date
      ApplyDate: date
      CurrencyCode: string(4)
      Amount: decimal(18,2)!
      Description: string(100)
      Status: string(20)!
      lines:
        required: true
        list: {Line: integer, LineDesc: string(100), Amount: "decimal(18,2)!", Account: string(50)!, Center: string(50)}
    find:
      get: invoices
      query: {vendor: document.VendorID, number: document.InvoiceNum}
      records: value
      show: {Amount: Amount}
      ours: found.marker == marker
      whole: "length(found.lines) == length(document.lines)"
      reference: {text: "{{ found.id }}"}
    create:
      guarantee: {class: lookup, settle: 2m}
      steps:
        - name: save
          post: invoices
          commits: true
          send: {merge: [document, {object: {marker: marker}}]}
          expect: "status == 'saved'"
          keep: {id: id}
      reference: {text: "{{ id }}"}
"""

PARTNER = """
mlconnector: 1
system: partner
title: A partner's folder
needs:
  path: {type: string, title: Folder}
books: [path]
folder: {path: {need: path}}
objects:
  invoices:
    title: Approved invoices
    key: [vendor_id, invoice_number]
    pickup: {folder: /in, match: "*.csv", after: {done: /done, bad: /bad}}
    csv: {encoding: utf-8-sig}
    document:
      key: [vendor_id, invoice_number]
      header:
        document_type:   {column: document_type, type: string, required: true}
        invoice_id:      {column: invoice_id, type: string}
        invoice_number:  {column: invoice_number, type: string, required: true}
        vendor_id:       {column: vendor_id, type: string, required: true}
        vendor_name:     {column: vendor_name, type: string}
        invoice_date:    {column: invoice_date, type: date, format: "%Y-%m-%d", required: true}
        due_date:        {column: due_date, type: date, format: "%Y-%m-%d"}
        gl_posting_date: {column: gl_posting_date, type: date, format: "%Y-%m-%d"}
        currency:        {column: currency, type: string}
        invoice_total:   {column: invoice_total, type: decimal, required: true}
        description:     {column: description, type: string}
        approval_status: {column: approval_status, type: string, required: true}
      lines:
        line_number:      {column: line_number, type: integer}
        line_description: {column: line_description, type: string}
        line_amount:      {column: line_amount, type: decimal, required: true}
        gl_account:       {column: gl_account, type: string, required: true}
        cost_center:      {column: cost_center, type: string}
  vendors:
    title: Vendors
    key: [vendor_id]
    fields:
      company_id: string(20)!
      vendor_id: string(20)!
      vendor_name: string(100)!
      legal_name: string(100)
      status: string(8)!
      address1: string(100)
      address2: string(100)
      city: string(50)
      postal_code: string(20)
      email: string(100)
      phone: string(50)
      payment_terms: string(20)
      credit_limit: decimal(18,2)
      open_date: string(10)
      tax_id: string(20)
    drop: {folder: /out, name: {text: "vendors_{{ batch }}.csv"}}
    csv: {newline: crlf}
"""

BENCH = """
mlconnector: 1
integration: bench
title: Bench
systems:
  erp: {use: erp, with: {site: {env: SITE}, many: {env: MANY}}}
  partner: {use: partner, with: {path: {env: BOX}}}
flows:
  vendors:
    title: Vendors to a file
    read: {object: erp.vendors}
    key: [VendorID]
    map:
      company_id: {const: "1"}
      vendor_id: VendorID
      vendor_name: {from: Name, trim: true}
      legal_name: LegalName
      status: {from: Inactive, values: {"true": INACTIVE, "false": ACTIVE}}
      address1: Address1
      address2: Address2
      city: City
      postal_code: ZIP
      email: EMailAddress
      phone: PhoneNum
      payment_terms: TermsCode
      credit_limit: CreditLimit
      open_date: {from: OpenDate, format: "%m/%d/%Y"}
      tax_id: TaxPayerID
    write: {object: partner.vendors, pattern: append}
  invoices:
    title: Invoices to calls
    read: {object: partner.invoices}
    key: [vendor_id, invoice_number]
    amount: invoice_total
    identifiers: {invoice: invoice_number, vendor: vendor_id}
    map:
      VendorID: vendor_id
      InvoiceNum: invoice_number
      DocumentType: document_type
      InvoiceID: invoice_id
      VendorName: vendor_name
      InvoiceDate: invoice_date
      DueDate: due_date
      ApplyDate: gl_posting_date
      CurrencyCode: currency
      Amount: invoice_total
      Description: description
      Status: approval_status
      lines:
        each: lines
        map: {Line: line_number, LineDesc: line_description, Amount: line_amount, Account: gl_account, Center: cost_center}
    write: {object: erp.invoices, pattern: create_once, if_exists: {same: adopt, different: hold, compare: [Amount]}}
"""

COLUMNS = (
    "document_type,invoice_id,invoice_number,vendor_id,vendor_name,invoice_date,due_date,gl_posting_date,currency,"
    "invoice_total,description,approval_status,line_number,line_description,line_amount,gl_account,cost_center\n"
)


def write_invoices(path: Path, rows: int, lines: int = 3) -> int:
    """A file of so many rows, `lines` for each invoice; returns how many invoices."""
    invoices = rows // lines
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(COLUMNS)
        for n in range(invoices):
            day = f"2026-{1 + n % 12:02d}-{1 + n % 28:02d}"
            head = f"INVOICE,{n},INV-{n:07d},V{n % 997:05d},Vendor {n % 997} Inc.,{day},{day},{day},USD"
            amounts = [f"{(n + at) % 5000}.{(n * 7 + at) % 100:02d}" for at in range(lines)]
            cents = sum(int(amount.replace(".", "")) for amount in amounts)
            total = f'{cents // 100}.{cents % 100:02d},"Goods, as ordered",APPROVED'
            file.writelines(
                f"{head},{total},{at + 1},Line {at + 1},{amount},6100-{n % 50:02d},CC{n % 20}\n"
                for at, amount in enumerate(amounts)
            )
    return invoices


class Bench:
    """A folder with the specs, a partner's box and a workspace."""

    def __init__(self, folder: Path, site: str = "http://127.0.0.1:9", *, many: int = 0, at_once: int = 8) -> None:
        self.folder = folder
        self.box = folder / "box"
        for name in ("in", "out", "done", "bad"):
            (self.box / name).mkdir(parents=True, exist_ok=True)
        (folder / "systems").mkdir(exist_ok=True)
        (folder / "systems" / "erp.yaml").write_text(ERP.replace("AT_ONCE", str(at_once)), encoding="utf-8")
        (folder / "systems" / "partner.yaml").write_text(PARTNER, encoding="utf-8")
        self.spec = folder / "bench.yaml"
        self.spec.write_text(BENCH, encoding="utf-8")
        self.environ = {"SITE": site, "MANY": str(many), "BOX": str(self.box)}

    @property
    def seams(self) -> Seams:
        """The real clock; only loopback is let through."""
        return Seams(environ=self.environ, allow_loopback=True)

    @contextmanager
    def workspace(self) -> Iterator[Workspace]:
        """The workspace, open."""
        with open_workspace(self.folder, seams=self.seams, redactor=Redactor(), actor="bench") as workspace:
            yield workspace

    @contextmanager
    def session(self, workspace: Workspace) -> Iterator[Session]:
        """The integration, open."""
        with open_session(self.spec, workspace, self.seams, quiet) as session:
            yield session

    def run(self, workspace: Workspace, flow: str) -> Summary:
        """One whole run of one flow, as the command does it."""
        summary = run_spec(self.spec, workspace, self.seams, Options(flows=(flow,)), quiet)
        assert isinstance(summary, Summary)
        assert not summary.flows[0].error, summary.flows[0].error
        return summary

"""A system on loopback in a process of its own: pages of vendors, and invoices that are looked for and saved.

It answers each request with one write, after as many milliseconds as the first part of the path says, and keeps its own count of what
was saved. Started as a script it prints its port and ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import json
import sys
from urllib.parse import parse_qs, unquote, urlsplit

PAGE = 100
TERMS = ("N30", "N60", "2/10", "COD")
CITIES = ("Minneapolis", "Saint Paul", "Duluth", "Rochester", "Saint Cloud")


def vendor(n: int) -> str:
    """One record as it is on the wire, about 600 bytes; money has two decimals, as text would lose none of them."""
    return (
        f'{{"Company":"EPIC06","VendorID":"V{n:07d}","Name":"Vendor number {n} of the north, Inc. ",'
        f'"LegalName":"Vendor {n} Incorporated","VendorNum":{n},"Address1":"{n} Main Street","Address2":"Suite {n % 90}",'
        f'"Address3":"","City":"{CITIES[n % 5]}","State":"MN","ZIP":"{55000 + n % 999}","Country":"USA",'
        f'"PhoneNum":"612-555-{n % 10000:04d}","FaxNum":"","EMailAddress":"ap{n}@example.com","TermsCode":"{TERMS[n % 4]}",'
        f'"CurrencyCode":"USD","TaxPayerID":"41-{n:07d}","Inactive":{"true" if n % 9 == 0 else "false"},'
        f'"CreditLimit":{n % 5000}.{n % 100:02d},"OpenDate":"2026-{1 + n % 12:02d}-{1 + n % 28:02d}T00:00:00",'
        f'"GroupCode":"G{n % 7}","ShipViaCode":"","SysRevID":{1000 + n},"RowMod":""}}'
    )


class Books:
    """What was saved, and how often."""

    def __init__(self) -> None:
        self.invoices: dict[tuple[str, str], list[dict[str, object]]] = {}
        self._pages: dict[tuple[str, int, int], bytes] = {}

    def page(self, host: str, delay: str, many: int, number: int) -> bytes:
        found = self._pages.get((host + delay, many, number))
        if found is None:
            first = 1 + number * PAGE
            rows = ",".join(map(vendor, range(first, min(first + PAGE, many + 1))))
            more = f',"@odata.nextLink":"http://{host}/{delay}/vendors?of={many}&page={number + 1}"'
            end = more if first + PAGE <= many else ""
            found = self._pages[host + delay, many, number] = f'{{"value":[{rows}]{end}}}'.encode()
        return found

    def answer(self, method: str, target: str, host: str, body: bytes) -> bytes:
        parts = urlsplit(target)
        delay, _, name = parts.path.strip("/").partition("/")
        query = {key: unquote(values[0]) for key, values in parse_qs(parts.query).items()}
        if name == "vendors":
            return self.page(host, delay, int(query["of"]), int(query.get("page", "0")))
        if name == "saved":
            made = [len(each) for each in self.invoices.values()]
            self.invoices.clear()
            return json.dumps({"documents": len(made), "saved": sum(made)}).encode()
        if method == "GET":
            return json.dumps({"value": self.invoices.get((query["vendor"], query["number"]), [])}).encode()
        saved = json.loads(body)
        there = self.invoices.setdefault((saved["VendorID"], saved["InvoiceNum"]), [])
        there.append({**saved, "id": len(self.invoices)})
        return json.dumps({"id": len(self.invoices), "status": "saved"}).encode()


class Talk(asyncio.Protocol):
    """One connection."""

    def __init__(self, books: Books, loop: asyncio.AbstractEventLoop) -> None:
        self._books = books
        self._loop = loop
        self._buffer = b""
        self._wire: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._wire = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while b"\r\n\r\n" in self._buffer:
            head, _, rest = self._buffer.partition(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            length = int(headers.get("content-length", "0"))
            if len(rest) < length:
                return
            self._buffer = rest[length:]
            method, target, _ = first.split(" ")
            body = self._books.answer(method, target, headers["host"], rest[:length])
            answer = (
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
            )
            delay = target.strip("/").partition("/")[0]
            if delay == "0":
                self._wire.write(answer)
            else:
                self._loop.call_later(int(delay) / 1000, self._wire.write, answer)


async def serve() -> None:
    """Until standard input ends."""
    loop, books = asyncio.get_running_loop(), Books()
    listening = await loop.create_server(lambda: Talk(books, loop), "127.0.0.1", 0)
    sys.stdout.write(f"{listening.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())

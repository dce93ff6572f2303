"""A seeded Acumatica stand-in and a small client that speaks to it over real HTTP."""

from __future__ import annotations

import json
from decimal import Decimal
from random import Random

import httpx
import msgspec

from engine.sandbox.acumatica import Acumatica
from engine.sandbox.acumatica_company import SMALL_COMPANY

EXACT = msgspec.json.Encoder(decimal_format="number")
LINE = {
    "Account": "61000",
    "Subaccount": "PLT-000",
    "TransactionDescription": "Toner",
    "ExtendedCost": Decimal("120.5"),
}
BILL = {
    "Type": "Bill",
    "Vendor": "ACME",
    "VendorRef": "INV-77",
    "Date": "2025-01-20",
    "Amount": Decimal("120.5"),
    "Hold": False,
    "Details": [LINE],
}


def build(clock, **traits) -> Acumatica:
    """A stand-in with the small company, not started."""
    return Acumatica(**{"clock": clock, "random": Random(7), "seed": SMALL_COMPANY, **traits})


def wrapped(plain: dict) -> dict:
    """Each value in its value object; lines and linked entities alike, `id` and `delete` as they are."""
    return {
        name: [wrapped(line) for line in value]
        if isinstance(value, list)
        else wrapped(value)
        if isinstance(value, dict)
        else value
        if name in {"id", "delete"}
        else {"value": value}
        for name, value in plain.items()
    }


class Erp:
    """Calls the newest version with a token of the scope `api`; asks for one at the first call."""

    def __init__(self, acumatica: Acumatica, http: httpx.Client) -> None:
        self.acumatica, self.http = acumatica, http
        self.base = f"{acumatica.url}/entity/Default/24.200.001"
        self.token = ""

    def log_in(self, grant: str = "client_credentials", scope: str = "api", **form: str) -> httpx.Response:
        about = {"client_id": self.acumatica.client_id, "client_secret": self.acumatica.logins.client_secret}
        form = {"grant_type": grant, **about, **({"scope": scope} if grant != "refresh_token" else {}), **form}
        return self.http.post(self.acumatica.token_url, data=form)

    def sign_in(self, **changed: object) -> httpx.Response:
        """With cookies, which stay in the client."""
        account = {"name": "mlc", "password": self.acumatica.logins.password, "tenant": "Company"}
        return self.http.post(f"{self.acumatica.url}/entity/auth/login", json={**account, **changed})

    def sign_out(self, **options) -> httpx.Response:
        return self.http.post(f"{self.acumatica.url}/entity/auth/logout", **options)

    def send(self, method: str, path: str, body: object = None, **options) -> httpx.Response:
        self.token = self.token or self.log_in().json()["access_token"]
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        if body is not None:
            options["content"] = body if isinstance(body, bytes) else EXACT.encode(body)
            headers["Content-Type"] = "application/json"
        url = path if path.startswith("http") else f"{self.base}/{path}"
        return self.http.request(method, url, headers=headers, **options)

    def get(self, path: str, **params: object):
        """The body of a 200; amounts are Decimals."""
        answer = self.send("GET", path, params={f"${name}": value for name, value in params.items()} or None)
        assert answer.status_code == 200, answer.text
        return json.loads(answer.content, parse_float=Decimal)

    def put(self, entity: str, plain: dict, query: str = "", **headers: str) -> dict:
        answer = self.try_put(entity, plain, query, **headers)
        assert answer.status_code == 200, answer.text
        return json.loads(answer.content, parse_float=Decimal)

    def try_put(self, entity: str, plain: dict, query: str = "", **headers: str) -> httpx.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.send("PUT", f"{entity}{query}", wrapped(plain), headers=sent)

    def bill(self, *, query: str = "?$expand=Details", **changed: object) -> dict:
        return self.put("Bill", {**BILL, **changed}, query)

    def refused(self, **changed: object) -> dict:
        """The echo of a bill refused with 422."""
        answer = self.try_put("Bill", {**BILL, **changed}, "?$expand=Details")
        assert answer.status_code == 422, answer.text
        return answer.json()

    def act(self, path: str, number: str, kind: str = "Bill") -> httpx.Response:
        return self.send("POST", path, {"entity": wrapped({"Type": kind, "ReferenceNbr": number})})

    def outcome(self, started: httpx.Response) -> list[int]:
        """The statuses of an action until it is over."""
        seen = [202]
        while seen[-1] == 202:
            url = httpx.URL(self.acumatica.url).join(started.headers["Location"])
            seen.append(self.send("GET", str(url)).status_code)
        return seen[1:]

"""A seeded Ramp stand-in and a small client that speaks to it over real HTTP."""

from __future__ import annotations

import json
from decimal import Decimal
from random import Random

import httpx

from engine.sandbox.ramp import Ramp

SYNCS = "accounting/syncs"
SEED = {
    "connection": [{"remote_provider_name": "Epicor Kinetic"}],
    "accounts": [{"id": "6100", "code": "6100", "name": "Office supplies"}],
    "fields": [{"id": "Department", "name": "Department", "options": [{"id": "10", "value": "Sales"}]}],
    "accounting_vendors": [{"id": "112", "code": "ACME", "name": "Acme"}],
    "vendors": [{"name": "Acme", "accounting_vendor_remote_id": "112"}, {"name": "Stray"}],
}
LINE = {"memo": "Toner", "amount": "120.50", "coding": {"gl": "6100", "Department": "10"}}
BILL = {"invoice_number": "INV-77", "vendor": "Acme", "amount": "120.50", "line_items": [LINE]}


def build(clock, **traits) -> Ramp:
    """A stand-in with one vendor linked and one not, an account and a department, not started."""
    return Ramp(**{"clock": clock, "random": Random(7), "seed": SEED, **traits})


class Spend:
    """Calls the API with a token of every scope; asks for one at the first call."""

    def __init__(self, ramp: Ramp, http: httpx.Client) -> None:
        self.ramp, self.http = ramp, http
        self.token = ""

    def log_in(self, scope: str = "", **options) -> httpx.Response:
        form = {"grant_type": "client_credentials", "scope": scope or " ".join(self.ramp.logins.scopes)}
        auth = (self.ramp.logins.client_id, self.ramp.logins.client_secret)
        return self.http.post(self.ramp.token_url, **{"data": form, "auth": auth, **options})

    def send(self, method: str, path: str, body: object = None, **options) -> httpx.Response:
        self.token = self.token or self.log_in().json()["access_token"]
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        if body is not None:
            options["json"] = body
        url = path if path.startswith("http") else f"{self.ramp.base}/{path}"
        return self.http.request(method, url, headers=headers, **options)

    def get(self, path: str, **params: object) -> dict:
        answer = self.send("GET", path, params=params or None)
        assert answer.status_code == 200, answer.text
        return json.loads(answer.content, parse_float=Decimal)

    def all(self, path: str, **params: object) -> list[dict]:
        """Every page."""
        page = self.get(path, **params)
        found = page["data"]
        while page["page"]["next"]:
            page = self.get(page["page"]["next"])
            found += page["data"]
        return found

    def refused(self, method: str, path: str, body: object = None, **options) -> tuple[int, str, str]:
        """Status, code and message of a refusal, whose two forms must agree."""
        answer = self.send(method, path, body, **options)
        error = answer.json()["error_v2"]
        assert answer.json()["error"] == error["additional_info"]
        assert answer.headers["x-trace-id"]
        return answer.status_code, error["error_code"], error["message"]

    def bill(self, **more: object) -> str:
        """Seeds an approved bill of one coded line; its id."""
        self.ramp.seed(bills=[{**BILL, **more}])
        return self.ramp.rows("bills")[-1]["id"]

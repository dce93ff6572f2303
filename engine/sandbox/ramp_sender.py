"""Deliveries of the Ramp stand-in: thin events, signed over their raw bytes, tried again when the receiver is unwell."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from engine.sandbox.history import History
from engine.sandbox.ramp_json import encode
from engine.sandbox.ramp_store import Event, Row, Store
from engine.sandbox.ramp_webhooks import LOOPBACK

MODES: Mapping[str, str] = {
    "right": "Signed as documented.",
    "wrong_secret": "Signed with another secret.",
    "changed_body": "The body is changed after it was signed.",
    "missing_header": "There is no signature.",
    "upper_case": "The signature is in upper-case hex.",
}
RETRIES = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Sending:
    """How one event reached one endpoint: the status of each attempt, None for a timeout or a closed port."""

    event: Event
    webhook_id: str
    statuses: tuple[int | None, ...]

    @property
    def ending(self) -> str:
        """`delivered`, `lost` (refused for good) or `given_up` (unwell to the last attempt)."""
        last = self.statuses[-1]
        if last is not None and 200 <= last < 300:
            return "delivered"
        return "given_up" if _again(last) else "lost"


@dataclass(kw_only=True)
class Sender:
    """Sends to endpoints on loopback only. An attempt may take `timeout` seconds; waits double from `first_wait` on."""

    store: Store
    history: History
    sleep: Callable[[float], object]
    timeout: float = 10.0
    first_wait: float = 1.0

    def send(self, event: Event, webhook: Row, mode: str = "right") -> Sending:
        """Delivers the event, with up to ten retries and always the same event id."""
        if mode not in MODES:
            raise ValueError(f"`{mode}` is no way to send; use one of {', '.join(MODES)}")
        body = self.body(event, webhook)
        headers = {"Content-Type": "application/json", **webhook["additional_headers"]}
        headers |= self.signature(body, webhook, mode)
        sent = body.replace(b'"created_at"', b'"changed_at"') if mode == "changed_body" else body
        statuses: list[int | None] = []
        for attempt in range(RETRIES + 1):
            if attempt:
                self.sleep(self.first_wait * 2 ** (attempt - 1))
            statuses.append(self._post(webhook["endpoint_url"], sent, headers))
            if not _again(statuses[-1]):
                break
        sending = Sending(event=event, webhook_id=webhook["id"], statuses=tuple(statuses))
        self.history.record(f"webhook.{sending.ending}", event.id, type=event.type, mode=mode, statuses=statuses)
        return sending

    def body(self, event: Event, webhook: Row) -> bytes:
        """The raw bytes; the challenge of a new webhook has a form of its own."""
        if event.type == "webhooks.verification":
            return encode({"type": event.type, "challenge": webhook["challenge"]})
        return encode(
            {
                "id": event.id,
                "type": event.type,
                "created_at": event.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "business_id": self.store.business_id,
                "object": event.object,
            }
        )

    def signature(self, body: bytes, webhook: Row, mode: str) -> dict[str, str]:
        """The signature header: HMAC-SHA256 in lower-case hex, as the mode spoils it."""
        if mode == "missing_header":
            return {}
        secret = "another-secret" if mode == "wrong_secret" else webhook["secret"]
        digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        digest = digest.upper() if mode == "upper_case" else digest
        rules = self.store.rules
        return {rules.signature_header: rules.signature_prefix + digest}

    def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int | None:
        parts = urlsplit(url)
        if parts.scheme != "http" or parts.hostname not in LOOPBACK:
            raise ValueError(f"the stand-in sends to this machine only, not to `{url}`")
        connection = HTTPConnection(parts.hostname, parts.port or 80, timeout=self.timeout)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            connection.request("POST", path, body=body, headers=dict(headers))
            answer = connection.getresponse()
            answer.read()
            return answer.status
        except (OSError, HTTPException):
            return None
        finally:
            connection.close()


def _again(status: int | None) -> bool:
    """Timeouts, 429 and 5xx are tried again; a redirect or another 4xx loses the event."""
    return status is None or status == 429 or status >= 500


def receivers(store: Store, event: Event) -> list[Row]:
    """The webhooks the event goes to: a challenge to its own, everything else to the active ones that asked for it."""
    if event.type == "webhooks.verification":
        found = store.get("webhooks", str(event.object["id"]))
        return [found] if found else []
    return [row for row in store.all("webhooks") if row["status"] == "active" and event.type in row["event_types"]]

"""The other side of a fleet: a service with flows to read and bills to write, that sees for itself who does what, and when.

It keeps its own history. A flow's run begins with a listing; whoever else touches the flow before its own listing runs it
at the same time. Sessions are counted as they are open.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from urllib.parse import parse_qs, urlsplit

SYSTEM = """
mlconnector: 1
system: shop
title: Shop
needs:
  site: {{type: url, title: Site}}
  group: {{type: string, title: Company}}
  worker: {{type: string, title: Who asks}}
books: [site, group]
http:
  base: {{text: "{{{{ need.site }}}}/{{{{ need.group }}}}/"}}
  headers: {{X-Worker: {{need: worker}}}}
  auth:
    session:
      login: {{post: login, send: {{worker: {{need: worker}}}}}}
      keep: {{token: token}}
      lives: 1h
      send: {{X-Session: {{text: "{{{{ token }}}}"}}}}
      logout: {{post: logout}}
  sessions: {{most: {{const: {sessions}}}}}
  deadline: 20s
  errors:
    - {{status: 409, means: duplicate}}
objects:
  bills:
    title: Bills
    key: [number]
    money: true
    fields: {{number: string(40)!, total: "decimal(18,2)!", marker: string(80)}}
    find:
      get: bills
      query: {{number: document.number}}
      records: data
      show: {{total: total}}
      ours: found.marker == marker
      whole: found.number != null
      reference: {{text: "bill {{{{ found.number }}}}"}}
    create:
      guarantee: {{class: keyed, settle: 1s}}
      steps:
        - {{name: save, post: bills, commits: true, send: {{merge: [document, {{marker: marker}}]}}, expect: number}}
      reference: {{text: "bill {{{{ document.number }}}}"}}
"""
OBJECT = """
  in_{number}:
    title: New orders {number}
    key: [number]
    fields: {{number: string(40), total: "decimal(18,2)"}}
    list: {{get: in/{number}, records: data, page: none}}
"""
INTEGRATION = """
mlconnector: 1
integration: {name}
title: Orders of {name}
systems:
  shop: {{use: shop, with: {{site: {{env: SHOP_SITE}}, group: {name}, worker: {{env: SHOP_WORKER}}}}}}
flows:
"""
FLOW = """
  f{number}:
    title: Orders {number}
    {schedule}
    read: {{object: shop.in_{number}}}
    key: [number]
    amount: total
    map: {{number: number, total: total}}
    write: {{object: shop.bills, pattern: create_once}}
"""


def write_specs(folder: Path, groups: int, flows: int, *, sessions: int, every: str) -> list[str]:
    """`groups` integrations of `flows` flows each, as files; the ids of all flows."""
    (folder / "systems").mkdir(parents=True, exist_ok=True)
    objects = "".join(OBJECT.format(number=number) for number in range(flows))
    (folder / "systems" / "shop.yaml").write_text(SYSTEM.format(sessions=sessions) + objects, encoding="utf-8")
    schedule = f"schedule: {{every: {every}}}" if every else ""
    for group in range(groups):
        name = f"g{group}"
        text = INTEGRATION.format(name=name) + "".join(
            FLOW.format(number=number, schedule=schedule) for number in range(flows)
        )
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return [f"g{group}/f{number}" for group in range(groups) for number in range(flows)]


@dataclass
class Shop:
    """`slow`: the longest a bill takes, in seconds, half before it is saved and half after."""

    seed: int
    slow: float = 0.05
    orders: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    history: list[str] = field(default_factory=list)
    listings: Counter[str] = field(default_factory=Counter)
    at_work: dict[str, str] = field(default_factory=dict)
    overlaps: list[str] = field(default_factory=list)
    sessions: dict[str, tuple[str, str]] = field(default_factory=dict)
    most: Counter[str] = field(default_factory=Counter)
    bills: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.lock = threading.Lock()
        self.chance = Random(self.seed)
        self._logins = 0

    def order(self, flow: str, number: int) -> str:
        """Something new for a flow to carry over."""
        name = f"{flow.replace('/', '-')}-{number}"
        with self.lock:
            self.orders.setdefault(flow, []).append({"number": name, "total": f"{number}.10"})
        return name

    def forget(self, worker: str) -> None:
        """A process that is stopped for good holds no session any more."""
        with self.lock:
            for token in [token for token, (_, whose) in self.sessions.items() if whose == worker]:
                del self.sessions[token]

    def answer(self, method: str, path: str, worker: str, token: str, body: dict[str, str]) -> tuple[int, object]:
        parts = urlsplit(path)
        group, _, rest = parts.path.strip("/").partition("/")
        if rest == "login":
            return self._login(group, worker)
        with self.lock:
            if rest == "logout":
                self.sessions.pop(token, None)
                return 200, {}
        if rest.startswith("in/"):
            return self._list(f"{group}/f{rest.partition('/')[2]}", worker)
        number = body["number"] if method == "POST" else parse_qs(parts.query)["number"][0]
        self._touched(number, worker)
        if method == "GET":
            with self.lock:
                found = self.bills.get(number)
            return 200, {"data": [found] if found else []}
        return self._save(number, body)

    def _login(self, group: str, worker: str) -> tuple[int, object]:
        with self.lock:
            self._logins += 1
            token = f"session-{self._logins}"
            self.sessions[token] = (group, worker)
            now = sum(1 for whose, _ in self.sessions.values() if whose == group)
            self.most[group] = max(self.most[group], now)
            return 200, {"token": token}

    def _list(self, flow: str, worker: str) -> tuple[int, object]:
        with self.lock:
            self.listings[flow] += 1
            self.at_work[flow] = worker
            return 200, {"data": list(self.orders.get(flow, []))}

    def _touched(self, number: str, worker: str) -> None:
        flow = "/".join(number.split("-")[:2])
        with self.lock:
            if self.at_work.get(flow) not in {worker, None}:
                self.overlaps.append(f"{flow}: {worker} while {self.at_work[flow]} was at it")

    def _save(self, number: str, body: dict[str, str]) -> tuple[int, object]:
        with self.lock:
            before, after = self.chance.uniform(0, self.slow / 2), self.chance.uniform(0, self.slow / 2)
        time.sleep(before)
        with self.lock:
            if number in self.bills:
                return 409, {"error": "there is one already"}
            self.bills[number] = body
            self.history.append(number)
        time.sleep(after)
        return 200, {"number": number}


@contextmanager
def serving(shop: Shop) -> Iterator[str]:
    """The shop's address."""

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer("GET")

        def do_POST(self) -> None:
            self._answer("POST")

        def _answer(self, method: str) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size) or b"{}")
            token = self.headers.get("X-Session", "")
            status, said = shop.answer(method, self.path, self.headers.get("X-Worker", ""), token, body)
            data = json.dumps(said).encode()
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            except OSError:  # whoever asked was killed
                self.close_connection = True

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 100

    server = Server(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

"""A small integration to attack: CSV files in a folder, a shop over HTTP on loopback, a workspace, secrets to look for."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from click.testing import CliRunner

import cli
from engine.desk.opening import LOOPBACK
from engine.redaction import Redactor
from engine.run.running import Options, run_spec
from engine.run.seams import Seams, quiet
from engine.run.workspace import Workspace, open_workspace

from .peer import Peer

ROOT = Path(__file__).parents[2]
PASSWORD = 'canary pass"word/+é%7f3a'
ALERT = "mailto://canary-alert-4b19"
USER = "shop-user"
HEADER = "vendor,number,date,total,description,amount\n"
FILES = """\
mlconnector: 1
system: files
title: Files in a folder
needs:
  path: {type: string, title: Folder}
folder: {path: {need: path}}
objects:
  bills:
    title: Bills
    key: [vendor, number]
    money: true
    pickup: {folder: /out, match: "*.csv", settled: {apart: 10ms}, after: {done: /out/done, bad: /out/bad}}
    csv: {delimiter: ","}
    document:
      key: [vendor, number]
      header:
        vendor: {column: vendor, type: string, required: true}
        number: {column: number, type: string, required: true}
        date: {column: date, type: date, format: "%Y-%m-%d", required: true}
        total: {column: total, type: decimal, required: true}
      lines:
        description: {column: description, type: string}
        amount: {column: amount, type: decimal, required: true}
  notes:
    title: Notes
    key: [code]
    fields: {code: string(40)!, text: string(200)}
    drop: {folder: /in, name: {text: "notes_{{ batch }}.csv"}}
    csv: {columns: [code, text]}
"""
SHOP = """\
mlconnector: 1
system: shop
title: A shop over HTTP
needs:
  site: {type: url, title: Site}
  username: {type: string, title: User}
  password: {type: secret, title: Password}
books: [site]
http:
  base: {text: "{{ need.site }}/api/"}
  auth: {basic: {username: {need: username}, password: {need: password}}}
  deadline: 2s
  retry: {tries: 2, cap: 100ms}
  errors:
    - {status: 409, means: duplicate, message: message}
    - {status: 4xx, means: refused, message: message}
  check: {get: bills}
objects:
  bills:
    title: Bills
    key: [vendor, number]
    money: true
    fields:
      vendor: string(20)!
      number: string(40)!
      date: date!
      total: decimal(18,2)!
      note: string(200)
      lines: {required: true, list: {description: string(2000), amount: "decimal(18,2)!"}}
    find: {get: bills, query: {number: document.number}, records: items, show: {date: date, total: total}, ours: found.tag == marker}
    create:
      guarantee: {class: lookup, settle: 1m}
      steps:
        - {name: save, post: bills, commits: true, send: {merge: [document, {tag: marker}]}, expect: id, keep: {id: id}}
      reference: {text: "bill {{ id }}"}
"""
SPEC = """\
mlconnector: 1
integration: bills
title: Bills into the shop
systems:
  files: {use: files, with: {path: {env: FILES_PATH}}}
  shop: {use: shop, with: {site: {env: SHOP_SITE}, username: {env: SHOP_USER}, password: {secret: shop.password}}}
alerts:
  team: {to: {secret: alerts.team}}
flows:
  bills:
    title: Bills
    schedule: {every: 15m}
    read: {object: files.bills}
    key: [vendor, number]
    amount: total
    map:
      vendor: vendor
      number: number
      date: date
      total: total
      lines: {each: lines, map: {description: description, amount: amount}}
    write: {object: shop.bills, pattern: create_once, if_exists: {compare: [date, total]}}
    on_error: {alert: team}
"""


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    returncode: int
    stdout: str
    stderr: str


class Clock:
    """Stands still until somebody sleeps."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Stage:
    """The specs, folders and secrets of one test; `run` is one poll."""

    def __init__(self, folder: Path, peer: Peer) -> None:
        self.folder, self.peer, self.clock = folder, peer, Clock()
        self.home, self.files, specs = folder / "home", folder / "files", folder / "specs"
        for path in (self.home, specs / "systems", self.files / "out/done", self.files / "out/bad", self.files / "in"):
            path.mkdir(parents=True)
        self.spec = specs / "bills.yaml"
        self.spec.write_text(SPEC)
        (specs / "systems/files.yaml").write_text(FILES)
        (specs / "systems/shop.yaml").write_text(SHOP)
        self.environ = {"FILES_PATH": str(self.files), "SHOP_SITE": peer.url, "SHOP_USER": USER}
        self.redactor = Redactor()
        self.allow_loopback = True

    def change(self, file: str, *pairs: tuple[str, str]) -> None:
        """Edits a spec: `file` is relative to specs/, empty for the integration."""
        path = self.spec.parent / file if file else self.spec
        text = path.read_text()
        for old, new in pairs:
            assert old in text, f"{old!r} is not in {path.name}"
            text = text.replace(old, new)
        path.write_text(text)

    def offer(self, content: str | bytes, name: str = "bills_1.csv") -> Path:
        path = self.files / "out" / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def offer_bill(self, number: str = "A-1", amount: str = "10.30", description: str = "paper") -> None:
        self.offer(f'{HEADER}ACME,"{number}",2026-11-01,{amount},"{description}",{amount}\n')

    def store_secrets(self) -> None:
        with self.workspace() as workspace:
            workspace.vault.set("shop.password", PASSWORD)
            workspace.vault.set("alerts.team", ALERT)

    @contextmanager
    def workspace(self) -> Iterator[Workspace]:
        with open_workspace(self.home, seams=self.seams(), redactor=self.redactor, actor="test") as workspace:
            yield workspace

    def seams(self, **changes: Any) -> Seams:
        given = {
            "clock": self.clock,
            "sleep": self.clock.sleep,
            "random": Random(1).random,
            "environ": self.environ,
            "allow_loopback": self.allow_loopback,
        }
        return Seams(**(given | changes))

    def run(self, **options: Any) -> Any:
        with self.workspace() as workspace:
            return run_spec(self.spec, workspace, self.seams(), Options(**options), quiet)

    def rows(self, query: str) -> list[Any]:
        """What the database really holds."""
        import sqlite3

        connection = sqlite3.connect(self.home / ".mlconnector/state.db")
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.commit()
            connection.close()

    def states(self) -> dict[str, str]:
        return dict(self.rows("select number, state from document"))

    def reasons(self) -> str:
        return "\n".join(reason for (reason,) in self.rows("select reason from document"))

    def trail(self) -> str:
        return "\n".join(detail for (detail,) in self.rows("select detail from trail order by n"))

    def cli(self, *words: str, stdin: str = "", **environ: str) -> Said:
        """The command with its real clock, in this process: fast."""
        runner = CliRunner()
        given = {LOOPBACK: "1", **self.environ, **environ}
        done = runner.invoke(cli.main, self._placed(words), input=stdin, env=given, color=True)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Said(done.exit_code, done.stdout_bytes.decode(), done.stderr_bytes.decode())

    def process(self, *words: str, stdin: str = "", umask: int = 0o022, **environ: str) -> Said:
        """The command as an operator starts it: a process of its own."""
        given = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", LOOPBACK: "1"}
        done = subprocess.run(
            [sys.executable, str(ROOT / "cli.py"), *self._placed(words)],
            input=stdin, capture_output=True, encoding="utf-8", timeout=30, check=False, cwd=self.folder, umask=umask,
            env={**given, **self.environ, **environ},
        )  # fmt: skip
        return Said(done.returncode, done.stdout, done.stderr)

    def _placed(self, words: tuple[str, ...]) -> list[str]:
        place = ["--workspace", str(self.home)]
        if words[0] in {"explain", "schema"}:
            return [*words]
        return [words[0], *place, *words[1:]] if words[0] == "audit" else [*words, *place]


def forms(secret: str) -> list[bytes]:
    """A secret as it may slip out: plain, Base64, URL-encoded, as JSON text, in a Basic login."""
    raw = secret.encode()
    texts = [
        secret,
        base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode(),
        base64.b64encode(f"{USER}:{secret}".encode()).decode(),
        urllib.parse.quote(secret, safe=""),
        urllib.parse.quote_plus(secret),
        urllib.parse.quote(secret, safe="").lower(),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
    ]
    return [text.encode() for text in dict.fromkeys(texts)]


def leaks(secrets: Mapping[str, str], *places: Path | str | bytes) -> list[str]:
    """Where a secret can be read: in texts, and in every file below the folders."""
    found = []
    for place in places:
        contents: list[tuple[str, bytes]] = []
        if isinstance(place, Path):
            contents = [
                (str(path.relative_to(place)), path.read_bytes()) for path in place.rglob("*") if path.is_file()
            ]
            contents += [(f"name of {path}", os.fsencode(path)) for path in place.rglob("*")]
        else:
            contents = [("output", place if isinstance(place, bytes) else place.encode("utf-8", "replace"))]
        found += [
            f"{name} in {where} as {form[:60]!r}"
            for where, content in contents
            for name, secret in secrets.items()
            for form in forms(secret)
            if form in content
        ]
    return found

"""A folder with a small integration in it, and the commands called there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli import main

SYSTEM = """
mlconnector: 1
system: partner
title: Partner files
needs:
  path: {type: string, title: Folder}
  code: {type: string, title: Code}
books: [path]
folder: {path: {need: path}}
objects:
  invoices:
    title: Invoices
    key: [number]
    pickup: {folder: /in, match: "*.csv", settled: {apart: 0s}, after: {done: /done, bad: /bad}}
    csv: {}
    document:
      key: [number]
      header:
        number: {column: number, type: string}
        total: {column: total, type: decimal}
  ledger:
    title: Ledger
    key: [number]
    fields: {number: string(20)!, total: "decimal(18,2)"}
    drop: {folder: /out, name: {text: "ledger_{{ batch }}.csv"}}
    csv: {newline: lf}
"""

SPEC = """
mlconnector: 1
integration: books
title: Books
systems:
  partner: {use: partner, with: {path: {env: PARTNER_PATH}, code: {env: PARTNER_CODE}}}
flows:
  invoices:
    title: Invoices
    read: {object: partner.invoices}
    key: [number]
    amount: total
    check:
      - {that: "total != `13`", say: Thirteen is unlucky, else: hold}
    map: {number: number, total: total}
    write: {object: partner.ledger, pattern: append}
"""


@dataclass(frozen=True)
class Desk:
    """The commands as an operator calls them, in a workspace of their own."""

    folder: Path

    @property
    def spec(self) -> str:
        return str(self.folder / "books.yaml")

    def __call__(self, *words: str, environ: dict[str, str] | None = None, **more: Any) -> Result:
        """Calls a command with the partner's settings in its environment."""
        known = {"PARTNER_PATH": str(self.folder / "box"), "PARTNER_CODE": "x", "MLCONNECTOR_ACTOR": "tess"}
        return CliRunner().invoke(main, words, env=known if environ is None else environ, **more)

    def at(self, *words: str, **more: Any) -> Result:
        """The same with the workspace named."""
        return self(*words, "--workspace", str(self.folder), **more)

    def place(self, name: str, *rows: str) -> None:
        text = "number,total\n" + "".join(f"{row}\n" for row in rows)
        (self.folder / "box" / "in" / name).write_text(text, encoding="utf-8")

    def break_spec(self) -> None:
        path = Path(self.spec)
        path.write_text(path.read_text().replace("amount: total", "amount: totl"))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    for name in ("in", "out", "done", "bad"):
        (tmp_path / "box" / name).mkdir(parents=True)
    (tmp_path / "systems").mkdir()
    (tmp_path / "systems" / "partner.yaml").write_text(SYSTEM, encoding="utf-8")
    (tmp_path / "books.yaml").write_text(SPEC, encoding="utf-8")
    return Desk(folder=tmp_path)

"""From a spec to flows: what is written arrives where it is used, and what can't work is told at its place."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.connections.exchange import Retry
from engine.connections.paging import OffsetPager
from engine.formats.csv import Csv, Footer
from engine.mapping.documents_values import Column
from engine.run.compile import compile_system
from engine.run.load import check, load
from engine.sources.pickup import Pickup, Settled
from engine.spec.document import Problems
from engine.spec.tree import load_system, load_tree

HTTP = """
mlconnector: 1
system: acme
title: Acme
needs:
  site: {type: url, title: Address}
wire: {decimal: string, date: "%d.%m.%Y"}
http:
  base: {need: site}
  deadline: 7s
  at_once: 3
  retry: {tries: 2, cap: 4s}
  errors: [{status: 404, means: absent}]
  check: {get: ping}
objects:
  vendors:
    title: Vendors
    key: [id]
    fields: {id: string}
    list: {get: v, records: value, page: {offset: {limit: l, skip: s, size: 7}}, order: {by: [id]}}
"""

FILES = """
mlconnector: 1
system: acme
title: Acme
needs:
  path: {type: string, title: Folder}
folder: {path: {need: path}}
objects:
  invoices:
    title: Invoices
    key: [number]
    pickup:
      folder: /in
      matches: "a.*"
      settled: {apart: 1s, for: 2m}
      min_size: 5
      order: modified
      max_files: 2
      after: leave
      missing_folder: make
      same_content: read
      stuck_after: 3h
    csv: {delimiter: ";", footer: {pattern: "^T", count: n}, comment: "#", max_rows: 9, final_newline: require}
    document:
      key: [number]
      header: {number: {type: string, aliases: [no], trim: false, null_values: ["-"]}}
"""


def compiled(text: str, folder: Path) -> Any:
    path = folder / "acme.yaml"
    path.write_text(text)
    problems = Problems()
    tree = load_tree(path, problems)
    system = compile_system("acme", load_system(tree, problems), problems)
    assert [str(problem) for problem in problems.found] == []
    return system


def test_what_an_http_system_says_arrives_where_it_is_used(tmp_path):
    http = compiled(HTTP, tmp_path).kind.http

    assert (http.wire.decimal, http.wire.date) == ("string", "%d.%m.%Y")
    assert (http.deadline, http.at_once) == (timedelta(seconds=7), 3)
    assert http.retry == Retry(tries=2, cap=timedelta(seconds=4))
    assert [(rule.status, rule.means) for rule in http.errors] == [(404, "absent")]
    assert http.check.method == "GET"


def test_what_a_list_says_arrives_where_it_is_used(tmp_path):
    listing = compiled(HTTP, tmp_path).objects["vendors"].list

    assert listing.page == OffsetPager(limit="l", skip="s", size=7)
    assert listing.order.by == ("id",)


def test_what_a_pickup_says_arrives_where_it_is_used(tmp_path):
    found = compiled(FILES, tmp_path).objects["invoices"]

    assert found.pickup == Pickup(
        folder="/in",
        matches="a.*",
        settled=Settled(apart=timedelta(seconds=1), for_=timedelta(minutes=2)),
        min_size=5,
        order="modified",
        max_files=2,
        after=None,
        missing_folder="make",
        same_content="read",
        stuck_after=timedelta(hours=3),
    )
    assert found.csv == Csv(
        delimiter=";", footer=Footer(pattern="^T", count="n"), comment="#", max_rows=9, final_newline="require"
    )
    assert found.document.header["number"] == Column(type="string", aliases=("no",), trim=False, null_values=("-",))


def test_wire_belongs_to_http(tmp_path):
    path = tmp_path / "acme.yaml"
    path.write_text(FILES.replace("folder: {path", "wire: {decimal: string}\nfolder: {path"))
    problems = Problems()
    load_tree(path, problems)

    assert [problem.path for problem in problems.found] == ["wire"]


def test_a_flow_knows_both_sides_and_who_else_reads_its_files(desk):
    desk.write_spec(lambda text: text + text[text.index("  invoices:\n") :].replace("  invoices:\n", "  again:\n"))

    flows = load(desk.spec).flows

    assert flows["again"].readers == ("invoices", "again")
    assert (flows["again"].id, flows["again"].source.address, flows["again"].target.address) == (
        "books/again",
        "partner.invoices",
        "partner.ledger",
    )


@pytest.mark.parametrize(
    ("wrong", "right", "code"),
    [
        ("totl: total", "total: total", "E213"),
        ("{vendor: vendor, total: total}", "{vendor: vendor, number: number, total: total}", "E206"),
        ("{vendor: vendr, ", "{vendor: vendor, ", "E202"),
        ("key: [vendor, numbr]", "key: [vendor, number]", "E202"),
        ("when: knd != 'DRAFT'", "when: kind != 'DRAFT'", "E202"),
        ('that: "totl != `13`"', 'that: "total != `13`"', "E202"),
        ("partner.ledgr", "partner.ledger", "E302"),
        ("object: partner.ledger, pattern: create_once", "object: partner.ledger, pattern: append", "E311"),
        ("read: {object: partner.ledger}", "read: {object: partner.invoices}", "E311"),
    ],
)
def test_a_mistake_is_told_once_on_its_line(desk, wrong, right, code):
    desk.write_spec(lambda text: text.replace(right, wrong, 1))

    found = check(desk.spec)

    line = next(n for n, line in enumerate(desk.spec.read_text().splitlines(), 1) if wrong in line)
    assert [(problem.code, problem.line) for problem in found] == [(code, line)]


def test_a_default_of_the_system_file_fills_a_setting(desk):
    system = desk.folder / "systems" / "partner.yaml"
    system.write_text(system.read_text().replace("title: Folder}", "title: Folder, default: /srv}"))
    desk.write_spec(lambda text: text.replace(", with: {path: {env: PARTNER_PATH}}", ""))

    assert load(desk.spec).systems["partner"].settings["path"].value == "/srv"


def test_money_with_other_content_is_held_and_master_data_sent_again(desk):
    flow = load(desk.spec).flows["invoices"]
    assert flow.on_changed == "hold"

    desk.write_spec(lambda text: text.replace(", on_changed: hold", ""))
    assert load(desk.spec).flows["invoices"].on_changed == "update"

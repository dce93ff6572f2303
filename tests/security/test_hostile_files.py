"""Controls 10, 11, 12, 21, 22, 27, 29: files come from anyone, and hold data: never a path, a command or a number too far."""

# ruff: noqa: E501, ISC004 - specs and files are quoted as they are written

from __future__ import annotations

import csv
import io
import time
from pathlib import Path

import pytest

from .stage import HEADER

ROW = "ACME,A-1,2026-11-01,10.30,paper,10.30\n"
DEADLINE = 5.0
CSV_BOMBS = {
    "a NUL byte": HEADER + "ACME,A-1,2026-11-01,10.30,pa\0per,10.30\n",
    "a field of 20 MB": HEADER + f"ACME,A-1,2026-11-01,10.30,{'x' * 5_000_000},10.30\n",
    "a quote never closed": HEADER + 'ACME,A-1,2026-11-01,10.30,"paper,10.30\n' + ROW * 5_000,
    "a million columns": ",".join(f"c{n}" for n in range(1_000_000)) + "\n" + ROW,
    "a row of a million columns": HEADER + "1," * 1_000_000 + "\n",
    "columns twice": "vendor,vendor,number,date,total,description,amount\nA,B,1,2026-11-01,1.00,x,1.00\n",
    "quotes only": HEADER + '"' * 2_000_001,
    "no UTF-8": HEADER.encode() + b"ACME,A-1,2026-11-01,10.30,\xff\xfe,10.30\n",
    "line ends only": "\r\n" * 500_000,
    "a zip": b"PK\x03\x04" + bytes(1000),
    "nothing": " ",
}


@pytest.mark.parametrize("what", CSV_BOMBS)
def test_11_29_a_broken_file_goes_aside_and_nothing_of_it_is_posted(stage, what):
    content = CSV_BOMBS[what]
    stage.offer(content)
    start = time.monotonic()
    result = stage.run()
    assert time.monotonic() - start < DEADLINE
    assert result.exit_code == 3, result.render("text")
    assert stage.peer.posts() == []
    assert set(stage.states().values()) <= {"quarantined", "held"}
    stage.offer_bill("A-2")
    stage.clock.sleep(900)
    stage.run()
    assert stage.states()["A-2"] == "posted"


AMOUNTS = ["1E+999999999", "1e5", "NaN", "sNaN", "Infinity", "-inf", "1_000.00", "١٢", "１２", "0x10", "1,000.00", "12.3.4", "--1", "+-1",
           "1" * 5000, "0." + "0" * 5000 + "1", "€10", "1 0", "10.30\u00a0\u200b1", "1e-999999999", "½", "²"]  # fmt: skip


@pytest.mark.parametrize("amount", AMOUNTS, ids=[amount[:12] for amount in AMOUNTS])
def test_12_an_amount_that_is_no_plain_number_is_never_posted(stage, amount):
    stage.offer(f'{HEADER}ACME,A-1,2026-11-01,"{amount}",paper,"{amount}"\n')
    start = time.monotonic()
    result = stage.run()
    assert time.monotonic() - start < DEADLINE
    assert result.exit_code == 3
    assert stage.peer.posts() == []
    assert set(stage.states().values()) == {"quarantined"}


@pytest.mark.parametrize(
    "date",
    [
        "2026-02-30",
        "0000-00-00",
        "٢٠٢٦-١١-٠١",
        "2026-11-01T00:00:00Z",
        "99999-01-01",
        "2026-11-01'",
        "-2026-11-01",
        "1-1-1",
    ],
)
def test_12_a_date_that_is_none_is_never_posted(stage, date):
    stage.offer(f'{HEADER}ACME,A-1,"{date}",10.30,paper,10.30\n')
    assert stage.run().exit_code == 3
    assert stage.peer.posts() == []


NAMES = ["bills\nFAKE LINE posted.csv", "bills\x1b[2J.csv", "bills\u202egpj.csv", "bills$(id).csv", "bills;rm -rf.csv", "..bills.csv",
         "bills [bold]x[red].csv", "bills %s %d {flow}.csv", "-rf.csv", "bills\udcff\udcfe.csv", "=cmd|' C calc'!A0.csv"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_21_27_a_file_name_is_no_path_no_command_and_no_line_of_a_log(stage, name):
    """Refused or taken; nothing stays outside the folder, nothing of it reaches the terminal as a command."""
    stage.offer(HEADER + ROW, name=name)
    ran = stage.cli("run", str(stage.spec), "--debug")
    told = stage.cli("audit", "--invoice", "A-1")
    assert ran.returncode in {0, 3}, ran.stderr
    printed = ran.stdout + ran.stderr + told.stdout + told.stderr
    assert not [c for c in printed if not c.isprintable() and c != "\n"]
    assert not [line for line in printed.splitlines() if line.startswith("FAKE")]
    assert sorted(path.name for path in stage.folder.iterdir()) == ["files", "home", "specs"]
    assert len([path for path in stage.files.rglob("*") if path.is_file()]) == 1


VALUES = [
    "\x1b[31mred",
    "\x1b]0;title\x07",
    "\x9b31m",
    "\r\nERROR forged",
    "a\nINFO bills: 99 posted",
    "\u202etxt",
    "\x00",
    "\x08\x08\x08",
    "\u2028x",
]


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
@pytest.mark.parametrize("form", ["text", "json"])
def test_27_nothing_a_file_holds_commands_the_terminal_or_forges_a_line(stage, value, form):
    """In a number, a party and a text: run, dry run, held list, held show, audit."""
    bill = f'{HEADER}"ACME{value}","A{value}","2026-11-01","10.3","x{value}","9.99{value}"\n"ACME{value}","B{value}","2026-11-01","10.3","x{value}","10.3"\n'
    stage.offer(bill)
    said = [
        stage.cli("run", str(stage.spec), "--dry-run", "--format", form),
        stage.cli("run", str(stage.spec), "--debug", "--format", form),
    ]
    keys = [key for (key,) in stage.rows("select key from document")]
    said += [stage.cli("held", "list", "--all", "--format", form)]
    said += [
        stage.cli(*words, key, "--format", form) for key in keys for words in (["held", "show"],) if "\0" not in key
    ]
    said += [stage.cli("audit", "--invoice", f"B{value}", "--format", form)] if "\0" not in value else []
    printed = "".join(done.stdout + done.stderr for done in said)
    assert not [c for c in printed if not c.isprintable() and c != "\n"]
    lines = (
        "".join(done.stdout + done.stderr for done in said[:2]).splitlines()
        + "".join(done.stdout for done in said).splitlines()
    )
    assert not [line for line in lines if line.startswith(("ERROR forged", "INFO bills: 99"))]
    if form == "json":
        import json

        for done in said:
            json.loads(done.stdout or f"{done.returncode}")


TO_NOTES = [
    ("write: {object: shop.bills, pattern: create_once, if_exists: {compare: [date, total]}}", "write: {object: files.notes, pattern: append}"),
    ("      vendor: vendor\n      number: number\n      date: date\n      total: total\n"
     "      lines: {each: lines, map: {description: description, amount: amount}}\n", "      code: number\n      text: vendor\n"),
]  # fmt: skip


def test_11_a_value_can_not_add_a_column_or_a_row_to_a_dropped_file(stage):
    stage.change("", *TO_NOTES)
    hostile = 'x","y"\nEVIL,row\r\n"'
    stage.offer(HEADER + f'"{hostile.replace(chr(34), chr(34) * 2)}",A-1,2026-11-01,1.00,d,1.00\n')
    assert stage.run().exit_code == 0
    (dropped,) = (stage.files / "in").iterdir()
    rows = list(csv.reader(io.StringIO(dropped.read_bytes().decode(), newline=""), strict=True))
    assert rows == [["code", "text"], ["A-1", hostile]]


def test_11_formulas_are_prefixed_where_people_open_the_file_and_only_there(stage):
    """A machine's file keeps its values; the spec says which file is for people."""
    stage.change("", *TO_NOTES)
    for number, vendor in enumerate(["=cmd|' /C calc'!A0", "+1+1", "@SUM(A1)", "-2+3", "\tx"]):
        stage.offer(f'{HEADER}"{vendor}",A-{number},2026-11-01,1.00,d,1.00\n', name=f"bills_{number}.csv")
    stage.run()
    machine = "".join(path.read_text() for path in (stage.files / "in").iterdir())
    assert "=cmd" in machine
    assert "'=" not in machine


def test_22_an_archive_is_a_file_like_any_other(stage):
    """Nothing is unpacked: there is no code that could."""
    from pathlib import Path

    import engine

    stage.offer(b"PK\x03\x04" + bytes(100), name="bills.zip.csv")
    assert stage.run().exit_code == 3
    sources = [path for path in Path(engine.__file__).parent.rglob("*.py") if "sandbox" not in path.parts]
    unpacking = ("import zipfile", "import tarfile", "from zipfile", "from tarfile", "shutil.unpack")
    assert not [path for path in sources if any(word in path.read_text() for word in unpacking)]


AS_XML = [
    ('match: "*.csv"', 'match: "*.xml"'), ('    csv: {delimiter: ","}\n', "    xml: {records: Bills/Bill}\n"),
    ("      key: [vendor, number]\n      header:", "      key: [vendor, number]\n      each: Lines/Line\n      header:"),
    *((f"column: {name}", f"path: {name}") for name in ("vendor", "number", "date", "total", "description", "amount")),
]  # fmt: skip
BILL = (
    "<Bill><vendor>{}</vendor><number>A-1</number><date>2026-11-01</date><total>1.00</total>"
    "<Lines><Line><description>d</description><amount>1.00</amount></Line></Lines></Bill>"
)
ENTITIES = {
    "a file of this machine": '<!DOCTYPE Bills [<!ENTITY e SYSTEM "file:///etc/hostname">]>',
    "an address": '<!DOCTYPE Bills [<!ENTITY e SYSTEM "http://127.0.0.1:1/secret">]>',
    "a DTD elsewhere": '<!DOCTYPE Bills SYSTEM "http://127.0.0.1:1/bills.dtd">',
    "a parameter entity": '<!DOCTYPE Bills [<!ENTITY % p SYSTEM "file:///etc/hostname"> %p;]>',
    "billion laughs": '<!DOCTYPE Bills [<!ENTITY a "ha">' + "".join(
        f'<!ENTITY {chr(97 + n)} "{f"&{chr(96 + n)};" * 10}">' for n in range(1, 10)
    ) + "]>",
}  # fmt: skip


@pytest.mark.parametrize("attack", sorted(ENTITIES))
def test_10_a_document_type_is_refused_before_anything_of_it_is_read(stage, attack):
    stage.change("systems/files.yaml", *AS_XML)
    stage.offer(
        f"{ENTITIES[attack]}<Bills>{BILL.format('&e;' if 'ENTITY e' in ENTITIES[attack] else 'ACME')}</Bills>",
        name="bills_1.xml",
    )
    stage.offer(f"<Bills>{BILL.format('ACME')}</Bills>", name="bills_2.xml")
    result = stage.run()
    assert result.exit_code == 3
    assert {path.name for path in (stage.files / "out" / "bad").iterdir()} == {"bills_1.xml", "bills_1.xml.error.json"}
    assert result.flows[0].counts["posted"] == 1


def test_10_a_tower_of_elements_is_refused(stage):
    stage.change("systems/files.yaml", *AS_XML)
    stage.offer("<Bills>" + "<a>" * 100_000 + "</a>" * 100_000 + "</Bills>", name="bills_1.xml")
    started = time.monotonic()
    assert stage.run().exit_code == 3
    assert time.monotonic() - started < 2 * DEADLINE


def test_nothing_that_was_written_is_ever_run():
    """No reader of objects or code: what comes out of a file, a spool or a database is data."""
    import engine

    own = [path for path in Path(engine.__file__).parent.rglob("*.py") if "sandbox" not in path.parts]
    words = ("import pickle", "import marshal", "import shelve", " eval(")
    assert not [path for path in own if any(word in path.read_text() for word in words)]


JSON_BOMBS = {
    "deep": b"[" * 100_000, "deep objects": b'{"a":' * 50_000, "duplicate keys": b'[{"vendor":"A","vendor":"B"}]', "NaN": b'[{"total":NaN}]',
    "infinity": b'[{"total":Infinity}]', "a huge exponent": b'[{"total":1e999999999}]', "a huge number": b'[{"total":' + b"1" * 5000 + b"}]",
    "a lone surrogate": b'[{"vendor":"\\ud800","number":"A-1","date":"2026-11-01","total":"1.00"}]', "no JSON": b"<html></html>",
    "two documents": b"[][]", "a huge text": b'[{"vendor":"' + b"x" * 3_000_000 + b'"}]',
}  # fmt: skip


@pytest.mark.parametrize("what", JSON_BOMBS)
def test_12_29_a_hostile_json_file_posts_nothing(stage, what):
    stage.change("systems/files.yaml", ('csv: {delimiter: ","}\n    document', "json: {}\n    document"), ('match: "*.csv"', 'match: "*.json"'),
                 ("      lines:\n        description: {column: description, type: string}\n        amount: {column: amount, type: decimal, required: true}\n", ""))  # fmt: skip
    stage.change(
        "", ("lines: {each: lines, map: {description: description, amount: amount}}", "lines: {const: [{amount: 1}]}")
    )
    stage.offer(JSON_BOMBS[what], name="bills.json")
    start = time.monotonic()
    result = stage.cli("run", str(stage.spec))
    assert time.monotonic() - start < DEADLINE
    assert result.returncode == 3, result.stdout + result.stderr
    assert stage.peer.posts() == []

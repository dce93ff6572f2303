"""Whatever a file holds, `inspect` tells something and `init` writes what validates, or says in a sentence why not."""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.desk.inspecting import inspect_file
from engine.desk.sniffed import KINDS
from engine.desk.starting import start_system
from engine.errors import UsageError
from tests.unit.formats import x12_samples

GOOD = (
    b'id;name;amount;day\r\n1;"a;b";1.234,50;21.11.2026\r\n1;c;2,00;21.11.2026\r\n2;d;-3,00;22.11.2026\r\nTOTAL;;1.233,50;\r\n',
    b"sep=,\nvendor_id,invoice_number,amount\n1,2,3\n1,2,4\n",
    json.dumps([{"id": 1, "lines": [{"a": 1.5}], "x": {"y": "z"}}, {"id": 2, "lines": [], "t": ["u"]}]).encode(),
    b'{"a": 1}\n{"a": "2"}\n',
    b'<?xml version="1.0"?><r xmlns="u"><i n="1"><v>1</v><l><a>2</a></l><l><a>3</a></l></i><i n="2"><v>2</v></i></r>',
    b"H20261121X    \nI0001AB  0100\nL0001        \nI0002CD  0200\nT0004         \n",
    x12_samples.sample(),
)
FEW = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
MANY = settings(max_examples=3_000, deadline=None, suppress_health_check=list(HealthCheck))


def tried(data: bytes, said: str | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sample.dat"
        path.write_bytes(data)
        for form in ("text", "json"):
            told = inspect_file(path, records=2, said=said)
            text = told.render(form)
            assert told.exit_code in {0, 1}
            assert "\x1b" not in text.replace("\\u001b", "")
        try:
            start = start_system(path, name="start", said=said)
        except UsageError:
            return  # it says why
        else:
            assert start.documents + start.bad + len(start.problems) > 0


def mangled(data: bytes, seed: int) -> bytes:
    """The file with some of its bytes changed, doubled, lost or cut off."""
    dice = random.Random(seed)
    found = bytearray(data)
    for _ in range(dice.randint(1, 8)):
        at = dice.randrange(len(found)) if found else 0
        match dice.randrange(5):
            case 0:
                found[at : at + 1] = bytes([dice.randrange(256)])
            case 1:
                del found[at : at + dice.randrange(1, 9)]
            case 2:
                found[at:at] = found[at : at + dice.randrange(1, 30)]
            case 3:
                found[at:at] = dice.choice(
                    [b'"', b"\r\n", b"<", b"{", b"\0", b";", b"~", b"\xff", b"'", b"\t", b"\x1b[2J", b"#"]
                )
            case _ if dice.randrange(3) == 0:
                del found[at:]
    return bytes(found)


@pytest.mark.parametrize("examples", [FEW, pytest.param(MANY, marks=pytest.mark.faults)], ids=["few", "many"])
def test_damaged_files(examples):
    @examples
    @given(st.sampled_from(GOOD), st.integers(0, 2**32), st.sampled_from([None, None, None, *KINDS]))
    def check(data, seed, said):
        tried(mangled(data, seed), said)

    check()


@pytest.mark.parametrize("examples", [FEW, pytest.param(MANY, marks=pytest.mark.faults)], ids=["few", "many"])
def test_random_bytes_and_texts(examples):
    text = st.text(alphabet=st.characters(codec="utf-8"), max_size=200).map(str.encode)
    rows = st.lists(
        st.lists(st.sampled_from(["1", "", "a", "01", "2.5", "1,5", "x y", "é", "#", '"q"']), max_size=4), max_size=6
    )
    tables = st.tuples(rows, st.sampled_from(",;\t|")).map(
        lambda one: "\n".join(one[1].join(row) for row in one[0]).encode()
    )

    @examples
    @given(st.one_of(st.binary(max_size=200), text, tables), st.sampled_from([None, None, *KINDS]))
    def check(data, said):
        tried(data, said)

    check()


@pytest.mark.parametrize(
    "data",
    [
        b"," * 100_000,
        b",\n" * 50_000,
        b"a" * 3_000_000,
        b'"' * 100_001,
        b"<a>" * 100_000,
        b"<" + b"a" * 2_000_000,
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"ISA" + b"*" * 100_000,
        (x12_samples.sample() * 300),
        b"\n" * 200_000,
        b"0123456789\n" * 100_000,
        ("<r>" + "".join(f"<e{n}/>" for n in range(6000)) + "</r>").encode(),
        json.dumps([{f"m{n}": n for n in range(5000)}]).encode(),
        (",".join(f"c{n}" for n in range(3000)) + "\n" + ",".join("1" * 3000) + "\n").encode(),
    ],
    ids=lambda data: f"{data[:12]!r}",
)
def test_shapes_that_ask_for_much(data):
    tried(data, None)

"""`validate` is run on every save: it loads what reading a spec needs, and nothing that reaches a system or a database."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT / "specs" / "epicor-kinetic--stampli.yaml"

SCHEMA = "jsonschema and what it stands on"
JUSTIFIED = {
    "attr": SCHEMA,
    "attrs": SCHEMA,
    "idna": SCHEMA,
    "jsonschema": SCHEMA,
    "jsonschema_specifications": SCHEMA,
    "referencing": SCHEMA,
    "rpds": SCHEMA,
    "click": "the command line",
    "cronsim": "schedules",
    "jinja2": "templates are compiled",
    "jmespath": "expressions are compiled",
    "markupsafe": "jinja2",
    "msgspec": "formats and keys encode with it",
    "re2": "patterns are compiled",
    "ruamel": "YAML",
    "typing_extensions": "msgspec",
}
"""Third-party packages `validate` may load, and why. What is not here costs every validation and needs a reason."""

UNNEEDED = ("asyncio", "email", "http", "socket", "ssl", "sqlite3", "urllib.request")
"""Parts of the standard library that only running a flow needs."""

REPORT = """
import sys
from cli import main
try:
    main(["validate", sys.argv[1]])
except SystemExit as end:
    assert not end.code
tops = {name.partition(".")[0] for name in sys.modules if getattr(sys.modules[name], "__file__", None)}
own = {"cli", "engine", "__main__"}
print("third", *sorted(n for n in tops - sys.stdlib_module_names - own if not n.startswith(("_", "sitecustomize"))))
print("engine", *sorted(name for name in sys.modules if name.startswith("engine.")))
print("all", *sorted(sys.modules))
"""


def loaded() -> dict[str, set[str]]:
    """What a process that has validated the shipped spec holds: third-party packages, our modules, everything."""
    done = subprocess.run(
        [sys.executable, "-c", REPORT, str(SPEC)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return {line.split()[0]: set(line.split()[1:]) for line in done.stdout.splitlines()[-3:]}


def test_validating_loads_what_it_needs_and_no_more() -> None:
    modules = loaded()
    assert modules["third"] - JUSTIFIED.keys() == set()
    assert modules["all"] & set(UNNEEDED) == set()


def test_validating_opens_no_way_to_a_system_or_the_ledger() -> None:
    """Kinds are dataclasses; what runs them stays unloaded."""
    rooms = ("engine.state", "engine.sandbox", "engine.connections.http_transport", "engine.connections.sftp_session")
    modules = loaded()["engine"]
    assert [name for name in sorted(modules) if name.startswith(rooms)] == []
    assert not {"engine.connections.http", "engine.connections.auth", "engine.connections.outcomes"} & modules

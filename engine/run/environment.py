"""The environment a run sees: the process's own, and the lines of an `--env-file` over it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from engine.errors import UsageError

_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*")


def read_environment(file: Path | None) -> dict[str, str]:
    """NAME=value lines, blank lines and # comments; quotes around a value are taken off. Raises UsageError with the line."""
    environ = dict(os.environ)
    if file is None:
        return environ
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{file}: this is no UTF-8 text; save it as UTF-8") from None
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise UsageError(f"{file}:{number}: expected NAME=value")
        value = match[2]
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        environ[match[1]] = value
    return environ

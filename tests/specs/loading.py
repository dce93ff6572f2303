"""An integration is read once for all tests that leave its files alone: reading it takes as long as a run."""

from __future__ import annotations

from pathlib import Path

from engine.run.load import load
from engine.run.model import Integration

_known: dict[tuple[object, ...], Integration] = {}


def loaded(spec: Path) -> Integration:
    """The integration as its files now say. A copied file keeps its time, an edited one does not."""
    stands = [(path, path.stat()) for path in sorted(spec.parent.rglob("*")) if path.suffix in {".yaml", ".csv"}]
    files = tuple((str(path.relative_to(spec.parent)), seen.st_mtime_ns, seen.st_size) for path, seen in stands)
    key = (spec.name, *files)
    if key not in _known:
        _known[key] = load(spec)
    return _known[key]

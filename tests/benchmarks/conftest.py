"""The benchmarks' table, printed once at the end whether output is captured or not."""

from __future__ import annotations

from .measure import TABLE


def pytest_terminal_summary(terminalreporter):
    """Every line the benchmarks that ran have added."""
    if TABLE.rows:
        terminalreporter.section("speed")
        for line in TABLE.lines():
            terminalreporter.write_line(line)

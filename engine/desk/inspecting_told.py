"""What is told of a file that is inspected, and how it looks on a terminal and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.redaction import one_line
from engine.run.show import as_json, plain, table

MOST_TOLD = 50
"""Problems and findings shown of one file; the rest is counted."""
_LONGEST = 200
_MOST_MEMBERS = 60
_MOST_ITEMS = 20


@dataclass(slots=True)
class Told:
    """What is told of a file: facts by name, the first records, what is wrong with it and what is worth noticing."""

    file: str
    size: int
    title: str
    facts: dict[str, Any] = field(default_factory=dict)
    records: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    more_problems: int = 0

    def wrong(self, message: str) -> None:
        """A problem, kept while there are few."""
        if len(self.problems) < MOST_TOLD:
            self.problems.append(message)
        else:
            self.more_problems += 1

    def notice(self, *messages: str) -> None:
        """Findings, each once."""
        for message in messages:
            if message not in self.findings and len(self.findings) < MOST_TOLD:
                self.findings.append(message)

    @property
    def exit_code(self) -> int:
        """1 for a file with problems, as a sample of `validate --data` has them."""
        return 1 if self.problems else 0

    def render(self, form: str) -> str:
        """`text` or `json`."""
        if form == "json":
            return as_json(
                {
                    "file": self.file,
                    "bytes": self.size,
                    "understood_as": self.title,
                    **{name.replace(" ", "_"): short(value) for name, value in self.facts.items()},
                    "records_shown": [{name: short(value) for name, value in one.items()} for one in self.records],
                    "problems": self.problems,
                    "more_problems": self.more_problems,
                    "findings": self.findings,
                    "exit_code": self.exit_code,
                }
            )
        return "\n".join(map(one_line, self._lines()))

    def _lines(self) -> Iterator[str]:
        yield f"{self.file}: {self.title}, {self.size:,} bytes"
        width = max([len(name) for name, value in self.facts.items() if not _is_rows(value)], default=0)
        for name, value in self.facts.items():
            if isinstance(value, dict):
                yield f"  {name}:"
                yield from (f"    {title}: {_text(item)}" for title, item in value.items())
            elif _is_rows(value):
                yield f"  {name}:"
                rows = [list(value[0]), *([_text(item) for item in one.values()] for one in value)]
                yield from (f"    {line}" for line in table(rows).splitlines())
            elif value != [] and value is not None:
                shown = ", ".join(map(str, value)) if isinstance(value, list) else _text(value)
                yield f"  {name:<{width}}  {shown}"
        if self.records:
            yield "First records:"
        for one in self.records:
            yield f"  {one['place']}: {_in_a_line(one['record'])}"
            yield from (f"      {_in_a_line(line)}" for line in one.get("lines", ()))
            if one.get("more_lines"):
                yield f"      and {one['more_lines']} more lines"
        for title, texts in (("Problems:", self.problems), ("Worth noticing:", self.findings)):
            if texts:
                yield title
                yield from (f"  {text}" for text in texts)
            if texts is self.problems and self.more_problems:
                yield f"  and {self.more_problems} more"


def show_record(told: Told, most: int, place: str, record: Any, lines: Sequence[Any] | None = None) -> None:
    """Keeps one of the first records."""
    if len(told.records) >= most:
        return
    shown: dict[str, Any] = {"place": place, "record": short(record)}
    if lines is not None:
        shown["lines"] = [short(line) for line in lines[:_MOST_ITEMS]]
        if len(lines) > _MOST_ITEMS:
            shown["more_lines"] = len(lines) - _MOST_ITEMS
    told.records.append(shown)


def short(value: Any, depth: int = 0) -> Any:
    """The value as far as a person can take it in: long texts and long lists cut, and said so."""
    value = plain(value) if depth == 0 else value
    if isinstance(value, str):
        return value if len(value) <= _LONGEST else f"{value[:_LONGEST]}… ({len(value)} characters)"
    if isinstance(value, dict):
        few = list(value.items())[:_MOST_MEMBERS]
        cut = {short(name, depth + 1): short(item, depth + 1) for name, item in few}
        return cut | ({"…": f"and {len(value) - len(few)} more"} if len(value) > len(few) else {})
    if isinstance(value, list):
        found = [short(item, depth + 1) for item in value[: _MOST_MEMBERS if depth == 0 else _MOST_ITEMS]]
        return [*found, f"and {len(value) - len(found)} more"] if len(value) > len(found) else found
    return value


def _is_rows(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and bool(value) and isinstance(value[0], dict))


def _in_a_line(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}={_text(item)}" for name, item in value.items())
    return _text(value)


def _text(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

"""`init --from-sample FILE`: a system file to start from, proposed by what one sample shows and tried on it at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from engine.contracts import BadRow
from engine.desk.sniffed import Kind
from engine.desk.sniffing import sniff
from engine.desk.starting_columns import MOST_CELLS, MOST_ROWS, Column, Split, columns_of, safe_name, split
from engine.desk.starting_draft import Draft, Values
from engine.desk.starting_drafts import draft_of
from engine.desk.starting_yaml import block, comment, scalar
from engine.errors import ParcelError, SpecError, UsageError
from engine.mapping.documents import LINES
from engine.run.compile import compile_system
from engine.run.model import ObjectKind
from engine.sources.pickup_read import compile_reader
from engine.spec.document import Problems
from engine.spec.tree import load_system, load_tree

MOST_LOOKED_AT = 100_000
"""Records and lines whose values types are guessed from."""
_SLUG = re.compile(r"[a-z0-9]+(?:-{1,2}[a-z0-9]+)*")
_NUMBERS = re.compile(r"[0-9][0-9_.T:-]*(?<![_.-])|[0-9]")


@dataclass(kw_only=True, slots=True)
class Started:
    """What was proposed: the file's text and name, and what came of reading the sample with it."""

    name: str
    object: str
    text: str
    documents: int = 0
    lines: int = 0
    bad: int = 0
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """1 where the sample itself has problems."""
        return 1 if self.problems else 0

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "system": self.name,
            "object": self.object,
            "documents": self.documents,
            "lines": self.lines,
            "bad": self.bad,
            "check": self.notes,
            "problems": self.problems,
            "text": self.text,
            "exit_code": self.exit_code,
        }

    def remarks(self) -> Iterator[str]:
        """What a person is told beside the file."""
        with_lines = f" with {self.lines:,} line{'' if self.lines == 1 else 's'}" if self.lines else ""
        bad = f", {self.bad:,} can't be read" if self.bad else ""
        yield f"the sample read with it: {self.documents:,} document{'' if self.documents == 1 else 's'}{with_lines}{bad}"
        yield from (f"problem: {text}" for text in self.problems)
        yield from (f"check: {text}" for text in self.notes)


def start_system(sample: Path, *, name: str | None, said: Kind | None = None) -> Started:
    """A system file for such files. Raises UsageError for a sample nothing can be proposed for."""
    chosen = name or _slug(sample.stem)
    if not _SLUG.fullmatch(chosen):
        raise UsageError(f"`{chosen}` is no name for a system: small letters and digits, with `-` between")
    try:
        sniffed = sniff(sample, said)
        draft = draft_of(sniffed)
        header, lines, rows, seen, more = _seen(draft, draft.values(sniffed))
    except ParcelError as error:
        raise UsageError(f"`{sample}` is broken, and no sample: {error}") from error
    if not seen:
        raise UsageError(f"`{sample}` has no record in it: give one with data")
    parts = split(header, rows, flat=draft.flat)
    if not draft.flat:
        parts = Split(key=parts.key, header=parts.header, lines=lines, note=parts.note)
    notes = [*sniffed.findings, *draft.notes, *([parts.note] if parts.note else [])]
    if more:
        notes.append(f"types are guessed from the first {seen:,} records")
    title = _object_name(sample.stem)
    text = "\n".join(_text(sample, chosen, title, draft, parts, notes)) + "\n"
    started = Started(name=chosen, object=title, text=text, notes=notes)
    _try(started, sample)
    return started


def save(started: Started, output: Path) -> None:
    """Writes it to a new file. Raises UsageError where one is there already, or its name is not the system's."""
    if output.name != f"{started.name}.yaml":
        raise UsageError(f"`{output.name}` is not the file of a system `{started.name}`: that is `{started.name}.yaml`")
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(started.text)
    except FileExistsError:
        raise UsageError(f"`{output}` is there already: name a new file, or leave `-o` out") from None
    except OSError as error:
        raise UsageError(f"`{output}` can't be written: {error.strerror or error}") from error


def _seen(draft: Draft, values: Iterator[Values]) -> tuple[list[Column], list[Column], list[Sequence[Any]], int, bool]:
    """The columns with their guesses, the header's values of the first records, how many were looked at, and whether there are more."""
    header, lines = columns_of(draft.header, draft.texts), columns_of(draft.lines, draft.line_texts)
    rows: list[Sequence[Any]] = []
    seen, looked = 0, 0
    for head, below in values:
        seen += 1
        for column, value in zip(header, head, strict=True):
            column.guess.see(value)
        for line in below:
            for column, value in zip(lines, line, strict=True):
                column.guess.see(value)
        if len(rows) < min(MOST_ROWS, MOST_CELLS // len(header)):
            rows.append([cell[:200] if isinstance(cell, str) else cell for cell in head])
        looked += 1 + len(below)
        if looked >= MOST_LOOKED_AT:
            break
    return header, lines, rows, seen, next(values, None) is not None


def _text(sample: Path, name: str, title: str, draft: Draft, parts: Split, notes: Sequence[str]) -> Iterator[str]:
    shown = comment(sample.name)
    yield f"# Proposed by `mlconnector init` from {shown}. What one sample does not show, nobody can guess: check every line."
    yield f"# Save it as systems/{name}.yaml; `mlconnector validate` checks it, `mlconnector inspect` tries it on a file."
    yield from (f"# CHECK: {comment(note)}" for note in notes)
    yield "mlconnector: 1"
    yield f"system: {scalar(name)}"
    yield f"title: {scalar(f'Files such as {shown}')}"
    yield "needs:"
    yield "  path: {type: string, title: Folder on this machine, example: /srv/exchange}"
    yield "folder: {path: {need: path}}"
    yield "objects:"
    yield f"  {title}:"
    yield f"    title: {scalar(f'Records of files such as {shown}')}"
    key = [column.name for column in parts.key]
    yield from block("key", key, 2)
    yield from block(
        "pickup", {"folder": "/in", "match": _match(sample), "after": {"done": "/done", "bad": "/error"}}, 2
    )
    yield from block(draft.name, draft.keys, 2)
    yield "    document:"
    yield from block("key", key, 3)
    if draft.each is not None:
        yield from block("each", draft.each, 3)
    for where, columns in (("header", parts.header), ("lines", parts.lines)):
        if columns:
            yield f"      {where}:"
        for column in columns:
            said = column.keys
            if column in parts.key:
                said["required"] = True
            yield from block(column.name, {draft.by: column.source, **said}, 4, column.guess.note)


def _slug(stem: str) -> str:
    return safe_name(_NUMBERS.sub(" ", stem)).replace("_", "-") or "partner-files"


def _object_name(stem: str) -> str:
    return safe_name(_NUMBERS.sub(" ", stem)) or "records"


def _match(sample: Path) -> str:
    """A pattern for names like this one: what is a number or a date may be another."""
    stem = re.sub(r"\*[*_.-]*\*|\*+", "*", _NUMBERS.sub("*", re.sub(r"[\[\]*?]", "?", sample.stem)))
    return f"{stem if '*' in stem else stem + '*'}{re.sub(r'[][*?]', '?', sample.suffix)}"


def _try(started: Started, sample: Path) -> None:
    """Reads the sample by the file proposed, as a run would."""
    kind = _compiled(started)
    if kind.pickup is not None and not kind.pickup.takes(sample.name):
        started.notes.append(f"`match` does not take a file named `{sample.name}`")
    assert kind.format is not None

    def note(_event: str, detail: dict[str, Any]) -> None:
        started.notes.append(str(detail.get("text", "")))

    try:
        for row in compile_reader(kind.format, kind.document, note=note)(sample):
            if isinstance(row, BadRow):
                started.bad += 1
                if len(started.problems) < 10:
                    started.problems.append(f"{row.place}: {row.error}")
            else:
                started.documents += 1
                started.lines += len(row.values.get(LINES) or ())
    except ParcelError as error:
        started.problems.append(str(error))


def _compiled(started: Started) -> ObjectKind:
    """The object of the file proposed, checked as `validate` does. Raises SpecError: then it would be no start."""
    with TemporaryDirectory(prefix="mlconnector-init-") as folder:
        path = Path(folder) / f"{started.name}.yaml"
        path.write_text(started.text, encoding="utf-8")
        problems = Problems()
        tree = load_tree(path, problems)
        system = compile_system(path.stem, load_system(tree, problems), problems) if tree is not None else None
    if system is None or any(problem.severity == "error" for problem in problems.found):
        raise SpecError(problems.found)
    return system.objects[started.object]

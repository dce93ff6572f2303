"""The parser's complaints in the words of somebody who writes specs."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True, slots=True)
class Complaint:
    """What the parser said: its phrases and the places (0-based line, column) they point to."""

    context: str
    problem: str
    opened: tuple[int, int] | None
    place: tuple[int, int]
    long_quote: tuple[int, int] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Plainly:
    """The same for people."""

    code: str
    message: str
    place: tuple[int, int]
    suggestion: str | None = None


def plainly(said: Complaint, lines: tuple[str, ...]) -> Plainly:
    """Finds the mistake behind a complaint; an unterminated quote or bracket points to where it was opened."""
    if "quoted scalar" in said.context and "escape" not in said.problem:
        return _unclosed_quote(said.opened or said.place)
    if said.long_quote is not None:
        return _unclosed_quote(said.long_quote)
    if "escape" in said.problem:
        return Plainly(
            code="E006",
            message="a backslash inside double quotes starts an escape, and this one is not known",
            place=said.place,
            suggestion="use single quotes, or write the backslash twice",
        )
    if said.context == "while scanning an alias" and said.opened:
        return _bad_start(replace(said, place=said.opened), lines)
    if "cannot start any token" in said.problem:
        return _bad_start(said, lines)
    if said.context in {"while parsing a flow sequence", "while parsing a flow mapping"} and said.opened:
        return _unclosed_bracket(said, lines)
    return _structure(said, lines)


def _unclosed_quote(opened: tuple[int, int]) -> Plainly:
    return Plainly(
        code="E007", message="this quote is never closed", place=opened, suggestion="close it on the same line"
    )


def _bad_start(said: Complaint, lines: tuple[str, ...]) -> Plainly:
    character = _character(said.place, lines)
    if character == "\t":
        return Plainly(
            code="E008", message="a tab can't be used for indentation", place=said.place, suggestion="use spaces"
        )
    before, rest = lines[said.place[0]][: said.place[1]], lines[said.place[0]][said.place[1] :].strip()
    if any(before.count(opened) > before.count(closed) for opened, closed in ("{}", "[]")):
        rest = re.split(r"[,}\]]", rest, maxsplit=1)[0].strip()
    return Plainly(
        code="E006",
        message=f"an unquoted text can't start with `{character}`",
        place=said.place,
        suggestion=_quoted(rest),
    )


def _unclosed_bracket(said: Complaint, lines: tuple[str, ...]) -> Plainly:
    assert said.opened is not None
    bracket = _character(said.opened, lines)
    closing = "]" if bracket == "[" else "}"
    if said.place[0] != said.opened[0]:
        return Plainly(
            code="E018",
            message=f"this `{bracket}` is not closed before line {said.place[0] + 1}",
            place=said.opened,
            suggestion=f"close it with `{closing}`",
        )
    return Plainly(
        code="E018",
        message=f"a `,` or `{closing}` is missing before this",
        place=said.place,
        suggestion="a text holding any of `,` `:` `[` `]` `{` `}` must be quoted here",
    )


def _structure(said: Complaint, lines: tuple[str, ...]) -> Plainly:
    if "mapping values are not allowed" in said.problem:
        return _stray_colon(said, lines)
    if "could not find expected ':'" in said.problem:
        return Plainly(
            code="E006",
            message="a key without its `:`",
            place=said.opened or said.place,
            suggestion="write `key: value`",
        )
    if "sequence entries" in said.problem:
        return Plainly(
            code="E006",
            message="a list item can't start here",
            place=said.place,
            suggestion="start the list on its own line, or quote the text",
        )
    if said.context == "while parsing a block collection" and said.opened:
        return Plainly(
            code="E006",
            message=f"this is no item of the list that starts on line {said.opened[0] + 1}",
            place=said.place,
            suggestion="start it with `- `, or take the `- ` away there if a map is meant",
        )
    if "'<scalar>'" in said.problem and _character(said.place, lines).strip():
        before = lines[said.place[0]][: said.place[1]].rstrip()
        if before.endswith(("'", '"')):
            return Plainly(
                code="E006",
                message="there is more text after the closing quote",
                place=said.place,
                suggestion="put the whole text inside the quotes",
            )
    character = _character(said.place, lines)
    if character in {"}", "]"}:
        message = f"this `{character}` closes nothing"
        return Plainly(code="E018", message=message, place=said.place, suggestion="remove it, or quote the text")
    if character == "," and said.context == "while parsing a flow node":
        message = "nothing stands before this `,`"
        return Plainly(
            code="E018", message=message, place=said.place, suggestion='a comma meant as text is written ","'
        )
    otherwise = "check the indentation, and the quotes, brackets and colons of the line before"
    return Plainly(
        code="E006",
        message="this does not fit the structure of the lines before it",
        place=said.place,
        suggestion=_indentation(said.place, lines) or otherwise,
    )


def _indentation(place: tuple[int, int], lines: tuple[str, ...]) -> str | None:
    """What a line's indentation should have been, where it is the first thing on its line and fits none above."""
    row, mine = place
    above = [(number, line) for number, line in enumerate(lines[:row], 1) if line.strip() and line.lstrip()[0] != "#"]
    if lines[row][:mine].strip() or not above:
        return None
    number, last = above[-1]
    if (indent := _indent(last)) < mine:
        return f"it is indented by {mine}, line {number} by {indent}: keys of one map need the same"
    outer = next((index for index in range(len(above) - 1, -1, -1) if _indent(above[index][1]) < mine), None)
    if outer is None or (inside := _indent(above[outer + 1][1])) == mine:
        return None
    return f"it is indented by {mine}, but what is under line {above[outer][0]} by {inside}"


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _stray_colon(said: Complaint, lines: tuple[str, ...]) -> Plainly:
    line = lines[said.place[0]] if said.place[0] < len(lines) else ""
    key, _, value = line.partition(": ")
    if ": " in value and len(key) < said.place[1]:
        return Plainly(
            code="E006",
            message="`: ` inside an unquoted text",
            place=(said.place[0], len(key) + 2),
            suggestion=_quoted(value.strip()),
        )
    return Plainly(
        code="E006",
        message="a key can't stand here",
        place=said.place,
        suggestion="check the indentation, and the line before",
    )


def _character(place: tuple[int, int], lines: tuple[str, ...]) -> str:
    line = lines[place[0]] if place[0] < len(lines) else ""
    return line[place[1] : place[1] + 1]


def _quoted(text: str) -> str:
    if len(text) > 60:
        return "put the text in quotes"
    return f'write "{text}"' if '"' not in text and "\\" not in text else "put the text in single quotes"

"""A diagram of two columns of boxes with labelled lanes between them, as plain SVG: no library, no style sheet, no script."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

BOX, MIDDLE, EDGE, ROW, HEAD, GAP = 260, 360, 16, 30, 36, 20
"""Widths of a box and of the space between, the edge; heights of a row, a box's head, the gap between boxes; in pixels."""
_LONGEST = 32
"""Characters of a label that fit; the whole text is in its title."""
_INK, _LINE, _FILL, _HEAD = "#1b1f24", "#57606a", "#f6f8fa", "#dde4ec"


@dataclass(frozen=True, kw_only=True, slots=True)
class Box:
    """A system: its name, and its objects as (id, label)."""

    title: str
    rows: tuple[tuple[str, str], ...]

    @property
    def height(self) -> int:
        """In pixels, head and foot included."""
        return HEAD + ROW * len(self.rows) + 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Lane:
    """An arrow between two rows, by their ids."""

    label: str
    hint: str
    source: str
    target: str
    dotted: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """All of it; `about` is read out to those who don't see it."""

    title: str
    about: str
    left: Sequence[Box]
    right: Sequence[Box]
    lanes: Sequence[Lane]


def drawn(picture: Picture) -> str:
    """The SVG, UTF-8 text, every text escaped; readable on a white or a dark page, for it brings its own ground."""
    width = 2 * (EDGE + BOX) + MIDDLE
    lanes = ROW * len(picture.lanes)
    height = max(_height(picture.left), _height(picture.right), lanes) + 2 * EDGE
    return "\n".join([*_frame(picture, width, height), *_body(picture, height), "</svg>"])


def _frame(picture: Picture, width: int, height: int) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'role="img" aria-labelledby="graph-title graph-desc" font-family="system-ui, sans-serif" font-size="14">'
    )
    yield f'<title id="graph-title">{escape(picture.title)}</title>'
    yield f'<desc id="graph-desc">{escape(picture.about)}</desc>'
    yield (
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" '
        f'orient="auto"><path d="M0 0 8 4 0 8z" fill="{_LINE}"/></marker></defs>'
    )
    yield f'<rect width="{width}" height="{height}" fill="#ffffff"/>'


def _body(picture: Picture, height: int) -> Iterator[str]:
    left, right = EDGE, EDGE + BOX + MIDDLE
    starts: dict[str, int] = {}
    ends: dict[str, int] = {}
    for boxes, x, known in ((picture.left, left, starts), (picture.right, right, ends)):
        y = (height - _height(boxes)) // 2
        for box in boxes:
            yield from _box(box, x, y)
            known |= {name: y + HEAD + ROW * n + ROW // 2 for n, (name, _) in enumerate(box.rows)}
            y += box.height + GAP
    first = (height - ROW * len(picture.lanes)) // 2 + ROW // 2
    for n, lane in enumerate(picture.lanes):
        yield from _lane(lane, (left + BOX, starts[lane.source]), (right, ends[lane.target]), first + ROW * n)


def _box(box: Box, x: int, y: int) -> Iterator[str]:
    yield f'<rect x="{x}" y="{y}" width="{BOX}" height="{box.height}" rx="6" fill="{_FILL}" stroke="{_LINE}"/>'
    yield f'<path d="M{x} {y + HEAD - 6}h{BOX}" stroke="{_HEAD}"/>'
    yield _text(x + 12, y + 20, box.title, ' font-weight="600"')
    for n, (_, label) in enumerate(box.rows):
        yield _text(x + 12, y + HEAD + ROW * n + 20, label)


def _lane(lane: Lane, start: tuple[int, int], end: tuple[int, int], y: int) -> Iterator[str]:
    near, far = start[0] + 50, end[0] - 50
    dots = ' stroke-dasharray="4 4"' if lane.dotted else ""
    yield (
        f'<path d="M{start[0]} {start[1]}L{near} {y}H{far}L{end[0]} {end[1]}" fill="none" stroke="{_LINE}" '
        f'stroke-width="1.5" marker-end="url(#arrow)"{dots}/>'
    )
    yield _text((near + far) // 2, y - 5, lane.label, ' text-anchor="middle"', hint=f"{lane.label}: {lane.hint}")


def _text(x: int, y: int, text: str, more: str = "", *, hint: str = "") -> str:
    flat = " ".join(text.split())
    shown = flat if len(flat) <= _LONGEST else flat[: _LONGEST - 1] + "…"
    full = hint or (flat if shown != flat else "")
    title = f"<title>{escape(full)}</title>" if full else ""
    return f'<text x="{x}" y="{y}" fill="{_INK}"{more}>{title}{escape(shown)}</text>'


def _height(boxes: Sequence[Box]) -> int:
    return sum(box.height for box in boxes) + GAP * (len(boxes) - 1 if boxes else 0)

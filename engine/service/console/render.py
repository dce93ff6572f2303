"""Templates to pages: every value is text, and none can turn the direction of what stands beside it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from engine.redaction import harmless
from engine.service.console.static import address_of

FOLDER = Path(__file__).with_name("templates")
STATES: dict[str, str] = {
    "ready": "ready", "waiting": "waiting", "probing": "being looked up", "sending": "being sent", "in_doubt": "in doubt",
    "posted": "posted", "adopted": "was there already", "rejected": "rejected", "held": "held", "conflict": "conflict",
    "quarantined": "quarantined", "cancelled": "cancelled", "queued": "queued", "running": "running", "done": "done",
    "failed": "failed", "skipped": "joined another", "superseded": "superseded", "open": "open", "closed": "over",
    "in doubt": "in doubt",
}  # fmt: skip
"""What a state is called before people: of documents, of starts of a flow, of alerts."""


def render(name: str, values: Mapping[str, Any]) -> str:
    """The template with these values. An unknown name in it is an error, never an empty place."""
    return environment().get_template(name).render(values)


@cache
def environment() -> Environment:
    """One for the process: templates are read once."""
    made = Environment(
        loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, finalize=_shown, auto_reload=False,
    )  # fmt: skip
    made.filters |= {
        "when": _when, "ago": _ago, "amount": amount, "state": state, "count": count, "length": made.filters["length"],
        "span": length_of_time,
    }  # fmt: skip
    made.globals |= {"static": address_of, "csrf": _csrf}
    return made


def amount(value: str | Decimal | None) -> str:
    """An amount with every digit it has, its thousands apart; what is no number stays as it is."""
    if value is None or value == "":
        return ""
    try:
        number = Decimal(value)
    except InvalidOperation:
        return str(value)
    return f"{number:,f}" if number.is_finite() else str(value)


def count(value: int) -> str:
    """A number of things, its thousands apart."""
    return f"{value:,d}"


def state(value: object) -> Markup:
    """A badge: its word says what its colour says."""
    text = str(value)
    kind = "".join(c if c.isalnum() else "-" for c in text.lower()) if len(text) <= 20 and text.isascii() else "other"
    return Markup('<span class="badge state-{}">{}</span>').format(kind, _shown(STATES.get(text, text)))


def length_of_time(value: timedelta | None) -> str:
    """How long, in at most two units: `2 d 3 h`, `4 min`, `20 s`."""
    if value is None:
        return ""
    left, parts = int(abs(value.total_seconds())), []
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        many, left = divmod(left, size)
        if many:
            parts.append(f"{many} {unit}")
        elif parts:
            break
    return " ".join(parts[:2]) or "0 s"


@pass_context
def _when(context: Context, value: datetime | str | None) -> Markup:
    """A time in UTC, and how far it is from now."""
    if (at := _moment(value)) is None:
        return Markup("")
    return Markup('<time datetime="{}">{:%Y-%m-%d %H:%M} UTC</time> <span class="ago">{}</span>').format(
        at.isoformat(timespec="seconds"), at, _from_now(at, context["now"])
    )


@pass_context
def _ago(context: Context, value: datetime | str | None) -> Markup:
    """How far a time is from now; the time itself is its tooltip."""
    if (at := _moment(value)) is None:
        return Markup("")
    return Markup('<time datetime="{}" title="{:%Y-%m-%d %H:%M} UTC">{}</time>').format(
        at.isoformat(timespec="seconds"), at, _from_now(at, context["now"])
    )


def _from_now(at: datetime, now: datetime) -> str:
    apart = at - now
    if abs(apart) < timedelta(seconds=45):
        return "now"
    text = length_of_time(apart)
    return f"in {text}" if apart > timedelta() else f"{text} ago"


def _moment(value: datetime | str | None) -> datetime | None:
    if isinstance(value, str):
        value = datetime.fromisoformat(value) if value else None
    return value.astimezone(UTC) if value is not None else None


@pass_context
def _csrf(context: Context) -> Markup:
    """What every form that changes something holds."""
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(context["csrf_token"])


def _shown(value: Any) -> Any:
    """Text without what would command or turn it; what is markup of ours stays so."""
    return harmless(value) if type(value) is str else value


def escaped(value: object) -> Markup:
    """A value as text in a page, for the few places that build markup in Python."""
    return escape(_shown(value))

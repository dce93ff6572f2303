"""What the work queue is narrowed to, as it stands in the address: a list can be kept as a bookmark and sent to a colleague."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, get_args
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from engine.contracts import State
from engine.errors import UsageError
from engine.service.console.render import STATES
from engine.state.worklist import STOPPED, Order, Wanted

AGES: Mapping[str, tuple[str, timedelta]] = {
    "1h": ("an hour", timedelta(hours=1)),
    "4h": ("four hours", timedelta(hours=4)),
    "1d": ("a day", timedelta(days=1)),
    "3d": ("three days", timedelta(days=3)),
    "7d": ("a week", timedelta(days=7)),
    "30d": ("thirty days", timedelta(days=30)),
}
ORDERS: Mapping[str, str] = {"newest": "newest change", "oldest": "oldest change", "amount": "largest amount"}
LONGEST = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueFilter:
    """Every part as text of the address; empty narrows nothing."""

    flow: str = ""
    state: tuple[str, ...] = ()
    cause: str = ""
    older: str = ""
    least: str = ""
    most: str = ""
    party: str = ""
    file: str = ""
    q: str = ""
    sort: Order = "newest"
    after: str = ""

    @property
    def narrow(self) -> bool:
        """Whether it leaves anything out, the page aside."""
        return replace(self, sort="newest", after="") != QueueFilter()

    @property
    def by_text(self) -> bool:
        """Whether texts are to be looked through, which no index helps with."""
        return bool(self.party or self.file or self.q)

    def address(self, **changes: Any) -> str:
        """The queue with this filter, or with one that differs in some parts."""
        new = replace(self, **changes)
        given = [(each.name, getattr(new, each.name)) for each in fields(new)]
        kept = [(name, value) for name, value in given if value and (name, value) != ("sort", "newest")]
        return "/queue" + (f"?{urlencode(kept, doseq=True)}" if kept else "")

    def wanted(self, now: datetime) -> Wanted:
        """For the ledger; the cause aside. Raises UsageError for what can't be understood."""
        age = AGES.get(self.older)
        return Wanted(
            flow=self.flow or None,
            states=tuple(State(name) for name in self.state) or STOPPED,
            before=now - age[1] if age is not None else None,
            least=_amount(self.least, "from"),
            most=_amount(self.most, "to"),
            party=self.party,
            file=self.file,
            text=self.q,
        )


def filter_of(query: QueryParams) -> QueueFilter:
    """What the address says; values nobody offers are passed over."""
    word = {
        name: query.get(name, "").strip()[:LONGEST] for name in ("flow", "cause", "least", "most", "party", "file", "q")
    }
    allowed = {state.value for state in STOPPED}
    states = tuple(state.value for state in STOPPED if state.value in query.getlist("state") and state.value in allowed)
    older, sort = query.get("older", ""), query.get("sort", "newest")
    return QueueFilter(
        **word,
        state=states,
        older=older if older in AGES else "",
        sort=sort if sort in get_args(Order) else "newest",  # type: ignore[arg-type]  # one of them, as was asked just now
        after=query.get("after", "")[:LONGEST],
    )


def choices() -> dict[str, Any]:
    """What the filter's fields offer."""
    return {
        "states": [(state.value, STATES[state.value]) for state in STOPPED],
        "ages": [(name, text) for name, (text, _) in AGES.items()],
        "orders": list(ORDERS.items()),
    }


def _amount(text: str, what: str) -> Decimal | None:
    if not text:
        return None
    try:
        amount = Decimal(text.replace(",", ""))
    except InvalidOperation:
        raise UsageError(f"The amount {what} `{text}` is no number: write it like 1234.50") from None
    if not amount.is_finite() or abs(amount.adjusted()) > 30:
        raise UsageError(f"The amount {what} `{text}` is no amount: write it like 1234.50")
    return amount

"""How the SYSPRO stand-in behaves where real servers differ, or where nothing public proves the behaviour.

The first value of each is the stricter reading: what works with these values works with a milder server too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Framing = Literal["bare", "json", "string"]
Period = tuple[int, int]
"""Year and month."""


@dataclass(kw_only=True, slots=True)
class Rules:
    """May be switched while the stand-in runs.

    `framing`: the answer as it is, as a JSON string, or escaped in a `<string>` element. `strict_elements`: an element
    that is not in the XSD, or out of its order, stops the call; else it is passed over. `root_case`: of the root of
    posting answers. `status_of_items`: whether a full success says `<StatusOfItems>`. `items_in_order`: else invoices
    are answered from the last to the first, for nobody promises that answers are to be matched by place. `blanks_matter`: a session id
    without its two trailing blanks is another id. `url_limit` counts the request line and the headers, in bytes.
    `closed_through`: periods up to and including this one are closed, besides all but the last three.
    """

    framing: Framing = "bare"
    root_case: Literal["lower", "camel"] = "lower"
    strict_elements: bool = True
    status_of_items: bool = True
    items_in_order: bool = True
    blanks_matter: bool = True
    seats: int = 5
    session_life: float = 1800
    url_limit: int = 16 * 1024
    url_limit_status: Literal[400, 414] = 414
    supplier_width: int = 7
    closed_through: Period | None = None
    read_lag: float = 0
    page_cap: int = 100

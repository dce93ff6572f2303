"""Which columns tell documents apart, which belong to lines, and what each is called and typed as."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.desk.starting_types import Guess

MOST_ROWS = 5_000
MOST_CELLS = 400_000
"""Records held to look for a key among their columns, and how many values they may have together."""


def _words(*lists: str) -> frozenset[str]:
    return frozenset(word for each in lists for word in each.split())


_LAST_WORDS = _words(
    "id ids no nr num number code ref reference key account acct center centre zip postal postcode plz phone fax iban",
    "bic swift routing aba ein duns tin ssn terms",
)
_ID_WORDS = _LAST_WORDS | _words(
    "po order invoice voucher batch check cheque bank vendor supplier customer department dept project site company",
    "entity gl envelope konto kunde lieferant kreditor debitor steuernummer",
)
_MONEY = _words(
    "amount amt total sum net gross tax taxes vat price cost balance paid discount freight charge value subtotal debit",
    "credit rate quantity qty hours percent betrag summe netto brutto preis menge steuer",
)
_DOCUMENTS = _words("invoice document doc voucher payment bill receipt credit memo check cheque confirmation beleg")
_ORDERS = _words("order po shipment delivery")
_PARTIES = _words(
    "vendor supplier customer creditor debtor payee payer party partner client kunde lieferant kreditor debitor"
)
_NO_KEYS = _words("account bank phone fax tax routing street house batch envelope zip originator")
_OF_LINES = _words(
    "line lines row item items pos position seq sequence entry detail gl account center department project"
)
_LINE_WORDS = _words("line item row detail position")
_RESERVED = _words("lines document index item need run true false null")
_NUMBERED = re.compile(r"[a-z]*(?:number|nummer|nr)")
_UNNAMED = re.compile(r"(?:.*_)?(?:at|column)_[0-9]+")


@dataclass(kw_only=True, slots=True)
class Column:
    """One column: as the file names it, its safe name, and what its values look like."""

    source: str
    name: str
    text: bool = False
    guess: Guess = field(default_factory=Guess)

    @property
    def words(self) -> list[str]:
        return self.name.split("_")

    @property
    def identifies(self) -> bool:
        """Whether its name is that of an id or a code, which is text whatever it looks like."""
        words = [word for word in self.words if not word.isdigit()] or self.words
        if words[-1] in _LAST_WORDS or _NUMBERED.fullmatch(words[-1]):
            return not (len(words) > 1 and words[-2] in _OF_LINES and words[-1] in {"no", "nr", "num", "number"})
        return not set(words) & _MONEY and bool(set(words) & _ID_WORDS)

    @property
    def keys(self) -> dict[str, Any]:
        """The keys of its field, `required` among them where no value was empty."""
        said = self.guess.keys(identifies=self.identifies, money=bool(set(self.words) & _MONEY) and not self.identifies)
        if self.text or (said["type"] == "integer" and _UNNAMED.fullmatch(self.name)):
            said = {"type": "string"}  # nothing says that it counts anything: it may be an id
        return {**said, **({"required": True} if self.guess.filled else {})}

    @property
    def rank(self) -> int:
        """How much its name says that it tells documents apart; 0: nothing."""
        words = set(self.words)
        if not self.guess.filled or self.guess.keys(identifies=self.identifies, money=False)["type"] not in {
            "string",
            "integer",
        }:
            return 0
        if words & _OF_LINES or words & _MONEY - {"credit"}:
            return 0
        last = self.words[-1]
        numbered = bool(_NUMBERED.fullmatch(last)) or last in {"no", "num", "id", "key", "ref", "reference", "numbers"}
        if words & _DOCUMENTS:
            return (5 if "id" in words else 6) if numbered else 4 if len(words) == 1 else 0
        if words & _PARTIES:
            return 2 if numbered or "code" in words or len(words) == 1 else 0
        if words & _ORDERS or (numbered and not words & _NO_KEYS):
            return 3
        return 1 if words & {"code", "id"} else 0

    @property
    def party(self) -> bool:
        """Whether it says whose document this is: numbers of documents are a party's own."""
        return self.rank == 2


def columns_of(sources: Iterable[str], texts: frozenset[str]) -> list[Column]:
    """Columns with names that are safe in a spec and each used once."""
    taken: set[str] = set()
    found = []
    for place, source in enumerate(sources, 1):
        name = safe_name(source) or f"column_{place}"
        while name in taken or name in _RESERVED:
            stem, _, number = name.rpartition("_")
            name = f"{stem}_{int(number) + 1}" if stem and number.isdigit() else f"{name}_2"
        taken.add(name)
        found.append(Column(source=source, name=name, text=source in texts))
    return found


def safe_name(text: str) -> str:
    """Small letters, digits and underscores, a letter first; empty where nothing is left."""
    plain = (
        unicodedata.normalize("NFKD", text.replace("ß", "ss").replace("#", " no ").replace("@", " "))
        .encode("ascii", "ignore")
        .decode()
    )
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", plain)
    name = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")[:60].strip("_")
    return f"n_{name}" if name[:1].isdigit() else name


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """The columns of the key, the header and the lines; `note` says what a person must look at."""

    key: list[Column]
    header: list[Column]
    lines: list[Column]
    note: str = ""


def split(columns: Sequence[Column], rows: Sequence[Sequence[Any]], *, flat: bool) -> Split:
    """The key, and of flat rows which columns are the lines': those that differ among rows of one key."""
    ranked = sorted((column for column in columns if column.rank > 0), key=lambda column: -column.rank)
    cells = {id(column): [_text(row[n]) for row in rows] for n, column in enumerate(columns)}
    for rank in dict.fromkeys(column.rank for column in ranked):
        same = [column for column in ranked if column.rank == rank]
        if flat and len(rows) > 1 and (found := _grouped(same, columns, cells)) is not None:
            return found
        for column in same:
            if len(set(cells[id(column)])) == len(rows):
                return Split(key=_with_party([column], columns), header=list(columns), lines=[])
    parties = [column for column in ranked if column.party]
    for column in ranked:
        for party in parties:
            if party is not column and _unique([party, column], cells, len(rows)):
                return Split(key=[party, column], header=list(columns), lines=[])
    return _anything(columns, cells, len(rows))


def _grouped(same: Sequence[Column], columns: Sequence[Column], cells: dict[int, list[str]]) -> Split | None:
    """The finest grouping by one of these columns in which some columns are equal in every group, and others are not."""
    best: tuple[int, Split] | None = None
    for column in same:
        mine = cells[id(column)]
        groups = len(set(mine))
        runs = sum(a != b for a, b in zip(mine, [None, *mine], strict=False))
        if groups == len(mine) or (runs > groups and column.rank < 4):
            continue
        keys = [one for one in _with_party([column], columns) if one is column or _constant(mine, cells[id(one)])]
        header = [
            one
            for one in columns
            if one in keys or (not set(one.words) & _LINE_WORDS and _constant(mine, cells[id(one)]))
        ]
        lines = [one for one in columns if one not in header]
        if lines and len(header) > len(keys) and (best is None or groups > best[0]):
            named = " and ".join(f"`{one.name}`" for one in keys)
            note = f"rows with the same {named} are one document; what is equal in all of them is its header"
            best = (groups, Split(key=keys, header=header, lines=lines, note=note))
    return best[1] if best is not None else None


def _with_party(key: list[Column], columns: Sequence[Column]) -> list[Column]:
    """A document's number is its sender's own: the party belongs to the key where there is one."""
    if key[0].rank < 3:
        return key
    parties = sorted(
        (one for one in columns if one.party), key=lambda one: "id" not in one.words and "code" not in one.words
    )
    return [*parties[:1], *key]


def _constant(groups: Sequence[str], values: Sequence[str]) -> bool:
    """Whether all values of a group are equal."""
    seen: dict[str, str] = {}
    return all(seen.setdefault(group, value) == value for group, value in zip(groups, values, strict=True))


def _unique(key: Sequence[Column], cells: dict[int, list[str]], rows: int) -> bool:
    return len(set(zip(*(cells[id(column)] for column in key), strict=True))) == rows


def _anything(columns: Sequence[Column], cells: dict[int, list[str]], rows: int) -> Split:
    """Whatever tells the rows apart, for nothing looks like an id; the first filled column where nothing does."""
    filled = [column for column in columns if column.guess.filled and column.keys["type"] in {"string", "integer"}]
    filled = filled or [column for column in columns if column.guess.filled] or list(columns[:1])
    single = next((column for column in filled if _unique([column], cells, rows)), None)
    key = [single] if single is not None else filled[:1]
    for size in range(2, 5):
        if not _unique(key, cells, rows):
            key = filled[:size]
    told = "which columns tell documents apart is not clear: say it in both places named `key`"
    return Split(key=key, header=list(columns), lines=[], note=told)


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else "" if value is None else str(value)

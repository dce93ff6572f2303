"""One flow, told in Markdown: when it runs, what it takes, how it is checked and mapped, what its target promises."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from engine.desk.documenting_values import Row, code, field_rows, plain, written
from engine.desk.promises import SENTENCES, promised
from engine.run.model import Flow, ObjectUse
from engine.spec.nodes import Node
from engine.spec.timetable import duration_in_words, schedule_in_words

_PATTERNS: Mapping[str, str] = {
    "create_once": "looked for there, and written only where it is missing",
    "upsert": "written where it is missing, brought up to date where it is there",
    "update_only": "brought up to date where it is there, never written new",
    "reconcile": "compared with what is there; nothing is written",
    "append": "written into a file",
}
_CHANGED: Mapping[str, str] = {
    "hold": "one that was delivered and comes again with other content is held for a person",
    "update": "one that was delivered and comes again with other content is sent again",
    "ignore": "one that was delivered and comes again with other content is noted and left",
}
_ELSE: Mapping[str, str] = {"hold": "held for a person", "quarantine": "set aside"}
BAR = "\\|"
Told = Callable[[Node], str]


def flow_told(flow: Flow, node: Node) -> Iterator[str]:
    """The lines of a flow's part of the page. `node` is the flow as the spec has it."""
    yield f"### {flow.name}: {plain(flow.kind.title or flow.name)}"
    yield ""
    yield from (f"- {name}: {said}" for name, said in _facts(flow, node))
    yield ""
    yield from table(("check: what must hold", "what people read otherwise", "then"), _checks(flow))
    yield from table(("target field", "where it comes from"), list(field_rows(node.get("map"))))


def _facts(flow: Flow, node: Node) -> Iterator[tuple[str, str]]:
    word, settle = promised(flow)
    yield "runs", _runs(node.get("schedule"))
    yield "reads", _reads(flow, node.get("read"))
    if flow.kind.when is not None:
        yield "takes", f"only records where {code(flow.kind.when.text)}"
    yield "a document is known by", ", ".join(code(part.text) for part in flow.kind.key)
    if flow.kind.amount is not None:
        yield "amount", code(flow.kind.amount.text)
    if flow.kind.identifiers:
        yield "people find it by", ", ".join(f"{name} {code(of.text)}" for name, of in flow.kind.identifiers.items())
    yield from (
        ("needs", f"a run of {code(name)} within {duration_in_words(_within(of))}")
        for name, of in _members(node.get("needs"))
    )
    yield from ((name, told(found)) for name, told in _TOLD.items() if (found := node.get(name)) is not None)
    yield "writes", f"{_named(flow.target)}: {_PATTERNS[flow.kind.write.pattern]}"
    yield from _writing(flow)
    waits = f"; a doubt is looked up after {settle} s" if settle else ""
    yield "promise", f"{word}: {SENTENCES[word]}{waits}"
    known = {
        *_TOLD,
        "title",
        "schedule",
        "read",
        "when",
        "key",
        "amount",
        "identifiers",
        "needs",
        "check",
        "map",
        "write",
    }
    yield from ((name, code(written(other))) for name, other in node.items() if name not in known)


def _runs(schedule: Node | None) -> str:
    said = schedule_in_words(schedule)
    if schedule is None:
        return said
    extra = [
        f"{key} {code(written(value))}" for key in ("overlap", "catch_up") if (value := schedule.get(key)) is not None
    ]
    return "; ".join([said, *extra])


def _reads(flow: Flow, read: Node | None) -> str:
    use = flow.source
    parts = [_named(use)]
    if flow.kind.read.outcomes:
        return f"what became of the documents of {code(flow.kind.read.outcomes)}, from our own ledger"
    if use.kind.pickup is not None:
        pickup = use.kind.pickup
        parts.append(f"files {code(pickup.matches or pickup.match)} in {code(pickup.folder)}")
        if pickup.after is not None:
            away = [("archived in", pickup.after.done), ("unusable ones go to", pickup.after.bad)]
            parts += [f"{word} {code(folder)}" for word, folder in away if folder]
    changed = read.get("changed_since") if read is not None else None
    if changed is not None:
        lookback = changed.get("lookback")
        back = f", and {code(written(lookback))} before that" if lookback is not None else ""
        parts.append(f"only what changed since the last run{back}")
    return "; ".join(parts)


def _writing(flow: Flow) -> Iterator[tuple[str, str]]:
    write = flow.kind.write
    if write.pattern == "create_once":
        compared = ", ".join(code(each) for each in write.if_exists.compare)
        same = "adopted" if write.if_exists.same == "adopt" else "held for a person"
        by = f" (compared by {compared})" if compared else ""
        yield "one that is there already", f"{same} when it is the same{by}, held for a person when it differs"
    yield "changes", _CHANGED[flow.on_changed]
    if flow.by_file and flow.target.kind.drop is not None:
        yield "file", f"in {code(flow.target.kind.drop.folder)}"


def _named(use: ObjectUse) -> str:
    return f"{code(use.address)} ({plain(use.kind.title)})" if use.kind.title else code(use.address)


def _checks(flow: Flow) -> list[Row | tuple[str, str, str]]:
    return [(code(check.that.text), plain(check.say), _ELSE[check.else_]) for check in flow.checks]


def _after(node: Node) -> str:
    other, each, key = (node.get(name) for name in ("flow", "each", "key"))
    named = ", ".join(code(written(part)) for part in (key.children() if key is not None else ()))
    every = f", for each of {code(written(each))}" if each is not None else ""
    return (
        f"waits until the document of {code(written(other)) if other else ''} known by {named} is in the target{every}"
    )


def _alerted(node: Node) -> str:
    return f"{code(written(alert))} is told" if (alert := node.get("alert")) is not None else code(written(node))


def _longest(node: Node) -> str:
    return f"at most {duration_in_words(written(node))}, then it is held for a person"


def _bad_share(node: Node) -> str:
    return f"a file with more than this share of unusable records is refused whole: {written(node)}"


_TOLD: Mapping[str, Told] = {
    "after": _after,
    "on_error": _alerted,
    "max_wait": _longest,
    "max_bad_share": _bad_share,
}


def _within(need: Node) -> str:
    return written(found) if (found := need.get("within")) is not None else ""


def _members(node: Node | None) -> Sequence[tuple[str, Node]]:
    return list(node.items()) if node is not None else []


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A Markdown table and an empty line; nothing without rows. Cells are Markdown already, but for their bars."""
    if rows:
        yield f"| {' | '.join(head)} |"
        yield f"|{'---|' * len(head)}"
        yield from (f"| {' | '.join(cell.replace('|', BAR) for cell in row)} |" for row in rows)
        yield ""

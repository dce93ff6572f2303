"""What goes on now, as pages ask for it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

from engine.service.live import Live

NINE = datetime(2026, 11, 2, 9, tzinfo=UTC)


def test_a_run_is_shown_from_its_beginning_to_its_end_with_what_it_counts():
    live = Live(lambda: NINE)
    assert live.now() == []
    tell = live.progress("bills/invoices")
    tell("flow", {"flow": "invoices"})
    tell("began", {"flow": "invoices", "run": "run-1"})
    tell("parcel", {"flow": "invoices", "name": "a\x1b.csv", "size": 10})
    tell("ingested", {"flow": "invoices", "name": "a.csv", "read": 12})
    for state in ("posted", "posted", "held"):
        tell("delivered", {"flow": "bills/invoices", "number": "7", "state": state, "reason": ""})

    (going,) = live.now()
    assert (going.flow, going.run, going.started_at) == ("bills/invoices", "run-1", NINE)
    assert going.counts == {"read": 12, "posted": 2, "held": 1}
    assert going.text == "7 is held"
    live.ended("bills/invoices")
    assert live.now() == []
    tell("delivered", {"flow": "bills/invoices", "number": "8", "state": "posted"})
    assert live.now() == []


def test_names_of_files_command_nobody():
    live = Live(lambda: NINE)
    live.progress("bills/invoices")("parcel", {"name": "a\x1b[31m.csv"})
    assert live.now()[0].text == "reading a\\u001b[31m.csv"


def test_whoever_waits_for_news_gets_them_at_once_or_none_in_time():
    live = Live(lambda: NINE)
    seen = live.changed(-1, 0)
    assert live.changed(seen, 0.01) == seen
    found = []
    waiting = threading.Thread(target=lambda: found.append(live.changed(seen, 10)))
    waiting.start()
    live.progress("bills/invoices")
    waiting.join(5)
    assert found == [seen + 1]

"""Something goes wrong, somebody hears of it once, with the next step; and that it is right again."""

from __future__ import annotations

from datetime import UTC, datetime

START = datetime(2026, 11, 2, 7, 0, tzinfo=UTC)


def test_a_bad_night_is_one_message(place, sink):
    """200 failures of two causes within the time they are gathered: one message, each cause one thing to do."""
    for n in range(10):
        rows = [f"ACME,{n}-{m},13" if m % 2 else f"NOBODY,{n}-{m},7.50" for m in range(20)]
        place.put(f"night_{n}.csv", *rows)
        place.run()
        place.tick(minutes=1)
    assert sink.got == []
    place.tick(minutes=6)

    assert sink.subjects == ["mlconnector: 2 things need you (books)"]
    body = sink.bodies[0]
    assert "invoices: 100 documents are held, 1,300 in all" in body
    assert "invoices: 100 documents are held, 750.00 in all" in body
    assert "of ACME, 13: Thirteen is unlucky" in body
    for _ in range(5):
        place.tick(hours=1)
    assert len(sink.got) == 1


def test_the_whole_message(place, sink):
    place.parts.firings.plan("books/invoices", "every 15m", datetime(2026, 11, 2, 7, 30, tzinfo=UTC))
    place.put("one.csv", "ACME,00123,13")
    place.run()
    place.tick()
    place.tick(minutes=16)

    lines = sink.bodies[0].splitlines()
    head = lines.pop()
    cause = place.open()[0].subject
    key = place.workspace.ledger.find_documents(identifier="00123")[0].key
    assert lines == [
        "1 thing needs you in Books (books).",
        "",
        "1. invoices: a document is held, 13 in all",
        "   Since: Mon 02 Nov 07:00 UTC",
        "   Why: 00123 of ACME, 13: Thirteen is unlucky (`total != `13``)",
        f"   Next step: mlconnector held show '{key}'",
        f"   In the console: https://console.acme.example/queue?flow=books%2Finvoices&state=held&cause={cause}",
        "   By itself: next run Mon 02 Nov 07:30 UTC, in 14 minutes (every 15m)",
        "",
    ]
    number, _, digest = head.removeprefix("trail head ").partition(":")
    assert place.workspace.trail.verify().lines >= int(number)
    assert len(digest) == 16


def test_what_grows_is_not_told_again(place, sink):
    place.put("one.csv", "ACME,1,13")
    place.run()
    place.tick()
    place.tick(minutes=16)
    place.put("two.csv", "ACME,2,13", "ACME,3,13")
    place.run()
    place.tick(minutes=20)
    place.tick(minutes=20)

    assert len(sink.got) == 1
    (alert,) = place.open()
    assert (alert.times, alert.amount) == (3, "39")


def test_what_is_solved_is_told_with_the_next_message(place, sink):
    place.put("bad.csv", "nothing,of,this", "a,b")
    place.run()
    place.tick()
    place.tick(minutes=16)
    assert "a file can't be used" in sink.bodies[0]

    place.put("bad.csv", "ACME,1,7")
    place.run()
    place.tick(minutes=1)
    assert place.open() == []
    place.tick(hours=2)
    assert len(sink.got) == 1, "that something is right again is no reason to wake anybody"

    place.put("two.csv", "ACME,2,13")
    place.run()
    place.tick(minutes=1)
    place.tick(minutes=16)
    assert "Solved since:\n- invoices: a file can't be used (since Mon 02 Nov 07:00 UTC)" in sink.bodies[1]
    place.put("three.csv", "NOBODY,2,1")
    place.run()
    place.tick(minutes=1)
    place.tick(minutes=16)
    assert "Solved since" not in sink.bodies[2]
    assert "Told before, and still so:\n- invoices: a document is held, 13 in all" in sink.bodies[2]


def test_what_goes_wrong_again_is_told_again(place, sink):
    def wrong():
        place.put("bad.csv", "x,y", str(place.clock.now))
        place.run()
        place.tick(minutes=1)

    wrong()
    place.tick(minutes=16)
    place.put("bad.csv", "ACME,1,7")
    place.run()
    place.tick(minutes=1)
    wrong()
    place.tick(minutes=16)
    assert len(sink.got) == 1, "wrong, right and wrong again without a word in between: nothing new to anybody"

    place.put("bad.csv", "ACME,2,7")
    place.run()
    place.put("two.csv", "ACME,3,13")
    place.run()
    place.tick(minutes=1)
    place.tick(minutes=16)
    wrong()
    place.tick(minutes=16)
    assert [body.count("a file can't be used") for body in sink.bodies] == [1, 1, 1]


def test_messages_wait_for_quiet_hours_to_end(place, sink):
    """New York, the night of 7 March 2027: clocks go from 2 to 3, and quiet hours end at 7 all the same."""
    place.say(
        "{to: {secret: alerts.team}}",
        '{to: {secret: alerts.team}, quiet: {from: "22:00", until: "07:00", timezone: America/New_York}}',
    )
    place.clock.now = datetime(2027, 3, 14, 3, 5, tzinfo=UTC)  # 22:05 in New York
    place.put("one.csv", "ACME,1,13")
    place.run()
    place.tick()
    for _ in range(15):
        place.tick(minutes=30)
    place.put("two.csv", "NOBODY,2,1")
    place.run()
    place.tick()
    assert (place.clock.now.hour, sink.got) == (10, [])
    place.tick(minutes=24)
    assert sink.got == []
    place.tick(minutes=1)
    assert place.clock.now == datetime(2027, 3, 14, 11, 0, tzinfo=UTC), "7:00 summer time, five hours behind no more"
    assert sink.subjects == ["mlconnector: 2 things need you (books)"]


def test_a_flow_without_on_error_shows_and_tells_nobody(place, sink):
    place.tell("")
    place.put("one.csv", "ACME,1,13")
    place.run()
    place.tick()
    place.tick(hours=1)

    assert place.kinds() == ["held"]
    assert (sink.got, place.messages()) == ([], [])


def test_two_services_send_one_message(place, sink):
    other = place.another()
    place.put("one.csv", "ACME,1,13")
    place.run()
    for _ in range(3):
        place.tick(minutes=8)
        other.tick()
    assert len(sink.got) == 1
    assert [(message.state, message.tries) for message in place.messages()] == [("sent", 1)]


def test_the_trail_tells_what_was_told(place, sink):
    place.put("one.csv", "ACME,1,13")
    place.run()
    place.tick()
    place.tick(minutes=16)
    told = [event for event in place.events() if event.startswith("alert ")]
    assert told == ["alert opened", "alert told", "alert sent"]
    assert place.workspace.trail.verify().breaks == ()


def test_more_than_anybody_reads_is_counted(place, sink):
    for n in range(25):
        place.put(f"bad_{n}.csv", "x", f"{n}")
    place.run()
    place.tick()
    place.tick(minutes=16)
    assert sink.subjects == ["mlconnector: 25 things need you (books)"]
    assert "And 5 more: mlconnector alerts list" in sink.bodies[0]

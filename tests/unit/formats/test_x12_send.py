"""The envelope of what we send comes from the spec and the customer's settings."""

from __future__ import annotations

import pytest

from engine.errors import SetupError
from engine.formats.x12_compose import Envelope
from engine.formats.x12_findings import Party
from engine.formats.x12_keys import X12Delimiters, X12Party, X12Send
from engine.formats.x12_read import Delimiters
from engine.formats.x12_send import envelope_of


def need(name):
    return lambda scope: scope["need"].get(name)


OURS = X12Party(qualifier=lambda scope: "ZZ", id=need("our_id"), application=need("our_app"))
THEIRS = X12Party(qualifier=need("their_qualifier"), id=need("their_id"))
SETTINGS = {"our_id": "ACME", "their_qualifier": "01", "their_id": "123456789"}


def test_settings_fill_it_in():
    send = X12Send(
        sender=OURS, receiver=THEIRS, usage=need("usage"), delimiters=X12Delimiters(segment="'"), newline="none"
    )

    assert envelope_of(send, {**SETTINGS, "usage": "T", "our_app": "ACMEAP"}, name="bank") == Envelope(
        sender=Party(qualifier="ZZ", id="ACME"),
        receiver=Party(qualifier="01", id="123456789"),
        application_sender="ACMEAP",
        usage="T",
        newline="none",
        delimiters=Delimiters(segment="'"),
    )


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({**SETTINGS, "their_id": None}, "the X12 id of the receiver of `bank` is missing"),
        ({**SETTINGS, "our_id": 5}, "the X12 id of the sender of `bank` is missing: give it as text"),
        ({**SETTINGS, "usage": "X"}, "must be P .production. or T"),
        ({**SETTINGS, "their_id": "A" * 16}, "an id of 1 to 15 characters"),
    ],
)
def test_what_is_missing_or_can_not_be_is_told(settings, said):
    send = X12Send(sender=OURS, receiver=THEIRS, usage=need("usage"))

    with pytest.raises(SetupError, match=said):
        envelope_of(send, settings, name="bank")

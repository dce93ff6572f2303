"""What a thief of the database gets: nothing. What an insider can move about: nothing unseen."""

import base64
import os
from datetime import timedelta

import pytest

from engine.contracts import Parcel, State
from engine.errors import SetupError, UsageError
from engine.redaction import Redactor
from engine.state.keyring import KEY_FILE, LOOK_EVERY, Key, Keyring, load_keyring
from engine.state.rotation import _SEALED, rotate
from engine.state.tables import metadata
from engine.state.vault import Vault, open_vault, seal, unseal


def key_text(byte=b"k"):
    return base64.b64encode(byte * 32).decode()


def reopen(house, environment=None):
    return open_vault(
        house.database, "acme", house.workspace, environment=environment or {}, redactor=Redactor(), clock=house.clock
    )


def test_secrets_are_kept_listed_masked_and_removed(house):
    house.vault.set("epicor.password", "correct horse")
    house.vault.set("epicor.password", "correct horse battery")
    other = reopen(house)
    assert other.get("epicor.password").expose() == "correct horse battery"
    assert other.redactor.text("a correct horse battery b") == "a *** b"
    assert [stored.name for stored in other.names()] == ["epicor.password"]
    other.remove("epicor.password")
    with pytest.raises(SetupError, match="secrets set"):
        house.vault.get("epicor.password")
    with pytest.raises(UsageError):
        house.vault.remove("epicor.password")


def test_a_secret_too_short_to_mask_is_refused(house):
    with pytest.raises(UsageError, match="shorter than 6"):
        house.vault.set("pin", "12345")


def test_tokens_live_until_they_expire(house, clock):
    tokens = house.vault.tokens
    tokens.put("ramp", b'{"access_token":"abc-def-ghi"}', clock() + timedelta(days=10))
    tokens.put("session", b"no end set", None)
    assert reopen(house).tokens.get("ramp") == b'{"access_token":"abc-def-ghi"}'
    clock.move(days=10)
    assert (tokens.get("ramp"), tokens.get("session"), tokens.get("none")) == (None, b"no end set", None)


def test_a_value_opens_only_in_its_place_unaltered_and_with_its_key():
    keyring, other = Keyring([Key(b"a" * 32)]), Keyring([Key(b"b" * 32)])
    sealed = seal(keyring.current, b"data", "acme", "document", "a|b", "source")
    assert unseal(keyring, sealed, "acme", "document", "a|b", "source") == b"data"
    for place in (
        ("other", "document", "a|b", "source"),
        ("acme", "document", "a", "b|source"),
        ("acme", "document", "a|b", "x"),
    ):
        with pytest.raises(SetupError, match="altered or moved"):
            unseal(keyring, sealed, *place)
    with pytest.raises(SetupError, match="altered"):
        unseal(keyring, sealed[:-1] + bytes([sealed[-1] ^ 1]), "acme", "document", "a|b", "source")
    with pytest.raises(SetupError, match="not among the keys"):
        unseal(other, sealed, "acme", "document", "a|b", "source")


def test_swapped_rows_are_refused(house, make):
    house.take_in(make("k1"), make("k2"))
    house.sql(
        "UPDATE document SET source_sealed = (SELECT source_sealed FROM document o WHERE o.key = 'k2') WHERE key = 'k1'"
    )
    with pytest.raises(SetupError, match="altered or moved"):
        house.ledger.document("k1")


def test_no_secret_stands_in_any_byte_of_the_database(home, make, clock):
    secret = "s3cr3t-Pa55-of-acme"
    home.vault.set("epicor.password", secret)
    home.vault.tokens.put("t", b"token-2f8a-77", None)
    home.take_in(make(source={"iban": "DE00-payload-only"}, reason=f"login {secret} failed", state=State.HELD))
    home.ledger.release("k1", State.READY, actor="ana", reason=f"used {secret} now, token-2f8a-77 too")
    (claimed,) = home.ledger.claim("invoices", clock(), 1, owner="me")
    sent = home.ledger.intend(claimed, "save", f"Authorization: {secret}".encode(), clock())
    home.ledger.receipt(sent, State.REJECTED, outcome="refused", response=secret.encode(), reason=f"bad {secret}")
    run = home.ledger.start_run("invoices", "live", "s")
    home.ledger.end_run(run, "failed", {"error": f"with {secret}"})
    home.ledger.bad_parcel("invoices", Parcel(
        id="x", kind="file", name="x", read=list, sha256="0"), f"reason {secret}")  # fmt: skip

    found = b"".join(file.read_bytes() for file in (home.workspace / ".mlconnector").rglob("*") if file.is_file())

    assert b"ap_invoice" in found
    for text in (secret, "token-2f8a-77", "DE00-payload-only", base64.b64encode(secret.encode()).decode()):
        assert text.encode() not in found


def test_files_and_folders_are_their_owners_only(home, make):
    home.take_in(make())
    folder = home.workspace / ".mlconnector"
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir() if path.is_file()}
    assert modes == {"state.db": 0o600, "state.db-wal": 0o600, "state.db-shm": 0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (home.workspace / KEY_FILE).stat().st_mode & 0o777 == 0o600


def test_a_key_open_to_others_is_refused(home):
    (home.workspace / KEY_FILE).chmod(0o644)
    with pytest.raises(SetupError, match="chmod 600"):
        reopen(home)


def test_a_lost_key_is_not_replaced_by_a_new_one(house):
    (house.workspace / KEY_FILE).unlink()
    with pytest.raises(SetupError, match="put it back"):
        reopen(house)
    assert not (house.workspace / KEY_FILE).exists()
    with pytest.raises(SetupError, match="not among the keys"):
        reopen(house, {"MLCONNECTOR_KEY": key_text()})


@pytest.mark.parametrize("text", ["short", key_text()[:-2], "!" * 44, f"{key_text()},x"])
def test_what_is_no_key_is_refused(tmp_path, text):
    with pytest.raises(SetupError, match="no key"):
        load_keyring(tmp_path, {"MLCONNECTOR_KEY": text}, make=True)


def test_where_keys_come_from(tmp_path):
    file = tmp_path / "elsewhere"
    file.write_text(f"{key_text(b'f')}\n")
    file.chmod(0o600)
    two = load_keyring(tmp_path, {"MLCONNECTOR_KEY": f"{key_text(b'n')}, {key_text(b'o')}"}, make=False)
    assert (len(two.keys), two.file, two.current.id) == (2, None, Key(b"n" * 32).id)
    assert load_keyring(tmp_path, {"MLCONNECTOR_KEY_FILE": str(file)}, make=False).current.id == Key(b"f" * 32).id
    with pytest.raises(SetupError, match="missing"):
        load_keyring(tmp_path, {"MLCONNECTOR_KEY_FILE": str(tmp_path / "none")}, make=True)
    with pytest.raises(SetupError, match="MLCONNECTOR_KEY"):
        two.replace([two.current])
    assert load_keyring(tmp_path, {}, make=True).current.id == load_keyring(tmp_path, {}, make=False).current.id


def fill(house, make, clock, many=450):
    house.take_in(*(make(f"k{i}") for i in range(many)))
    (claimed,) = house.ledger.claim("invoices", clock(), 1, owner="me")
    sent = house.ledger.intend(claimed, "save", b"request", clock())
    house.ledger.receipt(sent, State.POSTED, outcome="done", response=b"response", reference="1")
    house.vault.set("name", "long enough")


class Cut(Exception):
    pass


def test_a_rotation_cut_anywhere_is_finished_by_the_next(house, make, clock):
    fill(house, make, clock)
    old = house.vault.keyring.current.id

    for allowed in (0, 1, 3):
        left = [allowed]

        def progress(_, left=left):
            left[0] -= 1
            if left[0] < 0:
                raise Cut

        with pytest.raises(Cut):
            rotate(house.database, load_keyring(house.workspace, {}, make=False), clock=clock, progress=progress)
        assert len(house.vault.keyring.keys) == 2
        assert house.more().ledger.document("k7").source == {"a": "1"}
        house.take_in(make(f"during-{allowed}"))

    done = rotate(house.database, load_keyring(house.workspace, {}, make=False), clock=clock)

    assert done.retired == (old,)
    assert done.key_id != old
    after = house.more()
    assert [key.id for key in after.vault.keyring.keys] == [done.key_id]
    assert len(after.ledger.find_documents(limit=999)) == 453
    (attempt,) = after.ledger.attempts("k0")
    assert (attempt.request, attempt.response, after.vault.get("name").expose()) == (
        b"request",
        b"response",
        "long enough",
    )
    assert after.trail.verify().breaks == ()
    assert (house.workspace / f"{KEY_FILE}.retired").stat().st_mode & 0o777 == 0o600


def test_a_running_process_takes_up_the_new_key(house, make, clock):
    house.take_in(make("before"))
    rotate(house.database, load_keyring(house.workspace, {}, make=False), clock=clock)
    house.take_in(make("after"))
    assert house.ledger.document("before").source == house.ledger.document("after").source
    assert house.trail.verify().breaks == ()
    assert rotate(house.database, house.vault.keyring, clock=clock).sealed > 0
    assert house.trail.verify().breaks == ()


def test_keys_of_the_environment_rotate_without_a_file(url, tmp_path, clock):
    from engine.state.database import open_database

    database = open_database(url, tmp_path)
    seams = {"redactor": Redactor(), "clock": clock}
    open_vault(database, "acme", tmp_path, environment={"MLCONNECTOR_KEY": key_text(b"o")}, **seams).set(
        "name", "value-1"
    )
    both = load_keyring(tmp_path, {"MLCONNECTOR_KEY": f"{key_text(b'n')},{key_text(b'o')}"}, make=False)
    assert rotate(database, both, clock=clock).sealed == 2
    assert Vault(database, "acme", Keyring([Key(b"n" * 32)]), **seams).get("name").expose() == "value-1"
    database.close()


def test_rotation_knows_every_sealed_column():
    sealed = {column for table in metadata.tables.values() for column in table.c if "sealed" in column.name}
    assert {place.column for place in _SEALED} == sealed


def test_the_key_file_is_replaced_whole(tmp_path):
    keyring = load_keyring(tmp_path, {}, make=True)
    keyring.replace([Key(os.urandom(32)), keyring.current])
    assert len(load_keyring(tmp_path, {}, make=False).keys) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == [KEY_FILE]


def test_a_key_file_is_looked_at_again_after_a_moment_and_at_once_for_a_key_that_is_unknown(tmp_path):
    now = [0.0]
    load_keyring(tmp_path, {}, make=True)
    mine = Keyring(load_keyring(tmp_path, {}, make=False).keys, tmp_path / KEY_FILE, lambda: now[0])
    others = load_keyring(tmp_path, {}, make=False)
    old, new = others.current, Key(b"n" * 32)
    others.replace([new, old])

    assert mine.current.id == old.id  # a moment ago
    now[0] += LOOK_EVERY
    assert mine.current.id == new.id
    latest = Key(b"l" * 32)
    others.replace([latest, new])
    assert mine.find(old.id) is not None  # still known for this moment
    assert mine.find(latest.id).id == latest.id
    assert mine.current.id == latest.id
    assert mine.find(old.id) is None


def test_a_rotation_waits_until_every_process_seals_with_the_new_key(house, make, clock):
    """What another process sealed with the old key in its last moment is sealed anew before that key is laid aside."""
    house.take_in(make("before"))
    old = house.vault.keyring.current
    waited = []

    def sleep(seconds):
        waited.append(seconds)
        late = house.more()
        late.vault.keyring._keys = (old,)
        late.vault.keyring._seen = None
        late.vault.keyring._now = lambda: late.vault.keyring._looked
        late.take_in(make("late"))

    rotate(house.database, load_keyring(house.workspace, {}, make=False), clock=clock, sleep=sleep)

    assert waited == [2 * LOOK_EVERY]
    after = house.more()
    assert len(after.vault.keyring.keys) == 1
    assert after.ledger.document("late").source == after.ledger.document("before").source

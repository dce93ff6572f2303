"""Every SFTP server, ours and foreign: disks that are full, folders that are closed, names that many want, much of everything."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.contracts import Files
from engine.errors import SetupError, TransientError

from .conftest import SERVERS, Ground, installed, served

DATA = os.urandom(3_000_000)


def put(files: Files) -> None:
    files.put("/inbound", "v.csv", io.BytesIO(DATA), len(DATA))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_name_wanted_by_several_at_once_is_given_to_one_of_them(ground: Ground) -> None:
    ended: list[bytes] = []
    together = threading.Barrier(4)

    def work(number: int) -> None:
        data = bytes((number,)) * 100_000
        with ground.files() as files:
            files.scan("/inbound")
            for name in ("1.csv", "2.csv", "3.csv"):
                together.wait(30)
                try:
                    files.put("/inbound", name, io.BytesIO(data), len(data))
                    ended.append(data)
                except FileExistsError:
                    continue

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names(ground.root / "inbound") == ["1.csv", "2.csv", "3.csv"]
    assert len(ended) == 3


def test_a_folder_without_the_right_to_it_is_a_setup_error(ground: Ground) -> None:
    if os.getuid() == 0:
        pytest.skip("root may do everything everywhere")
    inbound = ground.root / "inbound"
    (ground.root / "outbound" / "a.csv").write_bytes(b"12345")
    with ground.files() as files:
        [entry] = files.scan("/outbound").entries
        try:
            inbound.chmod(0o500)
            for attempt in (
                lambda: put(files),
                lambda: files.ensure("/inbound/new"),
                lambda: files.move("/outbound", entry, "/inbound", "a.csv"),
            ):
                with pytest.raises(SetupError, match="permission denied"):
                    attempt()
            inbound.chmod(0)
            with pytest.raises(SetupError, match="permission denied"):
                files.scan("/inbound")
        finally:
            inbound.chmod(0o700)
    assert names(inbound) == []


@pytest.fixture
def mebibyte(root: Path) -> Iterator[Path]:
    """A disk of one MiB as the folder `/inbound`."""
    inbound = root / "inbound"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "none", inbound],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"a small disk can't be mounted here: {done.stderr.splitlines()[0]}")
    yield inbound
    subprocess.run(["umount", "-l", inbound], check=True)


def refuses_what_does_not_fit(ground: Ground) -> None:
    with ground.files() as files:
        for _ in range(2):
            with pytest.raises(TransientError, match=r"v\.csv"):
                put(files)
            assert names(ground.root / "inbound") == []
        files.put("/inbound", "small.csv", io.BytesIO(b"12345"), 5)
        with pytest.raises(TransientError, match=r"small\.csv"):
            files.put("/inbound", "small.csv", io.BytesIO(DATA), len(DATA), replace=True)
    assert names(ground.root / "inbound") == ["small.csv"]
    assert (ground.root / "inbound" / "small.csv").read_bytes() == b"12345"


@pytest.mark.servers
@pytest.mark.parametrize("kind", ["stand-in", "foreign", "sshd", "proftpd"])
def test_a_full_disk_is_told_and_leaves_nothing_of_the_file(
    kind: str, request: pytest.FixtureRequest, mebibyte: Path, root: Path, tmp_path: Path
) -> None:
    """A server of its own: one that runs already does not see what is mounted now."""
    if kind in {"sshd", "proftpd"}:
        with installed(kind, tmp_path / "home") as daemon:
            refuses_what_does_not_fit(Ground(settings=daemon.settings(), root=root, prefix=str(root), daemon=daemon))
    else:
        with served(kind, request, root) as ground:
            refuses_what_does_not_fit(ground)


@pytest.mark.servers
@pytest.mark.parametrize("kind", ["sshd", "proftpd"])
def test_a_file_beyond_the_servers_limit_is_told_and_leaves_nothing(kind: str, root: Path, tmp_path: Path) -> None:
    with installed(kind, tmp_path / "home", largest=1024 * 1024) as daemon:
        refuses_what_does_not_fit(Ground(settings=daemon.settings(), root=root, prefix=str(root), daemon=daemon))


@pytest.mark.servers
@pytest.mark.parametrize("kind", SERVERS)
def test_ten_thousand_names_and_a_long_file_come_whole(kind: str, request: pytest.FixtureRequest, root: Path) -> None:
    for number in range(10_000):
        (root / "inbound" / f"f{number:05}.csv").touch()
    long = os.urandom(48 * 1024 * 1024)
    with served(kind, request, root) as ground, ground.files() as files:
        assert len(files.scan("/inbound").entries) == 10_000
        files.put("/outbound", "long.bin", io.BytesIO(long), len(long))
        [entry] = files.scan("/outbound").entries
        assert files.fetch("/outbound", entry, io.BytesIO()) == hashlib.sha256(long).hexdigest()


@pytest.mark.servers
@pytest.mark.parametrize("kind", ["sshd", "proftpd"])
def test_keys_changed_in_the_middle_of_a_transfer_change_nothing_else(kind: str, root: Path, tmp_path: Path) -> None:
    """Servers ask for new session keys after so many bytes or seconds; here after every MiB."""
    often = {"sshd": "RekeyLimit 1M", "proftpd": "SFTPRekey required 3600 1"}
    long = os.urandom(24 * 1024 * 1024)
    with installed(kind, tmp_path / "home", lines=[often[kind]]) as daemon:
        ground = Ground(settings=daemon.settings(), root=root, prefix=str(root), daemon=daemon)
        with ground.files() as files:
            files.put("/outbound", "long.bin", io.BytesIO(long), len(long))
            [entry] = files.scan("/outbound").entries
            assert files.fetch("/outbound", entry, io.BytesIO()) == hashlib.sha256(long).hexdigest()

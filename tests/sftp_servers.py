"""SFTP servers by other people, started from this machine's programs: OpenSSH's sshd and ProFTPD's mod_sftp.

They run in the foreground on a loopback port, with keys, accounts and logs in a directory of their own, as whoever runs
the tests, and serve that person's files under their real paths. Root gets a mount namespace too, so that an account's
password and how it is asked for can be set without touching the machine's.
"""

from __future__ import annotations

import base64
import ctypes
import grp
import os
import pwd
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from engine.connections.sftp_settings import SftpSettings

PASSWORD = "a long password"
KINDS = ("ed25519", "ecdsa", "rsa")
_MODULES = ("/usr/lib/proftpd", "/usr/libexec/proftpd", "/usr/lib64/proftpd", "/usr/local/libexec")
_ISOLATED = """
mount --bind "$1" /etc/shadow && mount --bind "$2" /etc/pam.d/sshd && mount -t tmpfs none /run && mkdir -m 755 /run/sshd || exit 97
shift 2; exec "$@"
"""


class NoServer(Exception):
    """There is nothing to start such a server from, or it does not start here; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Key:
    """A key pair: the private half as OpenSSH text, the public one as `ssh-ed25519 AAAA…`."""

    private: str
    public: str


@cache
def key(kind: str, number: int = 0) -> Key:
    """One pair for each kind and number, made when first asked for."""
    made: Any = {
        "ed25519": ed25519.Ed25519PrivateKey.generate,
        "ecdsa": lambda: ec.generate_private_key(ec.SECP256R1()),
        "rsa": lambda: rsa.generate_private_key(65537, 3072),
    }[kind]()
    return Key(
        private=made.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode(),
        public=made.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode(),
    )


@dataclass(kw_only=True)
class Daemon:
    """A running server. `passwords`: whether it can check any; `logins`: what its log calls an attempt to log in."""

    name: str
    port: int
    log: Path
    passwords: bool
    logins: re.Pattern[str]
    process: subprocess.Popen[bytes]
    username: str = field(default_factory=lambda: me().pw_name)

    def settings(self, **changes: Any) -> SftpSettings:
        """What gets in with the ed25519 key, or with the password where the server is one that knows it."""
        credential = {"private_key": key("ed25519").private} if self.name == "sshd" else {"password": PASSWORD}
        settings = SftpSettings(
            host="127.0.0.1",
            port=self.port,
            username=self.username,
            **credential,
            host_key=key("ed25519", 1).public,
            connect_timeout=5.0,
            operation_timeout=5.0,
        )
        return replace(settings, **changes)

    def sessions(self) -> list[int]:
        """The processes that serve visitors now."""
        return descendants(self.process.pid)

    def freeze(self, *, whole: bool = False) -> list[int]:
        """Stops the visitors' processes, with `whole` the one that welcomes new visitors too; who was stopped."""
        stopped = [*self.sessions(), *([self.process.pid] if whole else [])]
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        return stopped

    def kill(self) -> None:
        """Ends the visitors' processes at once."""
        for pid in self.sessions():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def attempts(self) -> list[str]:
        """The lines of the log that tell of somebody trying to log in."""
        return [line for line in self.log.read_text("utf-8", "replace").splitlines() if self.logins.search(line)]


def thaw(pids: Sequence[int]) -> None:
    """Lets stopped processes go on, those that are still there."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def descendants(pid: int) -> list[int]:
    """The processes below one, the youngest last."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                # After the name, which may hold anything but ends at the last bracket: state, parent (proc(5)).
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    found = [pid]
    for one in found:
        found += [child for child, parent in sorted(parents.items()) if parent == one]
    return found[1:]


@contextmanager
def running(name: str, home: Path, *, lines: Sequence[str] = (), largest: int | None = None) -> Iterator[Daemon]:
    """`sshd` or `proftpd`. `lines` of its configuration replace ours of that word; `largest`: no file beyond so many bytes.

    Raises NoServer.
    """
    if not sys.platform.startswith("linux"):
        raise NoServer("the processes of a server are looked up in /proc")
    home.mkdir(parents=True)
    passwords, command = True, [_program(name)]
    if name == "sshd":
        prefix = _isolation(home)
        passwords = bool(prefix)
        command = [*prefix, *command]
    logins = {"sshd": r"(Accepted|Failed|Invalid|Postponed) ", "proftpd": r"auth(entication|enticated)? |userauth"}[
        name
    ]
    for _ in range(3):
        port, log = _free_port(), home / "log"
        write = {"sshd": _configure_sshd, "proftpd": _configure_proftpd}[name]
        options = write(home, port, lines)
        with log.open("ab") as output:
            process = subprocess.Popen(
                [*command, *options],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=home,
                env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C"},
                # Python ignores the signal of a file too long; so does then the server, and refuses the write.
                restore_signals=largest is None,
            )
        if largest is not None:
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (largest, largest))
        try:
            if _answers(process, port):
                yield Daemon(
                    name=name,
                    port=port,
                    log=home / ("log" if name == "sshd" else "sftp.log"),
                    passwords=passwords,
                    logins=re.compile(logins),
                    process=process,
                )
                return
        finally:
            _end(process)
    raise NoServer(f"{name} does not start: {log.read_text('utf-8', 'replace')[-400:]}")


def me() -> pwd.struct_passwd:
    """The account of whoever runs the tests. Raises NoServer."""
    try:
        return pwd.getpwuid(os.getuid())
    except KeyError:
        raise NoServer(f"user {os.getuid()} has no account, and nobody can log in without one") from None


def _program(name: str) -> str:
    found = shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin")))
    if found is None:
        package = {"sshd": "openssh-server", "proftpd": "proftpd-core and proftpd-mod-crypto"}[name]
        raise NoServer(f"{name} is not installed (Debian: {package})")
    return found


def _configure_sshd(home: Path, port: int, more: Sequence[str]) -> list[str]:
    lines = [
        f"Port {port}",
        "ListenAddress 127.0.0.1",
        *(f"HostKey {_secret(home / f'host_{kind}', key(kind, 1).private)}" for kind in KINDS),
        f"AuthorizedKeysFile {_secret(home / 'authorized', _lines(key(kind).public for kind in KINDS))}",
        "PidFile none",
        "StrictModes no",
        "UsePAM no",
        "UseDNS no",
        "PermitRootLogin yes",
        "PasswordAuthentication yes",
        "KbdInteractiveAuthentication no",
        "MaxStartups 100",
        "LogLevel VERBOSE",
        "Subsystem sftp internal-sftp",
    ]
    if _version_of_sshd() >= (9, 8):
        lines.append("PerSourcePenalties no")
    return ["-D", "-e", "-f", _secret(home / "sshd_config", _merged(more, lines))]


def _configure_proftpd(home: Path, port: int, more: Sequence[str]) -> list[str]:
    account = me()
    modules = next((place for place in _MODULES if Path(place, "mod_sftp.so").is_file()), None)
    if modules is None:
        raise NoServer("ProFTPD's mod_sftp is not installed (Debian: proftpd-mod-crypto)")
    user = f"{account.pw_name}:{_crypt(PASSWORD)}:{account.pw_uid}:{account.pw_gid}::{home}:/bin/false"
    keys = "".join(_rfc4716(key(kind).public) for kind in KINDS)
    lines = [
        f"ModulePath {modules}",
        "LoadModule mod_sftp.c",
        'ServerName "mod_sftp"',
        "ServerType standalone",
        "DefaultAddress 127.0.0.1",
        "SocketBindTight on",
        f"Port {port}",
        f"User {account.pw_name}",
        f"Group {grp.getgrgid(account.pw_gid).gr_name}",
        "UseReverseDNS off",
        "UseIPv6 off",
        "RequireValidShell off",
        "RootLogin on",
        "UseFtpUsers off",
        "DelayEngine off",
        "WtmpLog off",
        "AllowOverwrite on",
        f"PidFile {home / 'pid'}",
        f"ScoreboardFile {home / 'scoreboard'}",
        f"SystemLog {home / 'system.log'}",
        "AuthOrder mod_auth_file.c",
        f"AuthUserFile {_secret(home / 'passwd', _lines([user]))}",
        "SFTPEngine on",
        f"SFTPLog {home / 'sftp.log'}",
        *(f"SFTPHostKey {_secret(home / f'host_{kind}', key(kind, 1).private)}" for kind in KINDS),
        f"SFTPAuthorizedUserKeys file:{_secret(home / 'authorized', keys)}",
        "SFTPAuthMethods publickey password",
    ]
    return ["-n", "-c", _secret(home / "proftpd.conf", _merged(more, lines))]


def _isolation(home: Path) -> list[str]:
    """What a command of root is started with to get a private /etc/shadow and /run; nothing for anybody else."""
    if os.getuid() != 0:
        return []
    shadow = _secret(home / "shadow", f"root:{_crypt(PASSWORD)}:20000:0:99999:7:::\n")
    pam = _secret(
        home / "pam", "auth required pam_unix.so\naccount required pam_unix.so\nsession required pam_permit.so\n"
    )
    start = ["unshare", "--mount", "sh", "-c", _ISOLATED, "sh", shadow, pam]
    try:
        done = subprocess.run([*start, "true"], capture_output=True, text=True, check=False)
    except OSError as error:
        raise NoServer(f"root's sshd needs a mount namespace of its own, and `unshare` can't be run: {error}") from None
    if done.returncode:
        raise NoServer(f"root's sshd needs a mount namespace of its own: {done.stderr.strip()}")
    return start


@cache
def _crypt(password: str) -> str:
    """As /etc/shadow holds it. Raises NoServer."""
    for library in ("libcrypt.so.1", "libcrypt.so.2"):
        with suppress(OSError):
            crypt = ctypes.CDLL(library).crypt
            crypt.restype = ctypes.c_char_p
            return crypt(password.encode(), b"$6$atestsalt").decode()
    raise NoServer("there is no libcrypt to make an account's password with")


@cache
def _version_of_sshd() -> tuple[int, int]:
    said = subprocess.run([_program("sshd"), "-V"], capture_output=True, text=True, check=False).stderr
    found = re.search(r"OpenSSH_(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _rfc4716(public: str) -> str:
    blob = base64.b64encode(base64.b64decode(public.split()[1])).decode()
    body = _lines(blob[at : at + 70] for at in range(0, len(blob), 70))
    return f"---- BEGIN SSH2 PUBLIC KEY ----\n{body}---- END SSH2 PUBLIC KEY ----\n"


def _secret(path: Path, text: str) -> str:
    path.write_text(text, encoding="ascii")
    path.chmod(0o600)
    return str(path)


def _merged(more: Sequence[str], ours: Sequence[str]) -> str:
    said = {line.split()[0] for line in more}
    return _lines([*(line for line in ours if line.split()[0] not in said), *more])


def _lines(lines: Any) -> str:
    return "".join(f"{line}\n" for line in lines)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    """Whether the server greets within some seconds; False when it ended."""
    end = time.monotonic() + 20
    while process.poll() is None and time.monotonic() < end:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as visitor:
            if visitor.recv(4) == b"SSH-":
                return True
        time.sleep(0.02)
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    """The server and everything it started, whatever state it is in; the youngest first, so that each is waited for."""
    thaw([process.pid])
    end = time.monotonic() + 5
    while (below := descendants(process.pid)) and process.poll() is None and time.monotonic() < end:
        with suppress(ProcessLookupError):
            os.kill(below[-1], signal.SIGKILL)
        time.sleep(0.01)
    process.kill()
    process.wait(10)

"""Files and folders only their owner may read."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from pathlib import Path
from typing import IO

from engine.errors import SetupError

FOLDER_MODE = 0o700
FILE_MODE = 0o600


def private_folder(path: Path) -> Path:
    """Makes the folder, or closes an open one of ours. Raises SetupError when it belongs to somebody else."""
    try:
        path.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    except FileExistsError:
        pass  # something of another kind: told below
    except OSError as error:
        raise SetupError(
            f"`{path}` can't be made ({error.strerror}): check where it is and who may write there"
        ) from error
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise SetupError(f"`{path}` is not a folder: move it away, mlconnector keeps its state there")
    if stat.S_IMODE(found.st_mode) & 0o077:
        try:
            path.chmod(FOLDER_MODE)
        except PermissionError as error:
            raise SetupError(f"`{path}` is open to others and not ours to close: `chmod 700 {path}`") from error
    return path


def private_file(path: Path) -> Path:
    """Makes an empty file with mode 0600 unless it is there. Raises SetupError when others may read or write it.

    One that is there is never opened: closing it would give up every lock this process holds on it, and with SQLite's
    own lock gone another process takes the journal away from under the connections that are open here.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        os.close(os.open(path, flags, FILE_MODE))
    except FileExistsError:
        _check_usable(path)
    except OSError as error:
        raise SetupError(f"`{path}` can't be opened ({error.strerror}): check its owner and permissions") from error
    check_private(path)
    return path


def _check_usable(path: Path) -> None:
    kind, wrong = path.lstat().st_mode, 0
    if stat.S_ISLNK(kind):
        wrong = errno.ELOOP
    elif stat.S_ISDIR(kind):
        wrong = errno.EISDIR
    elif not os.access(path, os.R_OK | os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        wrong = errno.EACCES
    if wrong:
        raise SetupError(f"`{path}` can't be opened ({os.strerror(wrong)}): check its owner and permissions")


def check_private(path: Path) -> None:
    """Raises SetupError when anybody but its owner may read or write the file."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise SetupError(f"`{path}` is open to others (mode {mode:04o}): `chmod 600 {path}`, and change what is in it")


def write_private(path: Path, data: bytes) -> None:
    """Replaces a file as a whole, durably: a crash leaves the old or the new one."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def write_private_from(path: Path, head: bytes, body: IO[bytes]) -> None:
    """Makes a new file of two parts, durably. Raises FileExistsError when there is one; what could not be finished is removed."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(head)
            shutil.copyfileobj(body, file)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

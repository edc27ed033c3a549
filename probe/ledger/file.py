"""The file of a ledger on SQLite: made for its owner only, and opened by nobody but SQLite."""

import errno
import os
import stat
from pathlib import Path

from probe.ports import LedgerTrouble


def make_private(path: Path) -> None:
    """Make the file before SQLite does: it holds a key, and its journals take over its mode. Raises LedgerTrouble."""
    if not path.parent.is_dir():
        raise LedgerTrouble(f"the ledger {path} cannot be made: there is no directory {path.parent}")
    try:
        _make(path)
    except OSError as exc:
        raise LedgerTrouble(f"the ledger {path} cannot be written: {exc.strerror}") from exc


def _make(path: Path) -> None:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        _keep_private(path)


def _keep_private(path: Path) -> None:
    # Looked at, never opened. fcntl(2): a process that closes a file gives up all its locks on it, those of a ledger
    # that it has open, too; the next other process to close it then takes itself for the last, and spoils it.
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        raise _error(errno.ELOOP)
    if stat.S_ISDIR(mode):
        raise _error(errno.EISDIR)
    if not os.access(path, os.R_OK | os.W_OK, effective_ids=True):
        raise _error(errno.EACCES)
    if stat.S_IMODE(mode) & 0o077:
        path.chmod(0o600)


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))

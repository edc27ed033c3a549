"""Keeps a refresh token that was exchanged where the old one was read from, and looks for what others kept there."""

import contextlib
import os
import tempfile
from pathlib import Path

from probe.model.secret import Secret

_LARGEST = 64 * 1024


def kept(path: Path) -> Secret | None:
    """Return the token that stands in a file now; None if none can be read."""
    try:
        with path.open("rb") as stream:
            word = stream.read(_LARGEST).decode().rstrip("\r\n")
    except (OSError, UnicodeDecodeError):
        return None
    return Secret(word) if word.isprintable() and word else None


def keep(token: Secret, path: Path) -> None:
    """Replace a file by one that holds the token, at once and for its owner only. Raises OSError."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(descriptor, "w") as stream:
            stream.write(f"{token.reveal()}\n")
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise

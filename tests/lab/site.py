"""One laboratory's own piece of the loopback network and of the disk."""

import shutil
import socket
import tempfile
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.lab.errors import LabError


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address and a port that a server of the laboratory listens on."""

    address: str
    port: int

    def __str__(self) -> str:
        return f"{self.address}:{self.port}"


class Site:
    """A block 127.0.X.0/24 that no other laboratory holds, and a temporary directory; both until closed.

    Every laboratory has a block of its own, so that ports can be the same everywhere: a domain's exchangers
    all listen on one port, and a server that is started again finds its old one free.
    """

    def __init__(self) -> None:
        with ExitStack() as undo:
            self.block = _claim_block(undo)
            # /tmp and not TMPDIR: the path of a unix socket has at most 107 bytes.
            self.path = Path(tempfile.mkdtemp(prefix="mailflow-lab-", dir="/tmp"))
            undo.callback(shutil.rmtree, self.path, ignore_errors=True)
            self.path.chmod(0o755)
            self._undo = undo.pop_all()

    @property
    def hub(self) -> str:
        """The address of what all members share."""
        return f"127.0.{self.block}.1"

    def member_address(self, number: int) -> str:
        """Return the address of member `number`, counted from 1."""
        return f"127.0.{self.block}.{10 + number}"

    def close(self) -> None:
        """Give the block back and remove the directory."""
        self._undo.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


_LOCK_PORT = 2500
_PORTS_OFTEN_TAKEN = (1143, 1110, 2525, 5353, 9847)


def _claim_block(undo: ExitStack) -> int:
    for block in range(1, 255):
        with ExitStack() as attempt:
            lock = attempt.enter_context(closing(socket.socket()))
            try:
                lock.bind((f"127.0.{block}.1", _LOCK_PORT))
                lock.listen()
            except OSError:
                continue
            if all(_is_free(f"127.0.{block}.{host}", port) for host in (1, 11) for port in _PORTS_OFTEN_TAKEN):
                undo.push(attempt.pop_all())
                return block
    raise LabError("every block of 127.0.0.0/16 is taken; stop another laboratory first")


def _is_free(address: str, port: int) -> bool:
    with closing(socket.socket()) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((address, port))
            trial.listen()
        except OSError:
            return False
    return True

"""Speaks to a mail server that is a program: over a socket pair, to a child process that never outlives the visit."""

import asyncio
import contextlib
import errno
import os
import signal
import socket

from probe.model.outcome import Stage
from probe.model.settings import Member
from probe.net.text import printable
from probe.smtp.connection import Connection
from probe.smtp.failures import OwnFailure, Unreached

_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
"""All of it: that of the probe may hold passwords."""
_MOST_WORDS = 4096
"""Octets of stderr that are kept; what follows them is read and dropped."""
_REAPING_SECONDS = 1.0
"""How long a killed process is waited for; longer than that only the kernel holds one."""
_OF_THE_PROGRAM = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.ENOEXEC, errno.ELOOP})


class Child:
    """The way to a member that is a command; satisfies ``probe.smtp.ways.Way``."""

    def __init__(self, member: Member) -> None:
        self._member = member
        self._process: asyncio.SubprocessTransport | None = None
        self._witness = _Witness()
        self._status: int | None = None

    async def open(self) -> Connection:
        """Start the program with one end of a socket pair as its stdin and stdout."""
        try:
            ours, theirs = socket.socketpair()
            with contextlib.ExitStack() as undo:
                undo.callback(ours.close)
                with theirs:
                    await self._spawn(theirs)
                _, connection = await asyncio.get_running_loop().create_unix_connection(
                    lambda: Connection(self._member.name), sock=ours
                )
                undo.pop_all()  # from here on the connection closes it
        except OSError as error:
            raise self._not_started(error) from error
        return connection

    async def leave(self, longest_seconds: float) -> None:
        """Let the program end by itself as it sees the connection closed, then kill and reap what is left."""
        if self._process is None:
            return
        try:
            await self._ended(longest_seconds)
            self._status = self._process.get_returncode()
        finally:
            await self._end(self._process)

    def remark(self, stage: Stage) -> str | None:
        """Tell how the program ended and what it wrote on stderr, which a refused connection cannot say."""
        words = printable(" ".join(self._witness.words.decode("utf-8", "backslashreplace").split()))
        return "; ".join(filter(None, [self._fate(), f"it said: {words}" if words else None])) or None

    def _fate(self) -> str | None:
        if not self._status:
            return None
        return f"it exited with status {self._status}" if self._status > 0 else f"signal {-self._status} ended it"

    async def _spawn(self, theirs: socket.socket) -> None:
        spawning = asyncio.ensure_future(
            asyncio.get_running_loop().subprocess_exec(
                lambda: self._witness,
                *self._member.command,
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                env=_ENVIRONMENT,
                start_new_session=True,
            )
        )
        try:
            await asyncio.shield(spawning)
        finally:
            # Also when nobody waits for it any more: a program that runs is known, and will be ended.
            self._process, _ = await spawning

    async def _end(self, process: asyncio.SubprocessTransport) -> None:
        # The group too when its leader is gone: nothing that it started may be left behind.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.get_pid(), signal.SIGKILL)
        try:
            await self._ended(_REAPING_SECONDS)
        finally:
            process.close()

    async def _ended(self, longest_seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(longest_seconds):
                await self._witness.ended.wait()

    def _not_started(self, error: OSError) -> Unreached | OwnFailure:
        words = os.strerror(error.errno) if error.errno else printable(str(error))
        reason = f"{self._member.command[0]} cannot be started: {words}"
        return Unreached(reason) if error.errno in _OF_THE_PROGRAM else OwnFailure(reason)


class _Witness(asyncio.SubprocessProtocol):
    """Sees the end of a process, and hears the beginning of what it says on stderr."""

    def __init__(self) -> None:
        self.words = b""
        self.ended = asyncio.Event()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Keep what there is room for."""
        self.words += data[: _MOST_WORDS - len(self.words)]

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the process has been reaped, and that all it wrote has been read."""
        self.ended.set()

"""The ways in which a member is reached."""

from typing import Protocol

from probe.model.outcome import Stage
from probe.model.settings import Member, SmtpSettings
from probe.smtp.child import Child
from probe.smtp.connection import Connection
from probe.smtp.log import Log
from probe.smtp.tcp import Tcp


class Way(Protocol):
    """How the connection to a member is made; for one visit."""

    async def open(self) -> Connection:
        """Make the connection. Raises Unreached or OwnFailure; ``leave`` must follow in every case."""

    async def leave(self, longest_seconds: float) -> None:
        """Free whatever stands behind a connection that is closed, in good order if that is quick."""

    def remark(self, stage: Stage) -> str | None:
        """Return what of this way belongs into the reason of a failure at a stage; to be asked after ``leave``."""


def way(member: Member, *, settings: SmtpSettings, log: Log) -> Way:
    """Return how this member is reached."""
    return Child(member) if member.command else Tcp(member, settings=settings, log=log)

"""Hears who answers behind a VIP: members are known by the names that they give (RFC 5321 4.2, 4.1.1.1)."""

from probe.model.reply import Reply
from probe.model.settings import Member
from probe.net.text import printable

_LONGEST_NAME = 80


class Answerer:
    """Whoever answered one dial: nobody knows who, until a greeting or a reply to EHLO names a member."""

    def __init__(self, wanted: Member) -> None:
        self.wanted = wanted.name
        self._members = {_bare(name): name for name in wanted.behind_vip}
        self.member: str | None = None
        """The member that answered."""
        self.heard: Reply | None = None
        """What it said last."""
        self._stranger: str | None = None

    @property
    def stranger(self) -> str | None:
        """Return what somebody calls himself who is no member, escaped and cut."""
        return None if self.member else self._stranger

    @property
    def is_wanted(self) -> bool:
        """Tell whether it is the member that is wanted."""
        return self.member == self.wanted

    @property
    def is_nobody(self) -> bool:
        """Tell whether nobody gave a name."""
        return self.member is None and self._stranger is None

    def hear(self, reply: Reply) -> None:
        """Learn from the first word of a greeting, or of a reply to EHLO; once a member is known it stays that one."""
        self.heard, name = reply, reply.lines[0].partition(" ")[0]
        self.member = self.member or self._members.get(_bare(name))
        if reply.positive:  # else it is the first word of a sentence: "554 No service"
            self._stranger = printable(name, _LONGEST_NAME) or self._stranger or "somebody without a name"


def _bare(name: str) -> str:
    return name.removesuffix(".").lower()

"""Which of the folders that a server lists is the one for junk mail."""

from collections.abc import Sequence

Listed = tuple[tuple[bytes, ...], bytes | None, str]
"""A folder as LIST tells it: its attributes, what divides the levels of its name, and its name."""

NAMES = ("junk", "junk email", "junk e-mail", "spam", "bulk mail")
"""What it is called where no attribute says so: by most servers, by Microsoft's, by Gmail, by Yahoo."""

_ABOVE = ("", "inbox", "[gmail]", "[google mail]")
"""Where it lies: anywhere else, such as in an archive, a folder of that name is somebody's own."""


def junk_folder(listed: Sequence[Listed], *, inbox: str) -> str | None:
    r"""Return the first folder marked \Junk (RFC 6154 2), else the one whose well-known name comes first.

    The inbox is never taken for it.
    """
    others = [each for each in listed if each[2] != inbox]
    for flags, _, name in others:
        if b"\\junk" in (flag.lower() for flag in flags):
            return name
    called = {_rank(delimiter, name): name for _, delimiter, name in reversed(others)}
    return next((called[rank] for rank in range(len(NAMES)) if rank in called), None)


def _rank(delimiter: bytes | None, name: str) -> int:
    """Return which of the well-known names a folder has, beyond the last if it has none of them."""
    above, _, own = name.lower().rpartition((delimiter or b"\0").decode("latin-1"))
    return NAMES.index(own) if own in NAMES and above in _ABOVE else len(NAMES)

"""How many files and sockets the process may have open at the same time."""

import resource

WANTED = 65_536
"""Enough for 10,000 members that keep silent, three times over; the kernel's bound may be a thousand times that."""


def allow_many(wanted: int = WANTED) -> None:
    """Raise the soft limit to what is wanted, as far as the hard limit lets us.

    A login or a service starts with 1,024 because of programs that use select(2); this one does not.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def affordable(connections: int, share: int) -> int:
    """Return how many of so many connections may be open if they take at most one in ``share`` of all descriptors."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return connections if descriptors == resource.RLIM_INFINITY else min(connections, descriptors // share)

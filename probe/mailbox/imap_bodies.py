"""The beginnings of bodies over IMAP: of each as much as is wanted, asked for in a few questions."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from probe.mailbox.fetched import fetched
from probe.mailbox.pushclient import PushClient


def beginnings(client: PushClient, wanted: Mapping[int, int]) -> dict[int, bytes]:
    """Return the beginnings of the bodies of which so many octets are wanted, by UID; none where that is 0."""
    alike: dict[int, list[int]] = defaultdict(list)
    for uid, octets in wanted.items():
        if octets:
            alike[_power_of_two(octets)].append(uid)
    bodies = {}
    for octets, those in alike.items():
        answer = client.uid("FETCH", listed(those), f"(UID BODY.PEEK[TEXT]<0.{octets}>)")
        found = (each for each in fetched(answer, b"BODY[TEXT") if each.uid in wanted)
        bodies.update({each.uid: each.part[: wanted[each.uid]] for each in found})
    return bodies


def listed(uids: Sequence[int]) -> str:
    """Write UIDs as a command takes them."""
    return ",".join(map(str, uids))


def _power_of_two(least: int) -> int:
    return 1 << (least - 1).bit_length()

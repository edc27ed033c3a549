"""Asks DNS one question, and turns its many ways of failing into one."""

from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import dns.exception
import dns.name
from dns.asyncresolver import Resolver as Stub
from dns.flags import AD, RD
from dns.message import ChainingResult
from dns.name import Name
from dns.rdata import Rdata
from dns.rdatatype import RdataType
from dns.resolver import NXDOMAIN

from probe.model.settings import Resolver
from probe.net.text import printable
from probe.ports import DiscoveryTrouble

LIFETIME = timedelta(seconds=5)
"""How long one question may take, all name servers and repetitions together."""

SYSTEM = Path("/etc/resolv.conf")


@dataclass(frozen=True, slots=True)
class Answer:
    """What DNS says for certain: records, or that there are none."""

    records: tuple[Rdata, ...]
    name: Name
    """Whose records they are: the name that was asked for, or what it is an alias of."""
    alias: bool
    exists: bool
    """There is such a name, whatever records it has."""
    ttl: timedelta
    secure: bool = False
    """Validated by DNSSEC, as a resolver says that may be believed."""


class Lookup:
    """Asks the name servers of the config, or the system's."""

    def __init__(self, resolver: Resolver, *, system: Path = SYSTEM, lifetime: timedelta = LIFETIME) -> None:
        self._resolver = resolver
        self._lifetime = lifetime
        self._system = system

    async def ask(self, name: Name, kind: RdataType) -> Answer:
        """Return what DNS says, aliases followed. Raises DiscoveryTrouble where it says nothing for certain."""
        stub = self._stub()
        try:
            found = await stub.resolve(name, kind, search=False, raise_on_no_answer=False)
        except NXDOMAIN as nowhere:
            [response] = nowhere.responses().values()  # type: ignore[no-untyped-call]  # dnspython's gap
            return _answer(name, response.resolve_chaining(), exists=False)
        except dns.exception.DNSException as trouble:
            raise DiscoveryTrouble(f"{shown(name)} cannot be looked up ({printable(str(trouble))})") from trouble
        secure = bool(found.response.flags & AD) and vouches(found.nameserver, self._resolver)
        return _answer(name, found.chaining_result, exists=True, secure=secure)

    def _stub(self) -> Stub:
        # Made anew for each question: the system's name servers change while we run.
        stub = Stub(configure=False)
        try:
            if self._resolver.nameservers:
                stub.nameservers = list(self._resolver.nameservers)
            else:
                stub.read_resolv_conf(str(self._system))
        except (dns.exception.DNSException, OSError, ValueError) as trouble:
            raise DiscoveryTrouble(f"no name server is known ({printable(str(trouble))})") from trouble
        stub.port = self._resolver.port
        stub.set_flags(RD | AD)  # RFC 6840 5.7: whoever understands the bit asks for it by setting it
        stub.lifetime = self._lifetime.total_seconds()
        return stub


def absolute(text: str) -> Name:
    """Read a name of the config. Raises DiscoveryTrouble when it is none."""
    try:
        return dns.name.from_text(text)
    except dns.exception.DNSException as trouble:
        raise DiscoveryTrouble(f"{printable(text)} is not a domain name ({trouble})") from trouble


def shown(name: Name) -> str:
    """Write a name as people do: in lower case and without the dot at its end."""
    return name.to_text(omit_final_dot=True).lower()


def vouches(nameserver: str | None, resolver: Resolver) -> bool:
    """Tell whether a name server is believed when it says that an answer was validated.

    The bit is as good as the way to who sets it (RFC 7672 2.1.1): the operator answers for the name servers of the
    config; of the system's only one on this host is believed.
    """
    if nameserver is None:
        return False
    return nameserver in resolver.nameservers or ip_address(nameserver).is_loopback


def _answer(asked: Name, chain: ChainingResult, *, exists: bool, secure: bool = False) -> Answer:
    records = tuple(chain.answer or ())
    ttl = timedelta(seconds=chain.minimum_ttl)
    return Answer(records, chain.canonical_name, chain.canonical_name != asked, exists, ttl, secure)

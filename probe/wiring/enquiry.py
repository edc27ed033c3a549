"""An enquiry about one address: whom to ask, by which envelope, and the adapters that ask."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from probe import discover
from probe.engine.enquiring import Watch, ask_all
from probe.engine.tls_watch import door, findings
from probe.model.consensus import Asked
from probe.model.message import Envelope
from probe.model.settings import Discovery, DiscoveryKind, Member, Pool, Resolver, Settings, SmtpSettings
from probe.model.tls_findings import TlsFindings
from probe.net.clock import SystemClock
from probe.oauth import TokenSource
from probe.ports import Found
from probe.smtp import SmtpSender
from probe.smtp.visit import full_name
from probe.tlspolicy import DnsTlsPolicies

_STATIC = timedelta.max
"""How long members hold that stand in the config."""


@dataclass(frozen=True, slots=True)
class Enquiry:
    """A question to the members of a pool."""

    pool: Pool
    resolver: Resolver
    envelope: Envelope

    async def servers(self) -> Found:
        """Return whom to ask. Raises DiscoveryTrouble."""
        if self.pool.discovery is None:
            return Found(self.pool.members, _STATIC)
        return await discover.finder(self.pool, self.resolver).find()

    async def ask(self, members: Sequence[Member], *, pause: timedelta, watch: Watch) -> Sequence[Asked]:
        """Ask them all."""
        clock = SystemClock()
        return await ask_all(
            members,
            self.envelope,
            settings=self.pool.smtp,
            pause=pause,
            enquirer=SmtpSender(clock, TokenSource(clock)),
            clock=clock,
            watch=watch,
        )

    async def findings(self, asked: Sequence[Asked]) -> TlsFindings | None:
        """Return what there is to say about the TLS that was seen by asking; None where no domain asks for any."""
        domain, policies = self.pool.mail_domain, DnsTlsPolicies(self.resolver)
        if domain is None:
            return None
        published = await policies.published(domain, {door(each.member) for each in asked})
        seen = {each.member: each.attempt.tls for each in asked}
        return await findings(published, seen, policies, settings=self.pool.smtp, now=SystemClock().now())


def to_exchangers(address: str, *, port: int, sender: str | None, resolver: Resolver) -> Enquiry:
    """Return an enquiry to whoever takes mail for the domain of an address."""
    domain = address.rpartition("@")[2]
    pool = _exchangers(domain, port)
    return Enquiry(pool, resolver, Envelope(_default_sender(pool.smtp) if sender is None else sender, address))


def to_members(address: str, pool: Pool, *, sender: str | None, resolver: Resolver, settings: Settings) -> Enquiry:
    """Return an enquiry to the members of a pool, by default from whom they get their probes."""
    routes = settings.routes_of(pool.name)
    # The envelope that greylisting knows already, if there is one for this very address.
    routes.sort(key=lambda route: route.recipient != address)
    if sender is None:
        sender = routes[0].sender if routes else _default_sender(pool.smtp)
    return Enquiry(pool, resolver, Envelope(sender, address))


def _exchangers(domain: str, port: int) -> Pool:
    if domain.startswith("["):  # RFC 5321 4.1.3: an address literal is dialled as it is
        literal = domain.strip("[]").removeprefix("IPv6:")
        return Pool(domain, (Member(domain, literal, literal, port),))
    return Pool(domain, discovery=Discovery(DiscoveryKind.MX, domain, port))


def _default_sender(settings: SmtpSettings) -> str:
    """Return the postmaster of this host, or nobody (RFC 5321 4.5.5) where it has no name that others could check."""
    name = settings.ehlo or full_name()
    return f"postmaster@{name}" if name and not name.startswith("[") else ""

"""The sections of the config as the settings that the program runs on."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from probe.config.discovery import DiscoverySection
from probe.config.mailboxes import Folders, MailboxSection
from probe.config.oauth2 import OAuth2Section
from probe.config.pools import PoolSection, SmtpSection
from probe.config.root import Config
from probe.config.routes import RouteSection
from probe.model.oauth import TokenLogin
from probe.model.origin import VIP_WRITTEN_DOWN
from probe.model.rules import PathRules
from probe.model.secret import Secret
from probe.model.settings import (
    LASTING,
    LONGEST_BODY,
    SPARE_BODY,
    Discovery,
    DiscoveryKind,
    HealthPolicy,
    ImapSettings,
    Listen,
    Login,
    Mailbox,
    Member,
    OnShutdown,
    Pool,
    Pop3Settings,
    ProxyProtocol,
    Resolver,
    Retry,
    Route,
    Settings,
    SmtpSettings,
    Timeouts,
    Tls,
    UnknownIs,
    Web,
)


def build(config: Config) -> Settings:
    """Return the settings that a valid config stands for."""
    mailboxes = {
        name: _mailbox(name, section, longest=_longest_content(config, name))
        for name, section in (config.mailboxes or {}).items()
    }
    return Settings(
        instance=config.instance,
        state=config.state,
        tag_keys=tuple(config.tag_keys),
        web=_web(config),
        agent=config.agent.listen if config.agent else None,
        resolver=_resolver(config),
        mailboxes=mailboxes,
        pools={name: _pool(name, section) for name, section in config.pools.items()},
        routes={name: _route(name, section, mailboxes) for name, section in config.routes.items()},
        health=_health(config),
        explain_for=config.explain_for,
        notify=tuple(section.settings(after=_lasting(config)) for section in config.notify),
    )


def _lasting(config: Config) -> timedelta:
    """Return how long something must have stood to be told: two rounds, and two minutes at most."""
    return min(LASTING, 2 * min(route.interval for route in config.routes.values()))


def _web(config: Config) -> Web:
    web = config.web
    return Web(listen=web.listen, lifecycle=web.lifecycle, protect_health=web.protect_health, file=web.config_file)


def _resolver(config: Config) -> Resolver:
    if config.resolver is None:
        return Resolver()
    return Resolver(nameservers=tuple(config.resolver.nameservers), port=config.resolver.port)


def _health(config: Config) -> HealthPolicy:
    health = config.health
    return HealthPolicy(
        rise=health.rise,
        fall=health.fall,
        min_healthy=health.min_healthy,
        stale_after=health.stale_after,
        unknown_is=UnknownIs(health.unknown_is),
        on_shutdown=OnShutdown(health.on_shutdown),
        release_for=health.release_for,
        maintenance=tuple(plan.plan() for plan in health.maintenance),
    )


def _longest_content(config: Config, mailbox: str) -> int:
    return max((route.content.size for route in config.routes.values() if route.mailbox == mailbox), default=0)


def _mailbox(name: str, section: MailboxSection, *, longest: int) -> Mailbox:
    folders = section.folders or Folders()
    return Mailbox(
        name=name,
        address=section.address,
        access=_access(section),
        inbox=folders.inbox,
        junk=folders.junk,
        keep=section.keep,
        longest_body=min(SPARE_BODY + longest * 3 // 2, LONGEST_BODY),  # base64 makes four octets of three
        foreign_limit=section.foreign_limit,
    )


def _access(section: MailboxSection) -> ImapSettings | Pop3Settings:
    access = section.imap or section.pop3
    assert access is not None, "a mailbox is read over IMAP or POP3"
    kind, implicit, clear = (ImapSettings, 993, 143) if section.imap else (Pop3Settings, 995, 110)
    return kind(
        host=access.host,
        login=_login(access.username, access.password, access.auth.oauth2 if access.auth else None),
        port=access.port or (implicit if access.tls == "implicit" else clear),
        tls=Tls(access.tls),
        verify=access.verify,
        server_name=access.server_name,
        ca_file=access.ca_file,
    )


def _login(username: str, password: Secret | None, oauth2: OAuth2Section | None) -> Login | TokenLogin:
    if oauth2:
        return TokenLogin(username, oauth2.grant())
    assert password is not None, "a login is by password or by token"
    return Login(username, password)


def _pool(pool: str, section: PoolSection) -> Pool:
    smtp = _smtp(section.smtp)
    if section.discover and section.discover.vip:
        return Pool(
            name=pool, members=_behind_vip(pool, section.discover.vip, section.discover.members or ()), smtp=smtp
        )
    members = tuple(
        Member(
            pool=pool,
            name=name,
            address=member.address,
            port=member.port,
            hostname=member.hostname,
            command=tuple(member.command or ()),
        )
        for name, member in (section.members or {}).items()
    )
    discovery = _discovery(section.discover) if section.discover else None
    return Pool(name=pool, members=members, discovery=discovery, smtp=smtp)


def _behind_vip(pool: str, vip: Listen, names: Sequence[str]) -> tuple[Member, ...]:
    return tuple(
        Member(pool, name, vip.host, vip.port, name, behind_vip=tuple(names), origin=VIP_WRITTEN_DOWN) for name in names
    )


def _discovery(section: DiscoverySection) -> Discovery:
    for kind in DiscoveryKind:
        name = getattr(section, kind)
        if name is not None:
            return Discovery(kind=kind, name=name, port=section.port or 25, backend=section.backend)
    raise AssertionError("a discovery has a kind")


def _smtp(section: SmtpSection) -> SmtpSettings:
    tls, auth, timeouts = Tls(section.tls), section.auth, section.timeouts
    return SmtpSettings(
        tls=tls,
        # Opportunistic TLS protects from listeners only, and takes what certificate there is (RFC 7435).
        verify=tls is not Tls.OPPORTUNISTIC if section.verify is None else section.verify,
        server_name=section.server_name,
        ca_file=section.ca_file,
        ehlo=section.ehlo,
        source_address=section.source_address,
        proxy_protocol=ProxyProtocol(section.proxy_protocol),
        lmtp=section.lmtp,
        login=_login(auth.username, auth.password, auth.oauth2) if auth else None,
        login_without_tls=bool(auth and auth.plaintext),
        pipelining=section.pipelining == "auto",
        reuse=None if section.reuse == "off" else section.reuse,
        timeouts=Timeouts(connect=timeouts.connect, reply=timeouts.reply, total=timeouts.total),
    )


def _route(name: str, section: RouteSection, mailboxes: Mapping[str, Mailbox]) -> Route:
    retry = section.retry
    recipient = section.recipient or (mailboxes[section.mailbox].address if section.mailbox else None)
    assert recipient is not None, "a route has a recipient or a mailbox"
    return Route(
        name=name,
        pool=section.pool,
        mailbox=section.mailbox,
        sender=section.sender,
        recipient=recipient,
        bounces=section.bounces or section.mailbox,
        interval=section.interval,
        deadline=section.deadline,
        late_until=section.deadline if section.only_asks else section.late_until,
        expect=section.expected,
        retry=Retry(attempts=retry.attempts, first=retry.first, longest=retry.longest),
        content=section.content,
        footer=section.footer == "allowed",
        authserv_id=section.authserv_id,
        path=PathRules(tuple(section.path.through), tuple(section.path.never)),
        objective=section.objective,
    )

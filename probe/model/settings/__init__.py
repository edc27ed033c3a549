"""What the operator asked for, checked and complete: the values that the program runs on."""

from probe.model.settings.endpoint import written
from probe.model.settings.health import HealthPolicy, OnShutdown, Share, UnknownIs
from probe.model.settings.mailboxes import LONGEST_BODY, SPARE_BODY, ImapSettings, MailAccess, Mailbox, Pop3Settings
from probe.model.settings.maintenance import Maintenance, OnceOnly, Weekly
from probe.model.settings.notify import LASTING, Notify, NotifyKind
from probe.model.settings.routes import Content, ContentKind, Retry, Route
from probe.model.settings.smtp import (
    Discovery,
    DiscoveryKind,
    Login,
    Member,
    MemberKey,
    Pool,
    ProxyProtocol,
    SmtpSettings,
    Timeouts,
    Tls,
)
from probe.model.settings.web_file import ClientAuth, RateLimit, ServerTls, TlsVersion, WebFile
from probe.model.settings.whole import Listen, Resolver, Settings, TagKey, Web

__all__ = [
    "LASTING",
    "LONGEST_BODY",
    "SPARE_BODY",
    "ClientAuth",
    "Content",
    "ContentKind",
    "Discovery",
    "DiscoveryKind",
    "HealthPolicy",
    "ImapSettings",
    "Listen",
    "Login",
    "MailAccess",
    "Mailbox",
    "Maintenance",
    "Member",
    "MemberKey",
    "Notify",
    "NotifyKind",
    "OnShutdown",
    "OnceOnly",
    "Pool",
    "Pop3Settings",
    "ProxyProtocol",
    "RateLimit",
    "Resolver",
    "Retry",
    "Route",
    "ServerTls",
    "Settings",
    "Share",
    "SmtpSettings",
    "TagKey",
    "Timeouts",
    "Tls",
    "TlsVersion",
    "UnknownIs",
    "Web",
    "WebFile",
    "Weekly",
    "written",
]

"""The mailboxes of the config: accounts that are read over IMAP or POP3."""

from datetime import timedelta
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from probe.config.addresses import CaFile, Host, MailAddress, Port
from probe.config.fields import Duration, Line
from probe.config.oauth2 import OAuth2Section
from probe.config.problems import refusal
from probe.config.secrets import Password
from probe.config.section import Section, one_of


class TokenAuthentication(Section):
    """How to log in without a password."""

    oauth2: OAuth2Section


class Access(Section):
    """How to come into a mailbox."""

    host: Host
    port: Port | None = None
    tls: Literal["none", "starttls", "implicit"] = "implicit"
    verify: bool = True
    ca_file: CaFile | None = None
    server_name: Host | None = None
    username: Line
    auth: TokenAuthentication | None = None
    password: Password | None = Field(default=None, validate_default=True)

    @field_validator("password")
    @classmethod
    def _password_or_token(cls, password: Password | None, info: ValidationInfo) -> Password | None:
        return one_of(password, info, other="auth")


class Folders(Section):
    """The folders that are watched."""

    inbox: Line = "INBOX"
    junk: Line | None = None


class MailboxSection(Section):
    """One mailbox."""

    address: MailAddress
    imap: Access | None = None
    pop3: Access | None = Field(default=None, validate_default=True)
    folders: Folders | None = None
    keep: Duration = timedelta(0)
    foreign_limit: int = Field(default=1000, ge=0)

    @field_validator("pop3")
    @classmethod
    def _one_way_in(cls, pop3: Access | None, info: ValidationInfo) -> Access | None:
        return one_of(pop3, info, other="imap")

    @field_validator("folders")
    @classmethod
    def _folders_of_imap(cls, folders: Folders | None, info: ValidationInfo) -> Folders | None:
        if folders and info.data.get("pop3"):
            raise refusal("stands beside pop3, which knows no folders", "leave it out")
        return folders

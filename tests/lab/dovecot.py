"""The one Dovecot behind all members: LMTP in, IMAP and POP3 out, and the password check for SMTP AUTH."""

import base64
import hmac
import json
import os
import secrets
import shutil
import smtplib
import subprocess
import time
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from imapclient import IMAPClient

from tests.lab.addresses import DOMAIN, PASSWORD, SENDER
from tests.lab.certificates import Certificate
from tests.lab.errors import LabError
from tests.lab.guard import Guard
from tests.lab.server import Server
from tests.lab.site import Endpoint

LMTP_PORT = 1024
SASL_PORT = 1025
IMAP_PORT = 1143
IMAPS_PORT = 1993
POP3_PORT = 1110
POP3S_PORT = 1995
SMALL = f"small@{DOMAIN}"
SMALL_MESSAGES = 3
"""An account that holds so many messages only."""
_MOST_TRIES = 20
_MAIL_OWNER = 65533  # a bare number: Dovecot needs no passwd entry for the owner of the mail


class Dovecot(Server):
    """A real mail store in which every address of lab.test is an account with the one password."""

    def __init__(self, *, address: str, certificate: Certificate, home: Path, guard: Guard) -> None:
        command = ["/usr/sbin/dovecot", "-F", "-c", home / "dovecot.conf"]
        super().__init__("dovecot", command, greets=Endpoint(address, IMAP_PORT), log=home / "dovecot.log", guard=guard)
        self.address = address
        self.hostname = certificate.hostname
        self.lmtp = Endpoint(address, LMTP_PORT)
        self.sasl = Endpoint(address, SASL_PORT)
        self._mail = home / "mail"
        home.mkdir()
        self._mail.mkdir()
        os.chown(self._mail, _MAIL_OWNER, _MAIL_OWNER)
        (home / "dovecot.conf").write_text(_dovecot_conf(home, address, certificate))
        self._token_key = secrets.token_bytes(32)
        _trust_tokens(home, self._token_key)
        (home / "quotas").write_text(_quotas(home))
        _compile_sieve(home)

    def imap(self, user: str) -> IMAPClient:
        """Return a client that is logged in as `user`; close it, best by `with`."""
        client = IMAPClient(self.address, port=IMAP_PORT, ssl=False, timeout=10)
        client.login(user, PASSWORD)
        return client

    def inbox(self, user: str) -> dict[int, tuple[bytes, frozenset[bytes]]]:
        """Return each message in the inbox of `user` by its UID: its bytes, and its flags but for \\Recent.

        What somebody else removes while it is read is left out, which the server answers for as NIL.
        """
        with self.imap(user) as client:
            client.select_folder("INBOX", readonly=True)
            found = client.fetch(client.search(), ["BODY.PEEK[]", "FLAGS"])
        whole = ((uid, data.get(b"BODY[]"), data.get(b"FLAGS", ())) for uid, data in found.items())
        return {uid: (raw, frozenset(flags) - {b"\\Recent"}) for uid, raw, flags in whole if raw is not None}

    def deliver(self, user: str, message: bytes) -> None:
        """Put `message` into the mailbox of `user` as LMTP does, past every member."""
        with smtplib.LMTP(self.lmtp.address, self.lmtp.port, local_hostname=DOMAIN) as client:
            client.sendmail(SENDER, [user], message)

    def fill(self, user: str, messages: Iterable[bytes]) -> None:
        """Put very many messages into the mailbox of `user` as fast as files can be written."""
        maildir = self._mail / user.partition("@")[0] / "Maildir"
        for directory in (maildir.parent, maildir, maildir / "tmp", maildir / "new", maildir / "cur"):
            directory.mkdir(exist_ok=True)
            os.chown(directory, _MAIL_OWNER, _MAIL_OWNER)
        for number, message in enumerate(messages):
            # Not at once into its place: Dovecot would read what is half written.
            path = maildir / "tmp" / f"{time.time_ns()}.{number}.filled"
            path.write_bytes(message)
            os.chown(path, _MAIL_OWNER, _MAIL_OWNER)
            path.rename(maildir / "new" / path.name)

    def token(self, user: str, *, good_for: timedelta = timedelta(hours=1)) -> str:
        """Return an access token (RFC 7519) with which `user` may log in for a while."""
        now = int(time.time())
        head, claims = (
            {"alg": "HS256", "typ": "JWT"},
            {"sub": user, "iat": now, "exp": now + int(good_for.total_seconds())},
        )
        signed = b".".join(_base64url(json.dumps(part).encode()) for part in (head, claims))
        signature = hmac.digest(self._token_key, signed, "sha256")
        return b".".join((signed, _base64url(signature))).decode()

    def heal(self) -> None:
        """Run with no mail in any mailbox."""
        if self.frozen:
            # Thawed, its sessions would go on in mailboxes that are removed under them, and in the next test's.
            self.kill()
        self.start()
        self.empty()

    def empty(self) -> None:
        """Forget every mailbox; sessions that are open find theirs gone."""
        for account in self._mail.iterdir():
            _remove(account)


def _remove(account: Path) -> None:
    """Remove a mailbox, although Dovecot may be renaming files in it at this moment."""
    for _ in range(_MOST_TRIES):
        shutil.rmtree(account, ignore_errors=True)
        if not account.exists():
            return
    raise LabError(f"{account} cannot be removed")


def _trust_tokens(home: Path, key: bytes) -> None:
    # Signed tokens are checked by Dovecot alone: no server has to run for it to ask.
    keys = home / "keys" / "default" / "HS256"
    keys.mkdir(parents=True)
    (keys / "default").write_bytes(base64.b64encode(key))
    (home / "oauth2.conf").write_text(
        "introspection_mode = local\n"
        f"local_validation_key_dict = fs:posix:prefix={home}/keys/\n"
        "username_attribute = sub\n"
    )


def _base64url(octets: bytes) -> bytes:
    return base64.urlsafe_b64encode(octets).rstrip(b"=")


def _quotas(home: Path) -> str:
    # Whoever has no line of his own has no quota.
    user, name = SMALL, SMALL.partition("@")[0]
    rule = f"userdb_quota=maildir:quota userdb_quota_rule=*:messages={SMALL_MESSAGES}"
    return f"{user}::{_MAIL_OWNER}:{_MAIL_OWNER}::{home}/mail/{name}::{rule}\n"


def _compile_sieve(home: Path) -> None:
    # Compiled beforehand: the mail's owner must not write here, and each delivery would compile it again.
    (home / "junk.sieve").write_text(_JUNK_SIEVE)
    done = subprocess.run(
        ["sievec", "-c", home / "dovecot.conf", home / "junk.sieve"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise LabError(f"sievec does not take the laboratory's script: {done.stderr.strip()}")


_JUNK_SIEVE = """\
require ["envelope", "fileinto", "subaddress"];
if envelope :detail "to" "junk" { fileinto "Junk"; }
"""


def _dovecot_conf(home: Path, address: str, certificate: Certificate) -> str:
    return f"""\
protocols = imap pop3 lmtp
base_dir = {home}/run
state_dir = {home}/run
log_path = {home}/dovecot.log
instance_name = mailflow-lab
listen = {address}

ssl = yes
ssl_cert = <{certificate.key_and_chain}
ssl_key = <{certificate.key_and_chain}
disable_plaintext_auth = no
auth_mechanisms = plain login cram-md5 scram-sha-256 xoauth2 oauthbearer
auth_failure_delay = 0
auth_username_format = %Lu
recipient_delimiter = +
mail_max_userip_connections = 10000
first_valid_uid = {_MAIL_OWNER}
mail_location = maildir:~/Maildir

passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {home}/oauth2.conf
}}
passdb {{
  driver = static
  mechanisms = plain login cram-md5 scram-sha-256
  args = password={PASSWORD}
}}
userdb {{
  driver = passwd-file
  args = {home}/quotas
}}
userdb {{
  driver = static
  args = uid={_MAIL_OWNER} gid={_MAIL_OWNER} home={home}/mail/%n allow_all_users=yes
}}

namespace inbox {{
  inbox = yes
  mailbox Junk {{
    auto = create
    special_use = \\Junk
  }}
}}

protocol lmtp {{
  mail_plugins = sieve quota
}}
protocol imap {{
  mail_plugins = quota imap_quota
}}
plugin {{
  sieve_before = {home}/junk.sieve
}}

# Without this one wrong password delays everyone on the address by seconds.
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth {{
  inet_listener sasl {{
    port = {SASL_PORT}
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {LMTP_PORT}
  }}
  process_limit = 500
}}
service imap-login {{
  inet_listener imap {{
    port = {IMAP_PORT}
  }}
  inet_listener imaps {{
    port = {IMAPS_PORT}
  }}
  service_count = 0
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {POP3_PORT}
  }}
  inet_listener pop3s {{
    port = {POP3S_PORT}
  }}
  service_count = 0
}}
"""

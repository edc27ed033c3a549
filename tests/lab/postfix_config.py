"""What a member's main.cf and master.cf say, its faults included."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from tests.lab.addresses import DELAY, DOMAIN, MONITOR, SPECIAL
from tests.lab.certificates import Certificate
from tests.lab.gateway import Altered, Gateway
from tests.lab.site import Endpoint

SPAM_STATUS = "Yes, score=15.2 required=5.0 tests=LAB_RULE"
"""What is written into the header of a message to junk@."""
SMTP_PORT = 2525
PROXY_PORT = 2526
SMTPS_PORT = 2465
SUBMISSION_PORT = 2587
DELAY_PORT = 2590
OLD_PORT = 2591
"""Here no DSN is offered (RFC 3461), and the sender is told after a second that a message is still in the queue."""


class Stage(StrEnum):
    """Where in the dialogue a fault strikes; the value names the restriction list that Postfix asks there."""

    BANNER = "client"
    EHLO = "helo"
    MAIL = "sender"
    RCPT = "recipient"
    DATA = "data"
    BODY = "end_of_data"


@dataclass(frozen=True, slots=True)
class Faults:
    """What is wrong with a member on purpose: by stage, an answer of access(5) and seconds of silence."""

    actions: dict[Stage, str] = field(default_factory=dict)
    naps: dict[Stage, int] = field(default_factory=dict)
    discards: bool = False
    policy: Endpoint | None = None
    """A policy service that is asked about every recipient."""
    damages: str = ""
    """The transport by which all mail goes through a filter that damages it."""
    detour: str = ""
    """The transport that takes the place of the way to the mail store."""
    detour_tls: str = "none"
    """How the next hop of a detour is spoken to (smtp_tls_security_level)."""
    certificate: Certificate | None = None
    """What it shows in place of its own certificate."""

    def __str__(self) -> str:
        words = [f"{stage.name}: {action}" for stage, action in self.actions.items()]
        words += [f"{stage.name}: {nap} s late" for stage, nap in self.naps.items()]
        words += ["discards all mail"] if self.discards else []
        words += [f"asks {self.policy} about recipients"] if self.policy else []
        words += ["damages all mail"] if self.damages else []
        words += [f"sends all mail by {self.detour}"] if self.detour else []
        words += [f"shows {self.certificate.key_and_chain.name}"] if self.certificate else []
        return ", ".join(words) or "no faults"

    def main_cf(self, *, lmtp: Endpoint) -> str:
        """Return the restriction lists, those of the special addresses after the faults, and where mail goes next."""
        shown = f"smtpd_tls_chain_files = {self.certificate.key_and_chain}\n" if self.certificate else ""
        lists = "".join(f"smtpd_{stage}_restrictions = {', '.join(self._rules(stage))}\n" for stage in Stage)
        return f"""\
{lists}{shown}content_filter = {self.damages}
virtual_transport = {self.detour or f"lmtp:inet:{lmtp}"}
smtp_tls_security_level = {self.detour_tls}
"""

    def _rules(self, stage: Stage) -> list[str]:
        rules = [f"sleep {self.naps[stage]}"] if stage in self.naps else []
        if stage in self.actions:
            rules.append(f"check_client_access static:{{{self.actions[stage]}}}")
        if self.discards and stage is Stage.RCPT:
            rules.append("check_client_access static:DISCARD")
        if self.policy and stage is Stage.RCPT:
            rules.append(f"check_policy_service inet:{self.policy}")
        if stage in _SPECIAL_ANSWERS:
            rules.append(f"check_recipient_access {_inline(_SPECIAL_ANSWERS[stage])}")
        return rules


def main_cf(
    home: Path, *, hostname: str, address: str, gateway: Gateway, sasl: Endpoint, certificate: Certificate
) -> str:
    """Return all of main.cf except for what faults change."""
    second_hop = f"smtp:[{address}]:{DELAY_PORT}"
    transports = {
        **_TRANSPORTS,
        f"delay@{DOMAIN}": second_hop,
        "nobody@next.test": second_hop,
        **{f"{altered.name.lower()}@{DOMAIN}": gateway.transport(altered) for altered in Altered},
    }
    return f"""\
compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/data
maillog_file = {home}/maillog
maillog_file_prefixes = {home}
syslog_name = {hostname.partition(".")[0]}

# The member's own address stands in master.cf only: no interface has it, so that here it is fatal.
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = {hostname}
mydomain = {DOMAIN}
mydestination =
mynetworks =
alias_maps =
alias_database =
local_recipient_maps =
fast_flush_domains =

virtual_mailbox_domains = {DOMAIN}
virtual_mailbox_maps = static:any
virtual_alias_maps = {_inline(_ALIASES)}
transport_maps = {_inline(transports)}
# What a spam filter would write, into what is to be filed as junk.
header_checks = regexp:{{{{/^To:.*junk@/ PREPEND X-Spam-Status: {SPAM_STATUS}}}}}
lmtp_destination_recipient_limit = 1

smtp_dns_support_level = disabled
lmtp_dns_support_level = disabled
smtp_host_lookup = native
smtpd_peername_lookup = no

smtpd_tls_security_level = may
smtpd_tls_chain_files = {certificate.key_and_chain}
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:{sasl}
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
# Every restriction list answers at its own stage, so that a fault can strike there.
smtpd_delay_reject = no

queue_run_delay = 2s
minimal_backoff_time = 2s
maximal_backoff_time = 4s
transport_retry_time = 2s
in_flow_delay = 0
smtpd_error_sleep_time = 0
smtpd_hard_error_limit = 1000
smtpd_client_connection_count_limit = 0
default_process_limit = 200
"""


def master_cf(address: str) -> str:
    """Return master.cf: the member's ports, a second hop that delays, and what Postfix needs inside."""
    return f"""\
{address}:{SMTP_PORT} inet n - n - - smtpd
{address}:{PROXY_PORT} inet n - n - - smtpd -o smtpd_upstream_proxy_protocol=haproxy
{address}:{SMTPS_PORT} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
{address}:{SUBMISSION_PORT} inet n - n - - smtpd
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
{address}:{DELAY_PORT} inet n - n - - smtpd
  -o myhostname=delay.{DOMAIN}
  -o cleanup_service_name=cleanup-delayed
  -o smtpd_client_restrictions=
  -o smtpd_helo_restrictions=
  -o smtpd_sender_restrictions=
  -o smtpd_recipient_restrictions=
  -o {{ smtpd_data_restrictions = sleep {DELAY.total_seconds():.0f} }}
  -o smtpd_end_of_data_restrictions=
{address}:{OLD_PORT} inet n - n - - smtpd
  -o cleanup_service_name=cleanup-old
  -o smtpd_discard_ehlo_keywords=dsn,silent-discard
cleanup-old unix n - n - 0 cleanup
  -o delay_warning_time=1s
cleanup-delayed unix n - n - 0 cleanup
  -o {{ virtual_alias_maps = {_inline({f"delay@{DOMAIN}": MONITOR})} }}
cleanup unix n - n - 0 cleanup
pickup unix n - n 60 1 pickup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
showq unix n - n - - showq
postlog unix-dgram n - n - 1 postlogd
"""


def _inline(entries: dict[str, str]) -> str:
    return "inline:{ " + ", ".join(f"{{{key} = {value}}}" for key, value in entries.items()) + " }"


_ALIASES = {address: ", ".join(special.becomes) for address, special in SPECIAL.items() if special.becomes}
_TRANSPORTS = {address: special.transport for address, special in SPECIAL.items() if special.transport}
_SPECIAL_ANSWERS = {
    Stage.RCPT: {address: special.at_rcpt for address, special in SPECIAL.items() if special.at_rcpt},
    Stage.BODY: {address: special.after_dot for address, special in SPECIAL.items() if special.after_dot},
}

"""One Exim as a second kind of MTA: it takes mail for lab.test and drops it, and refuses what the addresses ask for."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.lab.addresses import DOMAIN, SPECIAL
from tests.lab.errors import LabError
from tests.lab.guard import Guard
from tests.lab.postfix_config import SMTP_PORT
from tests.lab.server import Server
from tests.lab.site import Endpoint, Site

PROGRAM = Path("/usr/local/lib/mailflow-lab/exim/usr/sbin/exim4")
USER = "Debian-exim"
"""Whom Debian's Exim runs as; the name is compiled in."""


class Exim(Server):
    """A real MTA that tells its answers from the special addresses, and keeps nothing."""

    def __init__(self, *, address: str, home: Path, guard: Guard, options: str = "") -> None:
        self.config = home / "exim.conf"
        greets = Endpoint(address, SMTP_PORT)
        super().__init__(
            "exim", [PROGRAM, "-C", self.config, "-bdf"], greets=greets, log=home / "log" / "mainlog", guard=guard
        )
        self.address = address
        self.port = SMTP_PORT
        for folder in ("log", "spool"):
            (home / folder).mkdir(parents=True)
            shutil.chown(home / folder, USER, USER)
        self.config.write_text(_config(home, address, options))


@contextmanager
def exim_alone(options: str = "") -> Iterator[Exim]:
    """Run one Exim on loopback while the context lasts; raise LabError where it cannot.

    ``options`` are further lines of its main configuration.
    """
    if not PROGRAM.exists():
        raise LabError("Exim is not there; run, as root: sh tests/lab/install.sh")
    with Site() as site, closing(Guard(site.path)) as guard:
        server = Exim(address=site.member_address(1), home=site.path / "exim", guard=guard, options=options)
        try:
            server.start()
            yield server
        finally:
            server.kill()


def _config(home: Path, address: str, options: str) -> str:
    at_rcpt = {to: special.at_rcpt for to, special in SPECIAL.items() if special.at_rcpt}
    after_dot = {to: special.after_dot for to, special in SPECIAL.items() if special.after_dot}
    return f"""\
primary_hostname = exim.{DOMAIN}
spool_directory = {home}/spool
log_file_path = {home}/log/%slog
pid_file_path = {home}/log/pid
keep_environment =
local_interfaces = {address}
daemon_smtp_ports = {SMTP_PORT}
host_lookup =
tls_advertise_hosts =
pipelining_advertise_hosts = *
dsn_advertise_hosts = *
smtp_accept_max = 100
{options}
acl_smtp_rcpt = rcpt
acl_smtp_data = data

begin acl
rcpt:
{_refusals(at_rcpt, lambda to: f"recipients = {to}")}
  accept domains = {DOMAIN}
  deny message = 550 5.7.1 Not relayed
data:
{_refusals(after_dot, lambda to: f"condition = ${{if eq{{$recipients}}{{{to}}}}}")}
  discard
"""


def _refusals(answers: dict[str, str], condition: Callable[[str], str]) -> str:
    verbs = {"4": "defer", "5": "deny"}
    return "\n".join(f"  {verbs[answer[0]]} {condition(to)}\n    message = {answer}" for to, answer in answers.items())

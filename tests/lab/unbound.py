"""A real resolver that validates the signed zone of a laboratory, and says so to whoever asks."""

from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rdatatype

from tests.lab.addresses import DOMAIN
from tests.lab.guard import Guard
from tests.lab.knot import Knot
from tests.lab.server import Server
from tests.lab.site import Endpoint

RESOLVER_PORT = 5354


class Unbound(Server):
    """Resolves lab.test by asking a `Knot(signed=True)`; it remembers nothing, so that a new zone is seen at once."""

    def __init__(self, knot: Knot, *, home: Path, guard: Guard) -> None:
        conf = home / "unbound.conf"
        command = ["/usr/sbin/unbound", "-d", "-c", conf]
        endpoint = Endpoint(knot.address, RESOLVER_PORT)
        super().__init__("unbound", command, greets=endpoint, log=home / "unbound.log", guard=guard)
        self.address = knot.address
        self.port = RESOLVER_PORT
        home.mkdir()
        conf.write_text(_unbound_conf(home, knot))

    def greets(self) -> bool:
        """Tell whether the zone is resolved."""
        question = dns.message.make_query(DOMAIN, dns.rdatatype.SOA)
        try:
            return bool(dns.query.udp(question, self.address, port=self.port, timeout=1).answer)
        except (OSError, dns.exception.DNSException):
            return False


def _unbound_conf(home: Path, knot: Knot) -> str:
    return f"""\
server:
    directory: "{home}"
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    logfile: "{home}/unbound.log"
    interface: {knot.address}@{RESOLVER_PORT}
    access-control: 127.0.0.0/8 allow
    do-not-query-localhost: no
    local-zone: "test." nodefault
    module-config: "validator iterator"
    trust-anchor: "{knot.trust_anchor()}"
    cache-max-ttl: 0
    cache-max-negative-ttl: 0
remote-control:
    control-enable: no
stub-zone:
    name: "{DOMAIN}."
    stub-addr: {knot.address}@{knot.port}
"""

"""A real name server for the zone lab.test, whose records can be rewritten while it runs."""

import signal
import subprocess
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rdatatype

from tests.lab.addresses import DOMAIN
from tests.lab.errors import LabError
from tests.lab.guard import Guard
from tests.lab.postfix_config import SUBMISSION_PORT
from tests.lab.server import Server
from tests.lab.site import Endpoint

DNS_PORT = 5353
_ALGORITHM = "ecdsap256sha256"
_LOADS_WITHIN = timedelta(seconds=5)


class Knot(Server):
    """Answers for lab.test; the members are known to it from the start."""

    def __init__(self, *, address: str, members: Sequence[str], home: Path, guard: Guard, signed: bool = False) -> None:
        command = ["/usr/sbin/knotd", "-c", home / "knot.conf"]
        super().__init__("knot", command, greets=Endpoint(address, DNS_PORT), log=home / "knot.log", guard=guard)
        self.address = address
        self.port = DNS_PORT
        self.records = _records(members)
        self._serial = 0
        self._zone = home / f"{DOMAIN}.zone"
        home.mkdir()
        self._conf = home / "knot.conf"
        self._conf.write_text(_knot_conf(home, address, signed=signed))
        if signed:
            self._keymgr("generate", f"algorithm={_ALGORITHM}", "ksk=yes", "zsk=yes")
        self._write(self.records, timedelta(seconds=1))

    def rewrite(self, records: Sequence[str], *, ttl: timedelta = timedelta(seconds=1)) -> None:
        """Let the zone consist of `records` (lines of a zone file) and return when that is what is answered."""
        self._write(records, ttl)
        self.send(signal.SIGHUP)
        give_up = time.monotonic() + _LOADS_WITHIN.total_seconds()
        while not self.greets():
            if time.monotonic() > give_up:
                raise LabError(f"knot did not take the new zone; its last words:\n{self.last_words()}")
            time.sleep(0.01)

    def trust_anchor(self) -> str:
        """Return the DNSKEY record by which a resolver validates a signed zone."""
        return self._keymgr("dnskey").splitlines()[0]

    def heal(self) -> None:
        """Run, with the records of the start."""
        self.start()
        self.rewrite(self.records)

    def greets(self) -> bool:
        """Tell whether the zone as it was last written is answered."""
        question = dns.message.make_query(DOMAIN, dns.rdatatype.SOA)
        try:
            answer = dns.query.udp(question, self.address, port=DNS_PORT, timeout=0.5)
        except (OSError, dns.exception.DNSException):
            return False
        return any(record.serial >= self._serial for rrset in answer.answer for record in rrset)

    def _keymgr(self, *command: str) -> str:
        keymgr = ["/usr/sbin/keymgr", "-c", str(self._conf), f"{DOMAIN}.", *command]
        return subprocess.run(keymgr, capture_output=True, text=True, check=True).stdout

    def _write(self, records: Sequence[str], ttl: timedelta) -> None:
        self._serial += 10  # signing counts on from it
        head = [
            f"$ORIGIN {DOMAIN}.",
            f"$TTL {ttl.total_seconds():.0f}",
            f"@ SOA ns hostmaster {self._serial} 60 60 60 1",
            "@ NS ns",
            f"ns A {self.address}",
        ]
        self._zone.write_text("\n".join([*head, *records]) + "\n")


def _records(members: Sequence[str]) -> list[str]:
    hosts = [f"{name}{number} A {address}" for number, address in enumerate(members, 1) for name in ("mta", "mx")]
    return [
        *hosts,
        *(f"@ MX {10 * number} mx{number}" for number in (1, 2) if number <= len(members)),
        *(f"smtp A {address}" for address in members),
        *(f"_submission._tcp SRV 0 1 {SUBMISSION_PORT} mta{number}" for number in range(1, len(members) + 1)),
        "null MX 0 .",
        f"implicit A {members[0]}",
        "dual MX 10 dual-host",
        f"dual-host A {members[0]}",
        "dual-host AAAA ::1",
    ]


def _knot_conf(home: Path, address: str, *, signed: bool) -> str:
    signing = "\n    dnssec-signing: on\n    dnssec-policy: lab" if signed else ""
    return f"""\
server:
    rundir: {home}
    listen: {address}@{DNS_PORT}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: {home}/knot.log
    any: info
database:
    storage: {home}
policy:
  - id: lab
    algorithm: {_ALGORITHM}
    single-type-signing: on
zone:
  - domain: {DOMAIN}
    storage: {home}
    zonefile-sync: -1
    journal-content: none{signing}
"""

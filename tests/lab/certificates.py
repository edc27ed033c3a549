"""The laboratory's certificate authority and what it has signed."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import trustme


@dataclass(frozen=True, slots=True)
class Certificate:
    """A server's key and certificate, for its first name and for all the others."""

    hostname: str
    key_and_chain: Path


class Authority:
    """A certificate authority that only the laboratory trusts; `ca_file` is what a client has to be given."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._authority = trustme.CA()
        self.ca_file = home / "ca.pem"
        self._authority.cert_pem.write_to_path(str(self.ca_file))

    def certify(self, hostname: str, *others: str, ends: datetime | None = None) -> Certificate:
        """Sign a certificate for `hostname` and `others`: names, addresses or both; by default it ends in years."""
        path = self._home / (f"{hostname}.pem" if ends is None else f"{hostname}-{ends:%Y%m%d%H%M%S}.pem")
        signed = self._authority.issue_cert(hostname, *others, not_after=ends)
        signed.private_key_and_cert_chain_pem.write_to_path(str(path))
        path.chmod(0o600)
        return Certificate(hostname, path)

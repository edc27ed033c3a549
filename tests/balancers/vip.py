"""A real HAProxy that hides real members behind one address, as balancers of mail do."""

from collections.abc import Iterable
from pathlib import Path

from tests.balancers.haproxy import HAProxy, free_port
from tests.lab.postfix import Member

_CONFIG = """\
frontend vip
  bind {vip}
  default_backend mx
backend mx
  balance roundrobin
  default-server inter 200ms rise 1 fall 1 {check}
{servers}
"""


class Vip(HAProxy):
    """HAProxy in front of members, by turns; with ``check`` it leaves out those whose port is closed."""

    def __init__(self, members: Iterable[Member], *, host: str, home: Path, check: bool = True) -> None:
        self.address = f"{host}:{free_port(host)}"
        servers = "\n".join(f"  server {member.name} {member.address}:{member.port}" for member in members)
        checks = "check" if check else "no-check"
        super().__init__(_CONFIG.format(vip=self.address, servers=servers, check=checks), home)

"""A real HAProxy beside each scenario, which does what the probe's agent-check says, and nothing of its own."""

from pathlib import Path

from tests.balancers.haproxy import HAProxy
from tests.lab import Laboratory

BACKEND = "mx"
AGENT_PORT = 9848
_CONFIG = """\
backend {backend}
  default-server agent-check agent-addr {probe} agent-port {port} agent-inter 200ms
{servers}
"""


def balancer(lab: Laboratory, home: Path) -> HAProxy:
    """Return HAProxy before the members of a laboratory, without checks of its own: what it does is our word."""
    servers = "\n".join(
        f'  server {member.name} {member.address}:{member.port} agent-send "vip/{member.name}\\n"'
        for member in lab.members.values()
    )
    return HAProxy(_CONFIG.format(backend=BACKEND, probe=lab.hub, port=AGENT_PORT, servers=servers), home)

"""A mail system in which a little of everything goes wrong, watched by the program, HAProxy and Prometheus."""

import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.balancers.haproxy import HAProxy
from tests.dashboards.grafana import Grafana, grafana
from tests.e2e.program import Program, mailflow
from tests.e2e.quick import only, quick_config
from tests.lab import DOMAIN, PASSWORD, Laboratory, Stage
from tests.lab.dovecot import IMAP_PORT, SMALL, SMALL_MESSAGES
from tests.oauth.endpoint import endpoint, granted

TOKENED = f"tokened@{DOMAIN}"
SECRET = "client-secret"
FAILING = ("mta2", "mta3")
"""Their ports are open all the same: a balancer that only connects finds nothing wrong with them."""

WEB_PORT, AGENT_PORT, HAPROXY_PORT = 9847, 9848, 8405
HEEDING, DEAF = "heeding", "deaf"
_HAPROXY = """\
frontend metrics
  mode http
  bind {hub}:{port}
  http-request use-service prometheus-exporter
backend deaf
  default-server inter 500ms rise 1 fall 1 check
{deaf}
backend heeding
  default-server inter 500ms rise 1 fall 1 check agent-check agent-addr {hub} agent-port {agent} agent-inter 500ms
{heeding}
"""


@contextmanager
def watched(lab: Laboratory, home: Path) -> Iterator[Grafana]:
    """Run everything, and ask as Grafana does; scraping begins before the program."""
    discarding, refusing = FAILING
    lab.member(discarding).discard()
    lab.member(refusing).refuse(stage=Stage.BANNER)
    for _ in range(SMALL_MESSAGES):
        lab.deliver(SMALL, b"Subject: theirs\r\n\r\nx\r\n")
    with ExitStack() as running:
        token_url = running.enter_context(_tokens(lab))
        running.enter_context(HAProxy(_haproxy(lab), home))
        asking = running.enter_context(
            grafana(home, {"mailflow": f"{lab.hub}:{WEB_PORT}", "haproxy": f"{lab.hub}:{HAPROXY_PORT}"})
        )
        program = running.enter_context(Program(config(lab, home, token_url), home))
        held = mailflow("hold", program.config_file, "vip/mta4", "--for", "1h", "--as", "up", "--why", "a new disk")
        assert held.returncode == 0, held.stderr
        yield asking


def _haproxy(lab: Laboratory) -> str:
    """Return a config with two backends of all members: one that asks the probe's agent, and one that does not."""
    deaf = "\n".join(f"  server {member.name} {member.address}:{member.port}" for member in lab.members.values())
    heeding = "\n".join(
        f'  server {member.name} {member.address}:{member.port} agent-send "vip/{member.name}\\n"'
        for member in lab.members.values()
    )
    return _HAPROXY.format(hub=lab.hub, port=HAPROXY_PORT, agent=AGENT_PORT, deaf=deaf, heeding=heeding)


def config(lab: Laboratory, home: Path, token_url: str) -> dict[str, Any]:
    """Return a config that uses what there is a panel for."""
    quick = quick_config(lab, home, agent={"listen": f"{lab.hub}:{AGENT_PORT}"})
    smtp = quick["pools"]["vip"]["smtp"]
    route = quick["routes"]["inbound"] | {"interval": "2s"}
    passwords = {"file": _secret(home / "password", PASSWORD)}
    grant = {
        "token_url": token_url,
        "client_id": "probe",
        "client_secret": {"file": _secret(home / "client", SECRET)},
        "ca_file": str(lab.ca_file),
    }
    imap = {"host": lab.hub, "port": IMAP_PORT, "tls": "none"}
    quick["mailboxes"] |= {
        "small": {"address": SMALL, "imap": imap | {"username": SMALL, "password": passwords}},
        "tokened": {"address": TOKENED, "imap": imap | {"username": TOKENED, "auth": {"oauth2": grant}}},
    }
    quick["pools"] |= {
        "mx": {"discover": {"mx": DOMAIN, "port": lab.member("mta1").port}, "smtp": smtp | {"verify": False}},
        "healthy": {"members": only(lab, "mta1", "mta4"), "smtp": smtp | {"verify": False}},
    }
    aside = route | {"pool": "healthy"}
    quick["routes"] = {
        "inbound": route,
        "encoded": aside | {"to": f"encode@{DOMAIN}", "authserv_id": "gateway.lab.test"},
        "full": aside | {"to": SMALL, "mailbox": "small"},
        "tokened": aside | {"to": TOKENED, "mailbox": "tokened"},
        "exchangers": route | {"pool": "mx"},
    }
    return quick


@contextmanager
def _tokens(lab: Laboratory) -> Iterator[str]:
    """Run a token endpoint whose tokens Dovecot believes, and give its URL."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(lab.certify("127.0.0.1").key_and_chain)
    with endpoint(granted(lab.dovecot.token(TOKENED)), tls=context) as given:
        yield given.url


def _secret(path: Path, text: str) -> str:
    path.write_text(text)
    path.chmod(0o600)
    return str(path)

"""A mail system in which a little of everything goes wrong, watched by the program, HAProxy and Prometheus."""

import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.dashboards.grafana import Grafana, grafana
from tests.dashboards.haproxy import haproxy
from tests.e2e.program import Program
from tests.e2e.quick import only, quick_config
from tests.lab import DOMAIN, PASSWORD, Laboratory, Stage
from tests.lab.dovecot import IMAP_PORT, SMALL, SMALL_MESSAGES
from tests.oauth.endpoint import endpoint, granted

TOKENED = f"tokened@{DOMAIN}"
SECRET = "client-secret"
FAILING = ("mta2", "mta3")
"""Their ports are open all the same: a balancer that only connects finds nothing wrong with them."""


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
        web, balancer = f"{lab.hub}:9847", f"{lab.hub}:8405"
        vip = f"{lab.hub}:2501"
        running.enter_context(haproxy(lab.members.values(), metrics=balancer, vip=vip, home=home))
        asking = running.enter_context(grafana(home, {"mailflow": web, "haproxy": balancer}))
        running.enter_context(Program(config(lab, home, token_url), home))
        yield asking


def config(lab: Laboratory, home: Path, token_url: str) -> dict[str, Any]:
    """Return a config that uses what there is a panel for."""
    quick = quick_config(lab, home)
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

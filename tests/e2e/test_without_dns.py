"""A config with addresses only never asks DNS: not ours, not the system's, for members, VIPs and mailboxes alike."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from tests.balancers.vip import Vip
from tests.e2e.program import printed_json
from tests.e2e.quick import quick_config
from tests.lab import DOMAIN, Laboratory

pytestmark = pytest.mark.lab


class NameServer:
    """A name server that answers nobody, and knows whether it was asked."""

    def __init__(self, address: str, home: Path) -> None:
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind((address, 53))
        self._udp.setblocking(False)
        self._conf = home / "resolv.conf"
        self._conf.write_text(f"nameserver {address}\noptions timeout:1 attempts:1\n")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Python in a mount namespace of its own, in which this is the system's name server."""
        within = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"', str(self._conf)]
        command = [*within, sys.executable, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=os.environ)

    def asked(self) -> bool:
        """Tell whether anybody asked since this was last asked."""
        asked = False
        while True:
            try:
                self._udp.recv(512)
            except BlockingIOError:
                return asked
            asked = True

    def close(self) -> None:
        self._udp.close()


@pytest.fixture
def names(lab: Laboratory, tmp_path: Path) -> Iterator[NameServer]:
    # Not the hub: the name server of a laboratory that has one listens there.
    with closing(NameServer(lab.hub.rpartition(".")[0] + ".53", tmp_path)) as server:
        yield server


def test_addresses_are_dialled_as_they_are_written(lab: Laboratory, tmp_path: Path, names: NameServer) -> None:
    config = quick_config(lab, tmp_path)
    del config["resolver"]
    smtp = {key: value for key, value in config["pools"]["vip"]["smtp"].items() if key != "ehlo"}
    mta1, mta2 = lab.member("mta1"), lab.member("mta2")
    with Vip([mta1, mta2], host=lab.hub, home=tmp_path) as balancer:
        config["pools"] = {
            "vip": {"members": {"mta1": f"{mta1.address}:{mta1.port}"}, "smtp": smtp | {"tls": "none"}},
            "behind": {"discover": {"vip": balancer.address, "members": [f"mta2.{DOMAIN}"]}, "smtp": smtp},
        }
        config["routes"]["behind"] = config["routes"]["inbound"] | {"pool": "behind"}
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump(config))
        done = names.run("-m", "probe", "once", "-c", str(path), "--json")

    assert not names.asked()
    assert [probe["outcome"] for probe in printed_json(done)["probes"]] == ["delivered"] * 2, done.stderr
    assert done.returncode == 0


def test_whoever_looks_a_name_up_would_be_noticed(names: NameServer) -> None:
    names.run("-c", f"import socket\ntry: socket.getaddrinfo('mta1.{DOMAIN}', 25)\nexcept OSError: pass")

    assert names.asked()

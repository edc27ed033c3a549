"""Every way in: behind send-proxy, over LMTP, by the local MTA, and through the servers that HAProxy knows."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.balancers.haproxy import HAProxy
from tests.e2e.program import mailflow, printed_json
from tests.e2e.quick import quick_config
from tests.lab import Laboratory
from tests.lab.postfix_config import PROXY_PORT

pytestmark = pytest.mark.lab


def ways(lab: Laboratory, stats_socket: str) -> dict[str, Any]:
    """Return a pool for each way."""
    mta1 = lab.member("mta1")
    proxied = f"{mta1.address}:{PROXY_PORT}"
    sendmail = ["/usr/sbin/sendmail", "-C", str(lab.path / "mta2"), "-bs"]
    return {
        "text": {"members": {"mta1": proxied}, "smtp": {"proxy_protocol": "v1"}},
        "binary": {"members": {"mta1": proxied}, "smtp": {"proxy_protocol": "v2"}},
        "unannounced": {"members": {"mta1": f"{mta1.address}:{mta1.port}"}, "smtp": {"proxy_protocol": "v1"}},
        "store": {"members": {"dovecot": str(lab.dovecot.lmtp)}, "smtp": {"lmtp": True}},
        "local": {"members": {"here": {"command": sendmail}}},
        "from-lb": {"discover": {"haproxy": stats_socket, "backend": "mx"}},
    }


def test_a_message_arrives_by_every_way_in(lab: Laboratory, tmp_path: Path) -> None:
    servers = "\n".join(f"  server {member.name} {member.address}:{member.port}" for member in lab.members.values())
    config = quick_config(lab, tmp_path)
    route = config["routes"]["inbound"]
    with HAProxy(f"backend mx\n{servers}\n", tmp_path) as haproxy:
        config["pools"] = ways(lab, str(haproxy.socket))
        config["routes"] = {pool: {**route, "pool": pool, "deadline": "8s"} for pool in config["pools"]}
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))

        done = mailflow("once", tmp_path / "config.yaml", "--json")

    probes = {(probe["pool"], probe["member"]): probe for probe in printed_json(done)["probes"]}
    lost = probes.pop(("unannounced", "mta1"))
    assert "proxy_protocol: v1" in lost["reason"]
    assert {path: probe["outcome"] for path, probe in probes.items()} == {
        ("text", "mta1"): "delivered",
        ("binary", "mta1"): "delivered",
        ("store", "dovecot"): "delivered",
        ("local", "here"): "delivered",
        **{("from-lb", name): "delivered" for name in lab.members},
    }

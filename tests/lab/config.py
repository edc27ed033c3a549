"""The mailflow config that watches a laboratory."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.lab.addresses import MONITOR, PASSWORD, SENDER
from tests.lab.dovecot import IMAP_PORT
from tests.lab.postfix import Member

TAG_KEY = "laboratory-tag-key-0123456789abcdef"


def config_for(members: Iterable[Member], *, hub: str, home: Path, ca_file: Path) -> dict[str, Any]:
    """Return one pool `vip` of `members`, one mailbox `monitor` and one quick route `inbound`."""
    return {
        "instance": "lab",
        "state": f"sqlite:///{home}/mailflow.db",
        "tag_keys": [{"id": "k1", "file": _secret(home / "tag.key", TAG_KEY)}],
        "web": {"listen": f"{hub}:9847"},
        "mailboxes": {"monitor": _mailbox(hub, home)},
        "pools": {
            "vip": {
                "members": {
                    member.name: {"address": member.address, "port": member.port, "hostname": member.hostname}
                    for member in members
                },
                "smtp": {"tls": "starttls", "verify": True, "ca_file": str(ca_file), "ehlo": "probe.lab.test"},
            }
        },
        "routes": {
            "inbound": {
                "pool": "vip",
                "mailbox": "monitor",
                "from": SENDER,
                "to": MONITOR,
                "interval": "2s",
                "deadline": "5s",
                "retry": {"attempts": 2, "first": "500ms", "longest": "1s"},
            }
        },
    }


def merged(config: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return `config` with `overrides` laid over it, mapping by mapping."""
    result = dict(config)
    for key, value in overrides.items():
        old = result.get(key)
        result[key] = merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return result


def _mailbox(hub: str, home: Path) -> dict[str, Any]:
    password = {"file": _secret(home / "password", PASSWORD)}
    imap = {"host": hub, "port": IMAP_PORT, "tls": "none", "username": MONITOR, "password": password}
    return {"address": MONITOR, "imap": imap}


def _secret(path: Path, text: str) -> str:
    path.write_text(text)
    path.chmod(0o600)
    return str(path)

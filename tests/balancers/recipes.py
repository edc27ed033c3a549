"""The recipes of docs/load-balancers.md, made to fit a laboratory and its short times."""

import re
from collections.abc import Iterable

from tests.docs.markdown import blocks, section
from tests.docs.pages import LOAD_BALANCERS
from tests.lab.postfix import Member

PROBE = "192.0.2.50"
PROBE_URL = f"http://{PROBE}:9847"


def recipe(title: str, language: str) -> str:
    """Return the recipe of a section."""
    (only,) = blocks(section(title, LOAD_BALANCERS), language)
    return only


def fitted(haproxy: str, members: Iterable[Member], *, probe: str, bind: str, name: str) -> str:
    """Return a recipe for HAProxy before these members, its proxies named anew so that it can stand beside another.

    Every server of the recipe is like its first; only its times are cut to a tenth.
    """
    servers = list(members)
    text = re.sub(r"^  server mta2 .*\n", "", haproxy, flags=re.MULTILINE)
    text = re.sub(
        r"^  server mta1 192\.0\.2\.11:25(.*)\n",
        lambda line: "".join(_server(member, line[1]) for member in servers),
        text,
        flags=re.MULTILINE,
    )
    text = re.sub(r"\b((?:agent-)?inter) 5s", r"\1 500ms", text).replace("timeout check 2s", "timeout check 500ms")
    text = text.replace(PROBE, probe).replace("bind :25", f"bind {bind}")
    return re.sub(r"\b(smtp_in|mx_unjudged|mx)\b(?!/)", rf"{name}_\1", text)


def _server(member: Member, rest: str) -> str:
    return f"  server {member.name} {member.address}:{member.port}{rest.replace('mta1', member.name)}\n"

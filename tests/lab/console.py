"""Typed commands that switch the laboratory's faults by hand."""

from collections.abc import Callable

from tests.lab.laboratory import Laboratory
from tests.lab.postfix import Member
from tests.lab.server import Server

HELP = (
    "stop|start|kill|freeze|thaw|log SERVER; discard|damage|refuse|refuse-now|keep MEMBER; slow MEMBER SECONDS; "
    "status; reset; quit"
)


def obey(lab: Laboratory, line: str) -> str:
    """Carry out one command line and return what to show; a bad one changes nothing and shows the help."""
    words = line.split()
    if words and words[0] in lab.servers:
        words[:2] = words[1::-1]
    match words:
        case []:
            return ""
        case ["status"]:
            return "\n".join(_state(server) for server in lab.servers.values())
        case ["reset"]:
            lab.reset()
            return "everything runs, no faults, no mail"
        case ["slow", name, seconds] if seconds.isdecimal() and name in lab.members:
            lab.member(name).slow(int(seconds))
            return _state(lab.member(name))
        case [verb, name] if verb in _ON_MEMBER and name in lab.members:
            _ON_MEMBER[verb](lab.member(name))
            return _state(lab.member(name))
        case ["log", name] if name in lab.servers:
            return lab.servers[name].last_words(30)
        case [verb, name] if verb in _ON_SERVER and name in lab.servers:
            _ON_SERVER[verb](lab.servers[name])
            return _state(lab.servers[name])
        case _:
            return f"say: {HELP}"


_ON_SERVER: dict[str, Callable[[Server], None]] = {
    "stop": lambda server: server.stop(),
    "start": lambda server: server.start(),
    "kill": lambda server: server.kill(),
    "freeze": lambda server: server.freeze(),
    "thaw": lambda server: server.thaw(),
}
_ON_MEMBER: dict[str, Callable[[Member], None]] = {
    "discard": lambda member: member.discard(),
    "damage": lambda member: member.damage(),
    "refuse": lambda member: member.refuse(),
    "refuse-now": lambda member: member.refuse_now(),
    "keep": lambda member: member.keep(),
}


def _state(server: Server) -> str:
    life = "frozen" if server.frozen else "running" if server.running else "stopped"
    return f"{server.name} {life}" + (f"; {server.faults}" if isinstance(server, Member) else "")

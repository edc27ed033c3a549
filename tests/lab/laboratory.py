"""The laboratory as a whole: what is started together, put right between tests, and taken down together."""

from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml
from imapclient import IMAPClient

from tests.lab.addresses import DOMAIN, MONITOR
from tests.lab.certificates import Authority, Certificate
from tests.lab.config import config_for, merged
from tests.lab.dovecot import Dovecot
from tests.lab.gateway import Gateway
from tests.lab.guard import Guard
from tests.lab.knot import Knot
from tests.lab.postfix import Member
from tests.lab.requirements import require_servers
from tests.lab.server import Server
from tests.lab.site import Site
from tests.lab.unbound import Unbound


class Laboratory:
    """Several real Postfix members before one real Dovecot, on loopback; use it with `with`.

    Several laboratories can run at once: each has addresses and a directory of its own.
    """

    def __init__(self, members: int = 4, *, dns: bool = False, dnssec: bool = False) -> None:
        require_servers()
        self._size = members
        self._wants_dns = dns or dnssec
        self._wants_dnssec = dnssec
        self._knot: Knot | None = None
        self._unbound: Unbound | None = None
        self._undo = ExitStack()

    def start(self) -> None:
        """Start every server and return when all of them answer; raise LabError if one does not."""
        with ExitStack() as undo:
            self._site = undo.enter_context(Site())
            self._guard = Guard(self.path)
            undo.callback(self._guard.close)
            self._build()
            for server in self.servers.values():
                undo.callback(server.kill)
                server.launch()
            for server in self.servers.values():
                server.await_greeting()
            self._undo = undo.pop_all()

    def close(self) -> None:
        """Take everything down and remove it from the disk."""
        self._undo.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def path(self) -> Path:
        """The directory that everything lives in, and that goes with the laboratory."""
        return self._site.path

    @property
    def hub(self) -> str:
        """The address of Dovecot, of the name server and of the program's own web listener."""
        return self._site.hub

    @property
    def ca_file(self) -> Path:
        """What a client has to trust."""
        return self._authority.ca_file

    @property
    def dns(self) -> Knot:
        """The name server of a `Laboratory(dns=True)`."""
        assert self._knot is not None, "ask for it: Laboratory(dns=True)"
        return self._knot

    @property
    def resolver(self) -> Unbound:
        """The validating resolver of a `Laboratory(dnssec=True)`."""
        assert self._unbound is not None, "ask for it: Laboratory(dnssec=True)"
        return self._unbound

    def certify(self, hostname: str, *, ends: datetime | None = None) -> Certificate:
        """Sign a certificate for a server that a test brings itself, or for a member to `show`."""
        return self._authority.certify(hostname, ends=ends)

    @property
    def servers(self) -> dict[str, Server]:
        """Every server by its name."""
        servers = (self.dovecot, self.gateway, *self.members.values(), self._knot, self._unbound)
        return {server.name: server for server in servers if server}

    def member(self, name: str) -> Member:
        """Return the member called `name`: mta1, mta2, ..."""
        return self.members[name]

    def reset(self) -> None:
        """Put everything right: all servers up and without faults, no mail in any queue or mailbox."""
        for member in self.members.values():
            member.heal()
        self.dovecot.heal()
        self.gateway.start()
        if self._knot:
            self._knot.heal()
        if self._unbound:
            self._unbound.start()

    def imap(self, user: str = MONITOR) -> IMAPClient:
        """Return an IMAP client that is logged in as `user`; close it, best by `with`."""
        return self.dovecot.imap(user)

    def inbox(self, user: str = MONITOR) -> dict[int, tuple[bytes, frozenset[bytes]]]:
        """Return what lies in the inbox of `user` by UID: the bytes of each message, and its flags but for \\Recent."""
        return self.dovecot.inbox(user)

    def deliver(self, user: str, message: bytes) -> None:
        """Put a message of somebody else into the mailbox of `user`, past every member."""
        self.dovecot.deliver(user, message)

    def maillog(self, member: str) -> str:
        """Return what the member has logged so far."""
        return self.members[member].log.read_text(errors="replace")

    def config(self, **overrides: Any) -> dict[str, Any]:
        """Return a config for this laboratory; mappings in `overrides` are laid over it, key by key."""
        config = config_for(self.members.values(), hub=self.hub, home=self.path, ca_file=self.ca_file)
        if self._knot:
            port = self._unbound.port if self._unbound else self._knot.port
            config["resolver"] = {"nameservers": [self.hub], "port": port}
        return merged(config, overrides)

    def write_config(self, path: Path | None = None, **overrides: Any) -> Path:
        """Write the config to `path` (default: config.yaml in the laboratory) and return where."""
        path = path or self.path / "config.yaml"
        path.write_text(yaml.safe_dump(self.config(**overrides), sort_keys=False))
        return path

    def _build(self) -> None:
        self._authority = Authority(self.path)
        certificate = self._authority.certify(f"imap.{DOMAIN}", self.hub)
        self.dovecot = Dovecot(address=self.hub, certificate=certificate, home=self.path / "dovecot", guard=self._guard)
        self.gateway = Gateway(store=self.dovecot.lmtp, home=self.path / "gateway", guard=self._guard)
        members = [self._build_member(number) for number in range(1, self._size + 1)]
        self.members = {member.name: member for member in members}
        if self._wants_dns:
            addresses = [member.address for member in members]
            home = self.path / "knot"
            signed = self._wants_dnssec
            self._knot = Knot(address=self.hub, members=addresses, home=home, guard=self._guard, signed=signed)
            if signed:
                self._unbound = Unbound(self._knot, home=self.path / "unbound", guard=self._guard)

    def _build_member(self, number: int) -> Member:
        name, address = f"mta{number}", self._site.member_address(number)
        return Member(
            name,
            address=address,
            lmtp=self.dovecot.lmtp,
            gateway=self.gateway,
            sasl=self.dovecot.sasl,
            certificate=self._authority.certify(f"{name}.{DOMAIN}", f"mx{number}.{DOMAIN}", address),
            home=self.path / name,
            guard=self._guard,
        )

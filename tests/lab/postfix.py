"""One Postfix instance as a member of the pool, with faults that are switched while it runs."""

import grp
import os
import pwd
import re
import shutil
import signal
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from tests.lab.certificates import Certificate
from tests.lab.gateway import Altered, Gateway
from tests.lab.guard import Guard
from tests.lab.postfix_config import DELAY_PORT, SMTP_PORT, Faults, Stage, main_cf, master_cf
from tests.lab.server import Server
from tests.lab.site import Endpoint

_RELOADS_WITHIN = timedelta(seconds=3)


class Member(Server):
    """A real MTA that takes mail for lab.test and hands it to Dovecot over LMTP."""

    def __init__(
        self,
        name: str,
        *,
        address: str,
        lmtp: Endpoint,
        gateway: Gateway,
        sasl: Endpoint,
        certificate: Certificate,
        home: Path,
        guard: Guard,
    ) -> None:
        # The delay hop is asked whether the member is up: no fault ever touches it.
        greets = Endpoint(address, DELAY_PORT)
        super().__init__(name, [*_MASTER, "-c", home], greets=greets, log=home / "maillog", guard=guard)
        self.address = address
        self.port = SMTP_PORT
        self.hostname = certificate.hostname
        self.faults = Faults()
        self._home = home
        self._lmtp = lmtp
        self._gateway = gateway
        self._settings = main_cf(
            home, hostname=self.hostname, address=address, gateway=gateway, sasl=sasl, certificate=certificate
        )
        _make_directories(home)
        (home / "master.cf").write_text(master_cf(address))
        self._write_main_cf()

    def refuse(self, on: bool = True, stage: Stage = Stage.RCPT) -> None:
        """Answer 550 at `stage`, whoever asks; `False` ends any refusal there."""
        self._act(stage, "550 5.7.1 Refused for good" if on else None)

    def refuse_now(self, on: bool = True, stage: Stage = Stage.RCPT) -> None:
        """Answer 450 at `stage`, whoever asks; `False` ends any refusal there."""
        self._act(stage, "450 4.3.2 Refused for now" if on else None)

    def discard(self, on: bool = True) -> None:
        """Accept everything with 250 and drop it in silence."""
        self._set(replace(self.faults, discards=on))

    def greylist(self, policy: Endpoint | None) -> None:
        """Ask a policy service about every recipient; None ends that."""
        self._set(replace(self.faults, policy=policy))

    def damage(self, on: bool = True) -> None:
        """Send everything through a filter that changes a letter of it."""
        self._set(replace(self.faults, damages=self._gateway.transport(Altered.DAMAGE) if on else ""))

    def stray(self, on: bool = True) -> None:
        """Send everything through the gateway, which encodes it anew and leaves its Received line."""
        self._set(replace(self.faults, detour=self._gateway.transport(Altered.QUOTE) if on else ""))

    def detour(self, by: "Member | None", *, tls: bool = False) -> None:
        """Send everything by another member instead of to the mail store; `None` ends that."""
        transport = f"smtp:[{by.address}]:{by.port}" if by else ""
        self._set(replace(self.faults, detour=transport, detour_tls="may" if tls else "none"))

    def slow(self, seconds: int, stage: Stage = Stage.RCPT) -> None:
        """Answer at `stage` only after `seconds`; 0 is quick again."""
        naps = {**self.faults.naps, stage: seconds}
        self._set(replace(self.faults, naps={at: nap for at, nap in naps.items() if nap}))

    def show(self, certificate: Certificate | None) -> None:
        """Show another certificate than its own; `None` ends that."""
        self._set(replace(self.faults, certificate=certificate))

    def keep(self) -> None:
        """Take every fault back."""
        self._set(Faults())

    def heal(self) -> None:
        """Run without any fault and with an empty queue."""
        self.thaw()
        if self.queued():
            # Killed, not flushed: a delivery under way would still arrive in the next test's mailbox.
            self.kill()
            self._empty_queue()
        self.keep()
        self.start()

    def queued(self) -> int:
        """Count the messages that wait in the queue."""
        return len(
            [path for name in _MESSAGE_QUEUES for path in (self._home / "queue" / name).rglob("*") if path.is_file()]
        )

    def _act(self, stage: Stage, action: str | None) -> None:
        others = {at: text for at, text in self.faults.actions.items() if at is not stage}
        self._set(replace(self.faults, actions=others | ({stage: action} if action else {})))

    def _set(self, faults: Faults) -> None:
        if faults == self.faults:
            return
        self.faults = faults
        self._write_main_cf()
        if self.running:
            self._reload()

    def _write_main_cf(self) -> None:
        # Renamed into place: a process of Postfix may start, and read it, at any moment.
        fresh = self._home / "main.cf.new"
        fresh.write_text(self._settings + self.faults.main_cf(lmtp=self._lmtp))
        # Postfix waits until a file that was just written is two seconds old before it believes it.
        os.utime(fresh, (0, 0))
        fresh.rename(self._home / "main.cf")

    def _reload(self) -> None:
        reloads = self._count_reloads()
        idle = self.processes("smtpd")
        self.send(signal.SIGHUP)
        give_up = time.monotonic() + _RELOADS_WITHIN.total_seconds()
        while not self.frozen and time.monotonic() < give_up:
            # An smtpd that was idle may take one more connection under the old rules before it ends.
            if self._count_reloads() > reloads and not idle & self.processes("smtpd"):
                return
            time.sleep(0.01)

    def _count_reloads(self) -> int:
        return len(re.findall(r"master\[\d+\]: reload -- ", self.log.read_text(errors="replace")))

    def _empty_queue(self) -> None:
        for name in _QUEUES:
            for entry in (self._home / "queue" / name).iterdir():
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


_MASTER = ("/usr/lib/postfix/sbin/master", "-d")  # -d: stays in the foreground
_MESSAGE_QUEUES = ("maildrop", "incoming", "active", "deferred", "hold", "corrupt")
_QUEUES = (*_MESSAGE_QUEUES, "defer", "bounce", "trace")


def _make_directories(home: Path) -> None:
    postfix, postdrop = pwd.getpwnam("postfix").pw_uid, grp.getgrnam("postdrop").gr_gid
    queue = home / "queue"
    for name in (*_QUEUES, "flush", "saved", "private", "public", "pid"):
        (queue / name).mkdir(mode=0o700, parents=True)
        os.chown(queue / name, 0 if name == "pid" else postfix, -1)
    for name, mode in {"maildrop": 0o1730, "public": 0o710}.items():
        os.chown(queue / name, -1, postdrop)
        (queue / name).chmod(mode)
    (queue / "pid").chmod(0o755)
    queue.chmod(0o755)
    (home / "data").mkdir(mode=0o700)
    os.chown(home / "data", postfix, -1)

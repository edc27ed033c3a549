"""Says beforehand, in a sentence, what the laboratory lacks on this machine."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.lab.errors import LabError

_PROGRAMS = {
    "/usr/lib/postfix/sbin/master": "postfix",
    "/usr/sbin/dovecot": "dovecot-core",
    "/usr/lib/dovecot/imap": "dovecot-imapd",
    "/usr/lib/dovecot/pop3": "dovecot-pop3d",
    "/usr/lib/dovecot/lmtp": "dovecot-lmtpd",
    "/usr/bin/sievec": "dovecot-sieve",
    "/usr/sbin/knotd": "knot",
    "/usr/sbin/unbound": "unbound",
}
_DOVECOT_SPOKEN = "2.3."


def require_servers() -> None:
    """Raise LabError unless every server is installed and we are root, as Postfix insists."""
    missing = sorted({package for program, package in _PROGRAMS.items() if not Path(program).exists()})
    if missing:
        raise LabError(f"the laboratory needs {', '.join(missing)}; run, as root: sh tests/lab/install.sh")
    if os.geteuid() != 0:
        raise LabError("the laboratory starts real Postfix instances and has to be run as root, for instance with sudo")
    version = _dovecot_version()
    if not version.startswith(_DOVECOT_SPOKEN):
        raise LabError(f"the laboratory speaks the configuration of Dovecot {_DOVECOT_SPOKEN}x; here is {version}")


def _dovecot_version() -> str:
    dovecot = shutil.which("dovecot", path="/usr/sbin") or "dovecot"
    return subprocess.run([dovecot, "--version"], capture_output=True, text=True, check=True).stdout.strip()

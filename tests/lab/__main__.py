"""`make lab`: the laboratory started by hand, with its faults switched from the terminal."""

import signal
import sys
from types import FrameType

import click

from tests.lab.addresses import MONITOR, PASSWORD, SPECIAL
from tests.lab.console import HELP, obey
from tests.lab.dovecot import IMAP_PORT, IMAPS_PORT, LMTP_PORT, POP3_PORT, POP3S_PORT
from tests.lab.errors import LabError
from tests.lab.knot import DNS_PORT
from tests.lab.laboratory import Laboratory
from tests.lab.postfix_config import PROXY_PORT, SMTP_PORT, SMTPS_PORT, SUBMISSION_PORT


def main() -> int:
    """Run a laboratory until the end of input or an interrupt; return the exit code."""
    signal.signal(signal.SIGTERM, _leave)
    try:
        with Laboratory(dns=True) as lab:
            click.echo(_sheet(lab))
            _converse(lab)
    except LabError as error:
        click.echo(str(error), err=True)
        return 1
    except KeyboardInterrupt:
        click.echo()
    return 0


def _leave(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _converse(lab: Laboratory) -> None:
    click.echo(f"Commands: {HELP}")
    for line in sys.stdin:
        if line.strip() in ("quit", "exit"):
            return
        try:
            click.echo(obey(lab, line))
        except LabError as error:
            click.echo(str(error), err=True)


def _sheet(lab: Laboratory) -> str:
    ports = f"smtp {SMTP_PORT}, proxy protocol {PROXY_PORT}, smtps {SMTPS_PORT}, submission {SUBMISSION_PORT}"
    return "\n".join(
        [
            *(f"{member.name:9} {member.address}  {ports}" for member in lab.members.values()),
            f"dovecot   {lab.hub}  imap {IMAP_PORT}, imaps {IMAPS_PORT}, pop3 {POP3_PORT}, pop3s {POP3S_PORT}, "
            f"lmtp {LMTP_PORT}",
            f"knot      {lab.hub}  dns {DNS_PORT}: zone lab.test",
            f"mailbox   {MONITOR}, password {PASSWORD}; any other address of lab.test as well",
            *(f"          {address:25} {special.does}" for address, special in SPECIAL.items()),
            f"trust     {lab.ca_file}",
            f"config    {lab.write_config()}",
        ]
    )


sys.exit(main())

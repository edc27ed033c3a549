"""The addresses of lab.test that are treated specially, as one literal table."""

from dataclasses import dataclass
from datetime import timedelta

DOMAIN = "lab.test"
PASSWORD = "secret"
MONITOR = f"monitor@{DOMAIN}"
SENDER = f"probe@{DOMAIN}"
DELAY = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class Special:
    """How the members treat one address; each field is a map of Postfix, an empty one leaves it alone."""

    does: str
    at_rcpt: str = ""
    after_dot: str = ""
    becomes: tuple[str, ...] = ()
    transport: str = ""


SPECIAL: dict[str, Special] = {
    SENDER: Special("arrives at the monitor, so that bounces do", becomes=(MONITOR,)),
    f"refuse-now@{DOMAIN}": Special("450 to RCPT", at_rcpt="450 4.3.2 Not now"),
    f"refuse@{DOMAIN}": Special("550 to RCPT", at_rcpt="550 5.7.1 Not here"),
    f"refuse-body-now@{DOMAIN}": Special("451 after the final dot", after_dot="451 4.3.0 Not this, for now"),
    f"refuse-body@{DOMAIN}": Special("550 after the final dot", after_dot="550 5.6.0 Not this"),
    f"discard@{DOMAIN}": Special("250, then dropped in silence", transport="discard:silently"),
    # Two detail addresses, not one address twice: Postfix drops equal recipients.
    f"twice@{DOMAIN}": Special(
        "arrives twice at the monitor", becomes=(f"monitor+first@{DOMAIN}", f"monitor+second@{DOMAIN}")
    ),
    f"junk@{DOMAIN}": Special(
        "arrives in the monitor's Junk, with a spam filter's field in it", becomes=(f"monitor+junk@{DOMAIN}",)
    ),
    f"delay@{DOMAIN}": Special(
        # Its transport is each member's own second hop: see postfix_config.
        f"arrives at the monitor {DELAY.total_seconds():.0f} s late, over one more hop"
    ),
    f"next-refuses@{DOMAIN}": Special(
        # Its transport is each member's own second hop: see postfix_config.
        "250, then refused by the next server, and a bounce to the sender",
        becomes=("nobody@next.test",),
    ),
    f"wait@{DOMAIN}": Special("250, then kept in the queue", becomes=("nobody@wait.test",)),
    "nobody@wait.test": Special("where wait@ stays", transport="retry:4.4.1 The next server does not answer"),
    f"damage@{DOMAIN}": Special("arrives at the monitor with another letter in it, through a gateway"),
    f"footer@{DOMAIN}": Special("arrives at the monitor with two more lines, through a gateway"),
    f"cut@{DOMAIN}": Special("arrives at the monitor without its end, through a gateway"),
    f"encode@{DOMAIN}": Special("arrives at the monitor in base64, through a gateway"),
    f"quote@{DOMAIN}": Special("arrives at the monitor in quoted-printable, through a gateway"),
    f"bounce@{DOMAIN}": Special("250, then a bounce to the sender", becomes=("nobody@bounce.test",)),
    "nobody@bounce.test": Special("where bounce@ ends", transport="error:5.1.1 No such user here"),
}

"""A laboratory of real mail servers: several Postfix members, one Dovecot, and faults to switch on while they run."""

from tests.lab.addresses import DOMAIN, MONITOR, PASSWORD, SENDER, SPECIAL
from tests.lab.dovecot import Dovecot
from tests.lab.errors import LabError
from tests.lab.knot import Knot
from tests.lab.laboratory import Laboratory
from tests.lab.postfix import Member
from tests.lab.postfix_config import Stage

__all__ = [
    "DOMAIN",
    "MONITOR",
    "PASSWORD",
    "SENDER",
    "SPECIAL",
    "Dovecot",
    "Knot",
    "LabError",
    "Laboratory",
    "Member",
    "Stage",
]

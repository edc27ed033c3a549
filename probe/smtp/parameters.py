"""What follows the paths of MAIL and RCPT where a server offers to understand it (RFC 1870, RFC 3461)."""

from probe.model.message import Envelope
from probe.model.outcome import Stage
from probe.smtp.commands import Unsayable
from probe.smtp.extensions import Extensions

LONGEST_ID = 100
"""Characters of an envelope's id (RFC 3461 4.4)."""


def of_mail(envelope: Envelope, extensions: Extensions) -> str:
    """Return what follows the sender. Raises Unsayable for an id that no notification could carry back."""
    parameters = [f"SIZE={len(envelope.message)}"] if "SIZE" in extensions else []
    if "DSN" in extensions:
        # The header is enough: a notification with the whole message in it would be known by no more.
        parameters += ["RET=HDRS", *([f"ENVID={_id(envelope.id)}"] if envelope.id else [])]
    return _joined(parameters)


def of_rcpt(envelope: Envelope, extensions: Extensions) -> str:
    """Return what follows the recipient: failures are to be told, delays and successes are not."""
    if "DSN" not in extensions:
        return ""
    return _joined(["NOTIFY=FAILURE", f"ORCPT=rfc822;{xtext(envelope.recipient)}"])


def xtext(text: str) -> str:
    """Write ``+``, ``=`` and whatever is not visible ASCII as ``+`` and two hexadecimal digits (RFC 3461 4)."""
    return "".join(chr(octet) if _plain(octet) else f"+{octet:02X}" for octet in text.encode("utf-8"))


def _plain(octet: int) -> bool:
    return 0x21 <= octet <= 0x7E and octet not in b"+="


def _id(text: str) -> str:
    written = xtext(text)
    if not (text.isascii() and text.isprintable()) or len(written) > LONGEST_ID:
        raise Unsayable(Stage.MAIL, f"an envelope's id is at most {LONGEST_ID} printable ASCII characters")
    return written


def _joined(parameters: list[str]) -> str:
    return "".join(f" {parameter}" for parameter in parameters)

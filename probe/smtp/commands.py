"""What a client says: commands that nothing can be smuggled into, and the message with its final dot."""

from dataclasses import dataclass, field, replace

from probe.model.outcome import Stage

LONGEST = 512
"""Octets of a command line, CRLF included (RFC 5321 4.5.3.1.4)."""
LONGEST_ANSWER = 12288
"""Octets of an answer to an AUTH challenge, CRLF included (RFC 4954 4)."""
STRUCK_OUT = "***"


class Unsayable(ValueError):
    """Something cannot be written as a command; the message says what."""

    def __init__(self, stage: Stage, reason: str) -> None:
        super().__init__(reason)
        self.stage = stage


@dataclass(frozen=True, slots=True)
class Say:
    """What is to be sent, and how the one reply to it is called."""

    stage: Stage
    octets: bytes = field(repr=False)
    """Empty where the server speaks first, and where the first of a group has carried them."""
    shown: str
    """What the transcript shows."""
    awaited: str
    pipelined: bool = False
    """One of a group that goes out at once."""
    counted: bool = True
    """Its time is that of its stage."""


@dataclass(frozen=True, slots=True)
class Secure:
    """Start TLS now."""

    stage: Stage


Step = Say | Secure


def greeting() -> Say:
    """Wait for the server's first words."""
    return Say(Stage.BANNER, b"", "", "greeting")


def command(stage: Stage, line: str, *, shown: str | None = None) -> Say:
    """Write a command. Raises Unsayable for whatever a command line cannot hold."""
    return Say(stage, _octets(stage, line, LONGEST), shown or line, _awaited(line))


def answer(line: str) -> Say:
    """Write a secret answer to an AUTH challenge. Raises Unsayable when it is too long."""
    return Say(Stage.AUTH, _octets(Stage.AUTH, line, LONGEST_ANSWER), STRUCK_OUT, "reply to AUTH")


def addressed(stage: Stage, verb: str, address: str, parameters: str = "") -> Say:
    """Write a command that carries a path, ``<a@b>``. Raises Unsayable also where the path would end before its end."""
    if "<" in address or ">" in address:
        raise Unsayable(stage, "an address holds an angle bracket")
    line = f"{verb}:<{address}>"
    # RFC 5321 4.5.3.1.4: the limit is that of the plain command; extensions raise it by what their parameters need.
    return Say(stage, _octets(stage, line + parameters, LONGEST + len(parameters)), line + parameters, _awaited(verb))


def grouped(*commands: Say) -> tuple[Say, ...]:
    """Let the first carry the octets of all, so that the others only wait for their replies (RFC 2920 3.1)."""
    octets = b"".join(each.octets for each in commands)
    first, *others = (replace(each, octets=b"", pipelined=True) for each in commands)
    return replace(first, octets=octets), *others


def anew() -> Say:
    """Put an end to what was before (RFC 5321 4.1.1.5): it may begin a group, and is no part of what follows."""
    return Say(Stage.MAIL, b"RSET\r\n", "RSET", "reply to RSET", counted=False)


def lone_dot() -> Say:
    """End a message that was agreed to although nobody is to get it (RFC 2920 3.1); it belongs to taking leave."""
    return Say(Stage.QUIT, b".\r\n", ".", "reply to the lone dot")


def message(content: bytes) -> Say:
    """Write a message with canonical line ends, dots doubled, and its final dot."""
    octets = dot_stuffed(content)
    return Say(Stage.BODY, octets, f"<{len(octets)} octets>", "reply to the final dot")


def dot_stuffed(content: bytes) -> bytes:
    """Double the dot of every line that begins with one, and end with one lone dot (RFC 5321 4.5.2, 4.1.1.4)."""
    stuffed = content.replace(b"\r\n.", b"\r\n..")
    if stuffed.startswith(b"."):
        stuffed = b"." + stuffed
    end = b"" if not stuffed or stuffed.endswith(b"\r\n") else b"\r\n"
    return stuffed + end + b".\r\n"


def _awaited(line: str) -> str:
    return f"reply to {line.partition(' ')[0]}"


def _octets(stage: Stage, line: str, longest: int) -> bytes:
    if not (line.isascii() and line.isprintable()):
        raise Unsayable(stage, "a command would hold a character that is not printable ASCII")
    octets = line.encode("ascii") + b"\r\n"
    if len(octets) > longest:
        raise Unsayable(stage, f"a command would be longer than {longest} octets")
    return octets

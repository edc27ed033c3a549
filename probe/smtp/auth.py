"""Logs in by what the server offers, as RFC 4954 carries it; with a password or with a token."""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Callable, Collection, Generator, Mapping
from typing import TypeVar

from probe.model import oauth
from probe.model.oauth import Bearer
from probe.model.outcome import Stage
from probe.model.reply import Reply
from probe.model.settings import Login
from probe.smtp.commands import LONGEST, STRUCK_OUT, Say, answer, command
from probe.smtp.scram import Scram, Untrue

Heeded = TypeVar("Heeded")
Exchange = Generator[Say, Reply, Reply]
"""Says what to send, hears the replies, returns the one that decides. Raises Untrue for a server that cheats."""


def choose(offered: Collection[str], login: Login | Bearer, *, encrypted: bool) -> Exchange | None:
    """Return how to log in by the best mechanism of those offered that we know, or None."""
    mechanism = next((name for name in known(login, encrypted=encrypted) if name in offered), None)
    if mechanism is None:
        return None
    return _bearer(login, mechanism) if isinstance(login, Bearer) else _BY_PASSWORD[mechanism](login)


def known(login: Login | Bearer, *, encrypted: bool) -> tuple[str, ...]:
    """Return the mechanisms we know for a login, best first."""
    if isinstance(login, Bearer):
        return oauth.MECHANISMS
    return _UNDER_TLS if encrypted else _IN_CLEAR


# CRAM-MD5 hides the password from listeners, which TLS does better; and servers offer it that cannot check it, for
# their passwords are hashed. So it is worth something only where the password would go out in the clear.
_UNDER_TLS = ("SCRAM-SHA-256", "PLAIN", "LOGIN", "CRAM-MD5")
_IN_CLEAR = ("SCRAM-SHA-256", "CRAM-MD5", "PLAIN", "LOGIN")


def _plain(login: Login) -> Exchange:
    return (yield from _begun("PLAIN", f"\0{login.username}\0{login.password.reveal()}"))


def _login(login: Login) -> Exchange:
    reply = yield command(Stage.AUTH, "AUTH LOGIN")
    for word in (login.username, login.password.reveal()):
        if reply.code != 334:
            break
        reply = yield answer(_encoded(word))
    return reply


def _cram_md5(login: Login) -> Exchange:
    """Answer the challenge of RFC 2195, keyed with the password."""
    reply = yield command(Stage.AUTH, "AUTH CRAM-MD5")
    if reply.code != 334:
        return reply
    challenge = yield from _heeded(reply, _octets)
    digest = hmac.new(_octets(login.password.reveal()), challenge, "md5").hexdigest()
    return (yield answer(_encoded(f"{login.username} {digest}")))


def _scram(login: Login) -> Exchange:
    scram = Scram(login.username, login.password)
    reply = yield from _begun("SCRAM-SHA-256", scram.first)
    if reply.code == 334:
        proof = yield from _heeded(reply, scram.final)
        reply = yield answer(_encoded(proof))
    if reply.code == 334 and (yield from _heeded(reply, scram.verified)):
        return (yield answer(""))
    if reply.code == 334:
        reply = yield _CANCEL
    if reply.positive:
        raise Untrue("let us in without a proof that it knows the password")
    return reply


def _bearer(bearer: Bearer, mechanism: str) -> Exchange:
    reply = yield from _begun(mechanism, bearer.response(mechanism))
    # The challenge tells of a failure; the refusal itself comes after an answer to it.
    return (yield answer(_encoded(oauth.after_failure(mechanism)))) if reply.code == 334 else reply


def _begun(mechanism: str, response: str) -> Exchange:
    """Say the first response, at once if that is allowed; return the reply to it."""
    encoded = _encoded(response)
    at_once = f"AUTH {mechanism} {encoded}"
    # RFC 4954 4: an initial response only where the whole line stays within the limit of a command.
    if len(at_once) + 2 <= LONGEST:
        return (yield command(Stage.AUTH, at_once, shown=f"AUTH {mechanism} {STRUCK_OUT}"))
    reply = yield command(Stage.AUTH, f"AUTH {mechanism}")
    return (yield answer(encoded)) if reply.code == 334 else reply


def _heeded(reply: Reply, heed: Callable[[str], Heeded]) -> Generator[Say, Reply, Heeded]:
    """Return what comes of a challenge; where that breaks the rules, cancel the login before Untrue is raised."""
    try:
        return heed(_decoded(reply.text))
    except Untrue:
        yield _CANCEL
        raise


def _decoded(challenge: str) -> str:
    try:
        return b64decode(challenge, validate=True).decode("utf-8", "surrogateescape")
    except ValueError:
        raise Untrue("sent a challenge that cannot be read") from None


def _encoded(text: str) -> str:
    return b64encode(_octets(text)).decode("ascii")


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


_CANCEL = command(Stage.AUTH, "*")
_BY_PASSWORD: Mapping[str, Callable[[Login], Exchange]] = {
    "SCRAM-SHA-256": _scram,
    "PLAIN": _plain,
    "LOGIN": _login,
    "CRAM-MD5": _cram_md5,
}

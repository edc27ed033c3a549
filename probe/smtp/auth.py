"""Logs in by PLAIN (RFC 4616) or LOGIN, as RFC 4954 carries them."""

from base64 import b64encode
from collections.abc import Callable, Collection, Generator, Mapping

from probe.model.outcome import Stage
from probe.model.reply import Reply
from probe.model.settings import Login
from probe.smtp.commands import LONGEST, STRUCK_OUT, Say, answer, command

Exchange = Generator[Say, Reply, Reply]
"""Says what to send, hears the replies, returns the one that decides."""


def choose(mechanisms: Collection[str]) -> Callable[[Login], Exchange] | None:
    """Return the best mechanism of those offered that we know, or None."""
    return next((exchange for name, exchange in _MECHANISMS.items() if name in mechanisms), None)


def known() -> str:
    """Return the mechanisms we know, for a sentence."""
    return " or ".join(_MECHANISMS)


def _plain(login: Login) -> Exchange:
    response = _encoded(f"\0{login.username}\0{login.password.reveal()}")
    at_once = f"AUTH PLAIN {response}"
    # RFC 4954 4: an initial response only where the whole line stays within the limit of a command.
    if len(at_once) + 2 <= LONGEST:
        return (yield command(Stage.AUTH, at_once, shown=f"AUTH PLAIN {STRUCK_OUT}"))
    reply = yield command(Stage.AUTH, "AUTH PLAIN")
    return (yield answer(response)) if reply.code == 334 else reply


def _login(login: Login) -> Exchange:
    reply = yield command(Stage.AUTH, "AUTH LOGIN")
    for word in (login.username, login.password.reveal()):
        if reply.code != 334:
            break
        reply = yield answer(_encoded(word))
    return reply


def _encoded(text: str) -> str:
    return b64encode(text.encode("utf-8", "surrogateescape")).decode("ascii")


_MECHANISMS: Mapping[str, Callable[[Login], Exchange]] = {"PLAIN": _plain, "LOGIN": _login}

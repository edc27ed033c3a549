"""Posts to an URL, off the event loop: no redirect is followed, time and size are bounded."""

import asyncio
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import Future
from http.client import HTTPException

from probe.model.settings import Notify
from probe.net.http import Request, ask_once
from probe.net.text import printable
from probe.net.tls import client_context

PATIENCE_SECONDS = 10.0
_LARGEST = 64 * 1024


class NotPosted(Exception):
    """It was not taken; the message says why, in one sentence without secrets."""


async def post(to: Notify, body: bytes, *, seconds: float = PATIENCE_SECONDS) -> None:
    """Post JSON, and return when it was taken. Raises NotPosted."""
    await asyncio.wrap_future(_in_a_thread(lambda: _post(to, body, seconds)))


def _in_a_thread(work: Callable[[], None]) -> "Future[None]":
    done: Future[None] = Future()
    done.set_running_or_notify_cancel()

    def run() -> None:
        try:
            work()
        except Exception as exc:  # whatever it is: nobody may wait in vain
            done.set_exception(exc)
        else:
            done.set_result(None)

    # A daemon: a thread that hangs in the system's resolver must not hold up the end of the program.
    threading.Thread(target=run, name="notify", daemon=True).start()
    return done


def _post(to: Notify, body: bytes, seconds: float) -> None:
    headers = {"Content-Type": "application/json", **{name: each.reveal() for name, each in to.headers.items()}}
    request, encrypted = Request.posting(to.url, body, headers), to.url.startswith("https:")
    try:
        context = client_context(verify=True, ca_file=to.ca_file) if encrypted else None
        status = ask_once(request, context=context, seconds=seconds, largest=_LARGEST).status
    except TimeoutError as exc:
        raise NotPosted("it did not answer in time") from exc
    except ssl.SSLCertVerificationError as exc:
        raise NotPosted(f"it shows a certificate that is not accepted: {printable(exc.verify_message)}") from exc
    except (OSError, HTTPException, ValueError) as exc:
        # Its own words may repeat a header.
        words = exc.strerror if isinstance(exc, OSError) else None
        raise NotPosted(f"it cannot be reached: {words or type(exc).__name__}") from None
    if not 200 <= status < 300:
        raise NotPosted(f"it answered {status}")

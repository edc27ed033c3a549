"""A token endpoint on loopback that answers as a test tells it to."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import parse_qsl

from probe.model.oauth import Grant
from probe.model.secret import Secret

SECRET = "cl1ent&secret"
Answer = tuple[int, object] | Callable[[BinaryIO, threading.Event], None]
"""A status and a body, made JSON unless it is octets; or what writes to the client until the event says the end."""


class TokenEndpoint:
    """Answers every request by the next of its answers, the last one again and again."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.forms: list[dict[str, str]] = []
        self.url = ""
        self.over = threading.Event()

    def grant(self, *, refresh: str | None = None, file: Path | None = None, **more: Any) -> Grant:
        refresh_token = Secret(refresh) if refresh else None
        return Grant(self.url, "probe", Secret(SECRET), refresh_token, file, **more)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"])).decode()
        self.forms.append(dict(parse_qsl(body)))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if callable(answer):
            answer(handler.wfile, self.over)  # type: ignore[arg-type]  # typeshed has BufferedIOBase
            return
        status, content = answer
        octets = content if isinstance(content, bytes) else json.dumps(content).encode()
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(octets)))
        handler.end_headers()
        handler.wfile.write(octets)


def granted(token: str = "t0ken", **more: object) -> Answer:
    return 200, {"access_token": token, "token_type": "Bearer", "expires_in": 3600, **more}


@contextmanager
def endpoint(*answers: Answer, tls: ssl.SSLContext | None = None) -> Iterator[TokenEndpoint]:
    """Serve answers on a free port of loopback."""
    told = TokenEndpoint(*(answers or (granted(),)))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            try:
                told.answer(self)
            except OSError:  # the client has gone
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda request, client_address: None  # type: ignore[method-assign]  # handshakes fail on purpose
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    told.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}/token"
    thread = threading.Thread(target=lambda: server.serve_forever(0.01))
    thread.start()
    try:
        yield told
    finally:
        told.over.set()
        server.shutdown()
        thread.join()
        server.server_close()

"""A real HTTPS server on loopback that serves MTA-STS policies, or something else in their place."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PATH = "/.well-known/mta-sts.txt"


def policy(*mx: str, mode: str = "enforce", max_age: int = 86400) -> bytes:
    lines = ["version: STSv1", f"mode: {mode}", *(f"mx: {each}" for each in mx), f"max_age: {max_age}"]
    return "\r\n".join([*lines, ""]).encode()


@dataclass
class PolicyHost:
    """What is served, to be changed while it runs."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "text/plain"})
    port: int = 0
    silent: threading.Event | None = None
    """Nothing is answered until it is set."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Path and Host header of every request."""


@contextmanager
def policy_host(context: ssl.SSLContext, *, address: str = "127.0.0.1", port: int = 0) -> Iterator[PolicyHost]:
    host = PolicyHost()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host.asked.append((self.path, self.headers["Host"]))
            if host.silent:
                host.silent.wait(10)
            try:
                self.send_response(host.status)
                for name, value in host.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(host.body)
            except OSError:  # the client has gone
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer((address, port), Handler)
    server.handle_error = lambda request, client_address: None  # type: ignore[method-assign]  # handshakes fail on purpose
    server.socket = context.wrap_socket(server.socket, server_side=True)
    host.port = server.server_port
    thread = threading.Thread(target=lambda: server.serve_forever(0.01))
    thread.start()
    try:
        yield host
    finally:
        if host.silent:
            host.silent.set()
        server.shutdown()
        thread.join()
        server.server_close()

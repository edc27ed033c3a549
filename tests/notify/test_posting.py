"""Posts to servers that behave well, badly, and not at all."""

import asyncio
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

from probe.model.secret import Secret
from probe.model.settings import Notify
from probe.notify.posting import NotPosted, post


class Desk(BaseHTTPRequestHandler):
    """Takes what is posted, and answers as its path says."""

    posts: list[tuple[str, dict[str, str], Any]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.posts.append((self.path, dict(self.headers), json.loads(body)))
        status = int(self.path.rpartition("/")[2])
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/200")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[tuple[str, type[Desk]]]:
    """Serve a desk of its own; give its URL without scheme, and the desk."""

    class OwnDesk(Desk):
        posts: list[tuple[str, dict[str, str], Any]] = []  # noqa: RUF012 - a desk for each server

    with HTTPServer(("127.0.0.1", 0), OwnDesk) as server:
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}", OwnDesk
        finally:
            server.shutdown()
            thread.join()


def posted(url: str, *, seconds: float = 10, **changes: Any) -> str:
    """Post, and return why it was not taken; nothing if it was."""
    try:
        asyncio.run(post(Notify(url, **changes), b'{"a":1}', seconds=seconds))
    except NotPosted as trouble:
        return str(trouble)
    return ""


@pytest.mark.parametrize(
    "path, said",
    [
        ("/api/200", ""),
        ("/204", ""),
        ("/302", "it answered 302"),
        ("/400", "it answered 400"),
        ("/503", "it answered 503"),
    ],
)
def test_only_a_2xx_is_taken_and_no_redirect_followed(path: str, said: str) -> None:
    with serving() as (address, desk):
        assert posted(f"http://{address}{path}") == said
    assert [post[0] for post in desk.posts] == [path]


def test_json_is_posted_with_the_headers_of_the_config() -> None:
    with serving() as (address, desk):
        assert posted(f"http://{address}/200", headers={"Authorization": Secret("Bearer hidden")}) == ""
    [(_, headers, told)] = desk.posts
    assert told == {"a": 1}
    assert (headers["Content-Type"], headers["Authorization"]) == ("application/json", "Bearer hidden")


def test_nobody_there_is_said_in_words() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    assert posted(f"http://127.0.0.1:{port}/") == "it cannot be reached: Connection refused"


def test_a_silent_server_is_left_in_time() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        assert posted(f"http://127.0.0.1:{silent.getsockname()[1]}/", seconds=0.2) == "it did not answer in time"


def test_a_header_that_cannot_be_sent_is_not_repeated() -> None:
    with serving() as (address, _):
        said = posted(f"http://{address}/200", headers={"Authorization": Secret("hid\nden")})
    assert said == "it cannot be reached: ValueError"


def test_a_certificate_is_judged_by_the_authorities_that_are_named(tmp_path: Path) -> None:
    # Given
    authority, ca_file = trustme.CA(), tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    # When
    with serving(context) as (address, desk):
        trusted = posted(f"https://{address}/200", ca_file=ca_file)
        untrusted = posted(f"https://{address}/200")

    # Then
    assert trusted == ""
    assert untrusted.startswith("it shows a certificate that is not accepted: ")
    assert len(desk.posts) == 1


def test_authorities_that_cannot_be_read_are_trouble_like_any_other(tmp_path: Path) -> None:
    said = posted("https://127.0.0.1:1/", ca_file=tmp_path / "nowhere.pem")
    assert said == "it cannot be reached: No such file or directory"

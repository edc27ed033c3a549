"""``mailflow status`` before a daemon's pages, and before none."""

import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import trustme

from probe.engine.board import Board
from probe.engine.happenings import Judged, MailboxFailed, SharedFault
from probe.model.culprit import Blame, Culprit
from probe.model.hold import Hold
from probe.model.maintenance import Window
from probe.model.outcome import State
from probe.model.verdict import Verdict
from tests.cli.conftest import in_a_thread, mailflow
from tests.cli.plugin_output import Output, read
from tests.metrics.boards import NOW, fresh_board, lively_board
from tests.web.serving import World

PASSWORD = "geh\u00e4im"


def status(*arguments: str | Path) -> Output:
    """Run the command, and return what it printed; its exit code is the one that it printed."""
    done = mailflow("status", *arguments)
    printed = read(done.stdout)
    assert (done.exit_code, done.stderr) == (printed.code, "")
    return printed


@pytest.fixture
def board() -> Board:
    """A board on which mta1 is up, and mta2 down."""
    return lively_board()


@pytest.fixture
def url(board: Board) -> Iterator[str]:
    """Where its pages are served."""
    served: list[str] = []

    @asynccontextmanager
    async def serving() -> AsyncIterator[None]:
        async with World(board).served() as client:
            served.append(str(client.base_url))
            yield

    with in_a_thread(serving()):
        yield served[0]


def all_up(board: Board) -> None:
    board(Judged("vip", "mta2", Verdict(State.UP, "fine again", NOW, ("a3",), NOW), None))


def test_a_member_that_is_down_is_critical(url: str) -> None:
    told = status("--url", url)
    assert (told.code, told.text) == (2, "vip/mta2 down: 3 probes in a row missing")
    assert told.measured == {"up": "1", "delivery": "1.5s", "evidence_age": "30s"}


def test_all_in_order_is_ok(url: str, board: Board) -> None:
    all_up(board)
    told = status("--url", url)
    assert (told.code, told.text) == (0, "vip 2/2 up, 1/2 as expected")


def test_only_the_member_that_is_named_counts(url: str) -> None:
    assert status("--url", url, "--pool", "vip", "--member", "mta1").text == "vip 1/1 up, 1/1 as expected"


@pytest.mark.parametrize("arguments, code", [(("-w", "1.5"), 0), (("-w", "1.4"), 1), (("-w", "1", "-c", "~:1.4"), 2)])
def test_delivery_times_are_held_against_the_thresholds(
    url: str, board: Board, arguments: tuple[str, ...], code: int
) -> None:
    all_up(board)
    assert status("--url", url, *arguments).code == code


def test_every_member_has_a_line_if_that_is_wanted(url: str) -> None:
    assert status("--url", url, "-v").further == (
        "vip/mta1 up: fine [inbound: delivered after 1.500 s]",
        "vip/mta2 down: 3 probes in a row missing [inbound: missing]",
    )


def test_a_mailbox_that_is_unreadable_is_unknown(url: str, board: Board) -> None:
    all_up(board)
    board(MailboxFailed("monitor", "connection refused"))
    told = status("--url", url)
    assert told.code == 3
    assert told.text.startswith("mailbox monitor unreadable for ")


def test_a_member_that_somebody_holds_down_is_a_warning(url: str, board: Board) -> None:
    hold = Hold(State.DOWN, "a new disk", "eve", NOW, NOW + timedelta(hours=1))
    board(Judged("vip", "mta2", Verdict(State.DOWN, "held down by eve", NOW, hold=hold), None))
    told = status("--url", url)
    assert (told.code, told.text) == (1, "vip/mta2 held down by eve")


def test_a_member_under_maintenance_is_in_order_and_the_line_says_so(url: str, board: Board) -> None:
    window = Window("a new disk", NOW, NOW + timedelta(hours=1))
    board(Judged("vip", "mta2", Verdict(State.UP, "in maintenance", NOW, maintenance=window), None))
    told = status("--url", url)
    assert (told.code, told.text) == (0, "vip 2/2 up, 1/2 as expected; vip/mta2 in maintenance")


def test_what_all_members_share_is_a_warning(url: str, board: Board) -> None:
    all_up(board)
    board(SharedFault("vip", "inbound", True, Blame(Culprit.POOL, "look behind them")))
    told = status("--url", url)
    assert (told.code, told.text) == (1, "vip: inbound works by way of no member: look behind them")


@pytest.mark.parametrize("arguments", [("--pool", "other"), ("--member", "mta9")])
def test_who_is_not_known_is_unknown(url: str, arguments: tuple[str, ...]) -> None:
    told = status("--url", url, *arguments)
    assert (told.code, told.text) == (3, "there is no such pool or member")


class TestNotReady:
    @pytest.fixture
    def board(self) -> Board:
        return fresh_board()

    def test_a_daemon_that_is_not_ready_is_unknown(self, url: str) -> None:
        told = status("--url", url)
        assert (told.code, told.text) == (3, "Not ready: the mailbox monitor has not been tried yet.")


def test_no_daemon_is_unknown(tmp_path: Path) -> None:
    told = status("--url", f"http://127.0.0.1:{closed_port()}")
    assert told.code == 3
    assert told.text.endswith("cannot be asked: Connection refused")


def test_a_daemon_that_keeps_silent_is_unknown_in_time() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        told = status("--url", f"http://127.0.0.1:{silent.getsockname()[1]}", "-t", "0.2")
    assert told.code == 3
    assert told.text.endswith("did not answer within 0.2 s")


def test_the_config_says_where_the_daemon_is_though_its_secrets_cannot_be_read(url: str, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(f"web: {{listen: '{url.removeprefix('http://')}'}}\ntag_keys: [{{id: k1, file: /nowhere}}]\n")
    assert status("--config", file).code == 2


@pytest.mark.parametrize(
    "content, said",
    [
        ("web: {listen: nowhere}", 'c:1: web.listen: "nowhere" is not an address and port'),
        ("web: {listen: [", "c:2: is not YAML"),
    ],
)
def test_a_config_that_does_not_say_where_is_unknown(
    content: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("c").write_text(content)
    told = status("--config", "c")
    assert told.code == 3
    assert told.text.startswith(said)


def test_every_address_that_is_listened_on_is_asked_on_loopback(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    port = closed_port()
    file.write_text(f"web: {{listen: '0.0.0.0:{port}'}}\n")
    assert status("--config", file).text == f"http://127.0.0.1:{port} cannot be asked: Connection refused"


@pytest.mark.parametrize(
    "web_file, scheme",
    [("tls_server_config: {cert_file: /nowhere, key_file: /nowhere}", "https"), ("basic_auth_users: {}", "http")],
)
def test_the_config_says_whether_tls_is_spoken_there(web_file: str, scheme: str, tmp_path: Path) -> None:
    port = closed_port()
    (tmp_path / "web.yml").write_text(web_file)
    (tmp_path / "config.yaml").write_text(f"web: {{listen: '127.0.0.1:{port}', config_file: web.yml}}\n")
    told = status("--config", tmp_path / "config.yaml")
    assert told.text == f"{scheme}://127.0.0.1:{port} cannot be asked: Connection refused"


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("-w", "x"), "Invalid value for '-w' / '--warning': 'x' is not a range"),
        (("--colour",), "No such option"),
        (("--url", "ftp://127.0.0.1"), "'ftp://127.0.0.1' is not a URL; write http://127.0.0.1:9847"),
        (("--url", "http://127.0.0.1:99999"), "'http://127.0.0.1:99999' is not a URL"),
        (("--url", "http://me:secret@127.0.0.1"), "a URL with a login in it is seen by everybody"),
        (("--password-env", "NO_SUCH_NAME"), "the environment variable 'NO_SUCH_NAME', which is to hold"),
    ],
)
def test_a_wrong_call_is_unknown_and_said_in_the_line_that_is_shown(arguments: tuple[str, ...], said: str) -> None:
    told = status(*arguments)
    assert told.code == 3
    assert told.text.startswith(said[:60])


class Guarded(BaseHTTPRequestHandler):
    """Answers as a daemon does that asks for a login."""

    def do_GET(self) -> None:
        login = b64encode(f"ops:{PASSWORD}".encode()).decode()
        known = self.headers.get("Authorization") == f"Basic {login}"
        self.send_response(503 if known else 401)
        self.end_headers()
        self.wfile.write(b"Not ready: it knows us.\n")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The URL of a server with TLS that asks for a login, and whom to trust."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    ca_file = tmp_path_factory.mktemp("guarded") / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    with HTTPServer(("127.0.0.1", 0), Guarded) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"https://127.0.0.1:{server.server_port}", ca_file
        server.shutdown()
        thread.join()


def test_it_logs_in_over_tls(guarded: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    url, ca_file = guarded
    monkeypatch.setenv("MAILFLOW_LOGIN", PASSWORD)
    told = status("--url", url, "--ca-file", ca_file, "--username", "ops", "--password-env", "MAILFLOW_LOGIN")
    assert told.text == "Not ready: it knows us."


def test_without_a_login_it_says_that_one_is_wanted(guarded: tuple[str, Path]) -> None:
    url, ca_file = guarded
    assert status("--url", url, "--ca-file", ca_file).text == f"{url} wants a login"


def test_a_certificate_that_nobody_answers_for_is_unknown(guarded: tuple[str, Path]) -> None:
    url, _ = guarded
    assert status("--url", url).text.startswith(f"the certificate of {url} is not ac")


@pytest.mark.parametrize("option", ["--help", "-h", "--version", "-V"])
def test_help_is_no_answer(option: str) -> None:
    assert mailflow("status", option).exit_code == 3


def closed_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port: int = free.getsockname()[1]
        return port

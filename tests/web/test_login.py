"""Who is asked for a login, and what passwords cost."""

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import replace

import bcrypt
import httpx
import pytest

from probe.model.settings import RateLimit, Web
from probe.web import Guard, passwords
from probe.web.bucket import Bucket
from probe.web.login import login_in
from probe.web.passwords import Passwords, TooMany
from probe.web.refusals import Refusals
from tests.metrics.boards import fresh_board, settings
from tests.web.secured import LOGIN, USERS, a_minute, guarded, hashed, web_file
from tests.web.serving import World

OPEN = ["/health/vip/mta1", "/health/vip", "/-/healthy", "/-/ready"]
CLOSED = ["/", "/metrics", "/api/v1/pools", "/api/v1/probes", "/style.css", "/nowhere", "/health", "//health/vip/mta1"]


def world(*, protect_health: bool = False, lifecycle: bool = False) -> World:
    web = Web(lifecycle=lifecycle, protect_health=protect_health)
    return World(fresh_board(replace(settings(), web=web)), guard=Guard(web_file(users=USERS)))


def statuses(world: World, *paths: str, auth: tuple[str, str] | None = None, method: str = "GET") -> Mapping[str, int]:
    async def scenario() -> dict[str, int]:
        async with world.served() as client:
            return {path: (await client.request(method, path, auth=auth)).status_code for path in paths}

    return asyncio.run(scenario())


def test_everything_but_health_and_the_probe_s_own_needs_a_login() -> None:
    told = statuses(world(), *OPEN, *CLOSED)
    assert {path for path, status in told.items() if status == 401} == set(CLOSED)


def test_health_needs_one_when_it_is_protected() -> None:
    assert set(statuses(world(protect_health=True), *OPEN, *CLOSED).values()) == {401}


def test_what_changes_something_always_needs_one() -> None:
    lively = world(lifecycle=True)
    assert statuses(lively, "/-/reload", method="POST") == {"/-/reload": 401}
    assert lively.reloads == 0
    assert statuses(lively, "/-/reload", method="POST", auth=LOGIN) == {"/-/reload": 200}


def test_with_it_everything_is_open() -> None:
    assert statuses(world(protect_health=True), *OPEN[:3], "/", "/metrics", auth=LOGIN) == dict.fromkeys(
        [*OPEN[:3], "/", "/metrics"], 200
    )


@pytest.mark.parametrize("login", [("ada", "wrong"), ("ada", ""), ("", ""), ("ADA", "lovelace"), ("eve", "lovelace")])
def test_another_login_does_not_help(login: tuple[str, str]) -> None:
    name, password = login
    assert not asyncio.run(Passwords(USERS).right(name, password.encode()))


@pytest.mark.parametrize(
    "header",
    ["", "Basic", "Basic !!", "Basic YWRh", "Basic /w==", "Bearer YWRhOmxvdmVsYWNl", "Basic 6\xe9", "x" * 9000],
)
def test_a_header_that_is_no_login_is_no_fault(header: str) -> None:
    assert login_in(header) is None


def test_a_login_is_asked_for_as_browsers_and_prometheus_know_it() -> None:
    response = asyncio.run(world().ask("/metrics", Authorization="Basic !!"))
    assert (response.status_code, response.text) == (401, "This needs a login.\n")
    assert response.headers["WWW-Authenticate"] == 'Basic realm="mailflow-probe", charset="UTF-8"'
    assert "Content-Security-Policy" in response.headers


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def refused(lively: World, *headers: str) -> int:
    """Return how many logins were counted as refused, when these came as Authorization; an empty one is none."""

    async def scenario() -> None:
        async with lively.served() as client:
            for header in headers:
                await client.get("/metrics", headers={"Authorization": header} if header else {})

    asyncio.run(scenario())
    return lively.guard.refusals.count


def test_a_login_that_is_refused_is_counted_and_named_once_without_its_password(
    caplog: pytest.LogCaptureFixture,
) -> None:
    wrong, other = basic("ada", "not-lovelace"), basic("\x1b[2J" + "x" * 200, "secret")
    assert refused(world(), wrong, "", wrong, basic(*LOGIN), other, "Bearer secret") == 4
    told = [vars(record) for record in caplog.records]
    assert [each["user"][:8] for each in told] == ["ada", r"\x1b[2Jx", ""]
    assert {each["client"] for each in told} == {"127.0.0.1"}
    assert max(len(each["user"]) for each in told) == 80
    assert not [each for each in told if "secret" in str(each) or "lovelace" in str(each)]


def test_logins_that_somebody_makes_up_do_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    refusals = Refusals()
    for number in range(1000):
        refusals.note(f"user{number}", "192.0.2.1")
    assert (refusals.count, len(caplog.records)) == (1000, 50)


def test_a_login_is_good_from_the_moment_that_it_is_in_the_web_config_and_no_longer() -> None:
    lively = World()

    async def scenario() -> list[int]:
        async with lively.served() as client:
            told = []
            for users in ({}, USERS, {"ada": hashed("another")}):
                lively.guard.use(web_file(users=users))
                told.append((await client.get("/metrics", auth=LOGIN)).status_code)
            return told

    assert asyncio.run(scenario()) == [200, 200, 401]


def test_a_new_certificate_does_not_have_everybody_checked_again() -> None:
    guard = Guard(web_file(users=USERS))
    known = guard.passwords
    guard.use(web_file(users=USERS, headers={"X-Frame-Options": "deny"}))
    assert guard.passwords is known
    guard.use(web_file(users={"ada": hashed("another")}))
    assert guard.passwords is not known


def test_headers_of_the_web_config_come_with_every_answer() -> None:
    headers = {"Strict-Transport-Security": "max-age=60", "Content-Security-Policy": "default-src 'self'"}
    response = asyncio.run(guarded(headers=headers).ask("/-/healthy"))
    assert {name: response.headers[name] for name in headers} == headers
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_more_requests_than_allowed_are_told_so_and_health_never() -> None:
    async def scenario() -> list[int]:
        async with guarded(limit=a_minute(burst=2)).served() as client:
            paths = ["/metrics", "/", "/metrics", *["/health/vip/mta1"] * 5]
            return [(await client.get(path)).status_code for path in paths]

    assert asyncio.run(scenario()) == [200, 200, 429, 200, 200, 200, 200, 200]


def test_tokens_come_back_one_by_one_up_to_the_burst() -> None:
    bucket = Bucket(RateLimit(interval=a_minute(1).interval, burst=2))
    taken = [bucket.take(now) for now in (100, 100, 100, 159, 160, 161, 1000, 1000, 1000)]
    assert taken == [True, True, False, False, True, False, True, True, False]


class Counted:
    """Passwords of one user, and how often bcrypt was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, users: Mapping[str, str] = USERS) -> None:
        self.checks: list[tuple[bytes, bytes]] = []
        self.passwords = Passwords(users)
        self._check = bcrypt.checkpw
        monkeypatch.setattr(bcrypt, "checkpw", self._counting)

    def _counting(self, password: bytes, hash_: bytes) -> bool:
        self.checks.append((password, hash_))
        return self._check(password, hash_)


@pytest.mark.parametrize("password, right", [(b"lovelace", True), (b"wrong", False)])
def test_a_password_is_checked_once_however_often_it_comes(
    password: bytes, right: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Counted(monkeypatch)

    async def scenario() -> None:
        answers = await asyncio.gather(*(counted.passwords.right("ada", password) for _ in range(100)))
        answers += [await counted.passwords.right("ada", password) for _ in range(100)]
        assert set(answers) == {right}

    asyncio.run(scenario())
    assert len(counted.checks) == 1


def test_an_unknown_user_is_checked_like_a_known_one(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch)
    assert not asyncio.run(counted.passwords.right("eve", b"lovelace"))
    assert counted.checks == [(b"lovelace", USERS["ada"].encode())]


def test_a_flood_of_wrong_passwords_waits_for_one_thread_and_not_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch)

    async def scenario() -> list[bool | BaseException]:
        tries = (counted.passwords.right("ada", f"guess {number}".encode()) for number in range(1000))
        return await asyncio.gather(*tries, return_exceptions=True)

    answers = asyncio.run(scenario())
    assert answers.count(False) == len(counted.checks) == passwords.MOST_WAITING
    assert sum(isinstance(answer, TooMany) for answer in answers) == 1000 - passwords.MOST_WAITING


def test_who_was_let_in_before_a_flood_is_let_in_during_it(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch)

    async def scenario() -> bool:
        assert await counted.passwords.right("ada", b"lovelace")
        flood = [asyncio.create_task(counted.passwords.right("ada", f"{n}".encode())) for n in range(1000)]
        answer = await counted.passwords.right("ada", b"lovelace")
        await asyncio.gather(*flood, return_exceptions=True)
        return answer

    assert asyncio.run(scenario())


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "MOST_REMEMBERED", 2)
    counted = Counted(monkeypatch)

    async def scenario() -> None:
        for guess in (b"1", b"2", b"3", b"3", b"1"):
            await counted.passwords.right("ada", guess)

    asyncio.run(scenario())
    assert [password for password, _ in counted.checks] == [b"1", b"2", b"3", b"1"]


def test_too_many_logins_are_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "MOST_WAITING", 0)

    async def scenario() -> list[httpx.Response]:
        async with guarded(users=USERS).served() as client:
            return [await client.get("/metrics", auth=LOGIN), await client.get("/health/vip/mta1")]

    refused, health = asyncio.run(scenario())
    assert (refused.status_code, refused.headers["Retry-After"], health.status_code) == (429, "1", 200)


@pytest.mark.parametrize("length, right", [(71, False), (72, True), (73, True), (100, True)])
def test_octets_that_bcrypt_never_looked_at_are_no_fault(length: int, right: bool) -> None:
    long = Passwords({"ada": hashed("x" * 72)})
    assert asyncio.run(long.right("ada", b"x" * length)) is right

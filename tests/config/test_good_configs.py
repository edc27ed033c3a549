"""What a good config means, key by key."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
import yaml

from probe.config import load
from probe.config.routes import RouteSection
from probe.model.oauth import Grant, TokenLogin
from probe.model.origin import VIP_WRITTEN_DOWN
from probe.model.outcome import EXPECTABLE, Outcome
from probe.model.secret import Secret
from probe.model.settings import (
    Content,
    ContentKind,
    Discovery,
    DiscoveryKind,
    HealthPolicy,
    ImapSettings,
    Listen,
    Login,
    Mailbox,
    Maintenance,
    Member,
    Notify,
    NotifyKind,
    OnceOnly,
    OnShutdown,
    Pop3Settings,
    ProxyProtocol,
    Resolver,
    Retry,
    Route,
    Settings,
    Share,
    SmtpSettings,
    TagKey,
    Timeouts,
    Tls,
    UnknownIs,
    Web,
    Weekly,
)
from tests.config.conftest import KEY, PASSWORD

USERS = {"ada": "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG"}
ROOT = Path(__file__).parents[2]
LEAST = """
instance: probe-a
mailboxes:
  monitor: {{address: monitor@lab.test, imap: {{host: h, username: u, password: {{env: MAILFLOW_PASSWORD}}, {imap}}}}}
pools:
  vip: {{members: {{mta1: 127.0.0.11}}, smtp: {{{smtp}}}}}
routes:
  inbound: {{pool: vip, mailbox: monitor, from: probe@lab.test, {route}}}
health: {{{health}}}
"""


def loaded(
    folder: Path, *, imap: str = "", smtp: str = "", route: str = "", health: str = "", rest: str = ""
) -> Settings:
    path = folder / "config.yaml"
    path.write_text(LEAST.format(imap=imap, smtp=smtp, route=route, health=health) + rest)
    return load(path)


@pytest.fixture
def every(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of every_key.yaml."""
    for name, content in (("key", f"{KEY}\n"), ("other", PASSWORD)):
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(0o600)
    (tmp_path / "web.yml").write_text(yaml.safe_dump({"basic_auth_users": USERS}))
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    return load(Path(__file__).with_name("every_key.yaml"), base=tmp_path)


def test_the_top_of_the_config_arrives(every: Settings) -> None:
    key = KEY.encode()
    assert every.instance == "probe-a"
    assert every.state == "postgresql://probe@db.lab.test/mailflow"
    assert every.tag_keys == (TagKey("k2", key), TagKey("k1", key))
    assert every.web == Web(Listen("::1", 9000), lifecycle=True, protect_health=True, file=every.web.file)
    assert every.web.file is not None
    assert every.web.file.users == USERS
    assert every.agent == Listen("::1", 9001)
    assert every.resolver == Resolver(nameservers=("127.0.0.1", "::1"), port=5353)
    assert every.explain_for == timedelta(days=7)


def test_mailboxes_arrive(every: Settings) -> None:
    login = Login("u", Secret(PASSWORD))
    imap = ImapSettings(
        host="imap.lab.test", login=login, port=1143, tls=Tls.STARTTLS, verify=False, server_name="mail.lab.test"
    )
    pop3 = Pop3Settings(host="127.0.0.1", login=login, port=110, tls=Tls.NONE)
    assert every.mailboxes == {
        "monitor": Mailbox(
            "monitor", "monitor@lab.test", imap, "Incoming", "Spam", timedelta(hours=1), 160 * 1024, foreign_limit=20
        ),
        "other": Mailbox("other", '"odd name"@[127.0.0.1]', pop3),
        "by-token": every.mailboxes["by-token"],
    }


def test_grants_arrive(every: Settings, tmp_path: Path) -> None:
    secret = Secret(PASSWORD)
    renewed = Grant("https://login.lab.test/token", "probe", secret, Secret(KEY), tmp_path / "key", "mail offline")
    assert every.mailboxes["by-token"].access.login == TokenLogin("token@lab.test", renewed)
    assert every.pools["by-token"].smtp.login == TokenLogin("u", Grant("http://127.0.0.1:8080/t", "c", secret))


def test_those_who_are_told_arrive(every: Settings) -> None:
    assert every.notify == (
        Notify(
            "https://hooks.lab.test/alarms?room=1",
            NotifyKind.ALERTMANAGER,
            timedelta(seconds=30),
            {"Authorization": Secret(PASSWORD)},
            link="https://probe.lab.test/mailflow",
        ),
        Notify("http://192.0.2.7:9093/api/v2/alerts", NotifyKind.WEBHOOK, timedelta(seconds=1)),
    )
    assert PASSWORD not in repr(every.notify)


@pytest.mark.parametrize("interval, seconds", [("10s", 20), ("59s", 118), ("60s", 120), ("5m", 120)])
def test_what_lasts_two_rounds_is_told_and_what_lasts_two_minutes(interval: str, seconds: int, tmp_path: Path) -> None:
    settings = loaded(tmp_path, route=f"interval: {interval}", rest='notify: [{webhook: "http://127.0.0.1/"}]')
    assert [told.after for told in settings.notify] == [timedelta(seconds=seconds)]


def test_static_members_arrive(every: Settings) -> None:
    assert every.pools["vip"].members == (
        Member("vip", "mta1", "127.0.0.11", 2525),
        Member("vip", "mta2", "127.0.0.12", 25),
        Member("vip", "mta3", "127.0.0.13", 2526, "mta3.lab.test"),
        Member("vip", "mta4", "127.0.0.14", 25),
    )
    assert every.pools["local"].members == (
        Member("local", "here", hostname="lab.test", command=("/usr/sbin/sendmail", "-bs")),
        Member("local", "six", "::1", 25),
    )


def test_members_behind_a_vip_share_its_address_and_are_known_by_their_names(every: Settings) -> None:
    names = ("mta1.lab.test", "mta2.lab.test")
    assert every.pools["behind-vip"].members == tuple(
        Member("behind-vip", name, "::1", 2500, name, behind_vip=names) for name in names
    )
    assert {each.origin for each in every.pools["behind-vip"].members} == {VIP_WRITTEN_DOWN}


def test_a_vip_without_a_port_is_dialled_at_25(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILFLOW_PASSWORD", PASSWORD)
    path = tmp_path / "config.yaml"
    text = LEAST.format(imap="", smtp="", route="", health="")
    path.write_text(
        text.replace("members: {mta1: 127.0.0.11}", "discover: {vip: 127.0.0.10, members: [mta1.lab.test]}")
    )
    assert load(path).pools["vip"].members[0].endpoint == "127.0.0.10:25"


def test_how_members_are_spoken_to_arrives(every: Settings) -> None:
    assert every.pools["vip"].smtp == SmtpSettings(
        tls=Tls.STARTTLS,
        verify=False,
        server_name="vip.lab.test",
        ehlo="probe.lab.test",
        source_address="127.0.0.1",
        proxy_protocol=ProxyProtocol.V2,
        lmtp=True,
        login=Login("probe", Secret(PASSWORD)),
        login_without_tls=True,
        pipelining=False,
        reuse=timedelta(minutes=2),
        timeouts=Timeouts(timedelta(seconds=1), timedelta(seconds=2), timedelta(seconds=3)),
    )


def test_discoveries_arrive(every: Settings) -> None:
    assert {name: pool.discovery for name, pool in every.pools.items()} == {
        "vip": None,
        "by-token": None,
        "local": None,
        "behind-vip": None,
        "exchangers": Discovery(DiscoveryKind.MX, "lab.test", 2525),
        "relays": Discovery(DiscoveryKind.HOST, "smtp.lab.test", 25),
        "from-lb": Discovery(DiscoveryKind.HAPROXY, "/run/haproxy/admin.sock", 2525, "mx"),
        "srv": Discovery(DiscoveryKind.SRV, "_submission._tcp.lab.test"),
    }


def test_routes_arrive(every: Settings) -> None:
    assert every.routes["inbound"] == Route(
        name="inbound",
        pool="vip",
        mailbox="monitor",
        sender="probe@lab.test",
        recipient="someone@lab.test",
        bounces="other",
        interval=timedelta(milliseconds=500),
        deadline=timedelta(hours=2),
        late_until=timedelta(days=3),
        expect=Outcome.JUNKED,
        retry=Retry(5, timedelta(seconds=20), timedelta(minutes=10)),
        content=Content(size=64 * 1024),
        footer=True,
        authserv_id="mx.lab.test",
        path=every.routes["inbound"].path,
        objective=0.999,
    )
    assert every.routes["plain"].content == Content(ContentKind.EICAR)


def test_path_rules_arrive_and_match_anywhere_in_any_case(every: Settings) -> None:
    path = every.routes["inbound"].path
    assert [rule.pattern for rule in path.through] == [r"^gw[12]\.lab\.test$"]
    assert [rule.pattern for rule in path.never] == ["backup", "old"]
    assert path.through[0].search("GW1.lab.test")
    assert not path.through[0].search("gw1.lab.test.example.org")
    assert path.never[0].search("mx.backup.lab.test")


def test_a_route_that_only_asks_needs_no_mailbox(every: Settings) -> None:
    asks = every.routes["asks"]
    assert (asks.only_asks, asks.mailbox, asks.bounces) == (True, None, None)
    assert (asks.recipient, asks.expect, asks.late_until) == ("someone@lab.test", Outcome.REJECTED, asks.deadline)


def test_where_all_routes_only_ask_there_may_be_no_mailboxes(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        "{instance: a, pools: {vip: {members: {mta1: 127.0.0.1}}},"
        " routes: {asks: {pool: vip, check: rcpt, from: a@lab.test, to: b@lab.test, deadline: 9d}}}"
    )
    asking = load(path)
    assert asking.mailboxes == {}
    assert asking.routes["asks"].expect is Outcome.ACCEPTED


def test_health_arrives(every: Settings) -> None:
    assert replace(every.health, maintenance=()) == HealthPolicy(
        rise=3,
        fall=4,
        min_healthy=Share(count=2),
        stale_after=timedelta(minutes=10),
        unknown_is=UnknownIs.HOLD,
        on_shutdown=OnShutdown.HOLD,
        release_for=timedelta(seconds=8),
    )


def test_maintenance_arrives(every: Settings) -> None:
    begins, ends = datetime(2026, 12, 1, 22, tzinfo=UTC), datetime(2026, 12, 2, 1, tzinfo=UTC)
    weekends = Weekly(frozenset({5, 6}), timedelta(hours=22.5), timedelta(hours=24), ZoneInfo("Europe/Berlin"))
    assert every.health.maintenance == (
        Maintenance("vip", weekends, "patching", ("mta1", "mta2")),
        Maintenance("exchangers", OnceOnly(begins, ends), "a new store"),
    )


def test_maintenance_is_every_day_in_utc_unless_it_is_said(tmp_path: Path) -> None:
    written = 'maintenance: [{pool: vip, why: patching, weekly: {starts: 02:00, ends: "04:00"}}]'
    [plan] = loaded(tmp_path, health=written).health.maintenance
    assert plan == Maintenance(
        "vip", Weekly(frozenset(range(7)), timedelta(hours=2), timedelta(hours=4), UTC), "patching"
    )


def test_a_moment_may_be_written_without_quotes(tmp_path: Path) -> None:
    once = "{starts: 2026-12-01T22:00:00Z, ends: 2026-12-02 00:00:00+01:00}"
    [plan] = loaded(tmp_path, health=f"maintenance: [{{pool: vip, why: moving, once: {once}}}]").health.maintenance
    at = datetime(2026, 12, 1, 22, tzinfo=UTC)
    assert plan.when == OnceOnly(at, at + timedelta(hours=1))


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    settings = loaded(tmp_path)
    assert settings.state == "sqlite:///./mailflow.db"
    assert (settings.tag_keys, settings.web, settings.resolver) == ((), Web(), Resolver())
    assert settings.health == HealthPolicy()
    assert settings.explain_for == timedelta(days=14)
    assert settings.mailboxes["monitor"].access.port == 993
    assert settings.routes["inbound"] == Route(
        name="inbound",
        pool="vip",
        mailbox="monitor",
        sender="probe@lab.test",
        recipient="monitor@lab.test",
        bounces="monitor",
        interval=timedelta(seconds=60),
        deadline=timedelta(minutes=5),
    )


@pytest.mark.parametrize(
    "smtp, verify",
    [
        ("", False),
        ("tls: opportunistic", False),
        ("tls: opportunistic, verify: true", True),
        ("tls: starttls", True),
        ("tls: starttls, verify: false", False),
        ("tls: implicit", True),
    ],
)
def test_certificates_are_checked_unless_tls_is_opportunistic(smtp: str, verify: bool, tmp_path: Path) -> None:
    assert loaded(tmp_path, smtp=smtp).pools["vip"].smtp.verify is verify


@pytest.mark.parametrize(
    "written, length",
    [
        ("100ms", timedelta(milliseconds=100)),
        ("1s", timedelta(seconds=1)),
        ("90s", timedelta(seconds=90)),
        ("5m", timedelta(minutes=5)),
        ("2h", timedelta(hours=2)),
        ("3650d", timedelta(days=3650)),
    ],
)
def test_durations_are_a_number_and_a_unit(written: str, length: timedelta, tmp_path: Path) -> None:
    assert loaded(tmp_path, route=f"interval: {written}").routes["inbound"].interval == length


@pytest.mark.parametrize(
    "route",
    [
        "deadline: 5m, late_until: 301s",
        "deadline: 20s, retry: {attempts: 2, first: 19s}",
        "deadline: 20s, retry: {attempts: 1, first: 20s}",
        "retry: {first: 20s, longest: 20s}",
        "objective: 100%",
        "content: {size: 32MiB}",
    ],
)
def test_the_good_side_of_a_boundary_is_accepted(route: str, tmp_path: Path) -> None:
    assert loaded(tmp_path, route=route).routes


@pytest.mark.parametrize(
    "written, share",
    [("0", Share(count=0)), ("2", Share(count=2)), ("50%", Share(ratio=0.5)), ("100%", Share(ratio=1.0))],
)
def test_min_healthy_is_a_number_or_a_percentage(written: str, share: Share, tmp_path: Path) -> None:
    assert loaded(tmp_path, health=f"min_healthy: {written}").health.min_healthy == share


def test_an_alias_stands_for_what_it_names(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    text = LEAST.format(imap="", smtp="", route="", health="")
    path.write_text(
        text.replace("smtp: {}}", "smtp: &smtp {ehlo: a.test}}\n  b: {members: {x: 127.0.0.1}, smtp: *smtp}")
    )
    assert load(path).pools["b"].smtp.ehlo == "a.test"


def test_all_expectable_outcomes_can_be_written() -> None:
    assert set(get_args(RouteSection.model_fields["expect"].annotation)) == EXPECTABLE


def test_the_shipped_config_watches_the_embedded_mail_system() -> None:
    from probe.demo.system import ADDRESS, IMAP_PORT, MEMBERS, PASSWORD_FILE

    settings = load(ROOT / "config.yaml", warn=lambda _: None)
    (mailbox,) = settings.mailboxes.values()
    assert mailbox.address == ADDRESS
    assert mailbox.access.port == IMAP_PORT
    assert mailbox.access.login == Login(ADDRESS, Secret(PASSWORD_FILE.read_text().strip()))
    (pool,) = settings.pools.values()
    assert [(member.name, member.port) for member in pool.members] == [(member.name, member.port) for member in MEMBERS]

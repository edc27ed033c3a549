"""Every command as a person meets it: what it prints, and how it ends."""

import base64
import json
import platform
from pathlib import Path

import pytest
import yaml

from probe import __version__
from probe.config import schema
from probe.demo.behaviour import Behaviour
from probe.demo.system import MailSystem
from probe.model.outcome import Stage
from tests.cli.conftest import SMTP_PASSWORD, mailflow

COMMANDS = (
    "run",
    "once",
    "status",
    "verify",
    "check-config",
    "explain",
    "hold",
    "release",
    "history",
    "demo",
    "config-schema",
)
BAD = "instance: a\nnonsense: 1\nmailboxes: {}\npools: {}\nroutes:\n  inbound: {pool: vip, deadline: 5x}\n"


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    file = tmp_path / "bad.yaml"
    file.write_text(BAD)
    return file


def test_the_version_is_told() -> None:
    told = mailflow("--version")
    assert (told.exit_code, told.output) == (0, f"mailflow-probe {__version__}, Python {platform.python_version()}\n")


def test_help_names_every_command() -> None:
    told = mailflow("--help")
    assert told.exit_code == 0
    assert [line.split()[0] for line in told.output.split("Commands:")[1].strip().splitlines()] == list(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_every_command_helps(command: str, option: str) -> None:
    told = mailflow(command, option)
    # A plug-in that shows its help is no check that went well.
    assert told.exit_code == (3 if command == "status" else 0)
    assert told.output.startswith(f"Usage: mailflow {command}")


def test_a_command_that_does_not_exist_is_a_wrong_call() -> None:
    told = mailflow("nonsense")
    assert (told.exit_code, "No such command 'nonsense'" in told.stderr) == (2, True)


def test_a_good_config_is_called_good(config: Path) -> None:
    told = mailflow("check-config", "-c", config)
    assert (told.exit_code, told.stdout) == (0, f"{config}: good; 2 pools, 2 routes, 1 mailbox\n")


def test_what_is_unwise_is_a_warning_on_standard_error(config: Path) -> None:
    (config.parent / "secret").chmod(0o644)
    told = mailflow("check-config", "-c", config)
    assert told.exit_code == 0
    assert f'warning: secret file "{config.parent}/secret" is open to others' in told.stderr


def test_everything_that_is_wrong_is_said_at_once_by_line(bad: Path) -> None:
    told = mailflow("check-config", "-c", bad)
    assert (told.exit_code, told.stdout) == (2, "")
    assert told.stderr.splitlines() == [
        f"{bad}:2: nonsense: is not a known key; known here are: instance, state, tag_keys, web, agent, resolver, "
        "mailboxes, pools, routes, health, explain_for, notify",
        f"{bad}:3: mailboxes: is empty; write at least one entry",
        f"{bad}:4: pools: is empty; write at least one entry",
        f"{bad}:6: routes.inbound.mailbox: is missing; write the name of a mailbox, such as mailbox: monitor",
        f"{bad}:6: routes.inbound.from: is missing; write the sender, such as from: probe@example.org",
        f'{bad}:6: routes.inbound.deadline: "5x" is not a duration; write 90s or 5m',
    ]


def test_a_config_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    told = mailflow("check-config", "-c", tmp_path / "none.yaml")
    assert told.exit_code == 2
    assert told.stderr.startswith(f"{tmp_path}/none.yaml:1: cannot be read (No such file or directory)")


@pytest.mark.parametrize("command", [("run",), ("once",), ("explain", "x")])
def test_every_command_ends_with_the_errors_of_a_bad_config_and_no_traceback(
    command: tuple[str, ...], bad: Path
) -> None:
    told = mailflow(*command, "-c", bad)
    assert (told.exit_code, told.stdout) == (2, "")
    assert f"{bad}:2: nonsense" in told.stderr
    assert "Traceback" not in told.stderr


def test_the_schema_of_the_config_is_printed() -> None:
    told = mailflow("config-schema")
    assert told.exit_code == 0
    assert json.loads(told.stdout) == schema()


def test_one_round_tells_of_every_probe(config: Path) -> None:
    told = mailflow("once", "-c", config, "--json")
    assert told.exit_code == 2
    probes = json.loads(told.stdout)["probes"]
    outcomes = {(probe["pool"], probe["member"]): probe["outcome"] for probe in probes}
    assert outcomes == {("locked", "good"): "delivered", ("vip", "refusing"): "rejected", ("vip", "junking"): "junked"}
    assert all(probe["finished"] for probe in probes)


@pytest.mark.parametrize(
    "arguments, code, members",
    [
        (("--member", "good"), 0, {"good"}),
        (("--route", "inside"), 0, {"good"}),
        (("--member", "vip/junking"), 1, {"junking"}),
        (("--member", "refusing", "--member", "good"), 2, {"good", "refusing"}),
        (("--route", "inbound", "--member", "junking"), 1, {"junking"}),
    ],
)
def test_one_round_of_what_is_named_ends_with_the_worst(
    config: Path, arguments: tuple[str, ...], code: int, members: set[str]
) -> None:
    told = mailflow("once", "-c", config, *arguments, "--json")
    assert told.exit_code == code
    assert {probe["member"] for probe in json.loads(told.stdout)["probes"]} == members


def test_one_round_for_a_person_is_a_table_without_control_characters(config: Path) -> None:
    told = mailflow("once", "-c", config)
    assert told.exit_code == 2
    assert {"good", "refusing", "junking"} <= set(told.stdout.split())
    assert "\x1b" not in told.stdout


def test_one_round_waits_no_longer_than_it_is_told(config: Path, system: MailSystem) -> None:
    system.members["good"].behaviour = Behaviour(discard=True)
    try:
        told = mailflow("once", "-c", config, "--member", "good", "--timeout", "300ms", "--json")
    finally:
        system.members["good"].behaviour = Behaviour()
    assert told.exit_code == 3
    assert [probe["outcome"] for probe in json.loads(told.stdout)["probes"]] == [None]


def test_a_turn_that_did_not_come_in_time_is_named_and_is_no_success(config: Path, system: MailSystem) -> None:
    loaded = yaml.safe_load(config.read_text())
    loaded["routes"]["next"] = loaded["routes"]["inside"]
    config.write_text(yaml.safe_dump(loaded))
    system.members["good"].behaviour = Behaviour(hang_at=Stage.BANNER)
    try:
        told = mailflow("once", "-c", config, "--member", "good", "--timeout", "300ms", "--json")
    finally:
        system.members["good"].behaviour = Behaviour()
    assert told.exit_code == 3
    assert told.stderr.splitlines()[-1] == "not begun: locked/good on next"
    assert [probe["route"] for probe in json.loads(told.stdout)["probes"]] == ["inside"]


@pytest.mark.parametrize("duration", ["5", "soon", "-1s"])
def test_a_duration_that_is_none_is_a_wrong_call(config: Path, duration: str) -> None:
    told = mailflow("once", "-c", config, "--timeout", duration)
    assert told.exit_code == 2
    assert "is not a duration" in told.stderr


def test_a_route_that_does_not_exist_is_named_with_those_that_do(config: Path) -> None:
    told = mailflow("once", "-c", config, "--route", "nothing")
    assert (told.exit_code, told.stderr) == (2, "there is no route nothing; routes are: inbound, inside\n")


def test_a_member_that_does_not_exist_is_nothing_to_probe(config: Path) -> None:
    told = mailflow("once", "-c", config, "--member", "nobody")
    assert (told.exit_code, told.stdout) == (3, "")
    assert "nothing was probed" in told.stderr


def test_a_member_that_was_asked_for_and_not_probed_is_no_success(config: Path) -> None:
    told = mailflow("once", "-c", config, "--member", "good", "--member", "vip/nobody", "--json")
    assert told.exit_code == 3
    assert {probe["member"] for probe in json.loads(told.stdout)["probes"]} == {"good"}
    assert told.stderr.splitlines()[-1] == "not probed: vip/nobody; no such member was found"


def test_a_ledger_that_cannot_be_opened_is_a_sentence(config: Path) -> None:
    config.write_text(config.read_text().replace("ledger.db", "nowhere/ledger.db"))
    for command, code in ((("once",), 3), (("explain", "x"), 3), (("run",), 1)):
        told = mailflow(*command, "-c", config)
        assert (told.exit_code, told.stdout) == (code, "")
        assert "nowhere" in told.stderr
        assert "Traceback" not in told.stderr


def test_a_port_that_is_taken_is_a_sentence(config: Path, system: MailSystem) -> None:
    config.write_text(config.read_text().replace("listen: 127.0.0.1:0", f"listen: 127.0.0.1:{system.imap.port}"))
    told = mailflow("run", "-c", config)
    assert told.exit_code == 1
    assert f"cannot listen on 127.0.0.1:{system.imap.port}: " in told.stderr.splitlines()[-1]
    assert "Traceback" not in told.stderr


def test_the_life_of_a_probe_is_told_with_its_secrets_struck_out(config: Path) -> None:
    # Given
    [probe] = json.loads(mailflow("once", "-c", config, "--member", "good", "--json").stdout)["probes"]

    # When
    told = mailflow("explain", probe["id"].upper(), "-c", config)
    life = json.loads(mailflow("explain", probe["id"], "-c", config, "--json").stdout)

    # Then
    assert told.exit_code == 0
    for words in (
        probe["id"],
        "locked/good",
        "delivered",
        "C: AUTH",
        "C: RCPT TO:<monitor@demo.test>",
        "S: 250",
        "path",
    ):
        assert words in told.stdout
    assert (life["outcome"], life["folder"], life["attempts"]) == ("delivered", "inbox", 1)
    for written in (told.stdout, json.dumps(life)):
        for secret in (SMTP_PASSWORD, _base64(SMTP_PASSWORD), _base64(f"\0probe\0{SMTP_PASSWORD}")):
            assert secret not in written


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_what_a_server_said_is_told_without_its_control_characters(config: Path) -> None:
    [probe] = json.loads(mailflow("once", "-c", config, "--member", "refusing", "--json").stdout)["probes"]
    told = mailflow("explain", probe["id"], "-c", config)
    assert "\x1b" not in told.stdout
    assert "go \\x1b[31maway" in told.stdout


def test_a_probe_that_is_not_known_is_a_sentence(config: Path) -> None:
    told = mailflow("explain", "no\x1b[31msuch", "-c", config)
    assert (told.exit_code, told.stdout) == (3, "")
    assert told.stderr.startswith("there is no probe no\\x1b[31msuch in ")

"""What the pages tell to type or to copy works as printed."""

import re
import shlex
from pathlib import Path

import click
import pytest
import trustme
import yaml

from probe import config
from probe.cli.main import main
from tests.docs.markdown import ROOT, blocks
from tests.docs.pages import BAD_CONFIG, FIVE_MINUTES, PAGES, PROMETHEUS, STARTING_CONFIG, SYSTEMD, WEB_LOGIN
from tests.docs.running import run

SHELL = [line for page in PAGES for block in blocks(page.read_text(), "sh") for line in block.splitlines()]
COMMANDS = [line for line in SHELL if re.match(r"\S*\bmailflow ", line)]
MAKES = [line for line in SHELL if line.startswith("make ")]
[BAD] = blocks(BAD_CONFIG.text, "yaml")
CONFIGS = [
    block
    for page in PAGES
    for block in blocks(page.read_text(), "yaml")
    if block != BAD and {"instance", "mailboxes", "pools", "routes"} <= set(yaml.safe_load(block))
]
"""The blocks that are a whole config, the bad one left out."""


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_that_is_shown_can_be_parsed(line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    if words == ["--version"]:
        return
    command = main.get_command(click.Context(main), words[0])
    assert command, f"there is no command {words[0]}"
    # Below its group, from which it takes the names of the help option, for good.
    command.make_context(words[0], words[1:], parent=click.Context(main, help_option_names=["-h", "--help"])).close()


def test_commands_are_shown_at_all() -> None:
    assert {shlex.split(line)[1] for line in COMMANDS} >= {"run", "once", "explain", "check-config"}


@pytest.mark.parametrize("line", MAKES)
def test_a_make_that_is_shown_has_its_target(line: str) -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(line.split()[1:]) <= set(targets)


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of credentials in which every name that a page uses has its secret."""
    for page in PAGES:
        for name in re.findall(r"credential: ([\w-]+)", page.read_text()):
            (tmp_path / name).write_text("a secret of some length")
            (tmp_path / name).chmod(0o600)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("block", CONFIGS)
def test_a_config_that_is_shown_can_be_loaded(block: str, secrets: Path) -> None:
    # Given
    path = secrets / "config.yaml"
    path.write_text(block)

    # When
    warnings: list[str] = []
    settings = config.load(path, warn=warnings.append)

    # Then
    assert settings.routes
    assert warnings == []


def test_a_whole_config_is_shown() -> None:
    assert CONFIGS


def test_a_bad_config_is_told_as_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given
    (told,) = blocks(BAD_CONFIG.text, "text")
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text(BAD)

    # When
    with pytest.raises(config.ConfigError) as caught:
        config.load(Path("config.yaml"))

    # Then
    assert str(caught.value) == told.rstrip()


def test_prometheus_takes_the_recipe_with_the_shipped_alerts(tmp_path: Path) -> None:
    (recipe,) = blocks(PROMETHEUS.text, "yaml")
    (tmp_path / "prometheus.yml").write_text(recipe)
    for name in ("rules.yaml", "alerts.yaml"):
        (tmp_path / f"mailflow-{name}").write_text((ROOT / "dashboards" / name).read_text())
    checked = run("promtool", "check", "config", "prometheus.yml", cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert checked.stdout.count("rules found") == 2


def test_the_scrape_job_has_the_name_that_the_alerts_expect() -> None:
    (recipe,) = blocks(PROMETHEUS.text, "yaml")
    (job,) = yaml.safe_load(recipe)["scrape_configs"]
    assert f'job="{job["job_name"]}"' in (ROOT / "dashboards" / "alerts.yaml").read_text()


def test_the_unit_gives_the_credentials_that_the_config_asks_for() -> None:
    (unit,) = blocks(SYSTEMD.text, "ini")
    given = set(re.findall(r"^LoadCredential=([\w-]+):", unit, re.MULTILINE))
    assert given == set(re.findall(r"credential: ([\w-]+)", STARTING_CONFIG.text))


def test_the_demo_is_described_as_it_is() -> None:
    members = set(yaml.safe_load((ROOT / "config.yaml").read_text())["pools"]["vip"]["members"])
    assert {name for name in members if f"`{name}`" in FIVE_MINUTES.text} == members


def test_the_web_config_that_is_shown_is_taken_here_and_by_promtool(tmp_path: Path) -> None:
    # Given
    authority = trustme.CA()
    certificate = authority.issue_cert("probe.test")
    certificate.cert_chain_pems[0].write_to_path(str(tmp_path / "server.pem"))
    certificate.private_key_pem.write_to_path(str(tmp_path / "server.key"))
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    (tmp_path / "server.key").chmod(0o600)
    [block] = blocks(WEB_LOGIN.text, "yaml")

    # When
    (tmp_path / "web.yml").write_text(block)
    checked = run("promtool", "check", "web-config", "web.yml", cwd=tmp_path)
    file = config.load_web_file(tmp_path / "web.yml")

    # Then
    assert checked.returncode == 0, checked.stderr
    assert list(file.users) == ["prometheus"]

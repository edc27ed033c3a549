"""Secrets are read where they are kept, and shown nowhere."""

from pathlib import Path

import pytest

from probe.config import ConfigError, load
from probe.model.settings import Login, Settings
from tests.config.conftest import KEY, PASSWORD

CONFIG = """
instance: probe-a
tag_keys: [{{id: k1, env: MAILFLOW_KEY}}]
mailboxes:
  monitor: {{address: monitor@lab.test, imap: {{host: h, username: u, password: {password}}}}}
pools: {{vip: {{members: {{mta1: 127.0.0.11}}}}}}
routes: {{inbound: {{pool: vip, mailbox: monitor, from: probe@lab.test}}}}
"""


def config(folder: Path, password: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(CONFIG.format(password=password))
    return path


def password_of(settings: Settings) -> str:
    login = settings.mailboxes["monitor"].access.login
    assert isinstance(login, Login)
    return login.password.reveal()


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(PASSWORD)
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("reference", ["{env: MAILFLOW_PASSWORD}", "{file: secret}", "{credential: secret}"])
def test_a_secret_is_read_where_it_is_kept(
    reference: str, tmp_path: Path, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert password_of(load(config(tmp_path, reference))) == PASSWORD


@pytest.mark.parametrize(
    "kept, password",
    [("word\n", "word"), ("word\r\n", "word"), (" word ", " word "), ("wörd", "wörd")],
)
def test_one_line_end_does_not_count_and_nothing_else_is_stripped(
    kept: str, password: str, tmp_path: Path, secret: Path
) -> None:
    secret.write_bytes(kept.encode())
    assert password_of(load(config(tmp_path, "{file: secret}"))) == password


@pytest.mark.parametrize(
    "kept, wrong",
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"word\n\n", "holds a control character or a second line"),
        (b"wo\0rd", "holds a control character or a second line"),
        (b"\xff", "is not UTF-8"),
    ],
)
def test_what_can_be_no_password_is_refused(kept: bytes, wrong: str, tmp_path: Path, secret: Path) -> None:
    secret.write_bytes(kept)
    with pytest.raises(ConfigError) as refused:
        load(config(tmp_path, "{file: secret}"))
    assert [(problem.path, problem.wrong) for problem in refused.value.problems] == [
        ("mailboxes.monitor.imap.password", wrong)
    ]


@pytest.mark.parametrize("mode, warnings", [(0o600, 0), (0o400, 0), (0o640, 1), (0o604, 1)])
def test_a_secret_file_that_others_may_read_is_warned_of(
    mode: int, warnings: int, tmp_path: Path, secret: Path
) -> None:
    told: list[str] = []
    secret.chmod(mode)
    load(config(tmp_path, "{file: secret}"), warn=told.append)
    assert len(told) == warnings
    assert all(str(secret) in warning and f"{mode:04o}" in warning for warning in told)


def test_file_names_start_at_the_folder_of_the_config(
    tmp_path: Path, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    assert password_of(load(config(tmp_path, "{file: secret}"))) == PASSWORD


def test_file_names_start_at_the_base_if_there_is_one(tmp_path: Path, secret: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    assert password_of(load(config(folder, "{file: secret}"), base=tmp_path)) == PASSWORD


def test_secrets_do_not_appear_in_settings(tmp_path: Path) -> None:
    settings = load(config(tmp_path, "{env: MAILFLOW_PASSWORD}"))
    for text in (repr(settings), str(settings)):
        assert PASSWORD not in text
        assert KEY not in text


def test_secrets_do_not_appear_among_problems(tmp_path: Path) -> None:
    path = config(tmp_path, "{env: MAILFLOW_PASSWORD}")
    path.write_text(path.read_text() + "health: {rise: 0}\n")
    with pytest.raises(ConfigError) as refused:
        load(path)
    assert PASSWORD not in str(refused.value) + repr(refused.value.problems)
    assert KEY not in str(refused.value) + repr(refused.value.problems)

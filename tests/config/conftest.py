"""The environment in which the configs of these tests are loaded."""

import pytest

PASSWORD = "correct horse battery"
KEY = "0123456789abcdef"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILFLOW_PASSWORD", PASSWORD)
    monkeypatch.setenv("MAILFLOW_KEY", KEY)
    monkeypatch.setenv("MAILFLOW_SHORT", KEY[:15])
    monkeypatch.setenv("MAILFLOW_EMPTY", "")
    monkeypatch.delenv("MAILFLOW_NOT_SET", raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)

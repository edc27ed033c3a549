"""The JSON Schema says what the loader says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from probe.config import schema

ROOT = Path(__file__).parents[2]


def values(path: Path) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load(path.read_text())
    return config


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize(
    "path", [ROOT / "config.yaml", Path(__file__).with_name("every_key.yaml")], ids=lambda p: p.name
)
def test_a_good_config_satisfies_the_schema(path: Path) -> None:
    # An editor's YAML 1.2 reads `off` as text; this reader takes it for false.
    config = yaml.safe_load(path.read_text().replace("pipelining: off", 'pipelining: "off"'))
    jsonschema.validate(config, schema())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda config: config.update(unknown=1),
        lambda config: config["pools"]["vip"].update(unknown=1),
        lambda config: config["pools"]["vip"]["members"]["fast"].update(unknown=1),
        lambda config: config["routes"]["inbound"].update(deadline="5x"),
        lambda config: config["routes"]["inbound"].update(content={"size": "64kb"}),
        lambda config: config["mailboxes"]["monitor"]["imap"].update(password="inline"),
        lambda config: config.pop("instance"),
    ],
    ids=["top", "pool", "member", "duration", "size", "inline secret", "missing"],
)
def test_a_bad_config_does_not_satisfy_the_schema(spoil: Callable[[dict[str, Any]], object]) -> None:
    config = values(ROOT / "config.yaml")
    spoil(config)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(config, schema())

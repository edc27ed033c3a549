"""Reading a config file, and saying everything that is wrong with it at once."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from probe.config.build import build
from probe.config.document import Document, read
from probe.config.problems import ConfigError, dotted
from probe.config.root import Config
from probe.config.section import Surroundings
from probe.config.wording import worded
from probe.model.settings import Settings

_log = logging.getLogger(__name__)


def load(path: Path, *, base: Path | None = None, warn: Callable[[str], None] = _log.warning) -> Settings:
    """Return the settings that a config file asks for, its secrets read.

    Relative names of secret and certificate files start at ``base``, by default the folder of the config file.
    What is unwise but possible is told to ``warn``, a sentence each. Raises ConfigError with all problems.
    """
    document = read(path)
    around = _surroundings(document.value, path.parent if base is None else base)
    config = _validated(document, around)
    if config is None or document.problems or around.elsewhere:
        raise ConfigError([*sorted(document.problems, key=lambda problem: problem.line), *around.elsewhere])
    for warning in around.warnings:
        warn(warning)
    return build(config)


def _surroundings(value: dict[str, Any], folder: Path) -> Surroundings:
    mailboxes, routes = _section(value, "mailboxes"), _section(value, "routes").values()
    return Surroundings(
        folder=folder,
        environment=os.environ,
        pools=tuple(_section(value, "pools")),
        mailboxes=tuple(mailboxes),
        without_folders=frozenset(name for name, box in mailboxes.items() if isinstance(box, dict) and "pop3" in box),
        sends=not routes or not all(isinstance(route, dict) and route.get("check") == "rcpt" for route in routes),
    )


def _section(value: dict[str, Any], key: str) -> dict[str, Any]:
    section = value.get(key)
    return section if isinstance(section, dict) else {}


def _validated(document: Document, around: Surroundings) -> Config | None:
    refused = {problem.path for problem in document.problems}
    try:
        return Config.model_validate(document.value, context=around)
    except ValidationError as errors:
        for error in errors.errors(include_url=False):
            place, wrong, right = worded(error, Config)
            if dotted(place) not in refused:  # what could not be read
                document.refuse(place, wrong, right)
    return None

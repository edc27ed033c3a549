"""Where a daemon with this config listens: read without its secrets, by users who may not know them."""

from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from probe.config.addresses import Endpoint
from probe.config.document import read
from probe.config.problems import ConfigError
from probe.config.root import Config
from probe.config.wording import worded
from probe.model.settings import Listen, Web


def listening(path: Path) -> Listen:
    """Return ``web.listen`` of a config file; nothing else in it is looked at. Raises ConfigError."""
    document = read(path)
    web = document.value.get("web")
    written = web.get("listen") if isinstance(web, dict) else None
    if written is None:
        return Web().listen
    try:
        listen: Listen = TypeAdapter(Endpoint).validate_python(written)
    except ValidationError as errors:
        _, wrong, right = worded(errors.errors(include_url=False)[0], Config)
        document.refuse(("web", "listen"), wrong, right)
        raise ConfigError(document.problems) from errors
    return listen

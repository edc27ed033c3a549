"""Where a daemon with this config listens: read without its secrets, by users who may not know them."""

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from probe.config.addresses import Endpoint
from probe.config.document import read
from probe.config.problems import ConfigError
from probe.config.root import Config
from probe.config.wording import worded
from probe.model.settings import Listen, Web


def listening(path: Path) -> tuple[Listen, bool]:
    """Return ``web.listen`` of a config file, and whether TLS is spoken there. Raises ConfigError.

    Nothing else is looked at, nor any certificate.
    """
    document = read(path)
    section = document.value.get("web")
    web: dict[str, Any] = section if isinstance(section, dict) else {}
    encrypted = "config_file" in web and _speaks_tls(path.parent / str(web["config_file"]))
    if "listen" not in web:
        return Web().listen, encrypted
    try:
        return TypeAdapter(Endpoint).validate_python(web["listen"]), encrypted
    except ValidationError as errors:
        _, wrong, right = worded(errors.errors(include_url=False)[0], Config)
        document.refuse(("web", "listen"), wrong, right)
        raise ConfigError(document.problems) from errors


def _speaks_tls(web_file: Path) -> bool:
    return "tls_server_config" in read(web_file, needed="tls_server_config or basic_auth_users").value

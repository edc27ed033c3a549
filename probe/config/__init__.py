"""The config file: YAML in, checked settings out; nobody else knows of YAML or pydantic."""

from probe.config.loading import load
from probe.config.problems import ConfigError, Problem
from probe.config.schema import schema
from probe.config.web_file import load_web_file

__all__ = ["ConfigError", "Problem", "load", "load_web_file", "schema"]

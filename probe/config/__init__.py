"""The config file: YAML in, checked settings out; nobody else knows of YAML or pydantic."""

from probe.config.loading import load
from probe.config.problems import ConfigError, Problem
from probe.config.schema import schema

__all__ = ["ConfigError", "Problem", "load", "schema"]

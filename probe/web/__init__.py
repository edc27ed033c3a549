"""Serves health, metrics, history and a page for people over HTTP."""

from probe.web.application import application
from probe.web.events import Events
from probe.web.guard import Guard
from probe.web.server import WebServer
from probe.web.sources import Sources

__all__ = ["Events", "Guard", "Sources", "WebServer", "application"]

"""The pages for people: who delivers and who does not, since when, why, and the proof of it."""

from probe.web.page.routes import page_routes

__all__ = ["page_routes"]

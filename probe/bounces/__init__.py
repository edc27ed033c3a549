"""Bounces: what mail systems tell by mail of a message that they could not, or not yet, deliver."""

from probe.bounces.reader import BounceReader

__all__ = ["BounceReader"]

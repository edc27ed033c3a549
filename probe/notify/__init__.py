"""Tells Alertmanager, or a webhook, what is wrong; never by the mail that is watched."""

from probe.notify.notifier import Notifier

__all__ = ["Notifier"]

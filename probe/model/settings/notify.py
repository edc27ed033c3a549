"""Whom the program tells by itself what is wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from probe.model.secret import Secret

LASTING = timedelta(minutes=2)
"""What has lasted for so long is told, however seldom members have their turns."""


class NotifyKind(StrEnum):
    """The ways in which alarms are posted."""

    ALERTMANAGER = "alertmanager"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class Notify:
    """Where alarms are posted to, and how."""

    url: str
    kind: NotifyKind = NotifyKind.WEBHOOK
    after: timedelta = LASTING
    """What has not lasted for so long is not told, nor that it is over."""
    headers: Mapping[str, Secret] = field(default_factory=dict)
    ca_file: Path | None = None
    link: str | None = None
    """The URL by which people reach the pages of this program; None: by where it listens."""

"""Delivery status notifications (RFC 3464)."""

import re
from collections.abc import Iterator
from email.message import Message
from itertools import islice

from probe.bounces.fields import named, untyped
from probe.model.report import Action, Report

MOST_PARTS = 50
"""Parts, and blocks in the part that tells of the recipients, that are looked at."""

_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")


def read(message: Message) -> Report | None:
    """Read what a notification tells of its recipients: of several, the one that fared worst."""
    for part in islice(message.walk(), MOST_PARTS):
        if part.get_content_type() == "message/delivery-status" and (reports := list(_reports(_blocks(part)))):
            return min(reports, key=lambda report: _WORST_FIRST.index(report.action))
    return None


def _blocks(part: Message) -> list[Message]:
    """Return the groups of fields: one about the message, and one for each recipient (RFC 3464 2.1)."""
    blocks = part.get_payload()
    return [block for block in blocks[:MOST_PARTS] if isinstance(block, Message)] if isinstance(blocks, list) else []


_WORST_FIRST = (Action.FAILED, Action.DELAYED, Action.EXPANDED, Action.RELAYED, Action.DELIVERED)


def _reports(blocks: list[Message]) -> Iterator[Report]:
    reporting = next((name for block in blocks if (name := untyped(block, "Reporting-MTA"))), "")
    for block in blocks:
        if action := _action(named(block, "Action")):
            status = _STATUS.search(named(block, "Status"))
            yield Report(
                action=action,
                status=status[0] if status else "",
                reporting_mta=reporting,
                remote_mta=untyped(block, "Remote-MTA"),
                diagnostic=untyped(block, "Diagnostic-Code"),
            )


def _action(text: str) -> Action | None:
    # Some write a comment behind it, "failure", or "error" (OpenSMTPD).
    word = text.strip().lower()
    if word.startswith(("fail", "error")):
        return Action.FAILED
    return next((action for action in Action if word.startswith(action.value)), None)

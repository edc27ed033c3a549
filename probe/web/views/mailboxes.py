"""Mailboxes: whether they can be read, and what lies in them."""

from probe.engine.board import Board
from probe.engine.figures import MailboxFigures
from probe.web.views.values import Json, moment


def mailboxes_view(board: Board) -> Json:
    """Return all mailboxes: whether they can be read, what is wrong with them, what lies in them."""
    return {"mailboxes": [_mailbox(name, board.mailbox(name)) for name in board.settings.mailboxes]}


def _mailbox(name: str, figures: MailboxFigures) -> Json:
    quota = figures.quota
    return {
        "name": name,
        "up": figures.up if figures.tried else None,
        "troubles": [{"kind": trouble.kind.value, "text": trouble.text} for trouble in figures.troubles],
        "last_read": moment(figures.last_read),
        "messages": figures.messages,
        "backlog": figures.backlog,
        "foreign": figures.foreign,
        "forged": figures.forged,
        "deletion_refused": bool(figures.spared),
        "quota": {"resource": quota.resource, "used": quota.used, "limit": quota.limit} if quota else None,
    }

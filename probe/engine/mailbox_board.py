"""What is known of the mailboxes now: the part of the board that their readers tell."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import assert_never

from probe.engine.figures import MailboxFigures
from probe.engine.happenings import DeletionRefused, FolderRead, MailboxFailed, MailboxInUse, Stranger
from probe.model.letter import Folder, Kind
from probe.model.trouble import Trouble, TroubleKind

OfMailbox = FolderRead | MailboxFailed | MailboxInUse | DeletionRefused | Stranger


class MailboxBoard:
    """Keep the figures of every mailbox; told of what happens in them."""

    def __init__(self, names: Iterable[str]) -> None:
        self._mailboxes = {name: MailboxFigures() for name in names}
        self._folders: dict[tuple[str, Folder], FolderRead] = {}

    def __call__(self, happening: OfMailbox) -> None:
        """Take note of what happens in a mailbox."""
        figures = self._mailboxes[happening.mailbox]
        match happening:
            case FolderRead():
                figures = self._read(figures, happening)
            case MailboxFailed(_, reason, kind):
                figures = replace(figures, up=False, tried=True, troubles=(Trouble(kind, reason),))
            case MailboxInUse(_, reason):
                figures = replace(figures, tried=True, troubles=(Trouble(TroubleKind.LOCKED, reason),))
            case DeletionRefused(_, folder, _, refused):
                spared = figures.spared | {folder} if refused else figures.spared - {folder}
                figures = replace(figures, spared=spared)
            case Stranger(_, kind):
                figures = _counted(figures, kind)
            case _:
                assert_never(happening)
        self._mailboxes[happening.mailbox] = figures

    def __getitem__(self, name: str) -> MailboxFigures:
        """Return what is known of a mailbox; raises KeyError for one that is not configured."""
        return self._mailboxes[name]

    @property
    def tried(self) -> bool:
        """Tell whether every mailbox was tried once."""
        return all(figures.tried for figures in self._mailboxes.values())

    def snapshot(self) -> Mapping[str, MailboxFigures]:
        """Return the figures of all mailboxes, as a copy that another thread may read."""
        return self._mailboxes.copy()

    def _read(self, figures: MailboxFigures, read: FolderRead) -> MailboxFigures:
        self._folders[read.mailbox, read.folder] = read
        folders = [folder for (mailbox, _), folder in self._folders.items() if mailbox == read.mailbox]
        return replace(
            figures,
            up=True,
            tried=True,
            # What is wrong with the server is often found in all its folders.
            troubles=tuple(dict.fromkeys(trouble for folder in folders for trouble in folder.troubles)),
            quota=next((folder.quota for folder in folders if folder.quota), None),
            last_read=read.at,
            messages=sum(folder.messages for folder in folders),
            backlog=sum(folder.backlog for folder in folders),
        )


def _counted(figures: MailboxFigures, kind: Kind) -> MailboxFigures:
    return replace(
        figures,
        foreign=figures.foreign + (kind is Kind.FOREIGN),
        forged=figures.forged + (kind is Kind.FORGED),
        replies=figures.replies + (kind is Kind.REPLY),
    )

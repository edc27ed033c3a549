r"""Which folder is taken for the one with junk: by its attribute \Junk, else by a name that is well known."""

from collections.abc import Sequence
from contextlib import suppress

import pytest

from probe.mailbox.junk import Listed, junk_folder
from probe.model.letter import Folder
from probe.ports import MailboxAccess, MailboxTrouble
from tests.mailbox.scripted import scripted
from tests.mailbox.sites import imap_access, reading, run

GREETING = b"* OK ready\r\n"
GMAIL = [
    rb'* LIST (\HasNoChildren) "/" "INBOX"',
    rb'* LIST (\HasChildren \Noselect) "/" "[Gmail]"',
    rb'* LIST (\All \HasNoChildren) "/" "[Gmail]/&MFkweTBmMG4w4TD8MOs-"',
    rb'* LIST (\HasNoChildren \Junk) "/" "[Gmail]/&j,dg0TDhMPww6w-"',
    rb'* LIST (\HasNoChildren \Trash) "/" "[Gmail]/&MLQw33ux-"',
]
EXCHANGE = [
    rb'* LIST (\HasNoChildren) "/" "Archive"',
    rb'* LIST (\Marked \HasNoChildren) "/" INBOX',
    rb'* LIST (\HasNoChildren) "/" "Junk Email"',
    rb'* LIST (\HasNoChildren) "/" "Sent Items"',
]
MICROSOFT_365 = [
    rb'* LIST (\Marked \HasNoChildren) "/" INBOX',
    rb'* LIST (\HasNoChildren \Junk) "/" "Courrier ind&AOk-sirable"',
    rb'* LIST (\HasNoChildren) "/" Spam',
]
COURIER = [rb'* LIST (\HasChildren) "." INBOX', rb'* LIST (\HasNoChildren) "." INBOX.Spam']


def script(folders: Sequence[bytes]) -> dict[bytes, bytes]:
    listed = b"".join(line + b"\r\n" for line in folders)
    return {
        b"CAPABILITY": b"* CAPABILITY IMAP4rev1\r\nTAG OK done\r\n",
        b"LOGIN": b"TAG OK done\r\n",
        b"LIST": listed + b"TAG OK done\r\n",
        b"EXAMINE": b"* 0 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 1] x\r\nTAG OK done\r\n",
        b"UID": b"* SEARCH\r\nTAG OK done\r\n",
        b"LOGOUT": b"* BYE\r\nTAG OK done\r\n",
    }


@pytest.mark.parametrize(
    ("folders", "name"),
    [
        (GMAIL, "[Gmail]/\u8ff7\u60d1\u30e1\u30fc\u30eb"),
        (EXCHANGE, "Junk Email"),
        (MICROSOFT_365, "Courrier indésirable"),
        (COURIER, "INBOX.Spam"),
    ],
)
def test_the_junk_folders_of_common_servers_are_found(folders: Sequence[bytes], name: str) -> None:
    async def test() -> None:
        async with scripted(GREETING, script(folders), tagged=True) as port:
            assert await imap_access(port).folders() == {Folder.INBOX: "INBOX", Folder.JUNK: name}

    run(test)


def test_a_name_in_modified_utf_7_is_sent_back_as_the_server_wrote_it() -> None:
    heard: list[bytes] = []

    async def found(way: MailboxAccess) -> str:
        return (await way.folders())[Folder.JUNK]

    async def test() -> None:
        async with scripted(GREETING, script(GMAIL), tagged=True, heard=heard) as port:
            way = imap_access(port)
            async with reading(way, folder=await found(way)):
                pass

    run(test)
    [opened, *_] = [line.partition(b" ")[2] for line in heard if b"EXAMINE" in line]
    assert opened == b'EXAMINE "[Gmail]/&j,dg0TDhMPww6w-"'


@pytest.mark.parametrize("line", [b"(1 2) 3 4", b"(\\Junk) NIL NIL", b"() () ()", b'(a) "" "Junk"', b"NIL NIL Spam"])
def test_a_list_that_makes_no_sense_is_trouble_or_has_no_junk(line: bytes) -> None:
    async def test() -> None:
        async with scripted(GREETING, script([b"* LIST " + line]), tagged=True) as port:
            with suppress(MailboxTrouble):
                assert Folder.INBOX in await imap_access(port).folders()

    run(test)


def plain(*names: str, delimiter: bytes | None = b"/") -> list[Listed]:
    return [((), delimiter, name) for name in names]


@pytest.mark.parametrize(
    ("listed", "taken"),
    [
        (plain("INBOX", "Bulk Mail", "Spam", "Junk E-mail", "Junk Email", "Junk"), "Junk"),
        (plain("INBOX", "Bulk Mail", "Spam", "Junk E-mail"), "Junk E-mail"),
        (plain("INBOX", "Bulk Mail", "SPAM"), "SPAM"),
        (plain("INBOX", "Bulk Mail"), "Bulk Mail"),
        (plain("[Google Mail]/Spam", "[Google Mail]/Trash"), "[Google Mail]/Spam"),
        (plain("[Gmail]/Spam"), "[Gmail]/Spam"),
        (plain("INBOX/Spam", "Spam"), "INBOX/Spam"),
        (plain("Junk", delimiter=None), "Junk"),
        (plain("Archive/Spam", "Junk/2025", "Junkyard", "My Spam"), None),
        (plain("INBOX.Spam"), None),
        ([*plain("Junk"), ((b"\\JUNK",), b"/", "Elsewhere")], "Elsewhere"),
        ([((b"\\Junk",), b"/", "INBOX"), *plain("Spam")], "Spam"),
        ([], None),
    ],
)
def test_the_attribute_goes_before_the_names_and_the_names_have_an_order(
    listed: list[Listed], taken: str | None
) -> None:
    assert junk_folder(listed, inbox="INBOX") == taken

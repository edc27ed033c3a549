import asyncio
import imaplib
import poplib
import smtplib
import time

from probe.demo.behaviour import Behaviour, ImapFaults
from probe.demo.store import Store
from probe.demo.system import ADDRESS, IMAP_PORT, MEMBERS, PASSWORD_FILE, POP3_PORT, MailSystem, Member
from probe.model.outcome import Stage

from .clients import MESSAGE, PASSWORD, run, send


def outcome(system: MailSystem, name: str) -> str:
    try:
        send(system.members[name])
    except ConnectionRefusedError:
        return "unreachable"
    except smtplib.SMTPResponseException as error:
        return str(error.smtp_code)
    return "sent"


def test_the_members_of_the_demo_differ_as_their_names_say() -> None:
    async def outcomes() -> tuple[dict[str, str], list[str]]:
        async with MailSystem(Member(each.name, behaviour=each.behaviour) for each in MEMBERS) as system:
            names = list(system.members)
            ends = await asyncio.gather(*(asyncio.to_thread(outcome, system, name) for name in names))
            arrived = asyncio.Event()
            with system.account.inbox.watch(arrived.set):
                await arrived.wait()  # the slow one's message, after its reply
            hops = [message.header.split(b"by ")[1].split(b".")[0] for message in system.account.inbox.messages]
            return dict(zip(names, ends, strict=True)), [hop.decode() for hop in hops]

    ends, arrived = run(outcomes)

    assert ends == {
        "fast": "sent", "steady": "sent", "slow": "sent", "discarding": "sent",
        "deferring": "451", "refusing": "554", "closed": "unreachable",
    }  # fmt: skip
    assert sorted(arrived) == ["fast", "slow", "steady"]
    assert arrived[-1] == "slow"


def test_the_ports_of_the_demo_are_fixed_and_do_not_collide() -> None:
    system = MailSystem.demo()

    ports = [member.port for member in system.members.values()]
    assert ports == list(range(2501, 2501 + len(MEMBERS)))
    assert (system.imap.port, system.pop3.port) == (IMAP_PORT, POP3_PORT) == (1143, 1110)


def test_the_password_of_the_demo_is_one_word_in_a_file() -> None:
    assert PASSWORD_FILE.read_text().split() == ["demo"]


def test_one_message_is_seen_over_imap_and_pop3() -> None:
    def read(system: MailSystem) -> tuple[int, int]:
        send(system.members["fast"])
        imap = imaplib.IMAP4(system.imap.host, system.imap.port, timeout=5)
        imap.login(ADDRESS, PASSWORD)
        _, [count] = imap.select()
        imap.logout()
        pop3 = poplib.POP3(system.pop3.host, system.pop3.port, timeout=5)
        pop3.user(ADDRESS)
        pop3.pass_(PASSWORD)
        messages, size = pop3.stat()
        pop3.quit()
        assert size > len(MESSAGE)
        return int(count or b"0"), messages

    async def seen() -> tuple[int, int]:
        async with MailSystem() as system:
            return await asyncio.to_thread(read, system)

    assert run(seen) == (1, 1)


def test_a_new_start_has_a_new_uidvalidity() -> None:
    earlier = Store(uidvalidity=int(time.time()) - 1).add_account(ADDRESS, PASSWORD)

    assert Store().add_account(ADDRESS, PASSWORD).inbox.uidvalidity > earlier.inbox.uidvalidity


def test_leaving_ends_hanging_clients_and_pending_deliveries_at_once() -> None:
    async def left() -> float:
        members = [Member("hung", behaviour=Behaviour(hang_at=Stage.BANNER))]
        async with MailSystem(members) as system:
            system.imap.faults = ImapFaults(silent=True)
            for server in (system.members["hung"], system.imap, system.pop3):
                _, writer = await asyncio.open_connection(server.host, server.port)
                writer.close()
                _, writer = await asyncio.open_connection(server.host, server.port)
                leaving.append(writer)
            started = time.monotonic()
        for writer in leaving:
            writer.close()
        assert len(asyncio.all_tasks()) == 1
        return time.monotonic() - started

    leaving: list[asyncio.StreamWriter] = []

    assert run(left) < 1


def test_a_port_that_is_taken_leaves_no_server_behind() -> None:
    async def collided() -> int:
        async with MailSystem() as first:
            second = MailSystem([Member("fast", first.members["fast"].port)])
            try:
                await second.__aenter__()
            except OSError:
                return second.imap.connections
            raise AssertionError("two servers on one port")

    assert run(collided) == 0

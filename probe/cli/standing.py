"""Reads out of the API's JSON how things stand."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from probe.cli.daemon import Daemon, NoAnswer
from probe.model.outcome import Outcome, State
from probe.model.standing import FaultStanding, MailboxStanding, MemberStanding, PathStanding, PoolStanding, Standing

Json = Mapping[str, Any]


def standing_from(daemon: Daemon, *, pool: str | None, member: str | None) -> Standing:
    """Ask a daemon how things stand with what is named, or with all. Raises NoAnswer."""
    daemon.ready()
    try:
        pools = daemon.ask("/api/v1/pools", pool=pool, member=member)["pools"]
        mailboxes = daemon.ask("/api/v1/mailboxes")["mailboxes"]
        return Standing(tuple(map(_pool, pools)), tuple(map(_mailbox, mailboxes)))
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise NoAnswer("the daemon is of another version: its answer lacks what is needed") from exc


def _pool(pool: Json) -> PoolStanding:
    mailboxes = (route["mailbox"] for route in pool["routes"] if route["mailbox"] is not None)
    faults = (FaultStanding(each["route"], each["text"]) for each in pool["shared_faults"] if each["failing"])
    return PoolStanding(pool["name"], tuple(_members(pool)), tuple(mailboxes), tuple(faults))


def _members(pool: Json) -> Iterator[MemberStanding]:
    for member in pool["members"]:
        yield MemberStanding(
            f"{pool['name']}/{member['name']}",
            State(member["verdict"]),
            member["reason"],
            guarded=member["guarded"],
            held=member.get("hold") is not None,
            in_maintenance=member.get("maintenance") is not None,
            evidence_age_seconds=member["evidence_age_seconds"],
            paths=tuple(map(_path, member["last"])),
        )


def _path(last: Json) -> PathStanding:
    outcome = Outcome(last["outcome"]) if last["outcome"] else None
    return PathStanding(last["route"], outcome, bool(last["as_expected"]), last["delivery_seconds"])


def _mailbox(mailbox: Json) -> MailboxStanding:
    last_read = mailbox["last_read"]
    unread = (datetime.now(UTC) - datetime.fromisoformat(last_read)).total_seconds() if last_read else None
    return MailboxStanding(mailbox["name"], mailbox["up"], unread)

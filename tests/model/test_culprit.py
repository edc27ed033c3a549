"""Who or what is to blame, in one word and in one sentence."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from probe.model.culprit import Blame, Culprit, Kin, Standing, blame_of_members, blame_of_route
from probe.model.judge import disturbed
from probe.model.outcome import Outcome, Stage
from tests.model.build import NOW, TICK, finished

LOST = (Outcome.MISSING, Outcome.BOUNCED)
ARRIVED = (Outcome.DELIVERED, Outcome.JUNKED)
GONE = (Outcome.UNREACHABLE, Outcome.UNREACHABLE)
REFUSED = (Outcome.REJECTED, Outcome.DEFERRED)


def standing(
    *outcomes: Outcome,
    pool: str = "vip",
    route: str = "inbound",
    mailbox: str | None = "box-a",
    after: timedelta = timedelta(0),
    stage: Stage | None = None,
    enhanced_code: str | None = None,
) -> Standing:
    latest = [
        finished(
            outcome,
            member=f"mta{number}",
            pool=pool,
            route=route,
            started=NOW + after,
            stage=stage,
            enhanced_code=enhanced_code,
        )
        for number, outcome in enumerate(outcomes)
    ]
    return Standing(pool, route, mailbox, latest, latest)


SECOND = standing(*ARRIVED, route="second", mailbox="box-b")


def other(*outcomes: Outcome, mailbox: str | None = "box-a") -> Standing:
    """Return the standing of another pool."""
    return standing(*outcomes, pool="other", route="outbound", mailbox=mailbox)


@pytest.mark.parametrize(
    "here, others, blame",
    [
        (
            standing(*LOST),
            [SECOND],
            Blame(
                Culprit.MAILBOX,
                "by way of the same members mail arrives in the mailbox box-b (route second): "
                "look at the mailbox box-a and at the way to it, not at the members",
            ),
        ),
        (
            standing(*LOST),
            [standing(*LOST, route="second", mailbox="box-b")],
            Blame(
                Culprit.POOL,
                "no mail arrives in any of the mailboxes box-a and box-b: look at the members and at what they share",
            ),
        ),
        (
            standing(*LOST),
            [other(*ARRIVED)],
            Blame(
                Culprit.POOL,
                "by way of other mail arrives in the same mailbox (route outbound): "
                "look at what the members of vip share, not at the mailbox",
            ),
        ),
        (
            standing(*LOST),
            [other(*LOST)],
            Blame(
                Culprit.MAILBOX,
                "by way of other none arrives there either: look at the mailbox box-a and at the way to it",
            ),
        ),
        (
            standing(*REFUSED),
            [other(*LOST, mailbox="box-b")],
            Blame(Culprit.ALL_POOLS, "it works by way of no pool, neither vip nor other: look at what all pools share"),
        ),
        (
            standing(*GONE),
            [other(*GONE)],
            Blame(Culprit.NETWORK, "no member of any pool can be reached: look at the network of this host"),
        ),
        (
            standing(*GONE),
            [other(*LOST)],
            Blame(
                Culprit.POOL,
                "none can be reached, while members of other can: "
                "look at what the members of vip share, as a router or a firewall",
            ),
        ),
        (
            standing(*GONE),
            [],
            Blame(Culprit.POOL, "none can be reached: look at the network between this host and them"),
        ),
        (
            standing(*REFUSED, stage=Stage.MAIL, enhanced_code="4.1.8"),
            [],
            Blame(Culprit.DNS, "no member can look up the domain of the sender: look at the resolver that they ask"),
        ),
        (
            standing(*REFUSED, stage=Stage.RCPT),
            [],
            Blame(
                Culprit.MAILBOX,
                "no member takes the recipient: look at its mailbox, and at what this probe may send",
            ),
        ),
        (standing(*REFUSED), [], Blame(Culprit.POOL, "look at what they share")),
        (standing(Outcome.MISSING, Outcome.UNREACHABLE), [], Blame(Culprit.POOL, "look at what they share")),
    ],
    ids=lambda value: value.culprit if isinstance(value, Blame) else "",
)
def test_what_is_to_blame_where_it_works_for_nobody(here: Standing, others: list[Standing], blame: Blame) -> None:
    assert blame_of_route(here, others) == blame


@pytest.mark.parametrize(
    "others",
    [
        [],
        [standing(*ARRIVED, route="second")],
        [standing(route="second", mailbox="box-b")],
        [standing(Outcome.DELIVERED, Outcome.MISSING, route="second", mailbox="box-b")],
        [standing(*ARRIVED, route="second", mailbox="box-b", after=-TICK)],
        [standing(Outcome.ACCEPTED, route="asked", mailbox=None)],
    ],
    ids=[
        "no other route",
        "the same mailbox",
        "nothing known of the other",
        "the other is of two minds",
        "sent before it began",
        "asked only",
    ],
)
def test_otherwise_nobody_can_tell_on_which_side_mail_is_lost(others: list[Standing]) -> None:
    assert blame_of_route(standing(*LOST), others) == Blame(Culprit.POOL, "look at what they share")


@pytest.mark.parametrize(
    "outcomes", [(), (Outcome.MISSING,), (Outcome.DELIVERED, Outcome.MISSING), (Outcome.UNKNOWN, Outcome.DELIVERED)]
)
def test_nothing_is_to_blame_while_it_works_for_some(outcomes: tuple[Outcome, ...]) -> None:
    assert blame_of_route(standing(*outcomes), []) is None


@pytest.mark.parametrize(
    "reason, culprit, text",
    [
        (
            disturbed(timedelta(hours=1)).reason,
            Culprit.CLOCK,
            "nobody can tell: the wall clock was set by 3600.0 s while it was in flight",
        ),
        (
            "its mailbox could not be read after the deadline: refused",
            Culprit.MAILBOX,
            "nobody can tell: the mailbox box-a could not be read",
        ),
        ("no socket is left", Culprit.PROBE, "nobody can tell: no socket is left"),
    ],
)
def test_what_is_to_blame_where_nobody_can_tell(reason: str, culprit: Culprit, text: str) -> None:
    newest = [replace(finished(Outcome.UNKNOWN, member=name), reason=reason) for name in ("mta1", "mta2")]
    here = Standing("vip", "inbound", "box-a", [], newest)
    assert blame_of_route(here, []) == Blame(culprit, text, fails=False)


KIN = {
    "mta1": Kin("192.0.2.1"),
    "mta2": Kin("192.0.2.2", frozenset({"relay1.lab.test"})),
    "mta3": Kin("198.51.100.1", frozenset({"relay1.lab.test"})),
    "mta4": Kin("2001:db8::1", frozenset({"relay2.lab.test"})),
    "mta5": Kin("2001:db8:0:1::1", frozenset({"relay2.lab.test", "relay3.lab.test"})),
}


@pytest.mark.parametrize(
    "failing, told",
    [
        (("mta1", "mta2"), "mta1 and mta2 fail, and they alone are in the network 192.0.2.0/24"),
        (("mta5", "mta4"), "mta4 and mta5 fail, and they alone are reached by IPv6"),
        (("mta2", "mta3"), "mta2 and mta3 fail, and they alone send by way of relay1.lab.test"),
        (("mta1", "mta4"), None),
        (("mta5",), None),
        (tuple(KIN), None),
    ],
)
def test_members_that_fail_together_are_told_what_they_alone_have_in_common(
    failing: tuple[str, ...], told: str | None
) -> None:
    blame = blame_of_members(failing, KIN)
    alone = Blame(Culprit.MEMBER, "others of its pool fare better")
    assert blame == (Blame(Culprit.SOME_MEMBERS, told) if told else alone)


def test_only_a_few_of_many_are_named() -> None:
    many = {f"v4-{number}": Kin(f"192.0.2.{number}") for number in range(1, 8)}
    assert blame_of_members(many, KIN | {"mta1": KIN["mta4"], "mta2": KIN["mta5"]} | many).text == (
        "v4-1 and v4-2 and v4-3 and v4-4 and 3 more fail, and they alone are in the network 192.0.2.0/24"
    )


def test_local_programs_have_no_network_in_common() -> None:
    kin: Mapping[str, Kin] = {"a": Kin(None), "b": Kin(None), "c": Kin("192.0.2.1")}
    assert blame_of_members(("a", "b"), kin).culprit is Culprit.MEMBER

"""The scenarios, as one literal table."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from tests.e2e.patience import let_pass
from tests.lab import DOMAIN, Member, Stage
from tests.scenarios import attacks, probe_faults
from tests.scenarios.scenario import MEMBERS, Break, Scenario, Scene
from tests.scenarios.times import DEADLINE_SECONDS, FALL, INTERVAL_SECONDS

CULPRIT = "mta3"
HOUR = timedelta(hours=1)
ALONE = frozenset({CULPRIT})
GONE = "unreachable delivered missing unknown"
"""What a member accepted right before may be lost with it."""
SLOW_TO_FAIL_SECONDS = 4
"""Each try ends by a time-out of three intervals."""

Fault = Callable[[Member], object]


def at(stage: Stage) -> Fault:
    return lambda member: member.refuse(stage=stage)


def for_now_at(stage: Stage) -> Fault:
    return lambda member: member.refuse_now(stage=stage)


def slow(seconds: int, stage: Stage) -> Fault:
    return lambda member: member.slow(seconds, stage)


def of(fault: Fault, *names: str) -> Break:
    """Let members have a fault; the culprit, where none is named."""
    return lambda scene: [fault(scene.lab.member(name)) for name in names or (CULPRIT,)]


def of_all(fault: Fault) -> Break:
    """Let all members have a fault at the same moment: the first of many that fail one by one is alone for a while."""

    def breaks(scene: Scene) -> None:
        with ThreadPoolExecutor(len(MEMBERS)) as pool:
            list(pool.map(lambda name: fault(scene.lab.member(name)), MEMBERS))

    return breaks


def both(*breaks: Break) -> Break:
    return lambda scene: [each(scene) for each in breaks]


def to(address: str) -> Break:
    """Send to one of the laboratory's special addresses from now on."""
    return lambda scene: scene.program.reload(routes={"inbound": {"to": f"{address}@{DOMAIN}"}})


def never_by_the_gateway(scene: Scene) -> None:
    scene.program.reload(routes={"inbound": {"path": {"never": ["^gateway"]}}})


def shows_an_expired_certificate(scene: Scene) -> None:
    culprit = scene.lab.member(CULPRIT)
    culprit.show(scene.lab.certify(culprit.hostname, ends=datetime(2020, 1, 1, tzinfo=UTC)))


def all_must_refuse(scene: Scene) -> None:
    """Send to an address that every member refuses, and expect just that: the test for open relays."""
    scene.program.reload(routes={"inbound": {"to": f"refuse@{DOMAIN}", "expect": "rejected"}})


def all_but_one_recover(scene: Scene) -> None:
    """Let all members have a fault for so long that it is known to be shared, and leave one of them with it."""
    of_all(Member.discard)(scene)
    let_pass(FALL * INTERVAL_SECONDS + DEADLINE_SECONDS)
    for name in MEMBERS:
        if name != CULPRIT:
            scene.lab.member(name).discard(False)


def culprits(outcomes: str) -> dict[str, str]:
    return {CULPRIT: outcomes}


def everybodys(outcomes: str) -> dict[str, str]:
    return {"*": outcomes}


SCENARIOS = (
    Scenario("nothing is broken", lambda scene: None),
    # One member.
    Scenario("a member discards", of(Member.discard), culprits("missing delivered"), ALONE),
    Scenario("a member refuses at the banner", of(at(Stage.BANNER)), culprits("rejected delivered"), ALONE),
    Scenario("a member refuses EHLO", of(at(Stage.EHLO)), culprits("rejected delivered"), ALONE),
    Scenario("a member refuses MAIL", of(at(Stage.MAIL)), culprits("rejected delivered"), ALONE),
    Scenario("a member refuses the recipient", of(at(Stage.RCPT)), culprits("rejected delivered")),
    Scenario("a member refuses DATA", of(at(Stage.DATA)), culprits("rejected delivered"), ALONE),
    Scenario("a member refuses the message", of(at(Stage.BODY)), culprits("rejected delivered"), ALONE),
    Scenario("a member refuses MAIL for now", of(for_now_at(Stage.MAIL)), culprits("deferred delivered"), ALONE),
    Scenario("a member defers the recipient", of(for_now_at(Stage.RCPT)), culprits("deferred delivered")),
    Scenario("a member is stopped", of(Member.stop), culprits(GONE), ALONE),
    Scenario("a member is killed", of(Member.kill), culprits(GONE), ALONE),
    Scenario("a member freezes", of(Member.freeze), culprits(GONE), ALONE),
    Scenario(
        "a member's certificate has expired", shows_an_expired_certificate, culprits("unreachable delivered"), ALONE
    ),
    Scenario(
        "a member takes what all must refuse",
        both(all_must_refuse, of(Member.discard)),
        {CULPRIT: "missing rejected", "*": "rejected"},
        ALONE,
    ),
    Scenario("a member damages mail", of(Member.damage), culprits("altered delivered"), ALONE),
    Scenario("a member encodes mail anew", of(Member.stray)),
    Scenario(
        "a member sends its mail by a forbidden way",
        both(never_by_the_gateway, of(Member.stray)),
        culprits("misrouted delivered"),
        ALONE,
    ),
    Scenario("a member is slow, but not too slow", of(slow(1, Stage.RCPT))),
    Scenario(
        "a member is too slow at RCPT",
        of(slow(3, Stage.RCPT)),
        culprits("unreachable delivered"),
        ALONE,
    ),
    Scenario("a member's reply to the dot is late", of(slow(2, Stage.BODY)), culprits("unknown delivered")),
    # Several members.
    Scenario(
        "one discards and one is stopped",
        both(of(Member.discard), of(Member.stop, "mta1")),
        {CULPRIT: "missing delivered", "mta1": GONE},
        frozenset({CULPRIT, "mta1"}),
    ),
    Scenario(
        "one discards and one damages mail",
        both(of(Member.discard), of(Member.damage, "mta1")),
        {CULPRIT: "missing delivered", "mta1": "altered delivered"},
        frozenset({CULPRIT, "mta1"}),
    ),
    Scenario(
        "three of four discard",
        of(Member.discard, "mta1", "mta2", CULPRIT),
        dict.fromkeys(("mta1", "mta2", CULPRIT), "missing delivered"),
        frozenset({"mta1", "mta2", CULPRIT}),
    ),
    Scenario("all discard", of_all(Member.discard), everybodys("missing delivered"), shared_fault=True),
    Scenario(
        "all discard and all but one recover",
        all_but_one_recover,
        {CULPRIT: "missing", "*": "delivered missing"},
        ALONE,
        shared_fault=True,
    ),
    Scenario("all are stopped", of_all(Member.stop), everybodys(GONE), shared_fault=True),
    Scenario("all freeze", of_all(Member.freeze), everybodys(GONE), shared_fault=True),
    Scenario("all refuse MAIL", of_all(at(Stage.MAIL)), everybodys("rejected delivered"), shared_fault=True),
    Scenario(
        "all defer the recipient", of_all(for_now_at(Stage.RCPT)), everybodys("deferred delivered"), shared_fault=True
    ),
    Scenario(
        "one discards while the others refuse the recipient",
        both(of(at(Stage.RCPT), "mta1", "mta2", "mta4"), of(Member.discard)),
        {CULPRIT: "missing delivered", "*": "rejected delivered"},
    ),
    Scenario(
        "all discard and one is stopped",
        both(of_all(Member.discard), of(Member.stop)),
        {CULPRIT: "unreachable delivered missing unknown", "*": "missing delivered"},
        ALONE,
        shared_fault=True,
    ),
    Scenario("all mail is filed as junk", to("junk"), everybodys("junked delivered"), shared_fault=True),
    Scenario("all mail bounces", to("bounce"), everybodys("bounced delivered"), shared_fault=True),
    Scenario("all damage mail", of_all(Member.damage), everybodys("altered delivered"), shared_fault=True),
    Scenario(
        "all mail goes by a forbidden way",
        both(of_all(Member.stray), never_by_the_gateway),
        everybodys("misrouted delivered"),
        shared_fault=True,
    ),
    Scenario("all mail gets a footer", to("footer"), everybodys("altered delivered"), shared_fault=True),
    Scenario("all mail is encoded anew", to("encode")),
    Scenario("all mail is late", to("delay"), everybodys("missing delivered"), shared_fault=True),
    Scenario("all mail arrives twice", to("twice")),
    # The mailbox.
    Scenario("the mailbox is stopped", lambda scene: scene.lab.dovecot.stop(), everybodys("unknown delivered")),
    Scenario("the mailbox freezes", lambda scene: scene.lab.dovecot.freeze(), everybodys("unknown delivered")),
    Scenario(
        "the mailbox is stopped and one member discards",
        both(lambda scene: scene.lab.dovecot.stop(), of(Member.discard)),
        everybodys("unknown delivered"),
    ),
    Scenario(
        "the mailbox is stopped and one member is killed",
        both(lambda scene: scene.lab.dovecot.stop(), of(Member.kill)),
        {CULPRIT: "unreachable unknown delivered missing", "*": "unknown delivered"},
        ALONE,
    ),
    Scenario(
        "the mailbox is stopped and one member refuses MAIL",
        both(lambda scene: scene.lab.dovecot.stop(), of(at(Stage.MAIL))),
        {CULPRIT: "rejected unknown delivered", "*": "unknown delivered"},
        ALONE,
        # Might the others lose what they take, it would be the honest one: that has to be ruled out first.
        patience_seconds=6,
    ),
    # The probe itself.
    Scenario(
        "the probe is killed and started again", probe_faults.killed_and_started_again, everybodys("delivered unknown")
    ),
    Scenario("the probe is frozen for a while", probe_faults.frozen_for_a_while, everybodys("delivered unknown")),
    Scenario(
        "a member discards and the probe is frozen for a while",
        both(of(Member.discard), probe_faults.frozen_for_a_while),
        {CULPRIT: "missing delivered unknown", "*": "delivered unknown"},
        ALONE,
    ),
    Scenario(
        "a member discards and the probe is killed",
        both(of(Member.discard), probe_faults.killed_and_started_again),
        {CULPRIT: "missing delivered unknown", "*": "delivered unknown"},
        ALONE,
    ),
    # The clock.
    Scenario(
        "the clock is set an hour ahead",
        probe_faults.clock_set(HOUR),
        everybodys("delivered unknown"),
        settable_clock=True,
    ),
    Scenario(
        "the clock is set back by an hour",
        probe_faults.clock_set(-HOUR),
        everybodys("delivered unknown"),
        settable_clock=True,
    ),
    Scenario(
        "a member discards and the clock is set back",
        both(of(Member.discard), probe_faults.clock_set(-HOUR)),
        {CULPRIT: "missing delivered unknown", "*": "delivered unknown"},
        ALONE,
        patience_seconds=6,
        settable_clock=True,
    ),
    # Attacks.
    Scenario("a flood of foreign mail", attacks.flood),
    Scenario("a flood of look-alikes with forged tags", attacks.forged_tags),
    Scenario("messages are replayed", attacks.replays),
    Scenario(
        "a member discards and somebody forges its mail",
        both(of(Member.discard), attacks.forged_tags),
        culprits("missing delivered"),
        ALONE,
    ),
    Scenario(
        "a member discards and somebody replays other members' mail",
        both(of(Member.discard), attacks.replays),
        culprits("missing delivered"),
        ALONE,
    ),
    Scenario("bounces are forged", attacks.forged_bounces),
)

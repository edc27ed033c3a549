"""The dialogue as a state machine: every stage, every kind of answer, no sockets."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.model.message import Envelope
from probe.model.outcome import Stage
from probe.model.reply import Ending, Reply
from probe.model.secret import Secret
from probe.model.settings import Login, SmtpSettings, Tls
from probe.smtp.commands import Say, Secure
from probe.smtp.dialogue import Dialogue

ENVELOPE = Envelope("probe@lab.test", "monitor@lab.test", b"Subject: test\r\n\r\n.dot\r\n")
PLAIN = SmtpSettings(tls=Tls.NONE)
FULL = SmtpSettings(tls=Tls.STARTTLS, login=Login("user", Secret("secret")))
HELLO = Reply(250, ("mx.test", "STARTTLS", "AUTH PLAIN LOGIN", "SIZE 1000"))
POSITIVE = {Stage.BANNER: Reply(220, ("mx.test",)), Stage.EHLO: HELLO, Stage.DATA: Reply(354, ("go on",))}
DECIDING = (Stage.BANNER, Stage.EHLO, Stage.STARTTLS, Stage.AUTH, Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.BODY)


def dialogue(settings: SmtpSettings = FULL, envelope: Envelope = ENVELOPE) -> Dialogue:
    return Dialogue(envelope, settings=settings, peer="mta1", ehlo="probe.lab.test")


def at(stage: Stage, settings: SmtpSettings = FULL) -> Dialogue:
    """Return a dialogue that has come to a stage, with its first command sent."""
    talk = dialogue(settings)
    while talk.step and talk.step.stage is not stage:
        agree(talk)
    assert talk.step
    talk.sent()
    return talk


def agree(talk: Dialogue) -> str:
    """Do one step with success, and return what was shown of it."""
    step = talk.step
    if isinstance(step, Secure):
        talk.secured()
        return "<TLS>"
    assert isinstance(step, Say)
    talk.sent()
    talk.replied(HELLO if step.octets.startswith(b"EHLO") else POSITIVE.get(step.stage, Reply(250, ("ok",))))
    return step.shown


def finish(talk: Dialogue) -> list[str]:
    """Agree with everything to the end."""
    shown = []
    while talk.step:
        shown.append(agree(talk))
    return shown


def test_a_message_is_handed_over() -> None:
    talk = dialogue(PLAIN)
    assert finish(talk) == [
        "",
        "EHLO probe.lab.test",
        "MAIL FROM:<probe@lab.test> SIZE=23",
        "RCPT TO:<monitor@lab.test>",
        "DATA",
        "<27 octets>",
        "QUIT",
    ]
    assert talk.ended
    assert (talk.ended.ending, talk.ended.stage, talk.ended.reply) == (Ending.ACCEPTED, Stage.BODY, Reply(250, ("ok",)))


def test_a_message_is_handed_over_under_tls_and_after_a_login() -> None:
    assert finish(dialogue(FULL))[1:6] == [
        "EHLO probe.lab.test",
        "STARTTLS",
        "<TLS>",
        "EHLO probe.lab.test",
        "AUTH PLAIN ***",
    ]


def test_implicit_tls_comes_before_the_greeting() -> None:
    assert finish(dialogue(replace(FULL, tls=Tls.IMPLICIT)))[:3] == ["<TLS>", "", "EHLO probe.lab.test"]


@pytest.mark.parametrize("stage", DECIDING)
@pytest.mark.parametrize(
    "code, ending",
    [(421, Ending.REFUSED_FOR_NOW), (450, Ending.REFUSED_FOR_NOW), (550, Ending.REFUSED), (571, Ending.REFUSED)],
)
def test_a_refusal_decides_at_every_stage(stage: Stage, code: int, ending: Ending) -> None:
    talk = at(stage)
    refusal = Reply(code, ("because",), f"{code // 100}.7.1")
    talk.replied(refusal)
    assert talk.ended
    assert (talk.ended.ending, talk.ended.stage, talk.ended.reply) == (ending, stage, refusal)
    assert talk.ended.reason == f"{stage} refused: {code} {code // 100}.7.1 because"


@pytest.mark.parametrize("stage", DECIDING)
@pytest.mark.parametrize("code", [421, 450, 550])
def test_quit_is_said_after_every_refusal_and_changes_nothing(stage: Stage, code: int) -> None:
    talk = at(stage)
    talk.replied(Reply(code))
    before = talk.ended
    assert isinstance(talk.step, Say)
    assert talk.step.octets == b"QUIT\r\n"
    talk.sent()
    talk.replied(Reply(code))
    assert talk.step is None
    assert talk.ended is before


@pytest.mark.parametrize("stage", DECIDING)
@pytest.mark.parametrize("failure", ["closed", "timeout", "garbage"])
def test_a_failure_is_unreachable_before_the_final_dot_and_in_doubt_after_it(stage: Stage, failure: str) -> None:
    talk = at(stage)
    fail(talk, failure)
    assert talk.ended
    expected = Ending.IN_DOUBT if stage is Stage.BODY else Ending.UNREACHABLE
    assert (talk.ended.ending, talk.ended.stage) == (expected, stage)
    assert talk.step is None


@pytest.mark.parametrize("failure", ["closed", "timeout", "garbage"])
def test_a_failure_in_the_middle_of_the_message_is_unreachable(failure: str) -> None:
    talk = at(Stage.DATA)
    talk.replied(Reply(354))
    fail(talk, failure)
    assert talk.ended
    assert (talk.ended.ending, talk.ended.stage) == (Ending.UNREACHABLE, Stage.BODY)


@pytest.mark.parametrize("failure", ["closed", "timeout", "garbage"])
def test_a_failure_at_quit_changes_nothing(failure: str) -> None:
    talk = at(Stage.QUIT)
    fail(talk, failure)
    assert talk.ended
    assert talk.ended.ending is Ending.ACCEPTED
    assert talk.step is None


def fail(talk: Dialogue, failure: str) -> None:
    match failure:
        case "closed":
            talk.lost("closed the connection")
        case "timeout":
            talk.timed_out("within 30 s")
        case "garbage":
            talk.violated("speaks no SMTP: hi")


@pytest.mark.parametrize(
    "stage, code",
    [
        (Stage.BANNER, 354),
        (Stage.EHLO, 354),
        (Stage.STARTTLS, 354),
        (Stage.AUTH, 334),
        (Stage.MAIL, 354),
        (Stage.RCPT, 354),
        (Stage.DATA, 250),
    ],
)
def test_an_answer_out_of_turn_is_unreachable(stage: Stage, code: int) -> None:
    talk = at(stage)
    while not talk.ended:
        talk.sent()
        talk.replied(Reply(code))
    assert (talk.ended.ending, talk.ended.stage) == (Ending.UNREACHABLE, stage)


def test_an_answer_out_of_turn_to_the_final_dot_is_in_doubt() -> None:
    talk = at(Stage.BODY)
    talk.replied(Reply(354))
    assert talk.ended
    assert talk.ended.ending is Ending.IN_DOUBT


@pytest.mark.parametrize("stage", DECIDING[1:])
@pytest.mark.parametrize("code", [250, 421, 450, 550])
def test_an_unasked_reply_means_something_only_as_a_refusal(stage: Stage, code: int) -> None:
    talk = before_sending(stage)
    talk.replied_early(Reply(code))
    assert talk.ended
    refused = {421: Ending.REFUSED_FOR_NOW}
    if stage is Stage.BODY:
        refused |= {450: Ending.REFUSED_FOR_NOW, 550: Ending.REFUSED}
    assert (talk.ended.ending, talk.ended.stage) == (refused.get(code, Ending.UNREACHABLE), stage)
    assert talk.step is None


def before_sending(stage: Stage) -> Dialogue:
    talk = dialogue()
    while talk.step and talk.step.stage is not stage:
        agree(talk)
    return talk


@pytest.mark.parametrize("code, falls_back", [(500, True), (502, True), (501, False), (504, False), (550, False)])
def test_helo_is_tried_where_ehlo_is_not_known(code: int, falls_back: bool) -> None:
    talk = at(Stage.EHLO, PLAIN)
    talk.replied(Reply(code))
    assert isinstance(talk.step, Say)
    assert talk.step.shown == ("HELO probe.lab.test" if falls_back else "QUIT")


def test_nothing_is_asked_for_that_helo_does_not_offer() -> None:
    talk = at(Stage.EHLO, PLAIN)
    talk.replied(Reply(500))
    talk.replied(Reply(250, ("mx.test", "SIZE 10")))
    assert isinstance(talk.step, Say)
    assert talk.step.shown == "MAIL FROM:<probe@lab.test>"


@pytest.mark.parametrize("lines", [("mx.test",), ("STARTTLS",), ("mx.test", "XSTARTTLS")])
def test_starttls_that_is_required_must_be_offered(lines: tuple[str, ...]) -> None:
    talk = at(Stage.EHLO)
    talk.replied(Reply(250, lines))
    assert talk.ended
    assert (talk.ended.ending, talk.ended.stage) == (Ending.UNREACHABLE, Stage.STARTTLS)
    assert talk.ended.reason == "mta1 does not offer STARTTLS, which is required"


def test_opportunistic_tls_goes_on_in_clear_when_it_is_not_offered() -> None:
    talk = at(Stage.EHLO, SmtpSettings(tls=Tls.OPPORTUNISTIC))
    talk.replied(Reply(250, ("mx.test",)))
    assert talk.step
    assert talk.step.stage is Stage.MAIL


@pytest.mark.parametrize(
    "code, goes_on", [(454, True), (500, True), (554, True), (421, False), (354, False), (220, False)]
)
def test_opportunistic_tls_goes_on_in_clear_when_it_is_refused(code: int, goes_on: bool) -> None:
    talk = at(Stage.STARTTLS, SmtpSettings(tls=Tls.OPPORTUNISTIC))
    talk.replied(Reply(code))
    assert talk.step
    assert (talk.step.stage is Stage.MAIL) is goes_on


def test_a_failed_handshake_is_never_followed_by_clear_text() -> None:
    talk = at(Stage.STARTTLS, SmtpSettings(tls=Tls.OPPORTUNISTIC))
    talk.replied(Reply(220))
    talk.broke("TLS with mta1 failed: wrong version number")
    assert talk.ended
    assert (talk.ended.ending, talk.ended.stage, talk.step) == (Ending.UNREACHABLE, Stage.STARTTLS, None)


def test_what_was_offered_in_clear_counts_for_nothing_under_tls() -> None:
    talk = at(Stage.STARTTLS)
    talk.replied(Reply(220))
    talk.secured()
    talk.replied(Reply(250, ("mx.test",)))
    assert talk.ended
    assert talk.ended.reason == "mta1 does not offer to log in by SCRAM-SHA-256, PLAIN, LOGIN or CRAM-MD5"


def test_the_second_ehlo_belongs_to_starttls() -> None:
    talk = at(Stage.STARTTLS)
    talk.replied(Reply(220))
    talk.secured()
    talk.replied(Reply(550))
    assert talk.ended
    assert (talk.ended.ending, talk.ended.stage) == (Ending.REFUSED, Stage.STARTTLS)


@pytest.mark.parametrize(
    "tls, allowed, ending",
    [
        (Tls.NONE, False, Ending.NOT_TRIED),
        (Tls.OPPORTUNISTIC, False, Ending.UNREACHABLE),
        (Tls.NONE, True, Ending.ACCEPTED),
        (Tls.OPPORTUNISTIC, True, Ending.ACCEPTED),
    ],
)
def test_a_password_is_not_said_in_clear_unless_that_is_allowed(tls: Tls, allowed: bool, ending: Ending) -> None:
    talk = at(Stage.EHLO, replace(FULL, tls=tls, login_without_tls=allowed))
    talk.replied(Reply(250, ("mx.test", "AUTH PLAIN")))
    said = finish(talk)
    assert talk.ended
    assert talk.ended.ending is ending
    assert ("AUTH PLAIN ***" in said) is allowed


@pytest.mark.parametrize(
    "sender, recipient, stage",
    [
        ("a\r\nRSET@b.test", "c@d.test", Stage.MAIL),
        ("a@b.test", "é@d.test", Stage.RCPT),
        ("a@b.test", "c@d.test> NOTIFY=NEVER", Stage.RCPT),
    ],
)
def test_an_address_that_cannot_be_said_is_our_own_failure(sender: str, recipient: str, stage: Stage) -> None:
    talk = dialogue(PLAIN, Envelope(sender, recipient))
    said = finish(talk)
    assert talk.ended
    assert (talk.ended.ending, talk.ended.stage) == (Ending.NOT_TRIED, stage)
    assert said[-1] == "QUIT"


@pytest.mark.parametrize(
    "stage, failure, reason",
    [
        (Stage.BANNER, "closed", "mta1 closed the connection before its greeting"),
        (Stage.BANNER, "timeout", "no greeting within 30 s"),
        (Stage.MAIL, "closed", "mta1 closed the connection before its reply to MAIL"),
        (Stage.MAIL, "timeout", "no reply to MAIL within 30 s"),
        (Stage.MAIL, "garbage", "mta1 speaks no SMTP: hi"),
        (Stage.BODY, "timeout", "no reply to the final dot within 30 s"),
    ],
)
def test_the_reason_is_a_sentence(stage: Stage, failure: str, reason: str) -> None:
    talk = at(stage)
    fail(talk, failure)
    assert talk.ended
    assert talk.ended.reason == reason


@given(
    st.lists(st.sampled_from([220, 235, 250, 334, 354, 421, 450, 454, 500, 550, 599]), min_size=40, max_size=40),
    st.sampled_from(Tls),
)
def test_whatever_is_answered_the_dialogue_ends_once_and_soon(codes: list[int], tls: Tls) -> None:
    talk = dialogue(replace(FULL, tls=tls))
    endings = set()
    for code in codes:
        if isinstance(talk.step, Secure):
            talk.secured()
        elif talk.step:
            talk.sent()
            talk.replied(replace(HELLO, code=code))
        endings.add(talk.ended)
    assert talk.step is None
    assert len(endings - {None}) == 1


def test_a_reason_is_cut() -> None:
    talk = at(Stage.RCPT)
    talk.replied(Reply(550, ("x" * 2000,)))
    assert talk.ended
    assert re.fullmatch(r"rcpt refused: 550 x+…", talk.ended.reason)
    assert len(talk.ended.reason) < 250

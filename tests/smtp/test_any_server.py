"""Whatever a server does, and whenever, the dialogue comes to one ending that says no more than was seen."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from probe.model.outcome import Stage
from probe.model.reply import Ending, Reply
from probe.model.secret import Secret
from probe.model.settings import Login, SmtpSettings, Tls
from probe.smtp.commands import Say, Secure
from probe.smtp.dialogue import Dialogue
from tests.smtp.sending import ENVELOPE

LONGEST = 20
"""Steps: greeting, EHLO, HELO, STARTTLS, TLS, EHLO, HELO, three of AUTH, three of the envelope, text, dot, QUIT."""
OFFERS = ("PIPELINING", "STARTTLS", "AUTH PLAIN", "AUTH LOGIN", "DSN", "SIZE 10", "SIZE", "AUTH", "", "\x00", "é")
HABITS = [220, 250, 250, 250, 354, 354, 334, 235]
"""What a server says that is well, or nearly."""

codes = st.sampled_from(HABITS) | st.sampled_from([421, 450, 454, 500, 502, 503, 530, 550]) | st.integers(200, 599)
replies = st.builds(
    Reply,
    codes,
    st.lists(st.sampled_from(OFFERS), max_size=6).map(lambda offers: ("mx.test", *offers)),
    st.sampled_from([None, "4.7.1", "5.1.1"]),
)
fitting = st.just("fits")
faults = st.sampled_from(["timeout", "lost", "violated", "broke", "gave up", "early", "half"])
# Mostly what fits, so that many dialogues come far; a stream of chance alone ends at the greeting.
acts = st.lists(fitting | fitting | fitting | fitting | replies | faults, min_size=LONGEST + 1, max_size=LONGEST + 1)
ways = st.builds(
    SmtpSettings,
    tls=st.sampled_from(Tls),
    pipelining=st.booleans(),
    login=st.none() | st.just(Login("user", Secret("secret"))),
    login_without_tls=st.booleans(),
)
FIT = {
    Stage.BANNER: Reply(220),
    Stage.STARTTLS: Reply(220),
    Stage.AUTH: Reply(235),
    Stage.DATA: Reply(354),
}
HELLO = Reply(250, ("mx.test", "PIPELINING", "STARTTLS", "AUTH PLAIN LOGIN", "DSN", "SIZE 1000"))


def act(talk: Dialogue, doing: Reply | str) -> None:
    """Let the server do something about the step that the dialogue is at."""
    if doing == "half":
        talk.lost("reset the connection")  # before all was sent
    elif doing == "early":
        talk.replied_early(Reply(250))
    elif isinstance(talk.step, Secure):
        talk.secured() if doing == "fits" else talk.broke("TLS with mta1 failed")
    else:
        talk.sent()
        answer(talk, doing)


def answer(talk: Dialogue, doing: Reply | str) -> None:
    assert isinstance(talk.step, Say)
    match doing:
        case Reply():
            talk.replied(doing)
        case "fits" if talk.step.octets.startswith(b"EHLO"):
            talk.replied(HELLO)
        case "fits":
            talk.replied(FIT.get(talk.step.stage, Reply(250)))
        case "timeout":
            talk.timed_out("within 30 s")
        case "lost":
            talk.lost("closed the connection")
        case "violated":
            talk.violated("speaks no SMTP: hi")
        case "broke":
            talk.broke("it broke")
        case _:
            talk.gave_up("we broke")


@given(ways, acts)
@settings(max_examples=500)
def test_a_dialogue_always_ends_once_and_claims_only_what_it_saw(how: SmtpSettings, doings: list[Reply | str]) -> None:
    # Given
    talk = Dialogue(replace(ENVELOPE, id="A2" * 32), settings=how, peer="mta1", ehlo="probe.lab.test")
    endings, dot_is_out, steps = set(), False, 0

    # When
    while talk.step and steps <= LONGEST:
        dot_is_out |= talk.step.stage is Stage.BODY and doings[steps] not in ("half", "early")
        act(talk, doings[steps])
        endings.add(talk.ended)
        steps += 1

    # Then
    assert talk.step is None
    assert talk.ended
    assert len(endings - {None}) == 1
    assert talk.ended.reason
    assert talk.ended.stage is not Stage.QUIT
    if talk.ended.ending in (Ending.IN_DOUBT, Ending.ACCEPTED):
        assert dot_is_out
        assert talk.ended.stage is Stage.BODY
    if talk.ended.ending in (Ending.REFUSED, Ending.REFUSED_FOR_NOW, Ending.ACCEPTED):
        assert talk.ended.reply


@given(st.lists(replies, min_size=3, max_size=3))
def test_a_group_means_the_same_as_one_command_at_a_time(envelope: list[Reply]) -> None:
    assert ended_with(envelope, pipelining=True) == ended_with(envelope, pipelining=False)


def ended_with(envelope: list[Reply], *, pipelining: bool) -> object:
    """Return how a dialogue ends when MAIL, RCPT and DATA are answered so."""
    how = SmtpSettings(tls=Tls.NONE, pipelining=pipelining)
    talk = Dialogue(ENVELOPE, settings=how, peer="mta1", ehlo="probe.lab.test")
    said = dict(zip((Stage.MAIL, Stage.RCPT, Stage.DATA), envelope, strict=True))
    while talk.step:
        act(talk, said.get(talk.step.stage, "fits"))
    return talk.ended

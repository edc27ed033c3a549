"""Whatever a server does over a kept connection, the second dialogue claims only what it saw, and never too early."""

from hypothesis import given, settings
from hypothesis import strategies as st

from probe.model.outcome import Stage
from probe.model.reply import Ending, Reply
from probe.model.settings import SmtpSettings, Tls
from probe.smtp.commands import Say
from probe.smtp.dialogue import Dialogue
from tests.smtp.sending import ENVELOPE
from tests.smtp.test_any_server import HELLO, act, faults, fitting, replies

LONGEST = 10
"""Steps: RSET, three of the envelope, text, dot, QUIT."""
OFFERS = {"PIPELINING": (), "DSN": (), "SIZE": ("1000",)}
acts = st.lists(fitting | fitting | fitting | replies | faults, min_size=LONGEST, max_size=LONGEST)
# RFC 2920 3.1: by their position alone; what each of the four is answered is up to chance.
groups = st.lists(fitting | fitting | replies, min_size=4, max_size=4)


def second(*, pipelining: bool) -> Dialogue:
    how = SmtpSettings(tls=Tls.NONE, pipelining=pipelining)
    return Dialogue(ENVELOPE, settings=how, peer="mta1", ehlo="", kept=OFFERS, keep=True)


@given(st.booleans(), acts)
@settings(max_examples=500)
def test_a_second_dialogue_ends_once_and_claims_only_what_it_saw(pipelining: bool, doings: list[Reply | str]) -> None:
    # Given
    talk, said, agreed_to_mail = second(pipelining=pipelining), [], False

    # When
    for doing in doings:
        if not isinstance(talk.step, Say):
            break
        step = talk.step
        said.append(step)
        assert step.stage is not Stage.BODY or agreed_to_mail
        act(talk, doing)
        is_mail = step.shown.startswith("MAIL")
        agreed_to_mail |= is_mail and (doing == "fits" or (isinstance(doing, Reply) and doing.code // 100 == 2))

    # Then
    assert talk.step is None
    assert talk.ended
    assert talk.tentative is not agreed_to_mail
    if talk.tentative:
        # Nothing of it was taken: it may be said again over a new connection.
        assert talk.ended.ending not in (Ending.ACCEPTED, Ending.IN_DOUBT)
        assert all(step.stage is Stage.MAIL or step.pipelined for step in said)
    assert not (talk.tentative and talk.reusable)
    assert not (talk.reusable and any(step.shown == "QUIT" for step in said))
    if talk.ended.ending in (Ending.UNREACHABLE, Ending.IN_DOUBT, Ending.NOT_TRIED):
        assert not talk.reusable


@given(groups)
@settings(max_examples=300)
def test_the_group_means_the_same_as_one_command_at_a_time(answers: list[Reply | str]) -> None:
    grouped, single = (answered(second(pipelining=pipelining), answers) for pipelining in (True, False))
    assert (grouped.ended, grouped.tentative) == (single.ended, single.tentative)


@given(st.sampled_from(["450 later", "550 no", "250 ok"]), groups)
def test_what_a_first_text_was_answered_means_nothing_for_the_second(first: str, answers: list[Reply | str]) -> None:
    # Given: two over one connection, the second begun behind the text of the first
    one = Dialogue(ENVELOPE, settings=SmtpSettings(tls=Tls.NONE), peer="mta1", ehlo="probe.test", keep=True)
    while isinstance(one.step, Say) and one.step.stage is not Stage.BODY:
        act(one, HELLO if one.step.stage is Stage.EHLO else "fits")
    one.sent()
    two = second(pipelining=True)
    one.followed()

    # When
    one.replied(Reply(int(first[:3]), (first[4:],)))
    answered(two, answers)

    # Then
    assert (one.step, one.reusable) == (None, True)
    assert (two.ended, two.tentative) == (
        (alone := answered(second(pipelining=True), answers)).ended,
        alone.tentative,
    )


def answered(talk: Dialogue, answers: list[Reply | str]) -> Dialogue:
    """Answer RSET, MAIL, RCPT and DATA so, and agree to all else."""
    places = dict(zip(("RSET", "MAIL", "RCPT", "DATA"), answers, strict=True))
    while isinstance(talk.step, Say):
        act(talk, places.get(talk.step.shown.split(" ")[0], "fits"))
    return talk

from itertools import product

import pytest

from probe.model.failures import TABLE, Failure, Kind, can_speak, failure
from probe.model.outcome import Outcome, Stage
from probe.model.probe import Sending
from probe.model.reply import Ending

CODES = {
    Ending.REFUSED_FOR_NOW: (421, 432, 450, 451, 452, 454, 499),
    Ending.REFUSED: (500, 521, 530, 535, 550, 552, 554, 556, 599),
    Ending.UNREACHABLE: (None, 250, 354),
    Ending.NAMELESS: (None,),
    Ending.IN_DOUBT: (None, 250),
    Ending.NOT_TRIED: (None,),
}
SUBJECTS = ("0.0", "1.1", "1.8", "2.2", "3.0", "4.2", "5.0", "6.0", "7.0", "7.1", "7.5", "7.8", "7.26")
CLASSES = {Ending.REFUSED_FOR_NOW: "4", Ending.REFUSED: "5"}
SPEAKING = {Stage.BANNER, Stage.EHLO, Stage.STARTTLS, Stage.MAIL, Stage.DATA, Stage.BODY}
KINDS = {
    Ending.REFUSED_FOR_NOW: (Kind.TEMPORARY, Outcome.DEFERRED),
    Ending.REFUSED: (Kind.PERMANENT, Outcome.REJECTED),
    Ending.UNREACHABLE: (Kind.RECOVERABLE, Outcome.UNREACHABLE),
    Ending.NAMELESS: (Kind.RECOVERABLE, Outcome.UNREACHABLE),
    Ending.IN_DOUBT: (None, None),
    Ending.NOT_TRIED: (None, Outcome.UNKNOWN),
}


def sending(ending: Ending, stage: Stage, code: int | None = None, enhanced_code: str | None = None) -> Sending:
    return Sending(ending, stage, "the server's words", code, enhanced_code)


def everything() -> list[Sending]:
    """Every ending at every stage, with every code that some row may ask for."""
    return [
        sending(ending, stage, code, enhanced)
        for ending, codes in CODES.items()
        for stage, code in product(Stage, codes)
        for enhanced in (None, *(f"{CLASSES[ending]}.{subject}" for subject in SUBJECTS if ending in CLASSES))
    ]


def test_every_failure_has_its_row() -> None:
    assert [each for each in everything() if failure(each) is None] == []


def test_what_was_accepted_is_no_failure() -> None:
    assert failure(sending(Ending.ACCEPTED, Stage.BODY, 250)) is None


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.stages} {row.codes} {row.enhanced_codes}")
def test_every_row_is_the_first_to_fit_something(row: Failure) -> None:
    assert any(failure(each) is row for each in everything())


def test_every_row_gives_its_reason() -> None:
    assert all(row.why and "|" not in row.why for row in TABLE)


@pytest.mark.parametrize("ending, kind, outcome", [(ending, *told) for ending, told in KINDS.items()])
def test_how_a_transaction_ended_says_what_it_is_and_how_the_probe_ends(
    ending: Ending, kind: Kind | None, outcome: Outcome | None
) -> None:
    rows = {failure(each) for each in everything() if each.ending is ending}
    assert {row and (row.kind, row.outcome) for row in rows} == {(kind, outcome)}


@pytest.mark.parametrize(
    "kind, tried", [(Kind.TEMPORARY, True), (Kind.RECOVERABLE, True), (Kind.PERMANENT, False), (None, False)]
)
def test_only_what_the_server_certainly_does_not_own_may_be_retried(kind: Kind | None, tried: bool) -> None:
    assert {row.may_be_retried for row in TABLE if row.kind is kind} == {tried}


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("outcome, code", [(Outcome.DEFERRED, 451), (Outcome.REJECTED, 554)])
def test_a_refusal_without_more_can_speak_at_the_stages_of_the_server(
    outcome: Outcome, code: int, stage: Stage
) -> None:
    assert can_speak(outcome, stage, code=code) is (stage in SPEAKING | {Stage.CONNECT})


def test_a_refusal_for_good_can_speak_at_the_stages_of_the_server_whatever_its_codes() -> None:
    refusals = [each for each in everything() if each.ending is Ending.REFUSED and each.stage in SPEAKING]
    assert all(row.can_speak for each in refusals if (row := failure(each)))


def test_no_refusal_at_rcpt_or_auth_can_speak_whatever_its_codes() -> None:
    refusals = [each for each in everything() if each.ending in CLASSES and each.stage in {Stage.RCPT, Stage.AUTH}]
    assert not any(row.can_speak for each in refusals if (row := failure(each)))


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("code", CODES[Ending.REFUSED_FOR_NOW])
def test_greylisting_can_never_speak(code: int, stage: Stage) -> None:
    assert not can_speak(Outcome.DEFERRED, stage, code=code, enhanced_code="4.7.1")


@pytest.mark.parametrize("stage", [*Stage, None])
def test_who_is_out_of_reach_can_be_blamed_whatever_the_stage(stage: Stage | None) -> None:
    assert can_speak(Outcome.UNREACHABLE, stage)


@pytest.mark.parametrize(
    "stage, code, enhanced, can",
    [
        # of the server
        ("banner", 421, None, True),
        ("banner", 421, "4.3.2", True),
        ("banner", 554, None, True),
        ("banner", 554, "5.3.2", True),
        ("ehlo", 550, None, True),
        ("starttls", 454, "4.7.0", True),
        ("starttls", 501, "5.5.4", True),
        ("mail", 421, None, True),
        ("mail", 451, "4.3.0", True),
        ("mail", 451, "4.7.0", True),
        ("mail", 452, None, True),
        ("mail", 452, "4.3.1", True),
        ("mail", 450, "4.1.8", True),
        ("mail", 550, "5.7.1", True),
        ("mail", 552, "5.3.4", True),
        ("data", 451, None, True),
        ("data", 554, "5.5.1", True),
        ("body", 421, "4.4.2", True),
        ("body", 451, "4.3.0", True),
        ("body", 452, None, True),
        ("body", 554, "5.4.6", True),
        ("body", 554, None, True),
        ("body", 550, "5.7.1", True),
        ("body", 451, "4.6.0", True),
        ("body", 452, "4.2.2", True),
        ("body", 550, "5.6.0", True),
        ("body", 550, "5.7.26", True),
        ("body", 552, None, True),
        ("body", 552, "5.2.2", True),
        ("ehlo", 530, None, True),
        ("mail", 450, "4.1.7", True),
        ("mail", 451, "4.7.500", True),
        ("mail", 530, "5.7.0", True),
        ("mail", 550, "5.1.8", True),
        ("mail", 550, "5.7.27", True),
        # of us: too often, or not known well enough
        ("banner", 421, "4.7.0", False),
        ("banner", 450, "4.7.1", False),
        ("mail", 421, "4.7.28", False),
        ("mail", 450, "4.7.25", False),
        # of our login
        ("auth", 454, "4.7.0", False),
        ("auth", 534, "5.7.9", False),
        ("auth", 535, "5.7.8", False),
        ("auth", 538, "5.7.11", False),
        # of the recipient
        ("rcpt", 452, "4.2.2", False),
        ("rcpt", 552, None, False),
        ("rcpt", 550, "5.1.1", False),
        ("rcpt", 556, "5.1.10", False),
        ("rcpt", 554, "5.7.1", False),
        ("rcpt", 421, "4.3.2", False),
    ],
)
def test_what_mail_people_know_of_replies(stage: str, code: int, enhanced: str | None, can: bool) -> None:
    outcome = Outcome.DEFERRED if code < 500 else Outcome.REJECTED
    assert can_speak(outcome, Stage(stage), code=code, enhanced_code=enhanced) is can

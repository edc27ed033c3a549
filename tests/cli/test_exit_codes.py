"""What a round comes to."""

import pytest

from probe.cli.exits import Exit, ledger_trouble_ends
from probe.cli.once import exit_code
from probe.model.outcome import EXPECTABLE, Outcome
from probe.model.probe import Judgement, Record
from probe.ports import LedgerTrouble
from tests.model.build import probe


def ended(outcome: Outcome | None, *, expected: Outcome = Outcome.DELIVERED) -> Record:
    judgement = Judgement(outcome, "so it was") if outcome else None
    return Record(probe(expected=expected), judgement=judgement)


@pytest.mark.parametrize(
    "outcome, code",
    [
        (Outcome.DELIVERED, 0),
        (Outcome.JUNKED, 1),
        (Outcome.ALTERED, 2),
        (Outcome.MISROUTED, 2),
        (Outcome.BOUNCED, 2),
        (Outcome.MISSING, 2),
        (Outcome.REJECTED, 2),
        (Outcome.DEFERRED, 2),
        (Outcome.UNREACHABLE, 2),
        (Outcome.UNKNOWN, 3),
        (None, 3),
    ],
)
def test_one_probe(outcome: Outcome | None, code: int) -> None:
    assert exit_code([ended(outcome)]) == code


@pytest.mark.parametrize("expected", sorted(EXPECTABLE))
def test_what_is_expected_is_all_right(expected: Outcome) -> None:
    assert exit_code([ended(expected, expected=expected)]) is Exit.OK


def test_a_delivery_that_was_not_expected_is_a_failure() -> None:
    assert exit_code([ended(Outcome.DELIVERED, expected=Outcome.REJECTED)]) is Exit.CRITICAL


@pytest.mark.parametrize(
    "outcomes, code",
    [
        ((Outcome.DELIVERED, Outcome.JUNKED), 1),
        ((Outcome.JUNKED, None, Outcome.DELIVERED), 3),
        ((Outcome.UNKNOWN, Outcome.MISSING, Outcome.JUNKED), 2),
        ((Outcome.DELIVERED, Outcome.DELIVERED), 0),
    ],
)
def test_the_worst_counts_a_failure_before_not_knowing_before_a_warning(
    outcomes: tuple[Outcome | None, ...], code: int
) -> None:
    assert exit_code([ended(outcome) for outcome in outcomes]) == code
    assert exit_code([ended(outcome) for outcome in reversed(outcomes)]) == code


def test_trouble_with_the_ledger_is_a_sentence_also_out_of_groups_of_tasks(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as end, ledger_trouble_ends(Exit.UNKNOWN):
        raise ExceptionGroup("outer", [ExceptionGroup("inner", [LedgerTrouble("the ledger cannot be used")])])
    assert end.value.code == Exit.UNKNOWN
    assert capsys.readouterr().err == "the ledger cannot be used\n"


def test_another_fault_is_not_hidden_as_trouble_with_the_ledger() -> None:
    with pytest.raises(ExceptionGroup), ledger_trouble_ends(Exit.UNKNOWN):
        raise ExceptionGroup("outer", [KeyError("lost")])

"""What servers that were asked about one address say: each for itself, and all together."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from probe.model.outcome import Stage
from probe.model.reply import Attempt, Ending
from probe.model.settings import Member


class Answer(StrEnum):
    """What one server says of an address."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    REFUSED_FOR_NOW = "refused_for_now"
    """4yz: ask again later; no acceptance, and no last word."""
    NO_ANSWER = "no_answer"
    """It could not be asked."""


class Consensus(StrEnum):
    """What all of them say together."""

    ALL_ACCEPT = "all_accept"
    DISAGREE = "disagree"
    """At least two of them gave different answers."""
    ALL_REFUSE = "all_refuse"
    """For good, all of them."""
    UNCERTAIN = "uncertain"
    """None contradicts another, but not all gave a last word."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A server, and what came of asking it."""

    member: Member
    attempt: Attempt

    @property
    def answer(self) -> Answer:
        """Return what it says of the address."""
        # A refused login is a matter of ours: the address was never mentioned.
        return Answer.NO_ANSWER if self.attempt.stage is Stage.AUTH else _answer(self.attempt.ending)


def consensus(asked: Collection[Asked], *, gap: str | None = None) -> Consensus:
    """Say what they come to; with a ``gap``, which tells what else should have been asked, nobody speaks for all."""
    answers = {each.answer for each in asked}
    if len(answers - {Answer.NO_ANSWER}) > 1:
        return Consensus.DISAGREE
    if answers == {Answer.ACCEPTED} and not gap:
        return Consensus.ALL_ACCEPT
    if answers == {Answer.REFUSED} and not gap:
        return Consensus.ALL_REFUSE
    return Consensus.UNCERTAIN


def sentence(address: str, asked: Sequence[Asked], *, gap: str | None = None) -> str:
    """Say it in one sentence, and name who says what where they are not of one mind."""
    whole = f"the only server, {asked[0].member.name}," if len(asked) == 1 else f"all {len(asked)} servers"
    match consensus(asked, gap=gap):
        case Consensus.ALL_ACCEPT:
            return f"{whole} {_verb('accept', asked)} {address}"
        case Consensus.ALL_REFUSE:
            return f"{whole} {_verb('refuse', asked)} {address}{_replies(asked)}"
        case Consensus.DISAGREE:
            return f"the servers disagree about {address}: {_told(asked, gap)}"
        case Consensus.UNCERTAIN:
            return f"nobody can tell whether every server accepts {address}: {_told(asked, gap)}"


def _answer(ending: Ending) -> Answer:
    match ending:
        case Ending.ACCEPTED:
            return Answer.ACCEPTED
        case Ending.REFUSED:
            return Answer.REFUSED
        case Ending.REFUSED_FOR_NOW:
            return Answer.REFUSED_FOR_NOW
        case Ending.UNREACHABLE | Ending.NAMELESS | Ending.NOT_TRIED | Ending.IN_DOUBT:
            return Answer.NO_ANSWER
        case _:
            assert_never(ending)


def _told(asked: Sequence[Asked], gap: str | None) -> str:
    groups = {answer: [each for each in asked if each.answer is answer] for answer in Answer}
    return "; ".join([*(_clause(answer, those) for answer, those in groups.items() if those), *([gap] if gap else [])])


def _clause(answer: Answer, those: Sequence[Asked]) -> str:
    names = _names([each.member.name for each in those])
    match answer:
        case Answer.ACCEPTED:
            return f"{names} {_verb('accept', those)} it"
        case Answer.REFUSED:
            return f"{names} {_verb('refuse', those)} it{_replies(those)}"
        case Answer.REFUSED_FOR_NOW:
            return f"{names} {_verb('refuse', those)} it for now{_replies(those)}"
        case Answer.NO_ANSWER:
            return f"{names} could not be asked"
        case _:
            assert_never(answer)


def _verb(verb: str, those: Sequence[Asked]) -> str:
    return f"{verb}s" if len(those) == 1 else verb


def _names(names: Sequence[str]) -> str:
    if len(names) > _MOST_NAMES:
        return f"{len(names)} servers"
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _replies(those: Sequence[Asked]) -> str:
    """Return the different codes by which they refuse."""
    replies = (each.attempt.reply for each in those)
    codes = dict.fromkeys(f"{reply.code} {reply.enhanced_code or ''}".rstrip() for reply in replies if reply)
    return f" ({', '.join(codes)})"


_MOST_NAMES = 8

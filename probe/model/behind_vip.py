"""What dials of a VIP prove about the one member behind it that was wanted."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from probe.model.outcome import Stage
from probe.model.reply import Attempt, Ending, Exchange, Reply
from probe.model.settings import Member

_MOST_NAMED = 4
_LONGEST_LINE = 200


@dataclass(frozen=True, slots=True)
class Dial:
    """A dial that did not lead to the member that was wanted, and who answered it, if anybody gave a name."""

    attempt: Attempt
    member: str | None = None
    """Another member."""
    stranger: str | None = None
    """What somebody calls himself who is no member, escaped and cut."""

    @property
    def nameless(self) -> bool:
        """Tell whether nobody gave a name."""
        return self.member is None and self.stranger is None


def most_dials(members: int) -> int:
    """Return how often a VIP is dialled for one of so many members: four times each, and 32 times or twice each."""
    return max(min(4 * members, 32), 2 * members)


def preceded(attempt: Attempt, member: Member, before: Sequence[Dial]) -> Attempt:
    """Return the attempt that decides, with the dials in its transcript that went astray before it."""
    if not before:
        return attempt
    began = before[0].attempt.began
    own = (replace(exchange, at=exchange.at + (attempt.began - began)) for exchange in attempt.transcript)
    return replace(attempt, began=began, transcript=(*_shown(before), *own), note=_note(member, before))


def unmet(member: Member, dials: Sequence[Dial]) -> Attempt:
    """Say what it proves that a member was not met in one dial or more.

    Where others answered nobody can tell: a member that its balancer has ejected must be able to come back. Where
    nobody did, it is the VIP that is out of reach, and no single member.
    """
    nameless = [dial.attempt for dial in dials if dial.nameless]
    # Of several ways to fail, the one that came furthest is the one to look at.
    furthest = max(nameless, key=lambda attempt: list(Stage).index(attempt.stage), default=None)
    if furthest and len(nameless) == len(dials):
        reason = f"nobody gave a name in {_counted(dials)} of {member.endpoint}: {furthest.reason}"
        ended = Attempt(Ending.NAMELESS, furthest.stage, reason, dials[0].attempt.began, stages=furthest.stages)
    else:
        answers = _answers(dials)
        if furthest:
            answers.append(f"{_counted(nameless)} ended before anybody gave a name ({furthest.reason})")
        reason = f"{member.name} did not answer in {_counted(dials)} of {member.endpoint}: {'; '.join(answers)}"
        ended = Attempt(Ending.NOT_TRIED, Stage.CONNECT, reason, dials[0].attempt.began)
    return replace(ended, transcript=tuple(_shown(dials)), note=_note(member, dials))


def _answers(dials: Sequence[Dial]) -> list[str]:
    counts = Counter(_name(dial) for dial in dials if not dial.nameless).most_common()
    rest = sum(times for _, times in counts[_MOST_NAMED:])
    answers = [f"{name} answered {_times(times)}" for name, times in counts[:_MOST_NAMED]]
    return [*answers, f"others answered {_times(rest)}"] if rest else answers


def _name(dial: Dial) -> str:
    return dial.member or f"{dial.stranger} (not a member)"


def _counted(dials: Sequence[object]) -> str:
    return f"{len(dials)} dial{'' if len(dials) == 1 else 's'}"


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


def _shown(dials: Sequence[Dial]) -> Iterator[Exchange]:
    """Return each dial as one line of a transcript: who answered, or what became of it."""
    for number, dial in enumerate(dials, start=1):
        attempt = dial.attempt
        became = attempt.reason if dial.nameless else f"{_name(dial)} answered"
        yield Exchange(
            attempt.stage,
            f"<dial {number}: {became}>",
            _first_line(attempt.reply) if attempt.reply else None,
            attempt.began - dials[0].attempt.began,
            max((past.at + past.took for past in attempt.transcript), default=timedelta()),
        )


def _first_line(reply: Reply) -> Reply:
    return replace(reply, lines=(reply.lines[0][:_LONGEST_LINE],))


def _note(member: Member, dials: Sequence[Dial]) -> str | None:
    strangers = [dial for dial in dials if dial.stranger]
    if not strangers:
        return None
    last = strangers[-1]
    return f"{_name(last)} answered at {member.endpoint} (last at {last.attempt.began:%Y-%m-%dT%H:%M:%SZ})"

"""Where operators have their say: holds and windows of maintenance go before what the evidence says."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from probe.model.hold import Hold
from probe.model.maintenance import Window
from probe.model.outcome import State
from probe.model.settings import Share
from probe.model.verdict import Opinion, Verdict, guard


@dataclass(frozen=True, slots=True)
class Word:
    """What operators say of the members of a pool now, by name; a hold goes before a window."""

    holds: Mapping[str, Hold] = field(default_factory=dict)
    windows: Mapping[str, Window] = field(default_factory=dict)

    def differs(self, other: "Word") -> set[str]:
        """Return of whom something else is said."""
        names = {*self.holds, *self.windows, *other.holds, *other.windows}
        return {name for name in names if self._on(name) != other._on(name)}

    def _on(self, name: str) -> tuple[Hold | None, Window | None]:
        return self.holds.get(name), self.windows.get(name)


NO_WORD = Word()


def decide(
    opinions: Mapping[str, Opinion],
    before: Mapping[str, Verdict],
    word: Word,
    *,
    changed: Collection[str],
    min_healthy: Share,
    now: datetime,
    held_down: int = 0,
) -> dict[str, Verdict]:
    """Turn opinions into verdicts as ``guard`` does, but for members of whom operators have their say.

    Those take nobody's place among the ones that may be called down; but who is held down, or fails under
    maintenance, leaves fewer that may.
    """
    spared = _spared(opinions, before, word)
    aside = spared | (word.holds.keys() & opinions.keys())
    weighed = {**opinions, **{name: _silent(opinions[name]) for name in aside}} if aside else opinions
    held_down += len(spared) + sum(hold.state is State.DOWN for name, hold in word.holds.items() if name in opinions)
    verdicts = guard(weighed, before, changed=changed, min_healthy=min_healthy, now=now, held_down=held_down)

    def last_word(name: str, verdict: Verdict) -> Verdict:
        if hold := word.holds.get(name):
            return held(verdict, opinions[name], before.get(name), hold, now=now)
        if window := word.windows.get(name):
            return _maintained(verdict, window, before.get(name), spared=opinions[name] if name in spared else None)
        return verdict

    return {name: last_word(name, verdict) for name, verdict in verdicts.items()}


def held(verdict: Verdict, opinion: Opinion, before: Verdict | None, hold: Hold, *, now: datetime) -> Verdict:
    """Return what a verdict is while somebody holds it."""
    return replace(
        verdict,
        state=hold.state,
        reason=f"{hold.sentence}; its probes say {opinion.state}: {opinion.reason}",
        since=before.since if before and before.state is hold.state else min(hold.since, now),
        guarded=False,
        hold=hold,
    )


def _maintained(verdict: Verdict, window: Window, before: Verdict | None, *, spared: Opinion | None) -> Verdict:
    told = replace(verdict, guarded=False, maintenance=window)
    if spared is None:
        return replace(told, reason=f"{window.sentence}; {verdict.reason}")
    told = replace(told, reason=f"{window.sentence}; not called down meanwhile: {spared.reason}")
    return replace(told, state=before.state, since=before.since) if before else told


def _spared(opinions: Mapping[str, Opinion], before: Mapping[str, Verdict], word: Word) -> set[str]:
    """Return who is not called down, because it is under maintenance and was not down before."""

    def was_down(name: str) -> bool:
        return name in before and before[name].state is State.DOWN

    windows = word.windows.keys() - word.holds.keys()
    return {name for name in windows & opinions.keys() if opinions[name].state is State.DOWN and not was_down(name)}


def _silent(opinion: Opinion) -> Opinion:
    return replace(opinion, state=State.UNKNOWN, excused=False, failing="")

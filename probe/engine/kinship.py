"""Kinship: what members have in common that fail together, told in the reasons of their verdicts."""

from collections.abc import Mapping
from dataclasses import replace

from probe.engine.evidence import Evidence
from probe.engine.figures import MemberFigures
from probe.model.culprit import Blame, Culprit, Kin, blame_of_members
from probe.model.outcome import State
from probe.model.verdict import Opinion


class Kinship:
    """Look for what failing members have in common, anew only when others fail than before."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._known: dict[str, tuple[frozenset[str], frozenset[str], Blame]] = {}
        """Per pool: of which members it was asked when, and the answer."""

    def told(
        self, pool: str, opinions: Mapping[str, Opinion], members: Mapping[str, MemberFigures]
    ) -> Mapping[str, Opinion]:
        """Return the opinions, those on members that fail together with what they alone have in common."""
        failing = frozenset(name for name, opinion in opinions.items() if opinion.state is State.DOWN)
        if len(failing) < 2:
            return opinions
        everybody, known = frozenset(opinions), self._known.get(pool)
        if known is None or known[:2] != (failing, everybody):
            blame = blame_of_members(failing, {name: self._kin(pool, name, members) for name in opinions})
            self._known[pool] = known = failing, everybody, blame
        if known[2].culprit is Culprit.MEMBER:
            return opinions
        suffix = f"; {known[2].text}"
        return {
            name: replace(opinion, reason=opinion.reason.removesuffix(suffix) + suffix) if name in failing else opinion
            for name, opinion in opinions.items()
        }

    def _kin(self, pool: str, name: str, members: Mapping[str, MemberFigures]) -> Kin:
        return Kin(members[name].member.address, self._evidence.hosts(pool, name))

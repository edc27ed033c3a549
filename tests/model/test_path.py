import re

import pytest

from probe.model.letter import Hop
from probe.model.path import Signature, broken_rule, changes, signature
from probe.model.rules import PathRules

WAY = ("mta1.lab.test", "gw.lab.test", "store.lab.test")


def hops(*names: str, tls: bool | None = None) -> tuple[Hop, ...]:
    return tuple(Hop(name, None, None, None, tls=tls) for name in names)


def rules(*, through: str = "", never: str = "") -> PathRules:
    return PathRules(*(tuple(re.compile(word) for word in words.split()) for words in (through, never)))


@pytest.mark.parametrize(
    "asked",
    [
        rules(),
        rules(through="gw"),
        rules(through="mta[12] store", never="backup ^w"),
        rules(through="^gw\\.lab\\.test$"),
    ],
)
def test_a_way_that_keeps_its_rules_breaks_none(asked: PathRules) -> None:
    assert broken_rule(asked, hops(*WAY)) is None


@pytest.mark.parametrize(
    "asked, words",
    [
        (rules(never="^gw"), 'it went through gw.lab.test, which path.never "^gw" forbids'),
        (rules(never="old gw lab"), 'it went through gw.lab.test, which path.never "gw" forbids'),
        (
            rules(through="mta1 mta2"),
            'no hop is one that path.through "mta2" asks for: '
            "it went through mta1.lab.test, gw.lab.test, store.lab.test",
        ),
    ],
)
def test_a_broken_rule_is_named_with_the_hop(asked: PathRules, words: str) -> None:
    assert broken_rule(asked, hops(*WAY)) == words


@pytest.mark.parametrize("way", [(), ("",), ("mta1.lab.test", "")])
def test_of_a_way_that_cannot_be_read_nobody_can_tell(way: tuple[str, ...]) -> None:
    assert broken_rule(rules(through="gw"), hops(*way)) is None


def test_a_hop_that_can_be_read_is_forbidden_beside_one_that_cannot() -> None:
    assert broken_rule(rules(never="gw"), hops("", "gw.lab.test"))


def test_a_long_way_and_a_long_name_are_cut() -> None:
    broken = broken_rule(rules(through="nowhere"), hops(*(f"{number}{'x' * 250}" for number in range(50))))
    assert broken
    assert len(broken) < 800


def way(*names: str, tls: bool | None = None) -> Signature:
    return signature(hops(*names, tls=tls))


@pytest.mark.parametrize(
    "now, before, told",
    [
        (way("a", "b"), [way("a", "b")], ()),
        (way("A", "b"), [way("a", "B")], ()),
        (way("a", "b"), [], ()),
        (way(), [way("a")], ()),
        (way("a", "c", "b"), [way("a", "b")], ("a hop is new: c",)),
        (way("a"), [way("a", "b")], ("a hop is gone: b",)),
        (way("a", "c"), [way("a", "b")], ("a hop is new: c", "a hop is gone: b")),
        (way("a", "c"), [way("a", "b"), way("a", "c"), way("a", "b")], ()),  # b and c take turns
        (way("b", "a"), [way("a", "b")], ("the hops are in another order: b, a",)),
        (way("a", "b"), [way("b", "a"), way("a", "b")], ()),
        (way("a", "192.0.2.1", "[::1]", "2001:db8::1"), [way("a", "192.0.2.9")], ()),
    ],
)
def test_a_way_is_told_when_it_is_not_the_usual_one(now: Signature, before: list[Signature], told: tuple[str]) -> None:
    assert changes(now, before) == told


@pytest.mark.parametrize(
    "now, before, lost",
    [
        (False, [True, True], True),
        (False, [True, None], False),
        (False, [True, False], False),
        (None, [True], False),
        (True, [False], False),
        (False, [False], False),
    ],
)
def test_tls_is_lost_where_it_always_was(now: bool | None, before: list[bool | None], lost: bool) -> None:
    told = changes(way("a", tls=now), [way("a", tls=each) for each in before])
    assert told == (("a no longer took the message over TLS",) if lost else ())

"""A way that is not the usual one is noticed once."""

from probe.engine import paths
from probe.engine.paths import REMEMBERED, Paths
from probe.model.letter import Hop

PATH = ("vip", "mta1", "inbound")


def way(*names: str) -> tuple[Hop, ...]:
    return tuple(Hop(name, None, None, None) for name in names)


def test_the_first_way_is_no_change_and_another_one_is_news_once() -> None:
    known = Paths()
    told = []
    for names in ("ab", "ab", "acb", "acb"):
        told.append(known.changes(PATH, way(*names)))
        known.remember(PATH, way(*names))
    assert told == [(), (), ("a hop is new: c",), ()]


def test_each_path_has_its_own_usual_way() -> None:
    known = Paths()
    known.remember(PATH, way("a", "b"))
    assert known.changes(("vip", "mta2", "inbound"), way("c")) == ()


def test_a_way_that_cannot_be_read_is_neither_news_nor_remembered() -> None:
    known = Paths()
    known.remember(PATH, way("a", "b"))
    assert known.changes(PATH, ()) == ()
    known.remember(PATH, ())
    assert known.changes(PATH, way("a")) == ("a hop is gone: b",)


def test_a_hop_of_long_ago_is_new_again() -> None:
    known = Paths()
    known.remember(PATH, way("a", "b"))
    for _ in range(REMEMBERED):
        known.remember(PATH, way("a"))
    assert known.changes(PATH, way("a", "b")) == ("a hop is new: b",)


def test_so_many_paths_are_remembered_and_the_quiet_ones_go_first() -> None:
    known = Paths()
    for number in range(paths.MOST + 1):
        known.remember(("vip", f"mta{number}", "inbound"), way("a"))
    assert known.changes(("vip", "mta0", "inbound"), way("b")) == ()
    assert known.changes(("vip", "mta1", "inbound"), way("b"))

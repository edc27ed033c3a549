from datetime import timedelta

import pytest

from probe.model.letter import Hop
from probe.model.outcome import Stage
from probe.model.reply import Exchange, Reply
from probe.model.stamp import stamp_of

HOPS = (
    Hop("mta1.lab.test", "ESMTPS", None, None, id="4dHx1z3Q8Yz1"),
    Hop("store.lab.test", "LMTP", None, None, id="ab"),
)


def said(stage: Stage, *lines: str) -> Exchange:
    return Exchange(stage, "", Reply(250, lines), timedelta(0), timedelta(0))


@pytest.mark.parametrize(
    "exchange, hop",
    [
        (said(Stage.BANNER, "mta1.lab.test ESMTP Postfix"), 0),
        (said(Stage.BANNER, "MTA1.lab.test"), 0),
        (said(Stage.EHLO, "mta1.lab.test Hello probe [127.0.0.1]", "PIPELINING"), 0),
        (said(Stage.BODY, "Ok: queued as 4dHx1z3Q8Yz1"), 0),
        (said(Stage.BODY, "<probe@lab.test> 4dHx1z3Q8Yz1 Saved"), 0),
        (said(Stage.BODY, "OK id=4dHx1z3Q8Yz1"), 0),
        (said(Stage.BODY, "OK ab"), None),
        (said(Stage.BANNER, "vip.lab.test ESMTP"), None),
        (said(Stage.BANNER, "hello mta1.lab.test"), None),
        (said(Stage.RCPT, "mta1.lab.test"), None),
        (said(Stage.BANNER, ""), None),
    ],
)
def test_a_stamp_is_known_by_the_members_names_or_its_queue_id(exchange: Exchange, hop: int | None) -> None:
    assert stamp_of(HOPS, [[exchange]]) == hop


def test_without_hops_or_words_there_is_no_stamp() -> None:
    assert stamp_of((), [[said(Stage.BANNER, "mta1.lab.test")]]) is None
    assert stamp_of(HOPS, []) is None

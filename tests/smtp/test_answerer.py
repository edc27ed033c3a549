"""Who answers behind a VIP, by what it says of itself."""

import pytest

from probe.model.reply import Reply
from probe.model.settings import Member
from probe.smtp.answerer import Answerer

WANTED = Member("vip", "mta1.lab.test", "127.0.0.10", behind_vip=("mta1.lab.test", "mta2.lab.test"))


def said(*replies: Reply) -> Answerer:
    answerer = Answerer(WANTED)
    for reply in replies:
        answerer.hear(reply)
    return answerer


def saying(*lines: str, code: int = 220) -> Reply:
    return Reply(code, lines)


@pytest.mark.parametrize(
    "replies, member, stranger",
    [
        ((), None, None),
        ((saying("mta1.lab.test ESMTP Postfix"),), "mta1.lab.test", None),
        ((saying("MTA2.Lab.TEST. ESMTP"),), "mta2.lab.test", None),
        ((saying("mta2.lab.test"),), "mta2.lab.test", None),
        ((saying("mta2.lab.test", "mta1.lab.test ESMTP"),), "mta2.lab.test", None),
        ((saying("welcome to mta2.lab.test"),), None, "welcome"),
        ((saying("mta2.lab.test.evil ESMTP"),), None, "mta2.lab.test.evil"),
        ((saying("mail.lab.test ESMTP"), saying("mta2.lab.test", "SIZE", code=250)), "mta2.lab.test", None),
        ((saying("mta1.lab.test ESMTP"), saying("mta2.lab.test", code=250)), "mta1.lab.test", None),
        ((saying("mail.lab.test ESMTP"), saying("mx9.lab.test", code=250)), None, "mx9.lab.test"),
        ((saying("mta2.lab.test busy", code=421),), "mta2.lab.test", None),
        ((saying("no service here", code=554),), None, None),
        ((saying(""),), None, "somebody without a name"),
        ((saying("mx9.lab.test"), saying("", code=250)), None, "mx9.lab.test"),
        ((saying("\x1b[2J" + "a" * 1000),), None, "\\x1b[2J" + "a" * 72 + "…"),
    ],
)
def test_the_first_word_names_who_answers(replies: tuple[Reply, ...], member: str | None, stranger: str | None) -> None:
    answerer = said(*replies)

    assert (answerer.member, answerer.stranger) == (member, stranger)
    assert answerer.is_wanted is (member == "mta1.lab.test")
    assert answerer.is_nobody is (member is None and stranger is None)

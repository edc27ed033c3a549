import pytest

from probe.model.reply import Reply


@pytest.mark.parametrize(
    "code, positive, transient",
    [
        (200, True, False),
        (250, True, False),
        (354, True, False),
        (399, True, False),
        (400, False, True),
        (499, False, True),
        (500, False, False),
        (599, False, False),
    ],
)
def test_the_first_digit_decides(code: int, positive: bool, transient: bool) -> None:
    reply = Reply(code)
    assert (reply.positive, reply.transient) == (positive, transient)


@pytest.mark.parametrize("code", [-1, 0, 199, 600, 1000])
def test_other_numbers_are_no_replies(code: int) -> None:
    with pytest.raises(ValueError, match="not an SMTP reply code"):
        Reply(code)


@pytest.mark.parametrize(
    "reply, shown",
    [
        (Reply(250), "250"),
        (Reply(250, ("OK",)), "250 OK"),
        (Reply(550, ("no such user",), "5.1.1"), "550 5.1.1 no such user"),
        (Reply(550, ("one", "", "two"), "5.7.1"), "550 5.7.1 one two"),
    ],
)
def test_a_reply_is_shown_on_one_line(reply: Reply, shown: str) -> None:
    assert str(reply) == shown

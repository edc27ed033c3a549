"""How replies are read, however a server splits, swells or garbles them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.model.reply import Reply
from probe.smtp.replies import LONGEST_LINE, MOST_LINES, MOST_OCTETS, ReplyParser, Violation


def parsed(octets: bytes) -> Reply | None:
    parser = ReplyParser()
    parser.feed(octets)
    return parser.next()


@pytest.mark.parametrize(
    "octets, reply",
    [
        (b"250 ok\r\n", Reply(250, ("ok",))),
        (b"250\r\n", Reply(250, ("",))),
        (b"250 \r\n", Reply(250, ("",))),
        (b"250-\r\n250\r\n", Reply(250, ("", ""))),
        (b"250-mx.test\r\n250-SIZE 10\r\n250 HELP\r\n", Reply(250, ("mx.test", "SIZE 10", "HELP"))),
        (b"250 ok\n", Reply(250, ("ok",))),
        (b"220-\r\n220-\r\n220 now\r\n", Reply(220, ("", "", "now"))),
        (b"571 refused\r\n", Reply(571, ("refused",))),
        (b"200 lowest\r\n", Reply(200, ("lowest",))),
        (b"599 highest\r\n", Reply(599, ("highest",))),
    ],
)
def test_a_reply_is_read_in_every_form_of_the_rfc(octets: bytes, reply: Reply) -> None:
    assert parsed(octets) == reply


@pytest.mark.parametrize(
    "octets, enhanced, lines",
    [
        (b"550 5.1.1 no such user\r\n", "5.1.1", ("no such user",)),
        (b"250 2.0.0\r\n", "2.0.0", ("",)),
        (b"450-4.7.1 try\r\n450 4.7.1 later\r\n", "4.7.1", ("try", "later")),
        (b"550-see\r\n550 5.7.1 policy\r\n", "5.7.1", ("see", "policy")),
        (b"550 5.123.456 long\r\n", "5.123.456", ("long",)),
        (b"550 5.1234.1 too long\r\n", None, ("5.1234.1 too long",)),
        (b"550 4.1.1 class of another digit\r\n", None, ("4.1.1 class of another digit",)),
        (b"354 3.0.0 no such class\r\n", None, ("3.0.0 no such class",)),
        (b"550 5.1.1.2 an address\r\n", None, ("5.1.1.2 an address",)),
        (b"550 5.1 a version\r\n", None, ("5.1 a version",)),
        (b"250 mx 2.0.0\r\n", None, ("mx 2.0.0",)),
    ],
)
def test_an_enhanced_code_is_believed_when_its_class_matches(
    octets: bytes, enhanced: str | None, lines: tuple[str, ...]
) -> None:
    reply = parsed(octets)
    assert reply is not None
    assert (reply.enhanced_code, reply.lines) == (enhanced, lines)


@pytest.mark.parametrize(
    "octets",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 400 Bad Request\r\n",
        b"\r\n",
        b"25\r\n",
        b"150 first digit too low\r\n",
        b"650 first digit too high\r\n",
        b"2500 four digits\r\n",
        b"250_ok\r\n",
        b" 250 ok\r\n",
        b"\xb2\xb5\xb0 digits of another script\r\n",
        b"250-one\r\n251 two\r\n",
    ],
)
def test_what_is_no_reply_is_a_violation(octets: bytes) -> None:
    with pytest.raises(Violation):
        parsed(octets)


def test_what_is_said_instead_of_smtp_is_shown() -> None:
    with pytest.raises(Violation, match=r"^speaks no SMTP: SSH-2\.0-x\\x1b\[2J$"):
        parsed(b"SSH-2.0-x\x1b[2J\r\n")


@pytest.mark.parametrize(
    "raw, shown",
    [
        (b"\x00nul", "\\x00nul"),
        (b"\x1b[31mred", "\\x1b[31mred"),
        (b"caf\xc3\xa9", "café"),
        (b"caf\xe9", "caf\\xe9"),
        (b"\xff\xfe", "\\xff\\xfe"),
        (b"cr\rin", "cr\\rin"),
        ("\u202eback".encode(), "\\u202eback"),
    ],
)
def test_text_is_made_harmless_and_stays_readable(raw: bytes, shown: str) -> None:
    reply = parsed(b"250 " + raw + b"\r\n")
    assert reply is not None
    assert reply.text == shown


def test_a_line_may_be_as_long_as_the_cap_and_no_longer() -> None:
    text = b"a" * (LONGEST_LINE - len(b"250 \r\n"))
    reply = parsed(b"250 " + text + b"\r\n")
    assert reply is not None
    assert reply.text == text.decode()
    with pytest.raises(Violation, match="2048 octets"):
        parsed(b"250 a" + text + b"\r\n")


@pytest.mark.parametrize("length, too_long", [(LONGEST_LINE - 1, False), (LONGEST_LINE, True)])
def test_a_line_without_an_end_is_given_up_at_the_cap(length: int, too_long: bool) -> None:
    octets = b"2" * length
    if too_long:
        with pytest.raises(Violation):
            parsed(octets)
    else:
        assert parsed(octets) is None


def test_a_reply_may_have_as_many_lines_as_the_cap_and_no_more() -> None:
    reply = parsed(b"250-a\r\n" * (MOST_LINES - 1) + b"250 z\r\n")
    assert reply is not None
    assert len(reply.lines) == MOST_LINES
    with pytest.raises(Violation, match="128 lines"):
        parsed(b"250-a\r\n" * MOST_LINES + b"250 z\r\n")


def test_a_session_may_say_as_much_as_the_cap_and_no_more() -> None:
    parser = ReplyParser()
    parser.feed(b"2" * MOST_OCTETS)
    with pytest.raises(Violation, match="octets of replies"):
        parser.feed(b"2")


def test_replies_come_out_one_by_one_and_in_order() -> None:
    parser = ReplyParser()
    parser.feed(b"250 one\r\n354 two\r\n55")
    assert [parser.next(), parser.next(), parser.next()] == [Reply(250, ("one",)), Reply(354, ("two",)), None]
    parser.feed(b"0 three\r\n")
    assert parser.next() == Reply(550, ("three",))


@pytest.mark.parametrize(
    "octets, unread", [(b"", False), (b"220 go\r\n", False), (b"220 go\r\nx", True), (b"220 go\r\n250-", True)]
)
def test_octets_that_are_left_over_are_told(octets: bytes, unread: bool) -> None:
    parser = ReplyParser()
    parser.feed(octets)
    parser.next()
    assert bool(parser.unread) is unread


def test_a_continuation_that_was_read_counts_as_unread() -> None:
    parser = ReplyParser()
    parser.feed(b"250-\r\n")
    assert parser.next() is None
    assert parser.unread


@given(st.lists(st.binary(max_size=40)))
def test_no_bytes_do_more_than_break_the_protocol(chunks: list[bytes]) -> None:
    parser, shown = ReplyParser(), []
    try:
        for chunk in chunks:
            parser.feed(chunk)
            while reply := parser.next():
                shown.append(str(reply))
    except Violation as violation:
        shown.append(str(violation))
    assert all(text.isprintable() for text in shown)


@given(st.integers(1, 30))
def test_where_the_network_cuts_makes_no_difference(size: int) -> None:
    octets = b"250-mx.test\r\n250-5.1.1\r\n250 2.1.0 \xc3\xa9nd\r\n354 go\r\n"
    parser, replies = ReplyParser(), []
    for start in range(0, len(octets), size):
        parser.feed(octets[start : start + size])
        while reply := parser.next():
            replies.append(reply)
    assert replies == [Reply(250, ("mx.test", "5.1.1", "énd"), "2.1.0"), Reply(354, ("go",))]

"""What goes out: nothing can be smuggled into it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.model.outcome import Stage
from probe.smtp.commands import LONGEST, LONGEST_ANSWER, Unsayable, addressed, answer, command, dot_stuffed, message


def test_a_command_ends_once_by_crlf() -> None:
    assert command(Stage.MAIL, "MAIL FROM:<a@b.test>").octets == b"MAIL FROM:<a@b.test>\r\n"


@pytest.mark.parametrize("smuggled", ["\r", "\n", "\r\n", "\x00", "\x1b", "\t", "\x7f", "\x85", "é", "\u2028"])
def test_a_command_holds_nothing_but_printable_ascii(smuggled: str) -> None:
    with pytest.raises(Unsayable):
        command(Stage.RCPT, f"RCPT TO:<a{smuggled}@b.test>")


def test_a_command_is_no_longer_than_the_rfc_allows() -> None:
    longest = "A" * (LONGEST - 2)
    assert len(command(Stage.MAIL, longest).octets) == LONGEST
    with pytest.raises(Unsayable):
        command(Stage.MAIL, longest + "A")


def test_an_answer_is_no_longer_than_the_rfc_allows() -> None:
    longest = "A" * (LONGEST_ANSWER - 2)
    assert len(answer(longest).octets) == LONGEST_ANSWER
    with pytest.raises(Unsayable):
        answer(longest + "A")


def test_an_answer_is_struck_out() -> None:
    assert "c2VjcmV0" not in repr(answer("c2VjcmV0"))


@pytest.mark.parametrize("address", ["a@b.test> SIZE=1", "<a@b.test"])
def test_an_address_cannot_end_its_path(address: str) -> None:
    with pytest.raises(Unsayable):
        addressed(Stage.RCPT, "RCPT TO", address)


def test_the_empty_path_can_be_written() -> None:
    assert addressed(Stage.MAIL, "MAIL FROM", "", " SIZE=7").octets == b"MAIL FROM:<> SIZE=7\r\n"


@pytest.mark.parametrize(
    "content, octets",
    [
        (b"", b".\r\n"),
        (b"a\r\n", b"a\r\n.\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b".", b"..\r\n.\r\n"),
        (b".\r\n", b"..\r\n.\r\n"),
        (b"..\r\n", b"...\r\n.\r\n"),
        (b"a.b\r\n", b"a.b\r\n.\r\n"),
        (b"a\r\n.b\r\n", b"a\r\n..b\r\n.\r\n"),
        (b"\r\n.\r\n.\r\n", b"\r\n..\r\n..\r\n.\r\n"),
        (b"a\r\n\r\n", b"a\r\n\r\n.\r\n"),
    ],
)
def test_dots_are_doubled_and_the_end_is_one_lone_dot(content: bytes, octets: bytes) -> None:
    assert dot_stuffed(content) == octets


@given(st.lists(st.sampled_from([b".", b"\r\n", b"a"])).map(b"".join))
def test_a_server_reads_back_what_was_stuffed(content: bytes) -> None:
    octets = dot_stuffed(content)
    # When read as RFC 5321 4.5.2 says, up to the first lone dot:
    lines = octets.split(b"\r\n")
    end = lines.index(b".")
    read = b"".join(line.removeprefix(b".") + b"\r\n" for line in lines[:end])
    # Then nothing follows that dot, and the message is the same, its last line ended.
    assert lines[end + 1 :] == [b""]
    assert read == content if not content or content.endswith(b"\r\n") else content + b"\r\n"


def test_the_transcript_shows_the_size_of_a_message_only() -> None:
    assert message(b"secret\r\n").shown == "<11 octets>"

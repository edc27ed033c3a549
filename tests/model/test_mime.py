import base64
import quopri

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.model.mime import DEEPEST, MOST_PARTS, unwrap

TEXT = b"Hello,\r\nthis is a text.\r\n"
PLAIN = b"Content-Type: text/plain; charset=utf-8\r\n"
MIXED = b'Content-Type: multipart/mixed;\r\n\tboundary="a (b)"\r\n'


def multipart(*parts: bytes) -> bytes:
    return b"".join(b"--a (b)\r\n" + part + b"\r\n" for part in parts) + b"--a (b)--\r\n"


def nested(depth: int) -> tuple[bytes, bytes]:
    """Put a text into so many multiparts, and return header and body of the outermost."""
    header, body = PLAIN, TEXT
    for level in range(depth):
        body = b"--%d\r\n%s\r\n%s\r\n--%d--\r\n" % (level, header, body, level)
        header = b"Content-Type: multipart/mixed; boundary=%d\r\n" % level
    return header, body


@pytest.mark.parametrize(
    "header, body",
    [
        (b"", TEXT),
        (PLAIN, TEXT),
        (PLAIN + b"Content-Transfer-Encoding: 8bit\r\n", TEXT),
        (PLAIN + b"Content-Transfer-Encoding: base64\r\n", base64.encodebytes(TEXT)),
        (b"content-transfer-encoding:\r\n BASE64\r\n", base64.b64encode(TEXT)),
        (PLAIN + b"Content-Transfer-Encoding: quoted-printable\r\n", quopri.encodestring(TEXT)),
        (PLAIN + b"Content-Transfer-Encoding: x-unheard-of\r\n", TEXT),
        (MIXED, b"This is a multipart.\r\n" + multipart(b"\r\n" + TEXT) + b"Its end.\r\n"),
        (MIXED, multipart(PLAIN + b"\r\n" + TEXT).replace(b"\r\n", b"\n")),
        nested(DEEPEST),
    ],
)
def test_a_text_is_found_in_all_that_transport_wraps_it_in(header: bytes, body: bytes) -> None:
    found = unwrap(header, body)
    assert found.text.split() == TEXT.split()
    assert found.others == ()


def test_parts_beside_the_text_are_told() -> None:
    encoded = PLAIN + b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(TEXT)
    found = unwrap(MIXED, multipart(b"Content-Type: text/html\r\n\r\n<p>", encoded, PLAIN + b"\r\nA footer."))
    assert found.text == TEXT
    assert found.others == ("text/html", "text/plain")


def test_a_multipart_that_was_cut_off_reaches_to_its_end() -> None:
    cut_off = multipart(PLAIN + b"\r\n" + TEXT).partition(b"is a text")[0]
    assert unwrap(MIXED, cut_off).text == b"Hello,\r\nthis "


def test_without_plain_text_there_is_none() -> None:
    found = unwrap(b"Content-Type: text/html\r\n", b"<p>Hello")
    assert (found.text, found.others) == (b"", ("text/html",))


def test_what_lies_too_deep_is_not_looked_into() -> None:
    assert unwrap(*nested(DEEPEST + 1)).text == b""


def test_only_so_many_parts_are_looked_at() -> None:
    assert len(unwrap(MIXED, multipart(*[b"\r\nx"] * 200)).others) < MOST_PARTS


@pytest.mark.parametrize(
    "header, body",
    [
        (b"Content-Type: multipart/mixed; boundary=a\r\n", b"--a\r\n" * 200_000),
        (b"Content-Type: multipart/mixed; boundary=-\r\n", b"-" * 1_000_000),
        (b"Content-Type: " + b';"' * 30_000 + b"\r\n", TEXT),
        (b"Content-Type: text/plain\r\n" + b" \r\n" * 20_000, TEXT),
        (b"Content-Transfer-Encoding: quoted-printable\r\n", b"=" * 1_000_000),
        (b"Content-Transfer-Encoding: base64\r\n", b"=" * 1_000_000),
        nested(3_000),
    ],
    ids=["delimiters", "dashes", "quotes", "folds", "escapes", "padding", "nested"],
)
@pytest.mark.timeout(10)
def test_hostile_wrapping_is_read_in_bounded_time(header: bytes, body: bytes) -> None:
    unwrap(header, body)


@pytest.mark.parametrize("charset", [b"undefined", b"idna", b"a\0b", b"unheard-of"])
def test_a_boundary_in_a_charset_that_cannot_be_read_is_none(charset: bytes) -> None:
    header = b"Content-Type: multipart/mixed; boundary*=%s''x\r\n" % charset
    assert unwrap(header, b"--y\r\n\r\nHello.\r\n--y--\r\n").text == b""


def test_a_boundary_in_pieces_some_of_which_bear_no_number_is_none() -> None:
    header = b"Content-Type: multipart/mixed; boundary*0*=utf-8''x; boundary*=utf-8''y\r\n"
    assert unwrap(header, b"--y\r\n\r\nHello.\r\n--y--\r\n").text == b""


@pytest.mark.parametrize("encoding", [b"7bit", b"base64", b"quoted-printable", b"x-uuencode"])
def test_a_text_in_a_charset_that_cannot_be_read_does_not_raise(encoding: bytes) -> None:
    header = b"Content-Type: text/plain; charset=undefined\r\nContent-Transfer-Encoding: %s\r\n" % encoding
    unwrap(header, b"caf\xe9\r\n")


@given(
    st.sampled_from(
        [b"", PLAIN, MIXED, b"Content-Type: multipart/x; boundary*0*=%FF''a\r\n", b"Content-Type: \xff/\r\n"]
    ),
    st.binary(max_size=60),
    st.sampled_from([b"", b"base64", b"quoted-printable", b"uuencode", b"\xff"]),
    st.lists(
        st.sampled_from([b"--a (b)\r\n", b"--a (b)--\r\n", b"\r\n", PLAIN, MIXED, b"begin 644 x\n", b"=", b"\xff\0"])
    ),
)
@settings(max_examples=300)
def test_garbage_never_raises(header: bytes, more: bytes, encoding: bytes, body: list[bytes]) -> None:
    unwrap(header + b"Content-Transfer-Encoding: " + encoding + b"\r\n" + more, b"".join(body))
    unwrap(header + b"Content-Type: text/plain;" + more + b"\r\n", b"".join(body))

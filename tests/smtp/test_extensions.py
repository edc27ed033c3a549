"""What a server is taken to offer."""

import pytest

from probe.model.reply import Reply
from probe.smtp.extensions import offered


@pytest.mark.parametrize(
    "lines, extensions",
    [
        (("mx.test",), {}),
        (("STARTTLS",), {}),
        (("mx.test", "STARTTLS"), {"STARTTLS": ()}),
        (("mx.test", "starttls"), {"STARTTLS": ()}),
        (("mx.test", "SIZE 10240000", "HELP"), {"SIZE": ("10240000",), "HELP": ()}),
        (("mx.test", "AUTH plain LOGIN"), {"AUTH": ("PLAIN", "LOGIN")}),
        (("mx.test", "AUTH=LOGIN"), {"AUTH": ("LOGIN",)}),
        (("mx.test", "AUTH PLAIN", "AUTH=LOGIN"), {"AUTH": ("PLAIN", "LOGIN")}),
        (("mx.test", "  SIZE   7 "), {"SIZE": ("7",)}),
        (("mx.test", ""), {}),
        (("mx.test", "XSTARTTLS"), {"XSTARTTLS": ()}),
    ],
)
def test_keywords_are_read_from_all_lines_but_the_first(
    lines: tuple[str, ...], extensions: dict[str, tuple[str, ...]]
) -> None:
    assert offered(Reply(250, lines)) == extensions

"""What a server offers in its reply to EHLO (RFC 5321 4.1.1.1)."""

from collections.abc import Mapping

from probe.model.reply import Reply

Extensions = Mapping[str, tuple[str, ...]]
"""Parameters by keyword, all in upper case."""


def offered(reply: Reply) -> Extensions:
    """Return the keywords of a reply to EHLO; its first line only greets."""
    keywords: dict[str, tuple[str, ...]] = {}
    for line in reply.lines[1:]:
        # Servers of old write AUTH=LOGIN beside AUTH LOGIN, for clients of old.
        keyword, *parameters = line.upper().replace("AUTH=", "AUTH ", 1).split() or [""]
        if keyword:
            keywords[keyword] = keywords.get(keyword, ()) + tuple(parameters)
    return keywords

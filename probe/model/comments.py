"""Comments in the fields of a header: anybody's prose, which may look like anything."""

import re

_PARENTHESIS = re.compile(r"([()])")


def without_comments(text: str) -> str:
    """Take comments out, which may hold comments (RFC 5322 3.2.2)."""
    depth, kept = 0, []
    for piece in _PARENTHESIS.split(text):
        if piece == "(":
            depth += 1
        elif piece == ")":
            depth = max(depth - 1, 0)
        elif not depth:
            kept.append(piece)
    return " ".join(kept)

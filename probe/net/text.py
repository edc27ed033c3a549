"""Text from outside, made safe to show: nothing in it can move a cursor, end a line or reverse the reading."""

import unicodedata

LONGEST = 200


def printable(text: str, longest: int = LONGEST) -> str:
    """Return text with control, format and unassigned characters escaped, cut to so many characters."""
    if len(text) <= longest and text.isprintable():
        return text
    shown = "".join(_shown(character) for character in text[: longest + 1])
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def _shown(character: str) -> str:
    if character == " " or unicodedata.category(character)[0] not in "CZ":
        return character
    return ascii(character)[1:-1]

"""The commands that work on the messages of a selected folder; each yields its untagged responses."""

from collections.abc import Callable, Iterator

from probe.demo.imap_grammar import BadCommand, Command, Refused, flags, take, word, words
from probe.demo.imap_items import SEEN, expand, marks_seen, search, shown
from probe.demo.imap_view import View


def fetch(view: View, command: Command) -> Iterator[bytes]:
    """Show items of messages; a body that is fetched without PEEK is marked as seen."""
    arguments = [*command.arguments]
    chosen = view.chosen(word(take(arguments)), by_uid=command.by_uid)
    items = expand(words(take(arguments)))
    if command.by_uid and "UID" not in (item.upper() for item in items):
        items.insert(0, "UID")  # RFC 3501 6.4.8: the UID comes with it, asked for or not
    mark = not view.read_only and any(marks_seen(item) for item in items)
    for number, message in chosen:
        if mark:
            view.folder.set_flags(message.uid, message.flags | {SEEN})
        yield b"%d FETCH (%b)" % (number, b" ".join(shown(message, item) for item in items))


def find(view: View, command: Command) -> Iterator[bytes]:
    """List the numbers or the UIDs of the messages that fit all criteria."""
    criteria = [*command.arguments]
    if criteria and isinstance(criteria[0], str) and criteria[0].upper() == "CHARSET":
        del criteria[:2]
    if not criteria:
        raise BadCommand("no criteria")
    wanted = search(criteria, extent=view.extent)
    found = [(number, message.uid) for number, message in view.messages() if wanted(message, number)]
    numbers = [uid if command.by_uid else number for number, uid in found]
    yield " ".join(["SEARCH", *map(str, numbers)]).encode()


def store(view: View, command: Command) -> Iterator[bytes]:
    """Set, add or take away flags."""
    arguments = [*command.arguments]
    chosen = view.chosen(word(take(arguments)), by_uid=command.by_uid)
    sign, silent = _action(word(take(arguments)))
    given = flags(take(arguments)).union(*map(flags, arguments))
    _insist_on_writing(view)
    for number, message in chosen:
        kept = {"+": message.flags | given, "-": message.flags - given, "": given}[sign]
        view.folder.set_flags(message.uid, kept)
        if not silent:
            uid = f"UID {message.uid} " if command.by_uid else ""
            yield f"{number} FETCH ({uid}FLAGS ({' '.join(sorted(kept))}))".encode()


def expunge(view: View, command: Command) -> Iterator[bytes]:
    """Remove what is marked deleted: all of it, or those of a set of UIDs (RFC 4315 2.1)."""
    _insist_on_writing(view)
    numbers = word(take([*command.arguments])) if command.by_uid else "1:*"
    view.expunge(message for _, message in view.chosen(numbers, by_uid=command.by_uid))
    yield from ()  # the session itself tells what went, as it does for other sessions' doings


IN_FOLDER: dict[str, Callable[[View, Command], Iterator[bytes]]] = {
    "FETCH": fetch,
    "SEARCH": find,
    "STORE": store,
    "EXPUNGE": expunge,
}


def _action(text: str) -> tuple[str, bool]:
    name, _, suffix = text.upper().partition(".")
    if name not in ("FLAGS", "+FLAGS", "-FLAGS") or suffix not in ("", "SILENT"):
        raise BadCommand("write FLAGS, +FLAGS or -FLAGS")
    return name.removesuffix("FLAGS"), suffix == "SILENT"


def _insist_on_writing(view: View) -> None:
    if view.read_only:
        raise Refused("[READ-ONLY] the folder was opened by EXAMINE")

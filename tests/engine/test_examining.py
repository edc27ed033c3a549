"""What is found out about a message of ours when it is read."""

import re
from base64 import encodebytes
from dataclasses import replace
from quopri import encodestring

import pytest

from probe.engine.examining import Examiner
from probe.model.findings import NOTHING_FOUND, Findings
from probe.model.letter import Folder, Letter, Place
from probe.model.message import body, digest
from probe.model.probe import Probe
from probe.model.rules import PathRules
from probe.model.settings import Content, Route
from tests.engine.fakes import NOON
from tests.engine.scene import KEY, SECOND, a_probe, message, route

FOOTER = b"-- \r\nThe staff\r\n"


def letter(written: bytes, *, whole: bool = True, folder: Folder = Folder.INBOX) -> Letter:
    header, _, body = written.partition(b"\r\n\r\n")
    return Letter(Place("monitor", folder, 1, "1"), len(written), NOON + SECOND, None, header, body, whole)


def found(written: bytes, *, asked: Route | None = None, probe: Probe | None = None, whole: bool = True) -> Findings:
    asked, probe = asked or route(), probe or a_probe()
    examiner = Examiner({asked.name: asked}, [KEY])
    return examiner.examine(letter(written, whole=whole), probe.id, probe).findings


def test_a_message_as_it_was_sent_shows_nothing() -> None:
    assert found(message(a_probe())) == NOTHING_FOUND


def test_a_damaged_body_is_altered_in_words() -> None:
    damaged = message(a_probe()).replace(b"Nothing needs", b"Anything needs")
    assert found(damaged).altered == 'line 6 differs: "Nothing" became "Anything"'


def test_an_empty_body_is_altered_when_it_is_known_to_be_all() -> None:
    emptied = message(a_probe()).partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    assert found(emptied).altered == "the body is empty"
    assert found(emptied, whole=False) == NOTHING_FOUND


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
def test_a_body_that_was_encoded_anew_and_read_in_part_is_as_it_was_sent(encoding: str) -> None:
    # Given
    long = replace(route(), content=Content(size=2000))
    probe = a_probe(body_digest=digest(body(long, a_probe(), KEY)))
    text = body(long, probe, KEY).encode()
    coded = {"base64": encodebytes, "quoted-printable": encodestring}[encoding](text).replace(b"\n", b"\r\n")
    field = b"Content-Transfer-Encoding: " + encoding.encode()
    head = message(probe).partition(b"\r\n\r\n")[0].replace(b"Content-Transfer-Encoding: 7bit", field)
    assert field in head

    # When it is cut off anywhere
    said = {found(head + b"\r\n\r\n" + coded[:cut], asked=long, probe=probe, whole=False) for cut in range(len(coded))}

    # Then
    assert said == {NOTHING_FOUND}


@pytest.mark.parametrize("allowed", [False, True])
def test_a_footer_is_altered_or_a_note_as_the_route_has_it(allowed: bool) -> None:
    findings = found(message(a_probe()) + FOOTER, asked=replace(route(), footer=allowed))
    said = '2 lines were added below: "-- The staff"'
    assert findings.altered == (None if allowed else said)
    assert findings.notes == ((f"its body was extended, as its route allows: {said}",) if allowed else ())


def test_damage_is_not_allowed_with_a_footer() -> None:
    assert found(message(a_probe())[:-20] + FOOTER, asked=replace(route(), footer=True)).altered


def test_a_tag_that_lost_its_field_is_a_note_and_no_alteration() -> None:
    head, _, body = message(a_probe()).partition(b"\r\n\r\n")
    kept = b"\r\n".join(line for line in head.split(b"\r\n") if not line.startswith((b"Mailflow-Probe", b" M")))
    assert found(kept + b"\r\n\r\n" + body) == Findings(
        notes=("its field Mailflow-Probe was removed or changed on the way",)
    )


def test_what_is_no_longer_known_is_not_called_altered() -> None:
    damaged = message(a_probe()).replace(b"Nothing needs", b"Anything needs")
    assert found(damaged, probe=a_probe(body_digest=None)) == NOTHING_FOUND
    assert found(damaged, asked=route("another")) == NOTHING_FOUND


def test_a_message_of_no_known_probe_is_a_sighting_all_the_same() -> None:
    sighting = Examiner({}, [KEY]).examine(letter(message(a_probe())), "p1", None)
    assert (sighting.probe_id, sighting.seen, sighting.findings) == ("p1", NOON + SECOND, NOTHING_FOUND)


RECEIVED = (
    b"Received: from mta1.lab.test by store.lab.test with LMTP; Sun, 1 Mar 2026 12:00:01 +0000\r\n"
    b"Received: from probe by mta1.lab.test with ESMTPS id 4Z; Sun, 1 Mar 2026 12:00:00 +0000\r\n"
)


def test_a_way_that_breaks_a_rule_of_its_route_is_misrouted() -> None:
    asked = replace(route(), path=PathRules(never=(re.compile("^store"),)))
    findings = found(RECEIVED + message(a_probe()), asked=asked)
    assert findings == Findings(misrouted='it went through store.lab.test, which path.never "^store" forbids')


def test_a_clock_that_is_wrong_is_a_note() -> None:
    ahead = RECEIVED.replace(b"12:00:01", b"12:00:38")
    assert found(ahead + message(a_probe())).notes == ("the clock of store.lab.test runs at least 37 s ahead",)


def test_a_way_that_is_remembered_is_no_news_and_another_one_is() -> None:
    examiner, probe = Examiner({"inbound": route()}, [KEY]), a_probe()
    examiner.remember(probe, examiner.examine(letter(RECEIVED + message(probe)), probe.id, probe))
    usual = examiner.examine(letter(RECEIVED + message(probe)), probe.id, probe)
    other = examiner.examine(letter(RECEIVED.replace(b"ESMTPS", b"ESMTP") + message(probe)), probe.id, probe)
    assert usual.findings.changes == ()
    assert other.findings.changes == ("mta1.lab.test no longer took the message over TLS",)


def test_only_the_server_that_the_route_trusts_is_heard() -> None:
    told = b"Authentication-Results: mx.lab.test; spf=pass\r\n"
    assert found(told + message(a_probe())) == NOTHING_FOUND
    asked = replace(route(), authserv_id="mx.lab.test")
    assert found(told + message(a_probe()), asked=asked) == Findings(authentication=(("spf", "pass"),))


def test_what_a_spam_filter_wrote_is_told_of_the_junk_folder_only() -> None:
    examiner, probe = Examiner({"inbound": route()}, [KEY]), a_probe()
    written = b"X-Spam-Status: Yes, score=15\r\n" + message(probe)
    found = {
        folder: examiner.examine(letter(written, folder=folder), probe.id, probe).findings.spam for folder in Folder
    }
    assert found == {Folder.INBOX: (), Folder.JUNK: ("X-Spam-Status: Yes, score=15",)}

"""Examining: what a message of ours tells about its way, and whether its body is the one that was sent."""

from collections.abc import Mapping, Sequence

from probe.engine.paths import Paths
from probe.model import tag
from probe.model.abridging import few
from probe.model.alteration import Alteration, compare
from probe.model.authentication import verdicts
from probe.model.findings import NOTHING_FOUND, Findings
from probe.model.letter import Folder, Hop, Letter, Sighting
from probe.model.message import HEADER, sent_body
from probe.model.mime import unwrap
from probe.model.path import broken_rule
from probe.model.probe import Probe
from probe.model.received import clock_notes, hops
from probe.model.settings import Route, TagKey
from probe.model.spam import spam_fields


class Examiner:
    """Turn letters of ours into sightings, by the routes that they were sent on."""

    def __init__(self, routes: Mapping[str, Route], keys: Sequence[TagKey]) -> None:
        self._routes = routes
        self._keys = keys
        self._paths = Paths()

    def remember(self, probe: Probe, sighting: Sighting) -> None:
        """Take the way of a message for known, so that it is no news any more."""
        self._paths.remember(probe.key, sighting.hops)

    def examine(self, letter: Letter, probe_id: str, probe: Probe | None) -> Sighting:
        """Say what a letter shows; of a probe that nobody knows, or whose route is gone, little is to be told."""
        route = self._routes.get(probe.route) if probe else None
        way = hops(letter.header, sent=probe.started if probe else letter.seen, seen=letter.seen)
        return Sighting(
            probe_id,
            letter.place,
            letter.seen,
            letter.internal_date,
            letter.size,
            way,
            findings=self._findings(letter, way, probe, route) if probe and route else NOTHING_FOUND,
        )

    def _findings(self, letter: Letter, way: tuple[Hop, ...], probe: Probe, route: Route) -> Findings:
        alteration = self._alteration(letter, probe, route)
        allowed = alteration is not None and alteration.only_added and route.footer
        return Findings(
            altered=alteration.text if alteration and not allowed else None,
            misrouted=broken_rule(route.path, way),
            changes=few(self._paths.changes(probe.key, way)),
            authentication=verdicts(letter.header, authserv_id=route.authserv_id) if route.authserv_id else (),
            spam=spam_fields(letter.header) if letter.place.folder is Folder.JUNK else (),
            notes=few((*_notes(letter, alteration if allowed else None), *clock_notes(way))),
        )

    def _alteration(self, letter: Letter, probe: Probe, route: Route) -> Alteration | None:
        if not letter.body and not letter.whole:
            return None
        sent = sent_body(route, probe, self._keys)
        if sent is None:
            return None
        body = letter.body if letter.whole else _whole_lines(letter.body)
        return compare(sent.encode(), unwrap(letter.header, body), whole=letter.whole)


def _whole_lines(body: bytes) -> bytes:
    """Return a beginning without the line that was cut: half of an encoded word, or of a delimiter, is none."""
    return body[: body.rfind(b"\n") + 1]


def _notes(letter: Letter, allowed: Alteration | None) -> list[str]:
    notes = [f"its body was extended, as its route allows: {allowed.text}"] if allowed else []
    if not tag.written_in_header(letter.header):
        notes.append(f"its field {HEADER} was removed or changed on the way")
    return notes

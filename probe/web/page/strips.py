"""The latest outcomes of a member on a route, as a strip of boxes, and the delivery times above it as a line.

``assets/strips.js`` draws the same as probes finish; a test holds the two together.
"""

from collections.abc import Sequence
from datetime import datetime
from statistics import median

from probe.engine.strips import STRIP, Box
from probe.web.page.markup import probe_link, short, text

_PITCH = 11
"""From one box to the next, in pixels."""
_HEIGHT = 20


def path(route: str, boxes: Sequence[Box], *, titled: bool) -> str:
    """Draw what is known of a member on one route; with its name where there are several."""
    name = text(route)
    title = f"<small>{name}</small>" if titled else ""
    times = _seconds(boxes)
    kept = " ".join("-" if took is None else f"{took}" for took in times)
    return (
        f'<div class="path" data-route="{name}" data-newest="{_newest(boxes)}">{title}{_line(times)}'
        f'<div class="strip" role="group" aria-label="{_told(boxes)}" data-times="{kept}">'
        f"{''.join(_boxes(boxes))}</div>"
        f'<small class="times">{_in_words(times)}</small></div>'
    )


def path_later(route: str, boxes: Sequence[Box]) -> str:
    """Write in words what is known of a member on one route; the script fetches its strip when it comes into view."""
    words = f"{_told(boxes)}; {_in_words(_seconds(boxes))}"
    return (
        f'<div class="path" data-route="{text(route)}" data-newest="{_newest(boxes)}" data-later>'
        f'<small class="times">{words}</small></div>'
    )


def _boxes(boxes: Sequence[Box]) -> list[str]:
    """Draw a box for each; only the newest is a stop of the tabulator, the arrow keys lead to the others."""
    drawn = [
        f'<a class="{_fared(box)} {box.outcome}" href="{probe_link(box.probe_id)}" tabindex="-1" title="{_title(box)}">'
        "</a>"
        for box in boxes
    ]
    if drawn:
        drawn[-1] = drawn[-1].replace(' tabindex="-1"', "", 1)
    return drawn


def _newest(boxes: Sequence[Box]) -> str:
    return _fared(boxes[-1]) if boxes else ""


def _fared(box: Box) -> str:
    return "ok" if box.as_expected else "bad" if box.failed else "none"


def _title(box: Box) -> str:
    took = "" if box.delivery_time is None else f", {short(box.delivery_time.total_seconds())}"
    return f"{box.outcome} {_clock(box.finished)} UTC{took}"


def _clock(at: datetime) -> str:
    # A strftime for each of 40,000 would be most of what the page costs.
    return f"{at.hour:02}:{at.minute:02}:{at.second:02}"


def _told(boxes: Sequence[Box]) -> str:
    """Say in words what the strip shows."""
    if not boxes:
        return "no probe has finished yet"
    as_expected = sum(box.as_expected for box in boxes)
    return f"last {len(boxes)} probes, newest last: {as_expected} as expected; the newest: {boxes[-1].outcome}"


def _line(times: Sequence[float | None]) -> str:
    """Draw the delivery times, each above its box; what was not delivered leaves a gap."""
    slowest = max((took for took in times if took is not None), default=0) or 1
    drawn, pen = "", "M"
    for place, took in enumerate(times):
        if took is None:
            pen = "M"
            continue
        drawn += f"{pen}{place * _PITCH + 5} {_HEIGHT - 2 - int((_HEIGHT - 4) * took / slowest + 0.5)}"
        drawn += "h0" if pen == "M" else ""  # else a single one would not be seen
        pen = "L"
    return (
        f'<svg viewBox="0 0 {STRIP * _PITCH} {_HEIGHT}" width="{STRIP * _PITCH}" height="{_HEIGHT}" '
        f'aria-hidden="true"><path d="{drawn}"/></svg>'
    )


def _in_words(times: Sequence[float | None]) -> str:
    """Say what the line shows."""
    known = [took for took in times if took is not None]
    if not known:
        return "nothing was delivered" if times else "no probe has finished yet"
    return f"last delivery {short(known[-1])}, median {short(median(known))}, slowest {short(max(known))}"


def _seconds(boxes: Sequence[Box]) -> list[float | None]:
    return [None if box.delivery_time is None else box.delivery_time.total_seconds() for box in boxes]

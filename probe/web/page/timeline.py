"""The page of one probe: what happened, what was said, which way it took; the same as `mailflow explain` tells."""

from datetime import datetime
from typing import Any

from probe.model.outcome import Outcome
from probe.ports import Life
from probe.web.page.document import END, beginning
from probe.web.page.listing import outcome_word
from probe.web.page.markup import probes_link, short, text
from probe.web.views import life_view, moment

_Json = dict[str, Any]


def timeline_page(life: Life) -> str:
    """Write the page of a probe."""
    view = life_view(life)
    member = f"{text(view['pool'])}/{text(view['member'])}"
    word = outcome_word(life.record)
    parts = (_summary(life, view), _events(view), _transcript(view), _path(view), _findings(view))
    title = f"{member}: {text(view['outcome'] or 'in flight')}"
    return f'{beginning(title, f"{member}: {word}")}<main id="main">\n{"".join(parts)}{END}'


def _summary(life: Life, view: _Json) -> str:
    probe = life.record.probe
    number = text(probe.id)
    facts = {
        "Probe": number,
        "Member": f'<a href="{probes_link(pool=probe.pool, member=probe.member)}">'
        f"{text(probe.pool)}/{text(probe.member)}</a> at {text(probe.endpoint)}",
        "Route": f"{text(probe.route)}, expected {probe.expected}",
        "Mailbox": text(probe.mailbox) if probe.mailbox else "none: it was only asked by MAIL and RCPT",
        "Started": _at(moment(probe.started)),
        "Accepted": _at(view["accepted"]),
        "Deadline": _at(moment(probe.deadline)),
        "Seen": _at(view["seen"]),
        "Took": _took(view["delivery_seconds"]),
        "Attempts": str(view["attempts"]),
        "More": f'<a href="/api/v1/probes/{number}">as JSON</a>, <code>mailflow explain {number}</code>',
    }
    rows = "".join(f"<dt>{name}</dt><dd>{fact}</dd>" for name, fact in facts.items() if fact)
    return f'<p class="lead">{text(view["why"])}</p>\n{_proof(view)}<dl>{rows}</dl>\n'


def _proof(view: _Json) -> str:
    """Set the two halves of the proof side by side: that it was taken, and that it is not there."""
    if view["outcome"] != Outcome.MISSING or not view["accepted"]:
        return ""
    replies = [each["reply"] for each in view["transcript"] if each["stage"] == "body" and each["reply"]]
    said = f" and said “{text(_reply(replies[-1])[-1])}”" if replies else ""
    readings = [event for event in view["events"] if event["kind"] == "read"]
    read = "".join(f" Read at {_clock(event['at'])} UTC: {text(event['text'])}." for event in readings[-1:])
    return f'<p class="proof">The member took it at {_clock(view["accepted"])} UTC{said}.{read}</p>\n'


def _events(view: _Json) -> str:
    rows = "".join(
        f'<tr><th scope="row">{_at(event["at"])}</th><td class="number">{_after(event["at"], view["started"])}</td>'
        f"<td>{text(event['kind'])}</td><td>{text(event['text'])}</td></tr>\n"
        for event in view["events"]
    )
    return _section("What happened", _table(("When (UTC)", "After", "What", "In full"), rows))


def _transcript(view: _Json) -> str:
    attempts = sorted({exchange["attempt"] for exchange in view["transcript"]})
    return "".join(
        _section(
            "What was said" if len(attempts) == 1 else f"What was said, attempt {attempt}",
            _table(
                ("At", "Took", "Stage", "C: we, S: the server"),
                "".join(_exchange(each) for each in view["transcript"] if each["attempt"] == attempt),
            ),
        )
        for attempt in attempts
    )


def _exchange(exchange: _Json) -> str:
    lines = [f'<span class="client">C: {text(exchange["sent"])}</span>'] if exchange["sent"] else []
    lines += [f'<span class="server">S: {text(line)}</span>' for line in _reply(exchange["reply"])]
    manner = ", ".join(
        words for words, key in (("kept connection", "reused"), ("pipelined", "pipelined")) if exchange[key]
    )
    stage = text(exchange["stage"]) + (f" <small>{manner}</small>" if manner else "")
    return (
        f'<tr class="{text(exchange["stage"])}"><td class="number">{exchange["at_seconds"]:.3f} s</td>'
        f'<td class="number">{1000 * exchange["took_seconds"]:.1f} ms</td><th scope="row">{stage}</th>'
        f"<td><code>{''.join(lines)}</code></td></tr>\n"
    )


def _reply(reply: _Json | None) -> list[str]:
    """Return a reply line by line, as it came."""
    if reply is None:
        return []
    enhanced = f"{reply['enhanced_code']} " if reply["enhanced_code"] else ""
    *more, last = reply["lines"] or [""]
    return [*(f"{reply['code']}-{enhanced}{line}" for line in more), f"{reply['code']} {enhanced}{last}".rstrip()]


def _path(view: _Json) -> str:
    if not view["seen"]:
        return ""
    rows = "".join(_hop(hop) for hop in view["hops"])
    rows += (
        f'<tr><th scope="row">{_at(view["seen"])}</th><td></td><td colspan="3">seen in the folder for '
        f"{text(view['folder'])}</td></tr>\n"
    )
    unstamped = "<p>The member that was dialled did not stamp the message.</p>\n"
    note = unstamped if view["stamped_by_member"] is False else ""
    return _section("Which way it took", _table(("When (UTC)", "Delay", "By", "From", "How"), rows) + note)


def _hop(hop: _Json) -> str:
    how = [text(hop["protocol"] or ""), {True: "TLS", False: "no TLS", None: ""}[hop["tls"]], text(hop["id"] or "")]
    member = " <small>the member</small>" if hop["member"] else ""
    delay = "" if hop["delay_seconds"] is None else f"{hop['delay_seconds']:.0f} s"
    return (
        f'<tr><th scope="row">{_at(hop["at"])}</th><td class="number">{delay}</td>'
        f"<td>{text(hop['by'] or '-')}{member}</td><td>{text(hop['from'] or '')}</td>"
        f"<td>{' '.join(filter(None, how))}</td></tr>\n"
    )


def _findings(view: _Json) -> str:
    told = "".join(f"<li>{text(method)}={text(result)}</li>\n" for method, result in view["authentication"].items())
    told += "".join(f"<li>{text(field)}</li>\n" for field in view["spam_headers"])
    return _section("What the receiving side wrote", f"<ul>\n{told}</ul>\n") if told else ""


def _section(title: str, body: str) -> str:
    return f"<section>\n<h2>{title}</h2>\n{body}</section>\n"


def _table(columns: tuple[str, ...], rows: str) -> str:
    head = "".join(f'<th scope="col">{column}</th>' for column in columns)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody></table></div>\n'


def _at(at: str | None) -> str:
    """Write a moment to the millisecond."""
    if at is None:
        return ""
    return f'<time datetime="{at}">{at[:10]} {_clock(at)}</time>'


def _clock(at: str) -> str:
    return at[11:23]


def _after(at: str, started: str) -> str:
    return f"{(datetime.fromisoformat(at) - datetime.fromisoformat(started)).total_seconds():+.3f} s"


def _took(seconds: float | None) -> str:
    return "" if seconds is None else short(seconds)

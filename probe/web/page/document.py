"""What all pages have in common: the head, the way to the other pages, the landmarks."""

from probe.web.page.markup import text

END = "</main>\n</body>\n</html>\n"


def beginning(title: str, heading: str, *, head: str = "") -> str:
    """Write a page up to where its own part begins; title and heading are markup already."""
    return f"""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
{head}<title>{title}</title>
<link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/page.css">
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header>
<h1>{heading}</h1>
<nav aria-label="Pages"><a href="/">Status</a> <a href="/probes">Probes</a> <a href="/metrics">Metrics</a>
<a href="/api/v1/pools">API</a> <a href="/-/ready">Ready?</a></nav>
</header>
"""


def notice(words: str) -> str:
    """Write a page that only says one thing."""
    said = text(words)
    return f'{beginning(said, "mailflow-probe")}<main id="main">\n<p>{said}</p>\n{END}'

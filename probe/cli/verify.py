"""``mailflow verify``: whether every server would take mail for an address."""

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import uvloop
from rich.console import Console
from rich.live import Live

from probe.cli.answers import Progress, print_answers, print_findings, print_summary
from probe.cli.exits import Exit, leave, settings_from, warn
from probe.cli.inputs import MAIL_ADDRESS, NAME_SERVER, PAUSE, SENDER
from probe.model.consensus import Asked, Consensus, consensus, sentence
from probe.model.settings import Member, Resolver
from probe.model.tls_findings import TlsFindings
from probe.ports import DiscoveryTrouble, Found
from probe.web.views import enquiry_view
from probe.wiring.enquiry import Enquiry, to_exchangers, to_members

EXIT_CODES = {
    Consensus.ALL_ACCEPT: Exit.OK,
    Consensus.DISAGREE: Exit.WARNING,
    Consensus.ALL_REFUSE: Exit.CRITICAL,
    Consensus.UNCERTAIN: Exit.UNKNOWN,
}

Answers = tuple[Sequence[Asked], TlsFindings | None]


class _Verify(click.Command):
    """Ends a wrong call, and one that is broken off, by 3: click's own 2 and 1 would be answers of servers."""

    def make_context(self, *arguments: Any, **extra: Any) -> click.Context:
        try:
            return super().make_context(*arguments, **extra)
        except click.UsageError as error:
            error.show()
            raise SystemExit(Exit.UNKNOWN) from error

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            leave("broken off before every server was asked", Exit.UNKNOWN)


@click.command("verify", cls=_Verify)
@click.argument("address", type=MAIL_ADDRESS)
@click.option("--pool", help="Ask the members of this pool of the config instead of the domain's exchangers.")
@click.option("-c", "--config", type=click.Path(path_type=Path, dir_okay=False), help="The config file, for --pool.")
@click.option("--nameserver", "resolver", type=NAME_SERVER, help="Ask this name server, as IP or IP:PORT.")
@click.option("--port", type=click.IntRange(1, 65535), help="The exchangers' port; 25 by default.")
@click.option("--from", "sender", type=SENDER, help="Ask as if mail came from this address; '<>' is the null sender.")
@click.option("--rate", type=PAUSE, default="2s", show_default=True, help="The pause between one server and the next.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    address: str,
    pool: str | None,
    config: Path | None,
    resolver: Resolver | None,
    port: int | None,
    sender: str | None,
    rate: timedelta,
    as_json: bool,
) -> None:
    """Ask every server by MAIL and RCPT whether it would take mail for ADDRESS; nothing is sent."""
    if pool is None and config is None:
        enquiry = to_exchangers(address, port=port or 25, sender=sender, resolver=resolver or Resolver())
    elif pool is None or config is None:
        leave("--pool and --config go together: write --pool NAME -c FILE", Exit.UNKNOWN)
    elif port is not None:
        leave("--port is for exchangers: the members of a pool have ports of their own", Exit.UNKNOWN)
    else:
        enquiry = _of_pool(address, pool, config, sender=sender, resolver=resolver)
    found = _found(enquiry)
    click.echo(f"asking {len(found.members)}, MAIL FROM:<{enquiry.envelope.sender}>", err=True)
    (asked, findings), gap = uvloop.run(_answers(enquiry, found.members, rate)), found.note
    if as_json:
        click.echo(json.dumps(enquiry_view(enquiry.envelope, asked, gap=gap, findings=findings), indent=2))
    else:
        print_answers(console := Console(), asked)
        print_findings(console, asked, findings)
        print_summary(console, sentence(address, asked, gap=gap), consensus(asked, gap=gap))
    raise SystemExit(EXIT_CODES[consensus(asked, gap=gap)])


def _of_pool(address: str, name: str, config: Path, *, sender: str | None, resolver: Resolver | None) -> Enquiry:
    settings = settings_from(config, warn=warn, code=Exit.UNKNOWN)
    pool = settings.pools.get(name)
    if pool is None:
        leave(f"there is no pool {name}; pools are: {', '.join(settings.pools)}", Exit.UNKNOWN)
    return to_members(address, pool, sender=sender, resolver=resolver or settings.resolver, settings=settings)


def _found(enquiry: Enquiry) -> Found:
    try:
        found = uvloop.run(enquiry.servers())
    except DiscoveryTrouble as trouble:
        leave(str(trouble), Exit.UNKNOWN)
    if not found.members:
        leave(found.note or f"{enquiry.pool.name} has no servers", Exit.UNKNOWN)
    return found


async def _answers(enquiry: Enquiry, members: Sequence[Member], pause: timedelta) -> Answers:
    progress = Progress(members)
    with Live(progress, console=Console(stderr=True), transient=True, refresh_per_second=8):
        asked = await enquiry.ask(members, pause=pause, watch=progress)
        return asked, await enquiry.findings(asked)

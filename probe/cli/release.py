"""``mailflow release``: a hold ends before its time, and the evidence decides again."""

import json

import click

from probe.cli.hold_books import MEMBER, HoldBook, at_a_hold_book, shown
from probe.model.settings import MemberKey


@click.command("release")
@click.argument("member", metavar="POOL/MEMBER", type=MEMBER)
@click.option("--json", "as_json", is_flag=True, help="Print JSON: the hold that ended.")
@at_a_hold_book
def command(member: MemberKey, as_json: bool, book: HoldBook) -> None:
    """End the hold on a member; its verdict is at once what its probes say."""
    released = book.release(member)
    click.echo(json.dumps(released, indent=2) if as_json else f"{shown(member)} is released")

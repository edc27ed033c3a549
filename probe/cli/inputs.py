"""Addresses and pauses on the command line, written as in the config."""

from datetime import timedelta
from typing import Any

import click

from probe.cli.duration import DURATION
from probe.config.addresses import endpoint, ip_address, mail_address
from probe.model.settings import Resolver


class _MailAddress(click.ParamType[str]):
    name = "address"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return mail_address(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class _Sender(_MailAddress):
    """A mail address, or ``<>`` for the null sender (RFC 5321 4.5.5)."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return "" if value in ("", "<>") else super().convert(value, param, ctx)


class _NameServer(click.ParamType[Resolver]):
    name = "ip[:port]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Resolver:
        right = "write 127.0.0.1, 127.0.0.1:5353 or [::1]:5353"
        if address := ip_address(value):
            return Resolver((address,))
        try:
            host, port = endpoint(value, right=right)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        address = ip_address(host)
        if address is None or port == 0:
            self.fail(f"{value!r} is not the address of a name server; {right}", param, ctx)
        return Resolver((address,), port or 53)


class _Pause(click.ParamType[timedelta]):
    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        return timedelta() if value == "0" else DURATION.convert(value, param, ctx)


MAIL_ADDRESS = _MailAddress()
SENDER = _Sender()
NAME_SERVER = _NameServer()
PAUSE = _Pause()

"""The members of a pool that are written down: an address and port each, or a program on this host."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from probe.config.addresses import Host, MemberAddress, Port, endpoint, member_address
from probe.config.fields import Line, shown
from probe.config.problems import refusal
from probe.config.section import Section, one_of


class MemberSection(Section):
    """One SMTP server of a pool."""

    command: Annotated[list[Line], Field(min_length=1)] | None = None
    address: MemberAddress | None = Field(default=None, validate_default=True)
    port: Port = 25
    hostname: Host | None = None

    @property
    def place(self) -> object:
        """Return what no other member of the pool may share: address and port, or the command."""
        return (self.address, self.port) if self.command is None else tuple(self.command)

    @field_validator("command")
    @classmethod
    def _program_in_full(cls, command: list[str] | None) -> list[str] | None:
        if command and not command[0].startswith("/"):
            raise refusal(
                f"{shown(command[0])} is not the path of a program",
                "write it in full, such as /usr/sbin/sendmail",
                at=(0,),
            )
        return command

    @field_validator("address")
    @classmethod
    def _address_or_command(cls, address: str | None, info: ValidationInfo) -> str | None:
        return one_of(address, info, other="command")

    @field_validator("port")
    @classmethod
    def _port_of_address(cls, port: int, info: ValidationInfo) -> int:
        if info.data.get("command"):
            raise refusal("stands beside command, which has no port", "leave it out")
        return port


def _in_full(value: Any) -> Any:
    """Return the long form of a member written as 192.0.2.1:25 or [2001:db8::1]:25."""
    if isinstance(value, dict):
        return value
    right = 'write 192.0.2.1:25 or "[2001:db8::1]:25"'
    if not isinstance(value, str):
        raise refusal(f"{shown(value)} is not an address and port", right)
    host, port = endpoint(value, right=right)
    if port == 0:
        raise refusal("0 is not a port", right)
    return {"address": member_address(host)} | ({} if port is None else {"port": port})


Member = Annotated[MemberSection, BeforeValidator(_in_full, json_schema_input_type=str | MemberSection)]

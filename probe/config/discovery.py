"""Where the members of a pool are looked for, when they are not written down."""

from typing import Annotated, Any, TypeVar

from pydantic import Field, PlainValidator, ValidationInfo, WithJsonSchema, field_validator

from probe.config.addresses import Domain, Host, Port, endpoint, ip_address, is_host_name
from probe.config.fields import matched, schema_of, shown, text
from probe.config.problems import quoted, refusal
from probe.config.section import Section
from probe.model.settings import Listen

T = TypeVar("T")

_BACKEND = r"[A-Za-z0-9_.:-]{1,255}"
MOST_MEMBERS = 64
"""Behind one VIP."""
_LONGEST_PATH = 107
"""Octets that the path of a unix socket has at most (unix(7))."""


def _stats_socket(value: Any) -> str:
    right = "write /run/haproxy/admin.sock or 127.0.0.1:9999"
    socket = text(value)
    if socket.startswith("/"):
        if len(socket.encode()) > _LONGEST_PATH:
            raise refusal(f"is longer than the {_LONGEST_PATH} octets that a socket's path may have", right)
        return socket
    host, port = endpoint(socket, right=right)
    if not port or not (ip_address(host) or is_host_name(host)):
        raise refusal(f"{shown(value)} is not a socket", right)
    return socket


def _backend(value: Any) -> str:
    right = "write letters, digits, _ . : and -, as HAProxy has it"
    return matched(text(value), _BACKEND, what="the name of a backend", right=right).group()


def _vip(value: Any) -> Listen:
    right = 'write 192.0.2.10:25 or "[2001:db8::10]:25"'
    host, port = endpoint(value, right=right)
    if port == 0:
        raise refusal("0 is not a port", right)
    if is_host_name(host):
        raise refusal(f"{shown(host)} is a host name", "write the VIP's address: a name may stand for several")
    address = ip_address(host)
    if address is None:
        raise refusal(f"{shown(value)} is not an address and port", right)
    return Listen(address, 25 if port is None else port)


def _given_name(value: Any) -> str:
    name = text(value).removesuffix(".").lower()
    if not is_host_name(name):
        raise refusal(f"{shown(value)} is not a host name", "write the name that it greets with, as mta1.example.org")
    return name


Vip = Annotated[Listen, PlainValidator(_vip), WithJsonSchema({"type": "string", "examples": ["192.0.2.10:25"]})]
GivenName = Annotated[str, PlainValidator(_given_name), WithJsonSchema({"type": "string", "minLength": 1})]
StatsSocket = Annotated[str, PlainValidator(_stats_socket), WithJsonSchema({"type": "string", "minLength": 1})]
Backend = Annotated[str, PlainValidator(_backend), schema_of(_BACKEND, "mx")]


def _beside(value: T | None, info: ValidationInfo, *, key: str, right: str) -> T | None:
    """Return what goes with another key: it must stand where that one does, and only there."""
    if key not in info.data:
        return value  # it is wrong, and that has been said
    if info.data[key] and value is None:
        raise refusal(f"is missing beside {key}", right)
    if value and not info.data[key]:
        raise refusal(f"stands without {key}", "write both, or neither")
    return value


class DiscoverySection(Section):
    """Where to look for the members of a pool."""

    mx: Domain | None = None
    host: Host | None = None
    srv: Domain | None = None
    haproxy: StatsSocket | None = None
    vip: Vip | None = None
    backend: Backend | None = Field(default=None, validate_default=True)
    port: Port | None = None
    members: Annotated[list[GivenName], Field(min_length=1)] | None = Field(default=None, validate_default=True)

    @field_validator("backend")
    @classmethod
    def _backend_of_haproxy(cls, backend: str | None, info: ValidationInfo) -> str | None:
        return _beside(backend, info, key="haproxy", right="write the name of a backend, such as backend: mx")

    @field_validator("members")
    @classmethod
    def _members_of_vip(cls, members: list[str] | None, info: ValidationInfo) -> list[str] | None:
        return _beside(members, info, key="vip", right="write the names that the members greet with")

    @field_validator("members")
    @classmethod
    def _each_once(cls, members: list[str] | None) -> list[str] | None:
        names = members or []
        if len(names) > MOST_MEMBERS:
            raise refusal(f"has {len(names)} names", f"write {MOST_MEMBERS} at most")
        for number, name in enumerate(names):
            if name in names[:number]:
                raise refusal(f"{quoted(name)} stands there twice", "write each member once", at=(number,))
        return members

    @field_validator("port")
    @classmethod
    def _port_of_vip(cls, port: int | None, info: ValidationInfo) -> int | None:
        if port and info.data.get("vip"):
            raise refusal("stands beside vip, which has its own", "write it there: ADDRESS:PORT")
        return port

    @field_validator("port")
    @classmethod
    def _port_of_record(cls, port: int | None, info: ValidationInfo) -> int | None:
        if port and info.data.get("srv"):
            raise refusal("stands beside srv, whose records name the port", "leave it out")
        return port

"""Where the members of a pool are looked for, when they are not written down."""

from typing import Annotated, Any

from pydantic import Field, PlainValidator, ValidationInfo, WithJsonSchema, field_validator

from probe.config.addresses import Domain, Host, Port, endpoint, ip_address, is_host_name
from probe.config.fields import matched, schema_of, shown, text
from probe.config.problems import refusal
from probe.config.section import Section

_BACKEND = r"[A-Za-z0-9_.:-]{1,255}"
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


StatsSocket = Annotated[str, PlainValidator(_stats_socket), WithJsonSchema({"type": "string", "minLength": 1})]
Backend = Annotated[str, PlainValidator(_backend), schema_of(_BACKEND, "mx")]


class DiscoverySection(Section):
    """Where to look for the members of a pool."""

    mx: Domain | None = None
    host: Host | None = None
    srv: Domain | None = None
    haproxy: StatsSocket | None = None
    backend: Backend | None = Field(default=None, validate_default=True)
    port: Port | None = None

    @field_validator("backend")
    @classmethod
    def _backend_of_haproxy(cls, backend: str | None, info: ValidationInfo) -> str | None:
        if "haproxy" not in info.data:
            return backend  # it is wrong, and that has been said
        if info.data["haproxy"] and backend is None:
            raise refusal("is missing beside haproxy", "write the name of a backend, such as backend: mx")
        if backend and not info.data["haproxy"]:
            raise refusal("stands without haproxy", "write both, or neither")
        return backend

    @field_validator("port")
    @classmethod
    def _port_of_record(cls, port: int | None, info: ValidationInfo) -> int | None:
        if port and info.data.get("srv"):
            raise refusal("stands beside srv, whose records name the port", "leave it out")
        return port

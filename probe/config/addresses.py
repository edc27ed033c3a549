"""Where things are: hosts, IP addresses, endpoints, mail addresses and files."""

import ipaddress
import re
import ssl
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import SplitResult, parse_qs, urlsplit

from pydantic import Field, PlainValidator, ValidationInfo, WithJsonSchema

from probe.config.fields import matched, schema_of, shown, text
from probe.config.problems import quoted, reason, refusal
from probe.config.section import surroundings
from probe.model.settings import Listen
from probe.net.tls import client_context

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_DOMAIN = rf"(?=.{{1,253}}$)(?!(?:.*\.)?[0-9]+\.?$){_LABEL}(?:\.{_LABEL})*\.?"
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_QUOTED = r'"(?:[ !#-\[\]-~]|\\[ -~])*"'
_LITERAL = r"\[[0-9A-Za-z:.]{2,64}\]"
# RFC 5321 4.1.2: Local-part is a Dot-string or a Quoted-string; 4.5.3.1.1: 64 octets.
_MAILBOX = rf"(?=[^\n]{{1,254}}$)((?:{_ATOM}(?:\.{_ATOM})*)|{_QUOTED})@((?:{_LITERAL})|(?:[^@\[\]]+))"
_ENDPOINT = r"(?:\[(?P<six>[^\[\]]*)\]|(?P<host>[^:\[\]]*))(?::(?P<port>[0-9]{1,6}))?"
_IP = r"[0-9A-Fa-f:.]{2,45}(?:%[A-Za-z0-9._-]{1,15})?"


def ip_address(value: Any) -> str | None:
    """Return an IP address in its canonical form; None if the value is none."""
    if not isinstance(value, str) or not re.fullmatch(_IP, value):
        return None
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        return None


def is_host_name(value: Any) -> bool:
    """Tell whether a value is the name of a host, and not its address."""
    return isinstance(value, str) and ip_address(value) is None and re.fullmatch(_DOMAIN, value) is not None


def member_address(value: Any) -> str:
    """Return the IP address of a member; a name is refused, for it may stand for several servers."""
    address = ip_address(value)
    if address:
        return address
    if is_host_name(value):
        right = f"write its address, or use discover: {{host: {value}}}"
        raise refusal(f"{shown(value)} is a host name", right)
    raise refusal(f"{shown(value)} is not an IP address", "write 192.0.2.1 or 2001:db8::1")


def endpoint(value: Any, *, right: str) -> tuple[str, int | None]:
    """Return host and port of text such as 192.0.2.1:25, [::1]:25 or a host alone."""
    wrong = "an address and port"
    if isinstance(value, int | float):
        raise refusal(f"{shown(value)} is not {wrong}", right)  # no quotes would make it one
    found = matched(text(value), _ENDPOINT, what=wrong, right=right)
    port = None if found["port"] is None else int(found["port"])
    if port is not None and port > 65535:
        raise refusal(f"{port} is not a port", right)
    if found["six"] is not None and ":" not in (ip_address(found["six"]) or ""):
        raise refusal(f"{quoted(found['six'])} is not an IPv6 address", 'write "[::1]:25"')
    return found["host"] if found["six"] is None else found["six"], port


def mail_address(value: Any) -> str:
    """Return a mail address, as RFC 5321 has them."""
    wrong, right = "a mail address", "write monitor@example.org"
    found = matched(text(value), _MAILBOX, what=wrong, right=right)
    local, domain = found.groups()
    literal = ip_address(domain.strip("[]").removeprefix("IPv6:")) if domain.startswith("[") else None
    if len(local) > 64 or not (literal or re.fullmatch(_DOMAIN, domain)):
        raise refusal(f"{shown(value)} is not {wrong}", right)
    return found.group()


def _address(value: Any) -> str:
    address = ip_address(value)
    if address is None:
        raise refusal(f"{shown(value)} is not an IP address", "write 192.0.2.1 or 2001:db8::1")
    return address


def _host(value: Any) -> str:
    address = ip_address(value)
    return address or _domain(value, what="a host name or address", right="write imap.example.org or 192.0.2.1")


def _domain(
    value: Any, *, what: str = "a domain name", right: str = "write example.org (the xn-- form if not ASCII)"
) -> str:
    return matched(text(value), _DOMAIN, what=what, right=right).group()


def _greeting(value: Any) -> str:
    # RFC 5321 4.1.1.1: a domain, or an address literal where there is none.
    if isinstance(value, str) and re.fullmatch(_LITERAL, value):
        return value
    return _domain(value, right="write probe.example.org")


def _listen(value: Any, usual: int = 9847) -> Listen:
    right = f'write 127.0.0.1:{usual} or "[::1]:{usual}"'
    host, port = endpoint(value, right=right)
    if port is None or not (ip_address(host) or is_host_name(host)):
        raise refusal(f"{shown(value)} is not an address and port", right)
    return Listen(host, port)


def _ca_file(value: Any, info: ValidationInfo) -> Path:
    path = surroundings(info).folder / text(value)
    try:
        client_context(verify=True, ca_file=path)
    except ssl.SSLError as error:
        raise refusal(f"{quoted(path)} holds no certificate", "name a file in PEM form") from error
    except (OSError, ValueError) as error:
        wrong = f"{quoted(path)} cannot be read ({reason(error)})"
        raise refusal(wrong, "name a file that this user may read") from error
    return path


def _state(value: Any) -> str:
    wrong, right = f"{shown(value)} is not the URL of a ledger", "write sqlite:///./mailflow.db"
    url = _split(text(value))
    if url is None or re.search(r"[\x00-\x20\x7f]", value):
        raise refusal("is not a URL", right)
    if url.password is not None or "password" in parse_qs(url.query):
        raise refusal("holds a password", "leave it out, and give it by PGPASSFILE or PGPASSWORD")
    place = url.path.removeprefix("/")
    if url.scheme == "sqlite" and not url.netloc and place not in {"", ":memory:"}:
        return str(value)
    if url.scheme == "postgresql" and place:
        return str(value)
    raise refusal(wrong, f"{right} or postgresql://user@host/db")


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:
        return None


Host = Annotated[str, PlainValidator(_host), WithJsonSchema({"type": "string", "minLength": 1})]
Domain = Annotated[str, PlainValidator(_domain), WithJsonSchema({"type": "string", "minLength": 1})]
Greeting = Annotated[str, PlainValidator(_greeting), WithJsonSchema({"type": "string", "minLength": 1})]
Address = Annotated[str, PlainValidator(_address), WithJsonSchema({"type": "string", "examples": ["127.0.0.1", "::1"]})]
MemberAddress = Annotated[str, PlainValidator(member_address), WithJsonSchema({"type": "string", "examples": ["::1"]})]
MailAddress = Annotated[str, PlainValidator(mail_address), schema_of(r"[^\x00-\x1f]+@[^@]+", "monitor@example.org")]
Endpoint = Annotated[Listen, PlainValidator(_listen), schema_of(r".+:[0-9]+", "127.0.0.1:9847")]
AgentEndpoint = Annotated[
    Listen, PlainValidator(lambda value: _listen(value, 9848)), schema_of(r".+:[0-9]+", "127.0.0.1:9848")
]
CaFile = Annotated[Path, PlainValidator(_ca_file), WithJsonSchema({"type": "string", "minLength": 1})]
StateUrl = Annotated[str, PlainValidator(_state), schema_of(r"(sqlite|postgresql)://.+", "sqlite:///./mailflow.db")]
Port = Annotated[int, Field(ge=1, le=65535)]

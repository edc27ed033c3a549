"""TLS towards the clients of the web server, as exporter-toolkit's ``tls_server_config`` asks for it."""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import Field, PlainValidator, ValidationInfo, field_validator, model_validator

from probe.config.fields import shown, text
from probe.config.problems import quoted, refusal
from probe.config.secrets import file_content, secret_file
from probe.config.section import Section, one_of, surroundings
from probe.model.secret import Secret
from probe.model.settings import ClientAuth, ServerTls, TlsVersion
from probe.net.server_tls import server_context

_PEM = "put it there in PEM form"
_CIPHERS = {
    f"TLS_ECDHE_{signed}_WITH_{cipher}": f"ECDHE-{signed}-{name}"
    for signed in ("ECDSA", "RSA")
    for cipher, name in (
        ("AES_128_CBC_SHA", "AES128-SHA"),
        ("AES_256_CBC_SHA", "AES256-SHA"),
        ("AES_128_GCM_SHA256", "AES128-GCM-SHA256"),
        ("AES_256_GCM_SHA384", "AES256-GCM-SHA384"),
        ("CHACHA20_POLY1305_SHA256", "CHACHA20-POLY1305"),
    )
}
"""Go's safe suites of TLS 1.2, and how OpenSSL calls them."""
_CIPHERS_OF_TLS13 = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
_CURVES = {"CurveP256": "prime256v1", "CurveP384": "secp384r1", "CurveP521": "secp521r1", "X25519": "X25519"}


def _certificates(content: bytes, *, where: str) -> str:
    try:
        x509.load_pem_x509_certificates(content)
        return content.decode("ascii")
    except ValueError as error:
        raise refusal(f"{where} no certificate", _PEM) from error


def _certificates_written(value: Any) -> str:
    return _certificates(text(value).encode(), where="is")


def _certificates_file(value: Any, info: ValidationInfo) -> str:
    path = _path(value, info)
    return _certificates(file_content(path), where=f"{quoted(path)} holds")


def _key(content: bytes, *, where: str) -> Secret:
    try:
        load_pem_private_key(content, password=None)
        return Secret(content.decode("ascii"))
    except TypeError as error:
        raise refusal(f"{where} a key that a password protects", "keep it without one") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise refusal(f"{where} no private key", _PEM) from error


def _key_written(value: Any) -> Secret:
    return _key(text(value).encode(), where="is")


def _key_file(value: Any, info: ValidationInfo) -> Secret:
    path = _path(value, info)
    return _key(secret_file(path, surroundings(info)), where=f"{quoted(path)} holds")


def _path(value: Any, info: ValidationInfo) -> Path:
    return surroundings(info).folder / text(value)


def _client_auth(value: Any) -> ClientAuth:
    match value:
        case "RequestClientCert":
            # Go asks for a certificate, and lets everybody in whatever comes.
            raise refusal("would prove nothing, and OpenSSL cannot do it here", "write VerifyClientCertIfGiven")
        case "RequireAnyClientCert" | "RequireClientCert":
            wrong = "takes certificates that nobody has verified, which Python's ssl cannot"
            raise refusal(wrong, "write RequireAndVerifyClientCert and client_ca_file")
    return ClientAuth(_one_of_names(value, {auth: auth for auth in ClientAuth}, what="a way to ask clients"))


def _version(value: Any) -> TlsVersion:
    if value in ("TLS10", "TLS11"):
        raise refusal(f"{value} is not spoken here", "write TLS12 or TLS13")
    return TlsVersion(_one_of_names(value, {version: version for version in TlsVersion}, what="a version of TLS"))


def _cipher(value: Any) -> str:
    if value in _CIPHERS_OF_TLS13:
        raise refusal(f"{value} belongs to TLS 1.3, whose suites are always on", "leave it out")
    return _one_of_names(value, _CIPHERS, what="a cipher suite")


def _curve(value: Any) -> str:
    return _one_of_names(value, _CURVES, what="a curve")


def _one_of_names(value: Any, known: Mapping[str, str], *, what: str) -> str:
    if isinstance(value, str) and value in known:
        return known[value]
    raise refusal(f"{shown(value)} is not {what}", f"write {', '.join(known)}")


class TlsServerSection(Section):
    """TLS of the web server."""

    cert: Annotated[str, PlainValidator(_certificates_written)] | None = None
    cert_file: Annotated[str, PlainValidator(_certificates_file)] | None = Field(default=None, validate_default=True)
    key: Annotated[Secret, PlainValidator(_key_written)] | None = None
    key_file: Annotated[Secret, PlainValidator(_key_file)] | None = Field(default=None, validate_default=True)
    client_ca: Annotated[str, PlainValidator(_certificates_written)] | None = None
    client_ca_file: Annotated[str, PlainValidator(_certificates_file)] | None = None
    client_auth_type: Annotated[ClientAuth, PlainValidator(_client_auth)] = Field(
        ClientAuth.NONE, validate_default=True
    )
    client_allowed_sans: list[Annotated[str, PlainValidator(text)]] = Field(default=[])
    min_version: Annotated[TlsVersion, PlainValidator(_version)] = TlsVersion.TLS12
    max_version: Annotated[TlsVersion, PlainValidator(_version)] = Field(TlsVersion.TLS13, validate_default=True)
    cipher_suites: list[Annotated[str, PlainValidator(_cipher)]] = Field(default=[])
    prefer_server_cipher_suites: bool = True
    curve_preferences: list[Annotated[str, PlainValidator(_curve)]] = Field(default=[])

    @field_validator("cert_file")
    @classmethod
    def _one_certificate(cls, value: str | None, info: ValidationInfo) -> str | None:
        return one_of(value, info, other="cert")

    @field_validator("key_file")
    @classmethod
    def _one_key(cls, value: Secret | None, info: ValidationInfo) -> Secret | None:
        return one_of(value, info, other="key")

    @field_validator("client_ca_file")
    @classmethod
    def _one_authority(cls, value: str | None, info: ValidationInfo) -> str | None:
        return one_of(value, info, other="client_ca") if info.data.get("client_ca") else value

    @field_validator("client_auth_type")
    @classmethod
    def _with_an_authority(cls, auth: ClientAuth, info: ValidationInfo) -> ClientAuth:
        if not {"client_ca", "client_ca_file"} <= set(info.data):
            return auth  # what is wrong with them has been said
        known = info.data["client_ca"] or info.data["client_ca_file"]
        if known and auth is ClientAuth.NONE:
            raise refusal("asks no client for what client_ca_file could verify", "write RequireAndVerifyClientCert")
        if not known and auth is not ClientAuth.NONE:
            raise refusal("needs client_ca_file", "name the file with the authority that signs for your clients")
        return auth

    @field_validator("client_allowed_sans")
    @classmethod
    def _of_certificates_that_come(cls, names: list[str], info: ValidationInfo) -> list[str]:
        if names and info.data.get("client_auth_type", ClientAuth.REQUIRED) is not ClientAuth.REQUIRED:
            raise refusal("needs a certificate from every client", "write client_auth_type: RequireAndVerifyClientCert")
        return names

    @field_validator("max_version")
    @classmethod
    def _not_below_the_oldest(cls, newest: TlsVersion, info: ValidationInfo) -> TlsVersion:
        if newest < info.data.get("min_version", newest):
            raise refusal("is older than min_version", "leave it out")
        return newest

    @field_validator("curve_preferences")
    @classmethod
    def _at_most_one(cls, curves: list[str]) -> list[str]:
        if len(curves) > 1:
            raise refusal("has more than one curve, and Python's ssl takes one only", "keep the first, or leave it out")
        return curves

    @model_validator(mode="after")
    def _usable(self) -> Self:
        try:
            server_context(self.built())
        except ssl.SSLError as error:
            if error.reason == "KEY_VALUES_MISMATCH":
                raise refusal(
                    "is not the key of the certificate", "name the two that were made together", at=self._written("key")
                ) from error
            wrong = f"cannot be used with its key ({error.reason})"
            raise refusal(wrong, "have another one made", at=self._written("cert")) from error
        return self

    def built(self) -> ServerTls:
        """Return the settings that it stands for."""
        certificate, key = self.cert or self.cert_file, self.key or self.key_file
        assert certificate is not None, "it is written in one of two ways"
        assert key is not None, "it is written in one of two ways"
        return ServerTls(
            certificate=certificate,
            key=key,
            client_auth=self.client_auth_type,
            client_ca=self.client_ca or self.client_ca_file,
            client_allowed_sans=tuple(self.client_allowed_sans),
            oldest=self.min_version,
            newest=self.max_version,
            ciphers=tuple(self.cipher_suites),
            prefer_own_ciphers=self.prefer_server_cipher_suites,
            curve=next(iter(self.curve_preferences), None),
        )

    def _written(self, key: Literal["cert", "key"]) -> tuple[str]:
        return (key,) if getattr(self, key) else (f"{key}_file",)

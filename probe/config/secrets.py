"""Secrets: named in the config by where they are kept, read when it is loaded, shown nowhere."""

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import PlainValidator, ValidationInfo, WithJsonSchema

from probe.config.fields import NAME_SCHEMA, name
from probe.config.problems import quoted, reason, refusal
from probe.config.section import Surroundings, surroundings
from probe.model.secret import Secret
from probe.model.settings import TagKey

_FORMS = "write {env: NAME}, {file: PATH} or {credential: NAME}"
_LARGEST = 64 * 1024


def secret_file(path: Path, around: Surroundings) -> bytes:
    """Return what a file holds, and warn when others may read it, too."""
    secret = file_content(path)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        around.warnings.append(f"secret file {quoted(path)} is open to others (mode {mode:04o}); chmod 600 it")
    return secret


def file_content(path: Path) -> bytes:
    """Return what a file of the config holds, or refuse it as unreadable."""
    try:
        regular = stat.S_ISREG(path.stat().st_mode)
        content = _beginning(path) if regular else b""
    except (OSError, ValueError) as error:
        wrong = f"cannot be read from {quoted(path)} ({reason(error)})"
        raise refusal(wrong, "name a file that this user may read") from error
    if not regular:
        # A pipe or a device might never end.
        raise refusal(f"is to be read from {quoted(path)}, which is no regular file", "name a file")
    if len(content) > _LARGEST:
        raise refusal(f"is to be read from {quoted(path)}, which is too large", "name a file of 64 KiB at most")
    return content


def _password(value: Any, info: ValidationInfo) -> Secret:
    if isinstance(value, str):
        raise refusal("is a secret written into the config", _FORMS)
    word = _read(value, surroundings(info), forms=_FORMS)
    try:
        password = word.decode()
    except UnicodeDecodeError as error:
        raise refusal("is not UTF-8", "keep it there in UTF-8") from error
    # Any of these would end or split the command that carries it.
    if re.search(r"[\x00-\x1f\x7f]", password):
        raise refusal("holds a control character or a second line", "keep only the password itself there")
    return Secret(password)


@dataclass(frozen=True, slots=True)
class Refreshing:
    """A refresh token, and the file to keep its successors in, if it stands in one."""

    token: Secret
    file: Path | None


def _refresh_token(value: Any, info: ValidationInfo) -> Refreshing:
    token = _password(value, info)
    return Refreshing(token, surroundings(info).folder / value["file"] if "file" in value else None)


def _tag_key(value: Any, info: ValidationInfo) -> TagKey:
    forms = "write {id: k1, file: PATH}, with env: NAME or credential: NAME in place of file if you like"
    if not isinstance(value, dict) or "id" not in value:
        raise refusal("is no key with an id", forms)
    identity = name(value["id"])
    secret = _read({key: entry for key, entry in value.items() if key != "id"}, surroundings(info), forms=forms)
    if len(secret) < 16:
        raise refusal("is too short for a key", "make it of 16 bytes or more, such as by openssl rand -hex 32")
    return TagKey(identity, secret)


def _read(value: Any, around: Surroundings, *, forms: str) -> bytes:
    """Return what a reference such as {env: NAME} leads to, without its last line end."""
    # None of these sentences shows the value: who mistook the form may have written the secret itself.
    match value:
        case {"env": str(place)} if len(value) == 1:
            secret = _environment(place, around)
        case {"file": str(place)} if len(value) == 1:
            secret = secret_file(around.folder / place, around)
        case {"credential": str(place)} if len(value) == 1:
            secret = _credential(place, around)
        case _:
            raise refusal("is not a reference to a secret", forms)
    secret = re.sub(rb"\r?\n\Z", b"", secret)
    if not secret:
        raise refusal("is empty", f"put the secret where {next(iter(value))}: {place} looks for it")
    return secret


def _environment(name: str, around: Surroundings) -> bytes:
    if name not in around.environment:
        raise refusal(f"needs the environment variable {quoted(name)}, which is not set", "set it for this process")
    return os.fsencode(around.environment[name])


def _credential(name: str, around: Surroundings) -> bytes:
    folder = around.environment.get("CREDENTIALS_DIRECTORY")
    if not re.fullmatch(r"[^/\x00-\x1f]+", name) or name in {".", ".."}:
        raise refusal(f"{quoted(name)} is not the name of a credential", "write the NAME of LoadCredential=NAME:PATH")
    if not folder:
        raise refusal(
            "needs $CREDENTIALS_DIRECTORY, which is not set", f"run under systemd with LoadCredential={name}:PATH"
        )
    return file_content(Path(folder, name))


def _beginning(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(_LARGEST + 1)


_REFERENCES: list[dict[str, Any]] = [
    {
        "type": "object",
        "properties": {source: {"type": "string", "minLength": 1}},
        "required": [source],
        "additionalProperties": False,
    }
    for source in ("env", "file", "credential")
]
_KEYS: list[dict[str, Any]] = [
    {**form, "properties": {"id": NAME_SCHEMA, **form["properties"]}, "required": ["id", *form["required"]]}
    for form in _REFERENCES
]

Password = Annotated[Secret, PlainValidator(_password), WithJsonSchema({"oneOf": _REFERENCES})]
RefreshToken = Annotated[Refreshing, PlainValidator(_refresh_token), WithJsonSchema({"oneOf": _REFERENCES})]
SigningKey = Annotated[TagKey, PlainValidator(_tag_key), WithJsonSchema({"oneOf": _KEYS})]

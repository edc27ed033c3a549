"""The JSON Schema of the config, its defaults written as people write them."""

from datetime import timedelta, tzinfo
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from probe.config.root import Config
from probe.config.section import Section
from probe.model.settings import Content, Listen, Share


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the config."""
    dialect = GenerateJsonSchema.schema_dialect
    return {"$schema": dialect, **Config.model_json_schema(schema_generator=_Generator)}


class _Generator(GenerateJsonSchema):
    def encode_default(self, dft: Any) -> Any:
        return _written(dft)


def _written(value: Any) -> Any:
    match value:
        case timedelta():
            return _duration(value)
        case Listen() | tzinfo():
            return str(value)
        case Share(count=None):
            return f"{100 * (value.ratio or 0):g}%"
        case Content():
            return str(value.kind)
        case Section():
            fields = type(value).model_fields.items()
            return {field.alias or name: _written(getattr(value, name)) for name, field in fields}
    return value


def _duration(length: timedelta) -> str:
    for unit, letter in ((timedelta(days=1), "d"), (timedelta(minutes=1), "m"), (timedelta(seconds=1), "s")):
        if length and not length % unit:
            return f"{length // unit}{letter}"
    return f"{length // timedelta(milliseconds=1)}ms" if length else "0s"

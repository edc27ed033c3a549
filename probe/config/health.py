"""The health section of the config: when a member is called up or down."""

from typing import Annotated, Literal

from pydantic import Field

from probe.config.fields import MemberShare, PositiveDuration
from probe.config.maintenance import MOST, MaintenanceSection
from probe.config.section import Section
from probe.model.settings import HealthPolicy

_DEFAULT = HealthPolicy()
_Rounds = Annotated[int, Field(ge=1, le=1000)]


class HealthSection(Section):
    """When a member is called up or down, and what is said when nobody can tell."""

    rise: _Rounds = _DEFAULT.rise
    fall: _Rounds = _DEFAULT.fall
    min_healthy: MemberShare = _DEFAULT.min_healthy
    stale_after: PositiveDuration | None = None
    unknown_is: Literal["up", "down", "hold"] = "up"
    on_shutdown: Literal["release", "hold"] = "release"
    release_for: PositiveDuration = Field(default=_DEFAULT.release_for, validate_default=True)
    maintenance: list[MaintenanceSection] = Field(default=[], max_length=MOST)

"""Which regions, store formats and sources there are: read from ``conf/<env>/segments.yml``.

Kedro's pipeline registry cannot see ``--env``, so a hook keeps the configuration for it, see
:mod:`demand_forecast.framework.run_context`.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from demand_forecast.exceptions import ConfigurationError, did_you_mean

VELOCITIES = ("fast", "slow")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_RESERVED = {"monitoring", "conditioning", "training", "validation", "scoring", "forecast"}


class Segment(NamedTuple):
    """One region x store format: the unit of work, one Kedro namespace."""

    region: str
    store_format: str

    @property
    def namespace(self) -> str:
        """Kedro namespace, ``north_texas.large``."""
        return f"{self.region}.{self.store_format}"


class Region(BaseModel):
    """One region's line in ``segments.yml``."""

    model_config = ConfigDict(extra="forbid")
    layout: str


class Segments(BaseModel):
    """The whole ``segments.yml`` with the layouts it refers to."""

    model_config = ConfigDict(extra="forbid")
    store_formats: list[str]
    regions: dict[str, Region]
    layouts: dict[str, dict[str, Any]]

    @property
    def segments(self) -> list[Segment]:
        """All segments, region by region."""
        return [Segment(r, f) for r in self.regions for f in self.store_formats]

    def layout(self, region: str) -> dict[str, Any]:
        """The layout in which a region delivers its raw files."""
        return self.layouts[self.regions[region].layout]

    def sources(self, region: str) -> list[str]:
        """Names of a region's raw sources, sorted."""
        return sorted(self.layout(region).get("sources", {}))


def parse(
    segments: dict[str, Any], layouts: dict[str, dict[str, Any]], file: str = "segments.yml"
) -> Segments:
    """Validate the two configurations together.

    Args:
        segments: Store formats and regions.
        layouts: Layouts by name.
        file: Where ``segments`` was read from, for error messages.

    Raises:
        ConfigurationError: If a key or name is not valid, or a layout is unknown.
    """
    try:
        parsed = Segments(**segments, layouts=layouts)
    except (ValidationError, TypeError) as error:
        raise ConfigurationError(f"{file}: {error}") from error
    for name in [*parsed.regions, *parsed.store_formats]:
        if not _NAME.fullmatch(name) or name in _RESERVED:
            raise ConfigurationError(
                f"{file}: '{name}' cannot be the name of a region or store format; "
                "use lower-case letters, digits and underscores, and no stage's name."
            )
    for name, region in parsed.regions.items():
        if region.layout not in layouts:
            raise ConfigurationError(
                f"{file}: region '{name}' names the layout '{region.layout}', which no file "
                f"in layouts/ describes. {did_you_mean(region.layout, layouts)}"
            )
    return parsed

"""Which regions, store formats and sources there are: read from ``conf/<env>/segments.yml``.

Kedro's pipeline registry cannot see ``--env``, so a hook hands the configuration over
(:func:`configure`) before the registry is first read. Where there is no Kedro context (``kedro
registry list``), the base environment's files are read directly.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from demand_forecast.exceptions import ConfigurationError, did_you_mean
from demand_forecast.framework.stages import JOBS, STAGES
from demand_forecast.modelling.velocity import VELOCITIES

_NAME = re.compile(r"[a-z][a-z0-9_]*")
# Names that stand beside those of regions and store formats in the parameters or the registry.
_RESERVED = {*STAGES, *JOBS, *VELOCITIES, "forecast", "velocity", "identity", "layout", "baseline"}


@dataclass(frozen=True)
class Segment:
    """One region x store format: the unit of work, one Kedro namespace."""

    region: str
    store_format: str

    @property
    def namespace(self) -> str:
        """Kedro namespace, ``north_texas.large``."""
        return f"{self.region}.{self.store_format}"

    @property
    def branches(self) -> list[Branch]:
        """Its velocities."""
        return [Branch(self.region, self.store_format, velocity) for velocity in VELOCITIES]


@dataclass(frozen=True)
class Branch:
    """One velocity of a segment: one ensemble, the innermost Kedro namespace."""

    region: str
    store_format: str
    velocity: str

    @property
    def namespace(self) -> str:
        """Kedro namespace, ``north_texas.large.fast``."""
        return f"{self.segment.namespace}.{self.velocity}"

    @property
    def segment(self) -> Segment:
        """The segment that it is part of."""
        return Segment(self.region, self.store_format)


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

    @property
    def branches(self) -> list[Branch]:
        """The velocities of all segments, segment by segment."""
        return [branch for segment in self.segments for branch in segment.branches]

    @property
    def namespaces(self) -> list[str]:
        """All that can be run on its own: regions, segments and their velocities."""
        segments = [segment.namespace for segment in self.segments]
        return [*self.regions, *segments, *(branch.namespace for branch in self.branches)]

    def layout(self, region: str) -> dict[str, Any]:
        """The layout in which a region delivers its raw files."""
        return self.layouts[self.regions[region].layout]

    def sources(self, region: str) -> list[str]:
        """Names of a region's raw sources, sorted."""
        return sorted(self.layout(region).get("sources", {}))


_current: Segments | None = None


def configure(segments: dict[str, Any], layouts: dict[str, dict[str, Any]]) -> Segments:
    """Check the configuration and keep it for the pipeline registry.

    Raises:
        ConfigurationError: If a name is no identifier, or a layout is unknown.
    """
    global _current  # noqa: PLW0603 - the registry is a plain function without arguments
    _current = parse(segments, layouts)
    return _current


def current() -> Segments:
    """The configuration in force; the base environment's where no context has been created."""
    if _current is not None:
        return _current
    base = Path.cwd() / "conf" / "base"
    path = base / "segments.yml"
    if not path.exists():
        raise ConfigurationError(f"{path} is missing: run from the project's folder.")
    layouts: dict[str, dict[str, Any]] = {}
    for file in sorted((base / "layouts").glob("*.yml")):
        layouts |= yaml.safe_load(file.read_text())
    return parse(yaml.safe_load(path.read_text()), layouts)


def parse(segments: dict[str, Any], layouts: dict[str, dict[str, Any]]) -> Segments:
    """Validate the two configurations together.

    Raises:
        ConfigurationError: If a key or name is not valid, or a layout is unknown.
    """
    try:
        parsed = Segments(**segments, layouts=layouts)
    except (ValidationError, TypeError) as error:
        raise ConfigurationError(f"segments.yml: {error}") from error
    for name in [*parsed.regions, *parsed.store_formats]:
        if not _NAME.fullmatch(name) or name in _RESERVED:
            raise ConfigurationError(
                f"segments.yml: '{name}' cannot be the name of a region or store format; "
                "use lower-case letters, digits and underscores, and no stage's name."
            )
    for name, region in parsed.regions.items():
        if region.layout not in layouts:
            raise ConfigurationError(
                f"segments.yml: region '{name}' names the layout '{region.layout}', which no file "
                f"in layouts/ describes. {did_you_mean(region.layout, layouts)}"
            )
    return parsed

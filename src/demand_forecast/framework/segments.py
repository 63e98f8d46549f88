"""Which regions, store formats and sources there are: read from ``conf/<env>/segments.yml``.

Kedro's pipeline registry cannot see ``--env``, so a hook keeps the configuration for it, see
:mod:`demand_forecast.framework.run_context`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from demand_forecast.exceptions import ConfigurationError, did_you_mean
from demand_forecast.framework.stages import JOBS, STAGES
from demand_forecast.modelling.velocity import VELOCITIES

_NAME = re.compile(r"[a-z][a-z0-9_]*")
# Names that stand beside those of regions and store formats in the parameters or the registry.
_RESERVED = {
    *STAGES,
    *JOBS,
    "example",
    *VELOCITIES,
    "forecast",
    "velocity",
    "identity",
    "layout",
    "capacity",
    "baseline",
}


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
    """One region's line in ``segments.yml``.

    Attributes:
        layout: How its raw files look.
        store_formats: Those of the company's formats that it has; None: all.
        capacity: Units that can be delivered in a week to all of its stores together; None: any.
    """

    model_config = ConfigDict(extra="forbid")
    layout: str
    store_formats: list[str] | None = None
    capacity: float | None = Field(default=None, gt=0, allow_inf_nan=False)


class Segments(BaseModel):
    """The whole ``segments.yml`` with the layouts it refers to."""

    model_config = ConfigDict(extra="forbid")
    store_formats: list[str]
    regions: dict[str, Region]
    layouts: dict[str, dict[str, Any]]

    @property
    def segments(self) -> list[Segment]:
        """All segments, region by region."""
        return [Segment(r, f) for r in self.regions for f in self.formats(r)]

    @property
    def branches(self) -> list[Branch]:
        """The velocities of all segments, segment by segment."""
        return [branch for segment in self.segments for branch in segment.branches]

    @property
    def namespaces(self) -> list[str]:
        """All that can be run on its own: regions, segments and their velocities."""
        segments = [segment.namespace for segment in self.segments]
        return [*self.regions, *segments, *(branch.namespace for branch in self.branches)]

    def within(self, namespace: str | None) -> list[Branch]:
        """The velocities of a region, of a segment, or one alone; all if no name is given.

        Raises:
            ConfigurationError: If there is no such namespace.
        """
        if namespace is None:
            return self.branches
        if namespace not in self.namespaces:
            raise ConfigurationError(
                f"--namespace: there is no region, segment or velocity '{namespace}' in this "
                f"environment. {did_you_mean(namespace, self.namespaces)}"
            )
        inside = [(b.region, b.segment.namespace, b.namespace) for b in self.branches]
        return [b for b, names in zip(self.branches, inside, strict=True) if namespace in names]

    def segment(self, namespace: str) -> Segment:
        """The segment of a name.

        Raises:
            ConfigurationError: If there is no such segment.
        """
        by_name = {segment.namespace: segment for segment in self.segments}
        if namespace not in by_name:
            raise ConfigurationError(
                f"--namespace: there is no segment '{namespace}' in this environment. "
                f"{did_you_mean(namespace, by_name)}"
            )
        return by_name[namespace]

    def formats(self, region: str) -> list[str]:
        """Store formats of a region."""
        own = self.regions[region].store_formats
        return self.store_formats if own is None else own

    def with_capacity(self, has_one: bool) -> Segments:
        """The part of the plan whose regions have a capacity, or have none."""
        kept = {n: r for n, r in self.regions.items() if (r.capacity is not None) == has_one}
        return self.model_copy(update={"regions": kept})

    def layout(self, region: str) -> dict[str, Any]:
        """The layout in which a region delivers its raw files."""
        return self.layouts[self.regions[region].layout]

    def sources(self, region: str) -> list[str]:
        """Names of a region's raw sources, sorted."""
        return sorted(self.layout(region).get("sources", {}))


def _describe(error: ValidationError) -> str:
    """The first problem: the key, what was found, and what is valid."""
    first = error.errors()[0]
    path = [str(part) for part in first["loc"]]
    key = f"key '{'.'.join(path)}'"
    if first["type"] == "extra_forbidden":
        fields = Region.model_fields if path[0] == "regions" else Segments.model_fields
        return f"{key} does not exist. {did_you_mean(path[-1], fields.keys() - {'layouts'})}"
    if first["type"] == "missing":
        return f"{key} is missing."
    return f"{key} is {first['input']!r}: {first['msg']}"


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
    except ValidationError as error:
        raise ConfigurationError(f"{file}: {_describe(error)}") from error
    except TypeError as error:
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
        for store_format in region.store_formats or ():
            if store_format not in parsed.store_formats:
                raise ConfigurationError(
                    f"{file}: region '{name}' names the store format '{store_format}', which is "
                    f"not among store_formats. {did_you_mean(store_format, parsed.store_formats)}"
                )
    return parsed

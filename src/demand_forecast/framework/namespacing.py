"""The only loops over regions and segments: templates in, namespaced copies out."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from kedro.pipeline import Node, Pipeline

from demand_forecast.framework.segments import Segments

SHARED_PARAMETERS = "params:conditioning"


def per_region(templates: Mapping[str, Pipeline], plan: Segments) -> list[Pipeline]:
    """One copy of its template per region.

    Args:
        templates: Template by region (they differ in the sources a region has).
        plan: Regions and formats of the environment.
    """
    return [
        Pipeline(templates[region], namespace=region, tags={region, *_tags(plan, region)})
        for region in plan.regions
    ]


def per_segment(
    template: Pipeline, plan: Segments, region_inputs: Iterable[str] = ()
) -> list[Pipeline]:
    """One copy of ``template`` per segment.

    Args:
        template: Nodes of one segment.
        plan: Regions and formats of the environment.
        region_inputs: Inputs that the segments of a region share, such as ``conditioned``.
    """
    shared = {name for name in template.inputs() if name == SHARED_PARAMETERS}
    return [
        Pipeline(
            template,
            namespace=segment.namespace,
            inputs={name: f"{segment.region}.{name}" for name in region_inputs},
            parameters={name: f"params:{segment.region}.{name[7:]}" for name in shared},
            tags={segment.region, segment.namespace},
        )
        for segment in plan.segments
    ]


def collected(name: str, plan: Segments) -> list[str]:
    """Names of one dataset over all segments, for a node that collects them."""
    return [f"{segment.namespace}.{name}" for segment in plan.segments]


def collector(func: Callable[..., Any], inputs: list[str], outputs: str, name: str) -> Node:
    """A node that reads from many namespaces and belongs to none; it comes after all segments."""
    with warnings.catch_warnings():
        # Kedro warns of dots in names because they mean namespaces, which is what is meant here.
        warnings.filterwarnings("ignore", message="One or more dataset names contain")
        return Node(func, inputs=inputs, outputs=outputs, name=name)


def stage(name: str, parts: Iterable[Pipeline | Node]) -> Pipeline:
    """Join the parts of a stage and tag their nodes with its name."""
    return Pipeline(list(parts), tags={name})


def _tags(plan: Segments, region: str) -> list[str]:
    return [s.namespace for s in plan.segments if s.region == region]

"""Templates of the conditioning of one region and of its segments."""

from __future__ import annotations

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from demand_forecast.framework.namespacing import per_region, per_segment, stage
from demand_forecast.framework.segments import Segments
from demand_forecast.pipelines.conditioning.nodes import (
    condition,
    draw_control_totals,
    list_left_out,
    make_panel,
)
from demand_forecast.pipelines.conditioning.quality_page import make_quality_page


def create_pipeline(plan: Segments) -> Pipeline:
    """Conditioning of every region, then the panels of its segments."""
    regions = {region: _region_template(plan.sources(region)) for region in plan.regions}
    panels = per_segment(
        Pipeline(
            [
                Node(
                    make_panel,
                    inputs=["conditioned", "params:identity", "params:conditioning", "last_panel"],
                    outputs="panel",
                    name="build_panel",
                )
            ]
        ),
        plan,
        region_inputs=["conditioned", "params:conditioning"],
        leads_to_velocities=True,
    )
    reports = per_segment(
        Pipeline(
            [
                Node(
                    list_left_out,
                    inputs=["conditioned", "panel"],
                    outputs="left_out",
                    name="list_left_out",
                )
            ]
        ),
        plan,
        region_inputs=["conditioned"],
    )
    return stage("conditioning", [*per_region(regions, plan), *panels, *reports])


def _region_template(sources: Sequence[str]) -> Pipeline:
    return Pipeline(
        [
            Node(
                condition,
                inputs={
                    "identity": "params:identity",
                    "layout": "params:layout",
                    "conditioning": "params:conditioning",
                    "last": "last_conditioned",
                    **{source: f"raw_{source}" for source in sources},
                },
                outputs=["control_totals", "quarantine", "conditioned"],
                name="condition",
            ),
            Node(
                draw_control_totals,
                inputs="control_totals",
                outputs="control_totals_plot",
                name="draw_control_totals",
            ),
            Node(
                make_quality_page,
                inputs=["conditioned", "control_totals", "past_control_totals"],
                outputs="quality_page",
                name="make_quality_page",
            ),
        ]
    )

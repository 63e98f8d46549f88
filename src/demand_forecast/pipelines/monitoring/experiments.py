"""Experiments in the monitoring stage: what both arms have done, and which have to stop."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

import pandas as pd
from kedro.pipeline import Node

from demand_forecast.framework.namespacing import collector, of_segments
from demand_forecast.framework.segments import Segment, Segments
from demand_forecast.modelling.experiments.outcomes import arm_sums
from demand_forecast.modelling.experiments.parameters import SHADOW, ExperimentParameters
from demand_forecast.modelling.experiments.status import Standing, Stop, stand
from demand_forecast.modelling.lifecycle.accuracy import realised
from demand_forecast.modelling.lifecycle.monitoring import MonitoringParameters
from demand_forecast.modelling.lifecycle.versions import readable
from demand_forecast.modelling.panel import Panel
from demand_forecast.modelling.scoring.fallback import ScoringParameters
from demand_forecast.pipelines.monitoring.nodes import Past

PLANS: Final = "params:experiments"
_LOGGER = logging.getLogger(__name__)


def compare_arms(
    panel: Panel,
    outcomes: pd.DataFrame,
    past_shadow: Past,
    last_sums: pd.DataFrame | None,
    scoring: ScoringParameters,
    experiments: ExperimentParameters,
    monitoring: MonitoringParameters,
) -> pd.DataFrame:
    """Errors and money of both arms of the segment's experiments, by store and week.

    Args:
        panel: The segment.
        outcomes: Delivered forecasts that have come.
        past_shadow: How to load each stored version of the forecasts in shadow.
        last_sums: The same table of the last time.
        scoring: What surplus and lost sales cost.
        experiments: All that there are.
        monitoring: How many past forecasts are looked at.
    """
    segment = f"{panel.region}.{panel.store_format}"
    in_shadow = any(plan.kind == SHADOW for _, plan, _ in experiments.of(segment))
    past = readable(past_shadow if in_shadow else None, monitoring.past_runs, _LOGGER.warning)
    filled = [table for table in past if len(table)]
    seen = realised(pd.concat(filled, ignore_index=True), panel) if filled else pd.DataFrame()
    return arm_sums(outcomes, seen, panel, scoring.order, last_sums)


def read_experiments(
    experiments: ExperimentParameters,
    stops: Mapping[str, Stop],
    sums: Mapping[Segment, pd.DataFrame],
    arms: Mapping[Segment, pd.DataFrame | None],
) -> Standing:
    """How all experiments stand, what they have shown, and which of them have to stop.

    Args:
        experiments: All that there are.
        stops: Of those that were stopped.
        sums: Of both arms, of all segments.
        arms: Which stores were chosen in each.
    """
    standing = stand(experiments, sums.values(), arms.values(), stops)
    for name, why in standing.harmful.items():
        _LOGGER.warning("experiment %s is stopped, it does harm: %s", name, why)
    return standing


def of_segment() -> Node:
    """:func:`compare_arms` in the template of a segment."""
    return Node(
        compare_arms,
        inputs={
            "panel": "panel",
            "outcomes": "outcomes",
            "past_shadow": "past_shadow_forecasts",
            "last_sums": "last_arm_sums",
            "scoring": "params:scoring",
            "experiments": PLANS,
            "monitoring": "params:monitoring",
        },
        outputs="arm_sums",
        name="compare_arms",
    )


def over_all(plan: Segments) -> Node:
    """:func:`read_experiments` of all segments."""
    return collector(
        read_experiments,
        inputs={
            "experiments": PLANS,
            "stops": "last_experiment_stops",
            "sums": of_segments("arm_sums", plan),
            "arms": of_segments("arms", plan),
        },
        outputs=["experiments", "experiment_readouts", "experiment_stops"],
        name="read_experiments",
    )

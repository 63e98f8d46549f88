"""Retraining on demand: which models need it, told; then these are trained, and no others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import pandas as pd

from demand_forecast.framework import run_context
from demand_forecast.framework.session import SegmentSession
from demand_forecast.modelling.columns import BRANCH
from demand_forecast.reporting import results
from demand_forecast.reporting.run_report import RETRAIN_PLAN


def make_plan(project_path: Path, env: str | None, namespaces: Sequence[str]) -> pd.DataFrame:
    """Condition what has changed, look at all models and plan.

    Args:
        project_path: The project's folder.
        env: Kedro environment.
        namespaces: Regions, segments or velocities to tell of; all if none is given. The others are
            looked at all the same: whether something has drifted is a matter of all tests together.

    Returns:
        The stored plan, see
        :func:`demand_forecast.modelling.lifecycle.retraining.retrain_plan`, texts in place of
        lists, and ``namespace``.
    """
    with SegmentSession.for_command(project_path, env) as session:
        session.load_context()
        chosen = _chosen(namespaces)
        session.run(pipeline_names=["monitor"], to_outputs=[RETRAIN_PLAN])
        table = session.load_context().catalog.load(RETRAIN_PLAN)
    told = table.fillna({"reasons": "", "details": ""})
    told["namespace"] = told[BRANCH].agg(".".join, axis=1)
    return cast("pd.DataFrame", told[told["namespace"].isin(chosen)])


def print_due(plan: pd.DataFrame) -> list[str]:
    """Print each model with whether it is due and why.

    Args:
        plan: See :func:`make_plan`.

    Returns:
        Namespaces of the models that are due.
    """
    results.print_models(plan)
    return [str(name) for name in plan.loc[plan["retrain"].astype(bool), "namespace"]]


def train(project_path: Path, env: str | None, namespaces: Sequence[str]) -> None:
    """Train, validate and release some models.

    Args:
        project_path: The project's folder.
        env: Kedro environment.
        namespaces: Velocities of segments.
    """
    with SegmentSession.for_command(project_path, env) as session:
        session.load_context()
        session.run(pipeline_names=["train"], namespaces=_whole(namespaces))


def _whole(namespaces: Sequence[str]) -> list[str]:
    """The same with a segment in place of all its velocities: its baseline is of them together."""
    found = set(namespaces)
    for segment in run_context.current().segments.segments:
        velocities = {branch.namespace for branch in segment.branches}
        if velocities <= found:
            found = found - velocities | {segment.namespace}
    return sorted(found)


def _chosen(namespaces: Sequence[str]) -> set[str]:
    """The velocities in the namespaces that are asked for."""
    segments = run_context.current().segments
    wanted: Sequence[str | None] = namespaces or [None]
    return {branch.namespace for name in wanted for branch in segments.within(name)}

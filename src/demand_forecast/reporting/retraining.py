"""Retraining on demand: which models need it, told; then these are trained, and no others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import pandas as pd
from kedro.framework.project import pipelines

from demand_forecast.framework import run_context
from demand_forecast.framework.failures import RunFailedError
from demand_forecast.framework.session import SegmentSession
from demand_forecast.modelling.columns import BRANCH
from demand_forecast.reporting import results
from demand_forecast.reporting.run_report import RETRAIN_PLAN

_JOB: Final = "monitor"


class Plan(NamedTuple):
    """What is to be trained again, as far as it could be told.

    Attributes:
        models: The stored plan, see
            :func:`demand_forecast.modelling.lifecycle.retraining.retrain_plan`, texts in place of
            lists, and ``namespace``.
        failure: Of regions and segments that could not be looked at; the others can be trained.
    """

    models: pd.DataFrame
    failure: RunFailedError | None = None


def make_plan(project_path: Path, env: str | None, namespaces: Sequence[str]) -> Plan:
    """Condition what has changed, look at all models and plan.

    Args:
        project_path: The project's folder.
        env: Kedro environment.
        namespaces: Regions, segments or velocities to tell of; all if none is given. The others are
            looked at all the same: whether something has drifted is a matter of all tests together.

    Raises:
        RunFailedError: If there is no plan, not even of some regions.
    """
    with SegmentSession.for_command(project_path, env) as session:
        session.load_context()
        chosen = _chosen(namespaces)
        table, failure = _run_plan(session)
    told = table.fillna({"reasons": "", "details": ""})
    told["namespace"] = told[BRANCH].agg(".".join, axis=1)
    return Plan(told[told["namespace"].isin(chosen)], failure)


def _run_plan(session: SegmentSession) -> tuple[pd.DataFrame, RunFailedError | None]:
    """The plan of all that can be read, and what could not be."""
    try:
        made = session.run(pipeline_names=[_JOB], to_outputs=[RETRAIN_PLAN])
    except RunFailedError as error:
        if RETRAIN_PLAN not in error.finished(pipelines[_JOB]).all_outputs():
            raise
        return session.load_context().catalog.load(RETRAIN_PLAN), error
    return made[RETRAIN_PLAN].load(), None


def print_due(plan: pd.DataFrame) -> list[str]:
    """Print each model with whether it is due and why.

    Args:
        plan: The models of :class:`Plan`.

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
    names = set(namespaces)
    for segment in run_context.current().segments.segments:
        velocities = {branch.namespace for branch in segment.branches}
        if velocities <= names:
            names = names - velocities | {segment.namespace}
    return sorted(names)


def _chosen(namespaces: Sequence[str]) -> set[str]:
    """The velocities in the namespaces that are asked for."""
    segments = run_context.current().segments
    wanted: Sequence[str | None] = namespaces or [None]
    return {branch.namespace for name in wanted for branch in segments.within(name)}

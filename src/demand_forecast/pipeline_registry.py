"""The registered pipelines: stages (nouns), jobs (verbs), and one pipeline per region to read."""

from __future__ import annotations

from kedro.pipeline import Pipeline

from demand_forecast.framework import run_context
from demand_forecast.framework.drawing import EXAMPLE, draw_example
from demand_forecast.framework.stages import JOBS, STAGES
from demand_forecast.pipelines import (
    conditioning,
    monitoring,
    release,
    scoring,
    training,
    validation,
)

_TEMPLATES = (conditioning, training, validation, release, scoring, monitoring)


def register_pipelines() -> dict[str, Pipeline]:
    """All pipelines of the environment whose segments are configured.

    Returns:
        The stages; the jobs and ``__default__``, each from raw files on; a pipeline per region; and
        ``example``, the first segment drawn by stage, which Kedro-Viz opens.
    """
    plan = run_context.current().segments
    stages = {
        name: module.create_pipeline(plan) for name, module in zip(STAGES, _TEMPLATES, strict=True)
    }
    everything = Pipeline(list(stages.values()))
    return {
        **stages,
        **{job: Pipeline([stages[name] for name in names]) for job, names in JOBS.items()},
        **{region: everything.only_nodes_with_namespaces([region]) for region in plan.regions},
        EXAMPLE: draw_example(everything, plan).pipeline,
        "__default__": everything,
    }

"""The registered pipelines: stages (nouns), jobs (verbs), and one pipeline per region to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click
from kedro.pipeline import Pipeline

from demand_forecast.exceptions import ConfigurationError
from demand_forecast.framework import run_context
from demand_forecast.framework.drawing import EXAMPLE, draw_example
from demand_forecast.framework.stages import JOBS, PUBLISHING, STAGES
from demand_forecast.pipelines import (
    conditioning,
    monitoring,
    publishing,
    release,
    scoring,
    training,
    validation,
)

_TEMPLATES = (conditioning, training, validation, release, scoring, monitoring, publishing)


def register_pipelines() -> dict[str, Pipeline]:
    """All pipelines of the environment whose segments are configured.

    Returns:
        The stages; the jobs and ``__default__``; a pipeline per region; and ``example``, the first
        segment drawn by stage, which Kedro-Viz opens.

    Raises:
        ConfigurationError: If no configuration says so; on the command line a ClickException, for
            Kedro's own commands would show a traceback.
    """
    try:
        plan = run_context.current().segments
    except ConfigurationError as error:
        if click.get_current_context(silent=True) is None:
            raise
        raise click.ClickException(str(error)) from error
    stages = {
        name: module.create_pipeline(plan) for name, module in zip(STAGES, _TEMPLATES, strict=True)
    }
    everything = Pipeline(list(stages.values()))
    return {
        **stages,
        **{job: _join(stages, names) for job, names in JOBS.items()},
        **{region: everything.only_nodes_with_namespaces([region]) for region in plan.regions},
        EXAMPLE: draw_example(everything, plan).pipeline,
        "__default__": everything,
    }


def _join(stages: Mapping[str, Pipeline], names: Sequence[str]) -> Pipeline:
    """The stages of a job; of publishing only what is made in the job, unless it is alone."""
    made = Pipeline([stages[name] for name in names if name != PUBLISHING])
    if PUBLISHING not in names:
        return made
    others = [stage.all_outputs() for name, stage in stages.items() if name != PUBLISHING]
    missing = set().union(*others) - made.all_outputs() if made.nodes else set()
    publishing = [node for node in stages[PUBLISHING].nodes if not missing & set(node.inputs)]
    return Pipeline([made, Pipeline(publishing)])

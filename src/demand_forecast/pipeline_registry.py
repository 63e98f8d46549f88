"""The registered pipelines: stages (nouns), jobs (verbs), and one pipeline per region to read."""

from __future__ import annotations

from kedro.pipeline import Pipeline

from demand_forecast.framework import run_context
from demand_forecast.pipelines import conditioning, monitoring, scoring, training, validation


def register_pipelines() -> dict[str, Pipeline]:
    """All pipelines of the environment whose segments are configured.

    Returns:
        Stages ``conditioning``, ``training``, ``validation``, ``scoring``, ``monitoring``; jobs
        ``train``, ``score``, ``monitor`` and ``__default__``, each from raw files on; and a
        pipeline per region, for its lineage in Kedro-Viz.
    """
    plan = run_context.current().segments
    stages = {
        module.__name__.rpartition(".")[2]: module.create_pipeline(plan)
        for module in (conditioning, training, validation, scoring, monitoring)
    }
    everything = Pipeline(list(stages.values()))
    return {
        **stages,
        "train": Pipeline([stages[s] for s in ("conditioning", "training", "validation")]),
        "score": Pipeline([stages[s] for s in ("conditioning", "scoring")]),
        "monitor": Pipeline([stages[s] for s in ("conditioning", "monitoring")]),
        **{region: everything.only_nodes_with_namespaces([region]) for region in plan.regions},
        "__default__": everything,
    }

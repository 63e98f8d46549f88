"""Keeps the run context: the environment's configuration first, the MLflow run when it starts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

from demand_forecast.framework import run_context
from demand_forecast.framework.conf_source import file_in_force
from demand_forecast.framework.run_context import RunContext
from demand_forecast.framework.segments import parse
from demand_forecast.registry.tracking import active_run, log_figures, log_table, tracking_uri
from demand_forecast.reporting.run_report import LEADERBOARD, MONITORING


class RunHook:
    """Fills the :class:`RunContext` of this process as soon as each part of it is known."""

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        """Read the regions of the environment; it runs before the pipelines are first looked at."""
        loader = context.config_loader
        source = str(loader.conf_source)
        file = file_in_force(source, context.env, "segments.yml")
        plan = parse(dict(loader["segments"]), dict(loader["layouts"]), file)
        run_context.enter(
            RunContext(
                segments=plan,
                project_path=context.project_path,
                conf_source=source,
                env=context.env,
                runtime_params=dict(loader.runtime_params or {}),
            )
        )

    @hook_impl(trylast=True)
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]
    ) -> None:
        """Note the MLflow run that kedro-mlflow has opened by now, and log models below it."""
        parent = active_run()
        run_context.enter(
            replace(
                run_context.current(),
                save_version=run_params["run_id"],
                tracking_uri=tracking_uri(),
                parent=parent,
            )
        )
        run_context.log_below(parent, pipeline, catalog)

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]) -> None:
        """Log leaderboard and figures of monitoring, where they are new, to the MLflow run."""
        parent = run_context.current().parent
        if LEADERBOARD in pipeline.all_outputs():
            table = catalog.load(LEADERBOARD)
            log_table(parent, f"{LEADERBOARD}.csv", table)
        if MONITORING in pipeline.all_outputs():
            log_figures(parent, catalog.load(MONITORING))

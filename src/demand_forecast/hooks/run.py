"""Keeps the run context: the environment's configuration first, the MLflow run when it starts."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

from demand_forecast.framework import run_context
from demand_forecast.framework.conf_source import file_in_force
from demand_forecast.framework.failures import RunFailedError
from demand_forecast.framework.run_context import RunContext
from demand_forecast.framework.segments import parse
from demand_forecast.registry import server
from demand_forecast.registry.addresses import rooted
from demand_forecast.registry.tracking import active_run, log_figures, log_table, tracking_uri
from demand_forecast.reporting.run_report import LEADERBOARD, MONITORING

_LOGGER = logging.getLogger(__name__)


class RunHook:
    """Fills the :class:`RunContext` of this process as soon as each part of it is known."""

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        """Read the regions of the environment; it runs before the pipelines are first looked at."""
        loader = context.config_loader
        source = str(loader.conf_source)
        file = file_in_force(source, context.env, "segments.yml")
        plan = parse(dict(loader["segments"]), dict(loader["layouts"]), file)
        places = dict(loader["globals"])
        root = places.get("data_root")
        run_context.enter(
            RunContext(
                segments=plan,
                project_path=context.project_path,
                conf_source=source,
                env=context.env,
                data_root=None if root is None else rooted(root, context.project_path),
                patience=float(places.get("wait_for_other_run", RunContext.patience)),
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
                load_versions=run_params.get("load_versions") or {},
                tracking_uri=tracking_uri(),
                parent=parent,
            )
        )
        run_context.log_below(parent, pipeline, catalog)

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]) -> None:
        """Log leaderboard and figures of monitoring, where they are new, to the MLflow run."""
        made = pipeline.all_outputs() & {LEADERBOARD, MONITORING}
        if not made or server.is_given_up():
            return
        tables, parent = {name: catalog.load(name) for name in made}, run_context.current().parent
        try:
            if LEADERBOARD in made:
                log_table(parent, f"{LEADERBOARD}.csv", tables[LEADERBOARD])
            if MONITORING in made:
                log_figures(parent, tables[MONITORING])
        except Exception as error:
            if not server.is_servers_fault(error):
                raise
            _LOGGER.warning("%s", server.words(tracking_uri(), error))

    @hook_impl
    def on_pipeline_error(
        self, error: Exception, pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]
    ) -> None:
        """The same where the run went on after a failure."""
        if isinstance(error, RunFailedError):
            self.after_pipeline_run(error.finished(pipeline), catalog)

"""Lets every process of a run find the MLflow run that kedro-mlflow has opened for it."""

from __future__ import annotations

import os
from typing import Any

from kedro.framework.hooks import hook_impl

from demand_forecast.registry.tracking import EXPERIMENT, PARENT_RUN

_VARIABLES = (PARENT_RUN, EXPERIMENT, "MLFLOW_RUN_ID", "MLFLOW_TRACKING_URI")


class TrackingHook:
    """Passes the parent run on through the environment, which worker processes inherit."""

    def __init__(self) -> None:
        self._before: dict[str, str | None] = {}

    @hook_impl(trylast=True)
    def before_pipeline_run(self) -> None:
        """Export the run that is active by now."""
        import mlflow

        run = mlflow.active_run()
        if run is None:
            return
        self._before = {name: os.environ.get(name) for name in _VARIABLES}
        os.environ[PARENT_RUN] = os.environ["MLFLOW_RUN_ID"] = run.info.run_id
        os.environ[EXPERIMENT] = run.info.experiment_id
        os.environ["MLFLOW_TRACKING_URI"] = mlflow.get_tracking_uri()

    @hook_impl(tryfirst=True)
    def after_pipeline_run(self) -> None:
        """Leave the environment as it was found."""
        self._restore()

    @hook_impl(tryfirst=True)
    def on_pipeline_error(self, error: Exception) -> None:
        """Likewise after a failure."""
        self._restore()

    def _restore(self) -> None:
        values: dict[str, Any] = self._before
        for name, value in values.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        self._before = {}

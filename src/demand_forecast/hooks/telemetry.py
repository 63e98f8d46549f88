"""Tells an OpenTelemetry collector of a run when it has ended, if there is one to tell."""

from __future__ import annotations

from typing import ClassVar

from kedro.pipeline import Pipeline

from demand_forecast.framework import telemetry
from demand_forecast.framework.failures import RunFailedError
from demand_forecast.framework.telemetry import RunFacts
from demand_forecast.hooks.collector import Catalog, CollectorHook, EndedRun


class TelemetryHook(CollectorHook):
    """Off unless ``OTEL_EXPORTER_OTLP_ENDPOINT`` is set."""

    told: ClassVar[str] = "telemetry"

    def is_wanted(self) -> bool:
        """Whether the environment names an endpoint."""
        return telemetry.is_wanted()

    def send(self, run: EndedRun, pipeline: Pipeline, catalog: Catalog) -> None:
        """Send spans and metrics."""
        del pipeline, catalog
        left_out = len(run.error.left_out) if isinstance(run.error, RunFailedError) else 0
        attributes = {
            "environment": run.environment,
            "run": run.id,
            "pipelines": run.pipelines,
            "mlflow_run": run.mlflow_run,
        }
        facts = RunFacts(run.started, run.ended, attributes, run.said, left_out)
        telemetry.send(facts, run.notes)

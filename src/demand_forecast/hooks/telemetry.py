"""Tells an OpenTelemetry collector of a run when it has ended, if there is one to tell."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Mapping
from typing import Any

from kedro.framework.hooks import hook_impl

from demand_forecast.framework import notes, run_context, telemetry
from demand_forecast.framework.failures import RunFailedError
from demand_forecast.framework.telemetry import RunFacts
from demand_forecast.registry.addresses import masked

_LOGGER = logging.getLogger(__name__)


class TelemetryHook:
    """Off unless ``OTEL_EXPORTER_OTLP_ENDPOINT`` is set; no trouble with it fails a run."""

    def __init__(self) -> None:
        self._started = 0.0

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self) -> None:
        """Note when it begins."""
        self._started = time.time()

    @hook_impl(wrapper=True)
    def after_pipeline_run(self, run_params: Mapping[str, Any]) -> Generator[None, Any, Any]:
        """Tell of a run that has come to its end."""
        noted = notes.read()  # the hooks inside take them away
        try:
            result = yield
        except Exception as error:
            self._send(run_params, noted, error)
            raise
        self._send(run_params, noted)
        return result

    @hook_impl(wrapper=True)
    def on_pipeline_error(
        self, error: Exception, run_params: Mapping[str, Any]
    ) -> Generator[None, Any, Any]:
        """Tell of one that has failed, or went on after a failure."""
        noted = notes.read()
        try:
            return (yield)
        finally:
            self._send(run_params, noted, error)

    def _send(
        self,
        run_params: Mapping[str, Any],
        noted: list[notes.Note],
        error: Exception | None = None,
    ) -> None:
        if not telemetry.is_wanted():
            return
        left_out = len(error.left_out) if isinstance(error, RunFailedError) else 0
        said = masked(str(error) or type(error).__name__) if error else ""
        facts = RunFacts(self._started, time.time(), _attributes(run_params), said, left_out)
        try:
            telemetry.send(facts, noted)
        except Exception as trouble:  # what the run has made is still good
            _LOGGER.warning("no telemetry of this run: %s", masked(str(trouble)))


def _attributes(run_params: Mapping[str, Any]) -> dict[str, str]:
    return {
        "environment": run_params.get("env") or "base",
        "run": str(run_params["run_id"]),
        "pipelines": ",".join(run_params.get("pipeline_names") or ["__default__"]),
        "mlflow_run": run_context.current().parent.run_id or "",
    }

"""kedro-mlflow's hooks, for a server that may not answer: tracking never keeps a run from running.

The plugin itself is switched off in the settings, and its hook is called from here. A server that
is down is noticed once, in seconds; from then on nothing in the run waits for it. Models cannot be
registered then, and scoring uses what it can load.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, Final

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

from demand_forecast.registry import availability, server
from demand_forecast.registry.addresses import masked
from demand_forecast.registry.tracking import active_run, in_batches, log_parameters

_PATIENCE: Final = 15.0
_PARAMETERS: Final = "params:"
_LOGGER = logging.getLogger(__name__)


class TrackingHook:
    """Hands over to kedro-mlflow's hook as long as the server answers."""

    def __init__(self) -> None:
        self._hook: Any = None
        self._uri = ""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Connect to the server; one process at a time where it is a file."""
        from kedro_mlflow.framework.hooks.mlflow_hook import MlflowHook

        self._hook = MlflowHook()
        settings = context.config_loader["mlflow"].get("server", {})
        self._uri = str(settings.get("mlflow_tracking_uri") or "")
        # Who asks is told to the server by kedro-mlflow, later than this.
        is_anonymous = not (settings.get("credentials") or settings.get("request_header_provider"))
        availability.remember(None)
        for key in ("mlflow_tracking_uri", "mlflow_registry_uri"):
            if settings.get(key) and (
                problem := availability.probe(str(settings[key]), is_anonymous)
            ):
                self._do_without(problem)
                return

        def connect() -> None:
            with server.one_at_a_time(self._uri):
                self._hook.after_context_created(context)

        self._try(connect)

    @hook_impl
    def after_catalog_created(  # all that Kedro hands over, as the plugin wants it
        self,
        catalog: CatalogProtocol[Any, Any],
        conf_catalog: dict[str, Any],
        conf_creds: dict[str, Any],
        parameters: dict[str, Any],
        save_version: str,
        load_versions: dict[str, str],
    ) -> None:
        """Name kedro-mlflow's own datasets; the server is not asked."""
        if self._hook is not None:
            self._hook.after_catalog_created(
                catalog, conf_catalog, conf_creds, parameters, save_version, load_versions
            )

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]
    ) -> None:
        """Open the MLflow run with all parameters; close those that killed processes left open.

        The plugin would log each parameter on its own, again for every node that reads it.
        """

        def start() -> None:
            if problem := availability.read_only(self._uri):
                availability.remember(f"registry cannot be written: {problem}", only_writing=True)
                raise PermissionError(problem)
            self._hook.before_pipeline_run(run_params, pipeline, catalog)
            run = active_run()
            server.sign(run)
            if closed := server.close_interrupted(run):
                _LOGGER.info("MLflow: closed %d runs that were interrupted", closed)

        self._try(start)
        self._try(lambda: self._log_parameters(pipeline, catalog))

    @hook_impl
    def after_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]
    ) -> None:
        """Close the MLflow run."""
        self._try(lambda: self._hook.after_pipeline_run(run_params, pipeline, catalog))

    @hook_impl
    def on_pipeline_error(
        self,
        error: Exception,
        run_params: dict[str, Any],
        pipeline: Pipeline,
        catalog: CatalogProtocol[Any, Any],
    ) -> None:
        """Close it as failed."""
        if active_run().run_id is not None:  # which the plugin takes for granted
            self._try(lambda: self._hook.on_pipeline_error(error, run_params, pipeline, catalog))

    def _log_parameters(self, pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]) -> None:
        names = sorted(name for name in pipeline.inputs() if name.startswith(_PARAMETERS))
        values = {name.removeprefix(_PARAMETERS): catalog.load(name) for name in names}
        start = time.monotonic()
        for batch in in_batches(values):
            if (waited := time.monotonic() - start) > _PATIENCE:
                _LOGGER.warning(
                    "MLflow at %s is slow: it took %.0f s for some of the parameters; the others "
                    "are not logged",
                    masked(self._uri),
                    waited,
                )
                server.forget_run()
                self._hook = None
                return
            log_parameters(active_run(), batch)

    def _try(self, ask: Callable[[], None]) -> None:
        """Ask the server something; do without it from now on if it gives no answer."""
        if self._hook is None:
            return
        try:
            ask()
        except Exception as error:
            if not server.is_servers_fault(error):
                raise
            self._do_without(error)

    def _do_without(self, reason: object) -> None:
        """No more tracking in this run; where nothing can be read, no more asking either."""
        _LOGGER.warning("%s", server.words(self._uri, reason))
        self._hook = None
        if isinstance(reason, Exception) and server.can_be_read(self._uri, reason):
            server.forget_run()
        else:
            server.give_up(f"registry unreachable: {masked(f'{self._uri}: {reason}')}")

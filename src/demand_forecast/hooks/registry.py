"""Looks whether the MLflow registry answers, before anything waits for it."""

from __future__ import annotations

import logging
from copy import deepcopy

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl

from demand_forecast.registry import availability

_LOGGER = logging.getLogger(__name__)


class RegistryHook:
    """Without a registry scoring goes on, from the releases and the copies of the champions.

    kedro-mlflow opens a run in the registry before the first node, and would end everything there.
    Such a run is logged to an empty store instead, which is thrown away.
    """

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        """Ask the registry once; note for the whole process what is wrong with it."""
        config = deepcopy(dict(context.config_loader["mlflow"]))
        server = config.setdefault("server", {})
        problem = None
        for key in ("mlflow_tracking_uri", "mlflow_registry_uri"):
            if problem is None and server.get(key):
                problem = availability.probe(server[key], ask=not _introduced_later(server))
        availability.remember(problem)
        if problem is not None:
            _LOGGER.warning("%s. This run is not logged, and can register no model.", problem)
            server |= {"mlflow_tracking_uri": availability.stand_in(), "mlflow_registry_uri": None}
            context.config_loader["mlflow"] = config


def _introduced_later(server: dict[str, object]) -> bool:
    """Whether kedro-mlflow will tell the server who asks, only after this hook."""
    return bool(server.get("credentials") or server.get("request_header_provider"))

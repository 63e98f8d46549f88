"""Relative paths belong to the project, wherever in it a command is typed."""

from __future__ import annotations

from copy import deepcopy

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl

from demand_forecast.registry.addresses import anchored


class PathHook:
    """Anchors MLflow's databases; Kedro and kedro-mlflow do the same for files and folders."""

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        """Rewrite the addresses before kedro-mlflow opens them."""
        config = deepcopy(dict(context.config_loader["mlflow"]))
        server = config.get("server", {})
        for key in ("mlflow_tracking_uri", "mlflow_registry_uri"):
            if server.get(key):
                server[key] = anchored(server[key], context.project_path)
        context.config_loader["mlflow"] = config

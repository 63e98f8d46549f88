"""Lets the stage defaults, the environment and ``--params`` all reach every segment."""

from __future__ import annotations

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl

from demand_forecast.framework import run_context
from demand_forecast.framework.parameters import check, expand


class ParameterHook:
    """Replaces the loaded parameters by their expansion over regions and segments."""

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        """Expand and check the parameters of the environment in force.

        Raises:
            ConfigurationError: If a parameter does not exist or has an impossible value.
        """
        loader, plan = context.config_loader, run_context.current().segments
        expanded = expand(dict(loader["parameters"]), dict(loader.runtime_params or {}), plan)
        check(expanded, plan)
        loader["parameters"] = expanded

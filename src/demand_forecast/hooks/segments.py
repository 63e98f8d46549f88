"""Hands the environment's regions and layouts to the pipeline registry."""

from __future__ import annotations

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl

from demand_forecast.framework import segments


class SegmentHook:
    """Keeps ``conf/<env>/segments.yml`` for the registry, which cannot see the environment."""

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        """Read the configuration once; it runs before the pipelines are first looked at."""
        loader = context.config_loader
        segments.configure(dict(loader["segments"]), dict(loader["layouts"]))

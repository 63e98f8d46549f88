"""Turns what a run has promoted into the next release, when the run has ended well."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

from demand_forecast.framework import run_context
from demand_forecast.framework.failures import RunFailedError
from demand_forecast.framework.run_context import registered_models
from demand_forecast.modelling.lifecycle.release import ReleaseParameters
from demand_forecast.registry.aliases import adopt, synchronise
from demand_forecast.registry.releases import RunRelease, promoted
from demand_forecast.registry.tracking import tag_run

Catalog = CatalogProtocol[Any, Any]
_NAMED = 3


class ReleaseHook:
    """One release per run: fixed at its start, written whole at its end.

    A run that goes on after a failure of some segments releases what the others have promoted. One
    that stops writes none; what it has staged is never looked at again.
    """

    @hook_impl
    def before_pipeline_run(
        self, run_params: Mapping[str, Any], pipeline: Pipeline, catalog: Catalog
    ) -> None:
        """Note the release that is in force, for all segments and all processes of the run."""
        models = registered_models(pipeline.datasets(), catalog)
        if not models:
            return
        releases = models[0].releases
        adopt(releases, models[0].environment)
        run = RunRelease(
            run_params["run_id"], releases.reference(), serves_staged=not _must_wait(catalog)
        )
        run_context.enter(replace(run_context.current(), release=run))

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: Catalog) -> None:
        """Release what the run has promoted, on top of what is in force."""
        context = run_context.current()
        models = registered_models(pipeline.all_outputs(), catalog)
        if not models or context.release is None:
            return
        releases, run, environment = models[0].releases, context.release.run, models[0].environment
        staged = releases.staged(run)
        if staged:
            pending = not context.release.serves_staged
            release = releases.publish(
                lambda before: promoted(before, staged),
                _why(staged, environment),
                run=run,
                pending=pending,
            )
            releases.drop_staged(run)
            tag_run(context.parent, {"release": release.id})
        current = releases.current()
        # also where nothing was promoted: a run before may have been killed before this line
        synchronise({} if current is None else current.champions, environment)

    @hook_impl
    def on_pipeline_error(self, error: Exception, pipeline: Pipeline, catalog: Catalog) -> None:
        """The same where the run went on after a failure."""
        if isinstance(error, RunFailedError):
            self.after_pipeline_run(pipeline, catalog)


def _must_wait(catalog: Catalog) -> bool:
    parameters = ReleaseParameters.model_validate(catalog.load("params:release"))
    return parameters.approval == "required"


def _why(names: Iterable[str], environment: str) -> str:
    some = sorted(name.removeprefix(f"{environment}.") for name in names)
    others = f" and {len(some) - _NAMED} more" if len(some) > _NAMED else ""
    return f"passed the gate: {', '.join(some[:_NAMED])}{others}"

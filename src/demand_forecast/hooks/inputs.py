"""Says which command comes first when a stage is started without what it reads."""

from __future__ import annotations

from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

from demand_forecast.exceptions import MissingInputError
from demand_forecast.framework.stages import STAGES


class MissingInputHook:
    """Checks, before the first node, that what no node of the run makes has been stored."""

    @hook_impl(tryfirst=True)
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]
    ) -> None:
        """Raise before any work is done.

        Raises:
            MissingInputError: With the stage that makes the missing data.
        """
        makers = {name: s for s in reversed(STAGES) for name in pipelines[s].all_outputs()}
        missing = [
            name
            for name in sorted(pipeline.inputs() & set(makers))
            if not getattr(catalog.get(name), "missing_ok", False) and not catalog.exists(name)
        ]
        if missing:
            stages = [stage for stage in STAGES if stage in {makers[name] for name in missing}]
            raise MissingInputError.of(missing, ",".join(stages), run_params.get("env"))

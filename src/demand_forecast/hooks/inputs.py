"""Says which command comes first when a stage is started without what it reads."""

from __future__ import annotations

from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

from demand_forecast.exceptions import MissingInputError

STAGES = ("conditioning", "training", "validation", "scoring", "monitoring")


class MissingInputHook:
    """Checks, before the first node, that what no node of the run makes has been stored."""

    @hook_impl(tryfirst=True)
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol
    ) -> None:
        """Raise before any work is done.

        Raises:
            MissingInputError: With the stage that makes the missing data.
        """
        missing = [
            name
            for name in sorted(pipeline.inputs())
            if not name.startswith("params:") and name != "parameters" and ".raw_" not in name
            and ".model_" not in name  # scoring falls back where a model is missing
            and not catalog.exists(name)
        ]
        if not missing:
            return
        makers = [s for s in STAGES if set(missing) & pipelines[s].all_outputs()]
        env = f" --env={run_params['env']}" if run_params.get("env") else ""
        raise MissingInputError(
            f"'{missing[0]}'{f' and {len(missing) - 1} more' if len(missing) > 1 else ''} "
            f"has not been made yet: run `kedro run --pipelines={','.join(makers)}{env}` first."
        )

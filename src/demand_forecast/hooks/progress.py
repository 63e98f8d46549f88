"""Progress by segment while a run goes on, seconds per stage and the results table at its end."""

from __future__ import annotations

import json
import logging
import os
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from demand_forecast.hooks.inputs import STAGES
from demand_forecast.results_table import print_summary

_TIMINGS = "DEMAND_FORECAST_TIMINGS"
_LOGGER = logging.getLogger(__name__)


class ProgressHook:
    """Logs a line whenever a region or segment has finished a stage.

    Seconds are appended to one file named by the environment, so that the nodes of worker processes
    are counted as well.
    """

    def __init__(self) -> None:
        self._left: Counter[tuple[str, str]] = Counter()
        self._total: Counter[str] = Counter()
        self._done: Counter[str] = Counter()
        self._seconds: defaultdict[tuple[str, str], float] = defaultdict(float)
        self._started: dict[str, float] = {}
        self._unsaved: dict[str, int] = {}

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline) -> None:
        """Count what there is to do."""
        self._left = Counter(_place(node) for node in pipeline.nodes)
        self._total = Counter(stage for stage, _ in self._left)
        self._done = Counter()
        handle, path = tempfile.mkstemp(prefix="demand_forecast_", suffix=".jsonl")
        os.close(handle)
        os.environ[_TIMINGS] = path

    @hook_impl
    def before_dataset_loaded(self, node: Node) -> None:
        """Start the node's clock: reading counts."""
        self._started.setdefault(node.name, time.perf_counter())
        self._unsaved.setdefault(node.name, len(node.outputs))

    @hook_impl
    def after_dataset_saved(self, node: Node) -> None:
        """Stop it after the node's last output: writing counts."""
        self._unsaved[node.name] -= 1
        if self._unsaved[node.name] == 0:
            del self._unsaved[node.name]
            self._finish(node, time.perf_counter() - self._started.pop(node.name))

    def _finish(self, node: Node, seconds: float) -> None:
        place = stage, namespace = _place(node)
        if path := os.environ.get(_TIMINGS):
            with Path(path).open("a") as file:
                file.write(json.dumps([stage, seconds]) + "\n")
        self._seconds[place] += seconds
        self._left[place] -= 1
        if self._left[place] == 0:
            self._done[stage] += 1
            _LOGGER.info(
                "%-12s %3d/%d  %-32s %6.1f s",
                stage,
                self._done[stage],
                self._total[stage],
                namespace,
                self._seconds[place],
            )

    @hook_impl
    def after_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol
    ) -> None:
        """Add the seconds to the summary, store it and print the table."""
        seconds = self._stage_seconds()
        if "summary" not in pipeline.all_outputs():
            return
        summary = catalog.load("summary") | {"seconds": seconds}
        catalog.save("summary", summary)
        print_summary(summary, run_params.get("env"))

    @hook_impl
    def on_pipeline_error(self) -> None:
        """Remove the timings of a run that failed."""
        self._stage_seconds()

    def _stage_seconds(self) -> dict[str, float]:
        path = Path(os.environ.pop(_TIMINGS, ""))
        totals: dict[str, float] = defaultdict(float)
        if path.is_file():
            for line in path.read_text().splitlines():
                stage, seconds = json.loads(line)
                totals[stage] += seconds
            path.unlink()
        return {stage: round(totals[stage], 1) for stage in STAGES if stage in totals}


def _place(node: Node) -> tuple[str, str]:
    stage = next((s for s in STAGES if s in node.tags), "other")
    return stage, node.namespace or "all segments"

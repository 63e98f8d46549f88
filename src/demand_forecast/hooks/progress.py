"""Progress by segment while a run goes on, seconds per stage and the results table at its end."""

from __future__ import annotations

import json
import logging
import os
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from demand_forecast.framework import run_context
from demand_forecast.framework.namespacing import unit_of_work
from demand_forecast.framework.stages import STAGES
from demand_forecast.reporting.results_table import print_summary

_LOGGER = logging.getLogger(__name__)


class ProgressHook:
    """Logs a line whenever a region or segment has finished a stage.

    Each node appends its seconds to the file of the run context, so that the nodes of all worker
    processes are counted.
    """

    def __init__(self) -> None:
        self._total: Counter[tuple[str, str]] = Counter()
        self._start = 0.0
        self._started: dict[str, float] = {}
        self._unsaved: dict[str, int] = {}

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline) -> None:
        """Count what there is to do."""
        self._total = Counter(_place(node) for node in pipeline.nodes)
        self._started, self._unsaved = {}, {}  # a run that failed may have left some
        self._start = time.perf_counter()
        handle, path = tempfile.mkstemp(prefix="demand_forecast_", suffix=".jsonl")
        os.close(handle)
        run_context.enter(replace(run_context.current(), timings=Path(path)))

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
            seconds = time.perf_counter() - self._started.pop(node.name)
            with _timings().open("a") as file:
                file.write(json.dumps([*_place(node), seconds]) + "\n")
            self._report(_place(node))

    def _report(self, place: tuple[str, str]) -> None:
        """Log where this was the last node of a segment's stage."""
        nodes: Counter[tuple[str, str]] = Counter()
        seconds: defaultdict[tuple[str, str], float] = defaultdict(float)
        for stage, namespace, elapsed in _read(_timings()):
            nodes[stage, namespace] += 1
            seconds[stage, namespace] += elapsed
        if nodes[place] == self._total[place]:
            of_stage = [p for p in self._total if p[0] == place[0]]
            done = sum(nodes[p] == self._total[p] for p in of_stage)
            _LOGGER.info(
                "%-12s %3d/%d  %-32s %6.1f s",
                place[0],
                done,
                len(of_stage),
                place[1],
                seconds[place],
            )

    @hook_impl
    def after_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]
    ) -> None:
        """Add the seconds to the summary, store it and print the table."""
        seconds = self._stage_seconds() | {"total": round(time.perf_counter() - self._start, 1)}
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
        """Seconds of all nodes of each stage, added up over the workers; the file is removed."""
        totals: dict[str, float] = defaultdict(float)
        if _timings().is_file():
            for stage, _, seconds in _read(_timings()):
                totals[stage] += seconds
            _timings().unlink()
        return {stage: round(totals[stage], 1) for stage in STAGES if stage in totals}


def _timings() -> Path:
    """The file of the run in progress; no file outside one."""
    return run_context.current().timings or Path()


def _place(node: Node) -> tuple[str, str]:
    stage = next((s for s in STAGES if s in node.tags), "other")
    return stage, unit_of_work(node) or "all segments"


def _read(path: Path) -> Iterator[tuple[str, str, float]]:
    for line in path.read_text().splitlines():
        stage, namespace, seconds = json.loads(line)
        yield stage, namespace, seconds

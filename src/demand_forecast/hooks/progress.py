"""Progress by segment while a run goes on; its result and the seconds per stage at the end."""

from __future__ import annotations

import logging
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from demand_forecast.framework import notes, run_context
from demand_forecast.framework.drawing import draw_example
from demand_forecast.framework.failures import Failure, RunFailedError
from demand_forecast.framework.notes import Note
from demand_forecast.framework.stages import STAGES
from demand_forecast.registry.addresses import masked
from demand_forecast.reporting.run_report import RunReport
from demand_forecast.reporting.run_status import NodeRun, write_run_status

_LOGGER = logging.getLogger(__name__)


class ProgressHook:
    """Logs a line whenever a region or segment has finished a stage.

    Each node appends its seconds to the file of the run context, so that the nodes of all worker
    processes are counted.
    """

    def __init__(self) -> None:
        self._total: Counter[tuple[str, str]] = Counter()
        self._open: Counter[tuple[str, str]] = Counter()
        self._start, self._started_at = 0.0, datetime.now(UTC)
        self._started: dict[str, float] = {}
        self._unsaved: dict[str, int] = {}

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline) -> None:
        """Count what there is to do."""
        self._total = Counter(notes.place_of(node) for node in pipeline.nodes if node.outputs)
        self._open = self._total.copy()
        self._started, self._unsaved = {}, {}  # a run that failed may have left some
        self._start, self._started_at = time.perf_counter(), datetime.now(UTC)
        run_context.enter(replace(run_context.current(), notes=notes.new_file()))

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
            notes.add([Note(*notes.place_of(node), node.name, seconds, ended=time.time())])
            self._report(notes.place_of(node))

    @hook_impl
    def on_node_error(self, error: Exception, node: Node) -> None:
        """Note which node failed, for Kedro-Viz."""
        said = masked(f"{type(error).__name__}: {error}")
        notes.add([Note(*notes.place_of(node), node.name, None, said, time.time())])

    def _report(self, place: tuple[str, str]) -> None:
        """Log where this was the last node of a segment's stage.

        All nodes of one are run by one process, so only then are the others' notes of interest.
        """
        self._open[place] -= 1
        if self._open[place] == 0:
            self._tell({place})

    @hook_impl
    def on_notes_arrived(self, arrived: Sequence[Note]) -> None:
        """The same for nodes that have run on another machine."""
        self._tell({(note.stage, note.place) for note in arrived})

    def _tell(self, places: Collection[tuple[str, str]]) -> None:
        """Log a line for each of some places that has finished its stage."""
        nodes: Counter[tuple[str, str]] = Counter()
        seconds: defaultdict[tuple[str, str], float] = defaultdict(float)
        for note in notes.read():
            nodes[note.stage, note.place] += note.seconds is not None
            seconds[note.stage, note.place] += note.seconds or 0
        finished = [place for place, total in self._total.items() if nodes[place] == total]
        for stage, place in (p for p in finished if p in places):
            done = sum(other == stage for other, _ in finished)
            of = sum(other == stage for other, _ in self._total)
            took = seconds[stage, place]
            _LOGGER.info("%-12s %3d/%d  %-32s %6.1f s", stage, done, of, place, took)

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Show what the run has made; a whole one's summary gets the seconds."""
        noted = notes.take()
        self._show(pipeline, catalog, noted)
        self._write_status(pipeline, noted)

    @hook_impl
    def on_pipeline_error(self, error: Exception, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Show what was made in spite of it; tell Kedro-Viz how far the run came."""
        noted = notes.take()
        if isinstance(error, RunFailedError):
            self._show(error.finished(pipeline), catalog, noted, error.failures)
        self._write_status(pipeline, noted, masked(str(error)) or type(error).__name__)

    def _show(
        self,
        done: Pipeline,
        catalog: DataCatalog,
        noted: Iterable[Note],
        failures: Sequence[Failure] = (),
    ) -> None:
        seconds = _by_stage(noted) | {"total": round(time.perf_counter() - self._start, 1)}
        failed = [str(failure) for failure in failures]
        RunReport(done, catalog, run_context.current().segments, failed).show(seconds)

    def _write_status(self, pipeline: Pipeline, noted: Iterable[Note], error: str = "") -> None:
        run = run_context.current()
        drawn = draw_example(pipelines["__default__"], run.segments).nodes
        nodes = {node.name: node for node in pipeline.nodes}
        runs = [
            NodeRun(nodes[one.node], tuple(_drawn(one.node, drawn)), one.seconds, one.error)
            for one in noted
        ]
        try:
            write_run_status(run.project_path, self._started_at, runs, error)
        except OSError as refused:
            _LOGGER.warning("Kedro-Viz is not told how the run went: %s", refused)


def steps_so_far() -> list[dict[str, Any]]:
    """What the nodes of the run have noted, by stage and place: ``nodes``, ``seconds``, ``error``.

    All processes' notes are in it; nothing where no run goes on.
    """
    steps: dict[tuple[str, str], dict[str, Any]] = {}
    for one in notes.read():
        place = {"stage": one.stage, "place": one.place}
        step = steps.setdefault(
            (one.stage, one.place), place | {"nodes": 0, "seconds": 0.0, "error": None}
        )
        step["nodes"] += 1
        step["seconds"] += one.seconds or 0
        step["error"] = one.error or step["error"]
    return list(steps.values())


def _by_stage(noted: Iterable[Note]) -> dict[str, float]:
    """Seconds of all nodes of each stage, in the order of the stages."""
    totals = notes.seconds_by_stage(noted)
    return {stage: round(totals[stage], 1) for stage in STAGES if stage in totals}


def _drawn(name: str, drawn: Mapping[str, Node]) -> Iterator[Node]:
    if name in drawn:
        yield drawn[name]

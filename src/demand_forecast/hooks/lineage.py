"""Tells an OpenLineage collector of a run when it has ended, if there is one to tell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar
from urllib.parse import urlsplit

import pyarrow.parquet as pq
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from demand_forecast.framework import lineage, notes, run_context
from demand_forecast.framework.lineage import Data, RunFacts, Step
from demand_forecast.framework.notes import Note
from demand_forecast.framework.stages import STAGES
from demand_forecast.hooks.collector import Catalog, CollectorHook, EndedRun
from demand_forecast.registry.addresses import masked
from demand_forecast.registry.audit import AuditTrail, FileRecord, Manifest
from demand_forecast.registry.file_records import Files
from demand_forecast.registry.releases import ModelVersion
from demand_forecast.registry.tracking import tracking_uri
from demand_forecast.results_store.dataset import database_of


class LineageHook(CollectorHook):
    """Off unless ``OPENLINEAGE_URL`` or its like is set.

    It surrounds the hook that writes the manifest, whose records are what is sent.
    """

    told: ClassVar[str] = "lineage"

    def is_wanted(self) -> bool:
        """Whether the environment names a collector."""
        return lineage.is_wanted()

    def send(self, run: EndedRun, pipeline: Pipeline, catalog: Catalog) -> None:
        """Send the events of the run and of its stages."""
        manifest = _manifest(run.id)
        facts = RunFacts(
            environment=run.environment,
            pipelines=run.pipelines,
            started=run.started,
            ended=run.ended,
            tags=_tags(run, manifest),
            commit=manifest.code.commit if manifest else "",
            error=run.said,
        )
        lineage.send(facts, _steps(pipeline, run.notes, _Known(manifest, pipeline, catalog)))


class _Known:
    """What is known of the datasets of a run.

    Args:
        manifest: Of the run; None where none was written.
        pipeline: All that was to run.
        catalog: Its datasets.
    """

    def __init__(self, manifest: Manifest | None, pipeline: Pipeline, catalog: Catalog) -> None:
        self._catalog = catalog
        self._found: defaultdict[str, list[Data]] = defaultdict(list)
        if manifest is not None:
            files = Files(str(run_context.current().data_root))
            for record in manifest.files:
                self._found[record.dataset].append(_data(record, files))
        models = run_context.registered_models(pipeline.datasets(), catalog)
        self._models = {
            n: m.name for n in pipeline.datasets() for m in models if catalog.get(n) is m
        }
        release = models[0].releases.current() if models else None
        own = manifest is not None and release is not None and release.run == manifest.run
        self._champions = release.champions if release else {}
        self._released = set(release.changed) if release and own else set()

    def step(self, stage: str, place: str, nodes: Pipeline, noted: Sequence[Note]) -> Step:
        """A stage of a region or segment.

        What was released by the run is written by its release and read by the stages after it.
        """
        after = stage not in STAGES[: STAGES.index("release")]
        read = [*self._files(nodes.inputs()), *self._read_models(nodes.inputs(), after)]
        made = self._names(nodes.all_outputs()) & self._released
        written = [_model(name, self._champions[name]) for name in sorted(made)]
        if database := database_of(nodes, self._catalog):
            written.append(Data(masked(database.shown), "results"))
        return Step(stage, place, noted, read, [*self._files(nodes.all_outputs()), *written])

    def _files(self, names: Iterable[str]) -> list[Data]:
        return [data for name in sorted(names) for data in self._found.get(name, ())]

    def _read_models(self, names: Iterable[str], after: bool) -> Iterator[Data]:
        for name in sorted(self._names(names) & self._champions.keys()):
            champion = self._champions[name]
            replaced = name in self._released and not after
            version = champion.previous if replaced else champion
            if version is not None:
                yield _model(name, version)

    def _names(self, datasets: Iterable[str]) -> set[str]:
        return {self._models[name] for name in datasets if name in self._models}


def _steps(pipeline: Pipeline, noted: Sequence[Note], facts: _Known) -> Iterator[Step]:
    """The stages of all regions and segments, in the order in which they first come."""
    groups: defaultdict[tuple[str, str], list[Node]] = defaultdict(list)
    for node in pipeline.nodes:
        groups[notes.place_of(node)].append(node)
    for (stage, place), nodes in groups.items():
        own = [note for note in noted if (note.stage, note.place) == (stage, place)]
        yield facts.step(stage, place, Pipeline(nodes), own)


def _manifest(run: str) -> Manifest | None:
    """What the run has left in the audit trail; None where that failed."""
    root = run_context.current().data_root
    last = AuditTrail(root).current() if root else None
    return last if last is not None and last.run == run else None


def _tags(run: EndedRun, manifest: Manifest | None) -> dict[str, str]:
    release = manifest.release if manifest else None
    return {
        "run": run.id,
        "manifest": manifest.id if manifest else "",
        "release": release.id if release else "",
        "mlflow_run": run.mlflow_run,
    }


def _model(name: str, version: ModelVersion) -> Data:
    return Data(masked(tracking_uri()), name, version.version, version.digest or "")


def _data(record: FileRecord, files: Files) -> Data:
    """A file or folder of the manifest; all its versions are one dataset."""
    path = files.absolute(record.path)
    whole = path.partition(f"/{record.version}/")[0] if record.version else path
    address = urlsplit(
        whole if "://" in whole or files.is_local else files.fs.unstrip_protocol(whole)
    )
    place = f"{address.scheme}://{address.netloc}" if address.scheme else "file"
    name = address.path.lstrip("/") if address.scheme else whole
    columns = _columns(path) if files.is_local and record.rows is not None else {}
    version = record.version or ""
    return Data(place, name, version, record.sha256, record.rows, record.size, columns)


def _columns(path: str) -> dict[str, str]:
    """Names and types of a Parquet file; none where it is gone."""
    try:
        return {field.name: str(field.type) for field in pq.read_schema(path)}
    except (OSError, ValueError):
        return {}

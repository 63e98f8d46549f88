"""Writes the manifest of a run when it has ended, well or not."""

from __future__ import annotations

import hashlib
import json
import logging
import platform
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final, Literal

from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.io.core import VersionNotFoundError
from kedro.pipeline import Pipeline

from demand_forecast.conditioning.conditioned import FACTS
from demand_forecast.datasets.raw_source import RawSourceDataset
from demand_forecast.exceptions import ArtefactError
from demand_forecast.framework import run_context
from demand_forecast.framework.failures import RunFailedError, said_in_a_line
from demand_forecast.framework.selection import pipeline_names
from demand_forecast.registry.addresses import masked
from demand_forecast.registry.audit import AuditTrail, Code, FileRecord, Manifest, Outcome
from demand_forecast.registry.documents import Author, Reference
from demand_forecast.registry.file_records import Files, place_of
from demand_forecast.registry.model_registry import ModelRegistryDataset
from demand_forecast.registry.tracking import code_diff, git_commit

Catalog = CatalogProtocol[Any, Any]
Status = Literal["complete", "in part", "failed"]
PACKAGES: Final = (
    "demand-forecast",
    "kedro",
    "mlflow",
    "numpy",
    "pandas",
    "pyarrow",
    "pytorch-lightning",
    "scikit-learn",
    "torch",
)
_LOGGER = logging.getLogger(__name__)


class AuditHook:
    """Surrounds all other hooks at a run's end: what they write and what they raise is told too."""

    def __init__(self) -> None:
        self._started_at = datetime.now(UTC)

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self) -> None:
        """Note when it begins."""
        self._started_at = datetime.now(UTC)

    @hook_impl(wrapper=True)
    def after_pipeline_run(
        self, run_params: Mapping[str, Any], pipeline: Pipeline, catalog: Catalog
    ) -> Generator[None, Any, Any]:
        """Write the manifest of a run that has come to its end."""
        try:
            result = yield
        except Exception as error:
            self._write(run_params, pipeline, catalog, error)
            raise
        self._write(run_params, pipeline, catalog)
        return result

    @hook_impl(wrapper=True)
    def on_pipeline_error(
        self, error: Exception, run_params: Mapping[str, Any], pipeline: Pipeline, catalog: Catalog
    ) -> Generator[None, Any, Any]:
        """Write that of a run that has failed, or went on after a failure."""
        try:
            return (yield)
        finally:
            self._write(run_params, pipeline, catalog, error)

    def _write(
        self,
        run_params: Mapping[str, Any],
        pipeline: Pipeline,
        catalog: Catalog,
        error: Exception | None = None,
    ) -> None:
        root = run_context.current().data_root
        if root is None:
            return
        try:
            manifest = _manifest(root, run_params, pipeline, catalog, error)
            AuditTrail(root).append(manifest.model_copy(update={"started_at": self._started_at}))
        except Exception as trouble:  # what the run has made is still good
            _LOGGER.error("the run is missing from the audit trail: %s", trouble)


def _manifest(
    root: str,
    run_params: Mapping[str, Any],
    pipeline: Pipeline,
    catalog: Catalog,
    error: Exception | None,
) -> Manifest:
    """All of a run's manifest but its place in the chain and its start."""
    author, now, context = Author.here(), datetime.now(UTC), run_context.current()
    parameters = catalog.load("parameters") if "parameters" in catalog else {}
    models = run_context.registered_models(pipeline.datasets(), catalog)
    files = Files(root)
    done = error.finished(pipeline) if isinstance(error, RunFailedError) else pipeline
    outputs = _records(files, done.all_outputs(), catalog, saved=True)
    made = {record.dataset for record in outputs}
    # What was there already, of a run that makes only what is missing, has been read instead.
    read = done.inputs() if error else done.datasets() - made
    inputs = [*_records(files, read, catalog, saved=False), *_raw(files, made, catalog)]
    written = {record.path for record in outputs}  # of these, what was there before is gone
    return Manifest(
        run=str(run_params["run_id"]),
        environment=run_params.get("env"),
        who=author.who,
        command=masked(author.command),
        started_at=now,
        ended_at=now,
        pipelines=tuple(pipeline_names(run_params)),
        selection=tuple(run_params.get("namespaces") or run_params.get("tags") or []),
        status=_status(error),
        error=None if error is None else _said(error),
        code=_code(),
        parameters=_digest(parameters),
        seed=parameters.get("training", {}).get("seed"),
        began_with=context.release.release if context.release else None,
        release=_in_force(models),
        verdicts=_verdicts(made, catalog),
        inputs=tuple(record for record in inputs if record.path not in written),
        outputs=tuple(outputs),
    )


def _records(files: Files, names: Iterable[str], catalog: Catalog, saved: bool) -> list[FileRecord]:
    records = []
    for name in sorted(names):
        try:
            place = place_of(catalog.get(name), saved)
        except VersionNotFoundError:
            continue
        record = files.record(name, *place) if place else None
        if record is not None:
            records.append(record)
    return records


def _raw(files: Files, made: Collection[str], catalog: Catalog) -> Iterator[FileRecord]:
    """The raw files of the regions that were conditioned, as they were when they were read."""
    for region in run_context.current().segments.regions:
        name = f"{region}.conditioned"
        place = place_of(catalog.get(name), saved=True) if name in made else None
        if place is None:
            continue
        sources = json.loads(files.fs.cat_file(f"{place[0]}/{FACTS}"))["files"]
        for source, digests in sources.items():
            dataset = catalog.get(f"{region}.raw_{source}")
            if isinstance(dataset, RawSourceDataset):
                for file, digest in digests.items():
                    # where files are read by their time, it follows the digest
                    sha256 = digest.partition("@")[0]
                    path = f"{dataset.folder}/{file}"
                    yield files.known(f"{region}.raw_{source}", path, sha256)


def _verdicts(made: Collection[str], catalog: Catalog) -> dict[str, Outcome]:
    branches = run_context.current().segments.branches
    names = {branch.namespace: f"{branch.namespace}.verdict" for branch in branches}
    verdicts = {place: catalog.load(name) for place, name in names.items() if name in made}
    return {place: Outcome.model_validate(verdict) for place, verdict in verdicts.items()}


def _in_force(models: Sequence[ModelRegistryDataset]) -> Reference | None:
    """The release in force; None before the first, and where it cannot be told."""
    try:
        return models[0].releases.reference() if models else None
    except ArtefactError as error:
        _LOGGER.warning("the manifest of the run names no release: %s", error)
        return None


def _status(error: Exception | None) -> Status:
    if error is None:
        return "complete"
    return "in part" if isinstance(error, RunFailedError) else "failed"


def _said(error: Exception) -> str:
    return masked(str(error)) if isinstance(error, RunFailedError) else said_in_a_line(error)


def _digest(parameters: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(parameters, sort_keys=True, default=str).encode()).hexdigest()


def _code() -> Code:
    return Code(
        commit=git_commit(),
        diff=code_diff(),
        python=platform.python_version(),
        packages=dict(_packages()),
    )


def _packages() -> Iterator[tuple[str, str]]:
    for name in PACKAGES:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            continue

"""What a process must know to take part in a run, and the one place where a process keeps it.

Kedro calls ``register_pipelines()`` without arguments and builds hooks before there is a session.
Whatever these must know of the run is therefore kept here (:func:`current`), and nowhere else.
:class:`RunContext` is frozen and can be pickled: a worker on another machine that is sent one boots
the same project with :meth:`demand_forecast.framework.session.SegmentSession.join`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.utils import find_kedro_project

from demand_forecast.exceptions import ConfigurationError
from demand_forecast.framework.segments import Segments, parse
from demand_forecast.registry.releases import RunRelease
from demand_forecast.registry.tracking import ParentRun

if TYPE_CHECKING:
    from demand_forecast.registry.model_registry import ModelRegistryDataset


@dataclass(frozen=True)
class RunContext:
    """One run of the project, or the configuration in force where nothing runs.

    Attributes:
        segments: Regions and store formats of the environment.
        project_path: The project's folder; the working directory where the package is installed.
        conf_source: Folder or archive of the configuration.
        env: Kedro environment, None for the default one.
        data_root: Where the environment keeps its data, a path or an address; None where no
            configuration says.
        patience: Seconds to wait for another run on the same regions.
        runtime_params: What ``--params`` says.
        save_version: Version under which every dataset of the run is saved.
        load_versions: Versions that ``--load-versions`` asks for, by dataset.
        tracking_uri: The MLflow tracking server.
        parent: The MLflow run of the run, to which the runs of its models lead back.
        release: The release in force when the run began.
        notes: File to which every process of the run appends what its nodes note.
        unpublished: Why the run cannot publish anything; None where it can.
    """

    segments: Segments
    project_path: Path = field(default_factory=Path.cwd)
    conf_source: str = "conf"
    env: str | None = None
    data_root: str | None = None
    patience: float = 60.0
    runtime_params: Mapping[str, Any] = field(default_factory=dict)
    save_version: str | None = None
    load_versions: Mapping[str, str] = field(default_factory=dict)
    tracking_uri: str | None = None
    parent: ParentRun = field(default_factory=ParentRun)
    release: RunRelease | None = None
    notes: Path | None = None
    unpublished: str | None = None


_entered: RunContext | None = None


def current() -> RunContext:
    """The context of this process; that of the base environment where no session has been started.

    Raises:
        ConfigurationError: If no session has been started, and there is no project here.
    """
    return _entered or _from_files(find_kedro_project(Path.cwd()) or Path.cwd())


def entered() -> RunContext | None:
    """The context that was entered, if any."""
    return _entered


def enter(context: RunContext | None) -> None:
    """Make ``context`` that of this process; None forgets it."""
    global _entered  # noqa: PLW0603 - the one place, see above
    _entered = context


@contextmanager
def inside(context: RunContext | None) -> Iterator[None]:
    """Enter ``context``, and return to the one before at the end."""
    before = entered()
    enter(context)
    try:
        yield
    finally:
        enter(before)


def log_below(parent: ParentRun, pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]) -> None:
    """Tell the datasets of the model registry which run they take part in."""
    run = current().release
    for dataset in registered_models(pipeline.datasets(), catalog):
        dataset.log_below(parent, run)


def registered_models(
    names: Iterable[str], catalog: CatalogProtocol[Any, Any]
) -> list[ModelRegistryDataset]:
    """The datasets of the model registry among some datasets."""
    from demand_forecast.registry.model_registry import ModelRegistryDataset

    datasets = [catalog.get(name) for name in sorted(names)]
    return [dataset for dataset in datasets if isinstance(dataset, ModelRegistryDataset)]


def _from_files(project_path: Path) -> RunContext:
    """Read plainly: a second config loader would replace the resolvers of the whole process."""
    conf = project_path / "conf"
    if not (conf / "base" / "segments.yml").exists():
        raise ConfigurationError(
            f"{conf}/base/segments.yml is missing: run from the project's folder."
        )
    env = os.environ.get("KEDRO_ENV")
    folders = [conf / name for name in ("base", env or "local")]
    plan: dict[str, Any] = {}
    layouts: dict[str, dict[str, Any]] = {}
    for folder in folders:
        for file in sorted(folder.glob("layouts/*.yml")):
            layouts |= _read(file)
        for file in folder.glob("segments.yml"):
            plan |= _read(file)
    return RunContext(parse(plan, layouts), project_path, str(conf), env)


def _read(file: Path) -> dict[str, Any]:
    try:
        return dict(yaml.safe_load(file.read_text(encoding="utf-8")) or {})
    except (OSError, ValueError, TypeError, RecursionError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{file} cannot be read: {error}") from error

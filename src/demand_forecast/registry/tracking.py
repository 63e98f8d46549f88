"""What a registered model says of its origin: the MLflow run above it, the commit of the code."""

from __future__ import annotations

import hashlib
import logging
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from demand_forecast.exceptions import RegistryError
from demand_forecast.registry.availability import asked

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.entities import Metric

PIPELINE_RUN: Final = "pipeline_run"  # tag of a model's run: the run that it is part of
_LOGGER = logging.getLogger(__name__)
_BATCH = 1000  # metrics that MLflow takes at once
_BATCH_OF_PARAMETERS = 100


class ParentRun(NamedTuple):
    """The MLflow run of the Kedro run; no run id outside one."""

    run_id: str | None = None
    experiment_id: str = "0"


def active_run() -> ParentRun:
    """The MLflow run that is active in this thread, in which kedro-mlflow has opened it."""
    import mlflow

    run = mlflow.active_run()
    return ParentRun() if run is None else ParentRun(run.info.run_id, run.info.experiment_id)


@contextmanager
def open_run(name: str, parameters: Mapping[str, Any]) -> Iterator[ParentRun]:
    """An MLflow run of the environment's experiment, for work that is no Kedro run.

    Args:
        name: Of the run.
        parameters: Logged with it.
    """
    import mlflow

    with mlflow.start_run(run_name=name):
        mlflow.log_params(dict(parameters))
        mlflow.set_tag("git_commit", git_commit())
        yield active_run()


def log_child(
    parent: ParentRun,
    name: str,
    parameters: Mapping[str, Any],
    metrics: Mapping[str, float],
    tags: Mapping[str, str],
) -> None:
    """Log a run that has ended below another one.

    Args:
        parent: The run above it.
        name: Of the run.
        parameters: Its parameters.
        metrics: Its figures.
        tags: Further tags.
    """
    from mlflow.entities import Param
    from mlflow.tracking import MlflowClient

    client, above = MlflowClient(), {"mlflow.parentRunId": str(parent.run_id)}
    run = client.create_run(parent.experiment_id, run_name=name, tags={**tags, **above})
    run_id = run.info.run_id
    settings = [Param(key, str(value)) for key, value in parameters.items()]
    client.log_batch(run_id, as_metrics(metrics), settings)
    client.set_terminated(run_id)


def as_metrics(figures: Mapping[str, float], model_id: str | None = None) -> list[Metric]:
    """Figures as MLflow's metrics of now.

    Args:
        figures: By name.
        model_id: The logged model whose figures they are as well, if there is one.
    """
    from mlflow.entities import Metric

    now = int(time() * 1000)
    return [Metric(key, float(v), now, 0, model_id=model_id) for key, v in figures.items()]


def log_result(metrics: Mapping[str, float], texts: Mapping[str, str]) -> None:
    """Log figures, and texts by file name, in the run that is open."""
    import mlflow

    mlflow.log_metrics(dict(metrics))
    for name, text in texts.items():
        mlflow.log_text(text, name)


def tag_run(run: ParentRun, tags: Mapping[str, str]) -> None:
    """Tag an MLflow run; outside one, nothing. Trouble with the registry is only logged."""
    from mlflow.entities import RunTag
    from mlflow.tracking import MlflowClient

    if run.run_id is None:
        return
    try:
        with asked():
            MlflowClient().log_batch(run.run_id, tags=[RunTag(k, v) for k, v in tags.items()])
    except RegistryError as error:
        _LOGGER.warning("the run is not tagged: %s", error)


def tracking_uri() -> str:
    """Address of the MLflow server in use."""
    import mlflow

    return str(mlflow.get_tracking_uri())


def log_table(parent: ParentRun, name: str, table: pd.DataFrame) -> None:
    """Log a table to an MLflow run, which shows it among the run's artefacts; outside one, nothing.

    Args:
        parent: The run.
        name: File name of the artefact, ending in ``.csv``.
        table: What is logged.
    """
    from mlflow.tracking import MlflowClient

    if parent.run_id is not None:
        MlflowClient().log_text(parent.run_id, table.to_csv(index=False), name)


def log_figures(parent: ParentRun, figures: Mapping[str, float]) -> None:
    """Log figures as metrics of an MLflow run; outside one, nothing."""
    from mlflow.tracking import MlflowClient

    client, metrics = MlflowClient(), as_metrics(figures)
    for first in range(0, len(metrics) if parent.run_id else 0, _BATCH):
        client.log_batch(str(parent.run_id), metrics[first : first + _BATCH])


def in_batches(values: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Parameters as texts, as many at a time as MLflow takes.

    Args:
        values: By name.
    """
    texts = [(name, str(value)) for name, value in values.items()]
    for first in range(0, len(texts), _BATCH_OF_PARAMETERS):
        yield dict(texts[first : first + _BATCH_OF_PARAMETERS])


def log_parameters(run: ParentRun, texts: Mapping[str, str]) -> None:
    """Log a batch of parameters to an MLflow run, too long ones as tags; outside one, nothing."""
    from mlflow.entities import Param, RunTag
    from mlflow.tracking import MlflowClient
    from mlflow.utils.validation import MAX_PARAM_VAL_LENGTH, MAX_TAG_VAL_LENGTH

    if run.run_id is None:
        return
    short = {name for name, text in texts.items() if len(text) <= MAX_PARAM_VAL_LENGTH}
    MlflowClient().log_batch(
        run.run_id,
        params=[Param(name, text) for name, text in texts.items() if name in short],
        tags=[RunTag(n, t[:MAX_TAG_VAL_LENGTH]) for n, t in texts.items() if n not in short],
    )


def use_server(uri: str) -> None:
    """Use the MLflow server at an address from now on."""
    import mlflow

    mlflow.set_tracking_uri(uri)


@cache
def git_commit() -> str:
    """Commit of this package's code, marked where files differ from it.

    ``unknown`` where the package is installed, or there is no git: a repository around it, or the
    one in the working directory, is not the code's.
    """
    file = Path(__file__).resolve()
    if _git(file, "ls-files", "--error-unmatch", file.name) is None:
        return "unknown"
    commit = _git(file, "rev-parse", "HEAD")
    changes = _git(file, "status", "--porcelain", "--untracked-files=no")
    return f"{commit}-dirty" if changes else str(commit)


@cache
def code_diff() -> str | None:
    """SHA-256 of how this package's code differs from :func:`git_commit`; None where not at all.

    Files that git does not know are in neither.
    """
    changes = _git(Path(__file__).resolve(), "diff", "HEAD") if "-dirty" in git_commit() else None
    return hashlib.sha256(changes.encode()).hexdigest() if changes else None


def _git(file: Path, *arguments: str) -> str | None:
    """Output of a git command in a file's folder; None where it fails."""
    try:
        return subprocess.run(  # noqa: S603 - fixed commands
            ["git", *arguments],  # noqa: S607 - from the path, as everybody's
            cwd=file.parent,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None

"""What hooks have in common that tell a collector of a run when it has ended."""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

from demand_forecast.framework import notes, run_context
from demand_forecast.framework.notes import Note
from demand_forecast.framework.selection import pipeline_names
from demand_forecast.registry.addresses import masked

Catalog = CatalogProtocol[Any, Any]
_LOGGER = logging.getLogger(__name__)


class EndedRun(NamedTuple):
    """A run that has ended.

    Attributes:
        id: Its version.
        environment: Kedro environment.
        pipelines: Their names, joined.
        mlflow_run: Its run in MLflow; empty if there is none.
        started: Seconds since 1970.
        ended: The same.
        notes: What its nodes have noted.
        error: What it failed with; None if it did not.
    """

    id: str
    environment: str
    pipelines: str
    mlflow_run: str
    started: float
    ended: float
    notes: Sequence[Note]
    error: Exception | None

    @property
    def said(self) -> str:
        """The error in words, without passwords; empty if there is none."""
        return masked(str(self.error) or type(self.error).__name__) if self.error else ""


class CollectorHook(ABC):
    """Tells a collector of each run, if there is one to tell; no trouble with it fails a run.

    Attributes:
        told: What the collector is told, for the warning.
    """

    told: ClassVar[str]

    def __init__(self) -> None:
        self._started = 0.0

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self) -> None:
        """Note when it begins."""
        self._started = time.time()

    @hook_impl(wrapper=True)
    def after_pipeline_run(
        self, run_params: Mapping[str, Any], pipeline: Pipeline, catalog: Catalog
    ) -> Generator[None, Any, Any]:
        """Tell of a run that has come to its end."""
        noted = notes.read()  # the hooks inside take them away
        try:
            result = yield
        except Exception as error:
            self._tell(run_params, pipeline, catalog, noted, error)
            raise
        self._tell(run_params, pipeline, catalog, noted)
        return result

    @hook_impl(wrapper=True)
    def on_pipeline_error(
        self, error: Exception, run_params: Mapping[str, Any], pipeline: Pipeline, catalog: Catalog
    ) -> Generator[None, Any, Any]:
        """Tell of one that has failed, or went on after a failure."""
        noted = notes.read()
        try:
            return (yield)
        finally:
            self._tell(run_params, pipeline, catalog, noted, error)

    def _tell(
        self,
        run_params: Mapping[str, Any],
        pipeline: Pipeline,
        catalog: Catalog,
        noted: Sequence[Note],
        error: Exception | None = None,
    ) -> None:
        if not self.is_wanted():
            return
        run = EndedRun(
            id=str(run_params["run_id"]),
            environment=run_params.get("env") or "base",
            pipelines=",".join(pipeline_names(run_params)),
            mlflow_run=run_context.current().parent.run_id or "",
            started=self._started,
            ended=time.time(),
            notes=noted,
            error=error,
        )
        try:
            self.send(run, pipeline, catalog)
        except Exception as trouble:  # what the run has made is still good
            _LOGGER.warning("no %s of this run: %s", self.told, masked(str(trouble)))

    @abstractmethod
    def is_wanted(self) -> bool:
        """Whether there is a collector to tell."""

    @abstractmethod
    def send(self, run: EndedRun, pipeline: Pipeline, catalog: Catalog) -> None:
        """Tell it of a run.

        Args:
            run: The run.
            pipeline: All that was to run.
            catalog: Its datasets.
        """

"""A run in the results store: noted when it starts, checked and made visible when it has ended."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import Any, Final

from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from demand_forecast.exceptions import ContractError, StorageError
from demand_forecast.framework import run_context
from demand_forecast.framework.failures import RunFailedError
from demand_forecast.framework.selection import pipeline_names
from demand_forecast.hooks.progress import steps_so_far
from demand_forecast.registry import availability
from demand_forecast.registry.addresses import masked
from demand_forecast.registry.releases import Release
from demand_forecast.registry.tracking import git_commit
from demand_forecast.results_store.database import ResultsDatabase
from demand_forecast.results_store.dataset import database_of
from demand_forecast.results_store.migrations import prepare
from demand_forecast.results_store.publication import note_run
from demand_forecast.results_store.releases import publish_release
from demand_forecast.results_store.runs import close_interrupted, complete_run, fail_run, here

_PATIENCE: Final = 15.0  # seconds that another run may write before this one does without
_LOGGER = logging.getLogger(__name__)


class ResultsHook:
    """Views show complete runs only: what this hook has not completed, nobody sees."""

    def __init__(self) -> None:
        self._start = 0.0
        self._database: ResultsDatabase | None = None

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]
    ) -> None:
        """Bring the database to today's tables and note the run, where it publishes.

        Runs whose process was killed are closed. Where the database cannot be used, the run goes on
        and publishes nothing.

        Raises:
            ConfigurationError: If the database is of a newer version of this project.
        """
        self._start, self._database = time.perf_counter(), database_of(pipeline, catalog)
        if self._database is None:
            return
        is_new, address = self._database.is_missing, self._database.address
        if problem := None if is_new else availability.probe(address, seconds=_PATIENCE):
            self._do_without(self._database, problem)
            return
        try:
            closed = self._note(self._database, run_params)
        except OperationalError as error:
            self._do_without(self._database, str(error.orig))
            return
        if closed:
            _LOGGER.info("results store: closed runs that were interrupted: %s", ", ".join(closed))

    def _note(self, database: ResultsDatabase, run_params: dict[str, Any]) -> list[str]:
        """Note the run; returns the interrupted ones that were closed."""
        slices = run_params.get("namespaces") or run_params.get("tags") or []
        prepare(database)
        with database.writing() as connection:
            closed = close_interrupted(connection)
            note_run(
                connection,
                run_params["run_id"],
                environment=run_params.get("env") or "base",
                pipelines=",".join(pipeline_names(run_params)),
                namespaces=",".join(slices),
                git_commit=git_commit(),
                **here(),
            )
        return closed

    def _do_without(self, database: ResultsDatabase, problem: str) -> None:
        """No more of it in this run: whatever would publish is told so at once."""
        said = f"the results store {database.shown} cannot be used: {problem}"
        _LOGGER.warning("%s (results_database in globals.yml); the run publishes nothing", said)
        run_context.enter(replace(run_context.current(), unpublished=masked(said)))
        self._database = None

    @hook_impl
    def after_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]
    ) -> None:
        """Check what was published and let it count.

        Raises:
            ContractError: If the database does not hold what was published.
        """
        self._complete(run_params["run_id"], pipeline, catalog)

    @hook_impl
    def on_pipeline_error(
        self,
        error: Exception,
        run_params: dict[str, Any],
        pipeline: Pipeline,
        catalog: CatalogProtocol[Any, Any],
    ) -> None:
        """Note why the run has failed; what went on without the failure counts all the same."""
        if isinstance(error, RunFailedError):
            self._complete(run_params["run_id"], pipeline, catalog, masked(str(error)))
        elif self._database is not None:
            self._fail(run_params["run_id"], error)

    def _complete(
        self,
        run_id: str,
        pipeline: Pipeline,
        catalog: CatalogProtocol[Any, Any],
        error: str | None = None,
    ) -> None:
        if self._database is None:
            return
        models = run_context.registered_models(pipeline.datasets(), catalog)
        release = models[0].releases.current() if models else None
        try:
            with self._database.writing() as connection:
                complete_run(
                    connection,
                    run_id,
                    self._seconds(),
                    steps_so_far(),
                    run_context.current().parent.run_id,
                    error,
                )
                if release is not None:
                    publish_release(connection, run_id, _rows(release))
        except ContractError as trouble:
            self._fail(run_id, trouble)
            raise
        except OperationalError as trouble:
            raise StorageError(
                f"the results store {self._database.shown} cannot be used: {trouble.orig}. No view "
                "shows this run; kedro run --pipelines=publish publishes what it has stored."
            ) from trouble

    def _fail(self, run_id: str, error: Exception) -> None:
        assert self._database is not None  # noqa: S101 - the callers have looked
        told = masked(str(error)) or type(error).__name__
        try:
            with self._database.writing() as connection:
                fail_run(connection, run_id, self._seconds(), told, steps_so_far())
        except SQLAlchemyError as trouble:  # the error that stopped the run is the one to show
            _LOGGER.warning("results store: the failure was not noted (%s)", trouble)

    def _seconds(self) -> float:
        return round(time.perf_counter() - self._start, 1)


def _rows(release: Release) -> list[dict[str, Any]]:
    """A release as rows of the results store."""
    return [
        {
            "release_id": release.id,
            "model_name": name,
            "model_version": champion.version,
            "previous_version": champion.previous.version if champion.previous else "",
            "region": champion.lineage.region,
            "store_format": champion.lineage.store_format,
            "velocity": champion.lineage.velocity or "",
            "released_at": release.created_at.replace(tzinfo=None),
            "note": release.why,
        }
        for name, champion in release.champions.items()
    ]

"""The results store as a Kedro dataset: saving publishes in the name of the run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
from kedro.io import AbstractDataset, CatalogProtocol, DatasetError
from kedro.pipeline import Pipeline
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from demand_forecast.exceptions import ConfigurationError, StorageError
from demand_forecast.framework import run_context
from demand_forecast.registry.addresses import anchored, masked, sqlite_file
from demand_forecast.results_store.database import ResultsDatabase
from demand_forecast.results_store.publication import Publication, publish
from demand_forecast.results_store.schema import PUBLICATIONS


class ResultsDataset(AbstractDataset[Publication, pd.DataFrame]):
    """Facts of one place in the results store.

    ``save`` writes a publication in one transaction, into tables that are there since the run has
    started, see :class:`demand_forecast.hooks.results.ResultsHook`. ``load`` gives the lines of the
    ledger that the run has written so far in the whole store; it reads no facts.
    """

    def __init__(self, *, database: str, metadata: dict[str, Any] | None = None) -> None:
        """Describe the database.

        Args:
            database: Its address, as SQLAlchemy takes it; a relative SQLite file is the project's.
            metadata: Anything, for Kedro-Viz and others.

        Raises:
            ConfigurationError: If SQLite would have to be on an object store.
        """
        if "://" in (sqlite_file(database) or ""):
            raise ConfigurationError(
                f"'{database}' cannot be the results store: SQLite needs a local file. Set "
                "results_database in the environment's globals.yml, to PostgreSQL or to a file."
            )
        address = anchored(database, run_context.current().project_path)
        self.database = ResultsDatabase(address)
        self.metadata = metadata

    def save(self, data: Publication) -> None:
        """Publish.

        Raises:
            DatasetError: If no run goes on.
            StorageError: If the database cannot be used; it is waited for once in a process.
        """
        run = run_context.current()
        if run.unpublished:
            raise StorageError(run.unpublished)
        try:
            with self.database.writing() as connection:
                publish(connection, self._run_id(), data)
        except OperationalError as error:
            said = f"the results store {self.database.shown} cannot be used: {error.orig}"
            run_context.enter(replace(run, unpublished=masked(said)))
            raise StorageError(masked(said)) from error

    def load(self) -> pd.DataFrame:
        """What the run has published."""
        mine = select(PUBLICATIONS).where(PUBLICATIONS.c.run_id == self._run_id())
        with self.database.reading() as connection:
            return pd.read_sql(mine, connection)

    def _run_id(self) -> str:
        run_id = run_context.current().save_version
        if run_id is None:
            raise DatasetError("results are published by runs only")
        return run_id

    def _describe(self) -> dict[str, Any]:
        return {"database": self.database.shown}


def database_of(pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]) -> ResultsDatabase | None:
    """The database that a pipeline publishes in; None if it does not publish."""
    for name in sorted(pipeline.all_outputs()):
        dataset = catalog.get(name)
        if isinstance(dataset, ResultsDataset):
            return dataset.database
    return None

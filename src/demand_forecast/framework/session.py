"""The Kedro session of this project: checked selections, one line per error, one thread."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, cast

import click
from kedro.config import MissingConfigException
from kedro.framework.context import KedroContext
from kedro.framework.project import configure_logging, configure_project, pipelines
from kedro.framework.session import KedroSession
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from omegaconf.errors import InterpolationResolutionError
from yaml import YAMLError

from demand_forecast.exceptions import ConfigurationError
from demand_forecast.framework import run_context
from demand_forecast.framework.conf_source import check_environment, find_unreadable, read_yaml
from demand_forecast.framework.failures import (
    Outcome,
    RunFailedError,
    explained,
    own_error,
    place_of,
)
from demand_forecast.framework.locks import hold
from demand_forecast.framework.namespacing import regions_of
from demand_forecast.framework.not_made import NotMade
from demand_forecast.framework.retries import forget_saved
from demand_forecast.framework.run_context import RunContext, log_below
from demand_forecast.framework.runner import SteadyRunner, Work
from demand_forecast.framework.selection import DEFAULT, by_tags, check_selection
from demand_forecast.framework.threads import one_thread
from demand_forecast.registry.server import forget_run
from demand_forecast.registry.tracking import use_server

PACKAGE = "demand_forecast"


class SegmentSession(KedroSession):
    """A session in which a slice by namespace starts from raw files, like every job.

    A segment's raw files are read by nodes of its *region*, which a plain namespace filter would
    leave out. Those nodes carry their segments' names as tags, so the slice is made by tag.
    """

    _context: KedroContext | None = None
    _catalog: CatalogProtocol[Any, Any] | None = None

    def run(  # type: ignore[override]
        self, pipeline_name: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Run a pipeline; see :meth:`kedro.framework.session.KedroSession.run`.

        Raises:
            ConfigurationError: If the environment, or a pipeline, node, tag, dataset or namespace
                does not exist.
            RunInProgressError: If another run holds the same regions for too long.
            RunFailedError: If nodes failed; all that do not need them have run.
        """
        if pipeline_name:
            options["pipeline_names"] = [pipeline_name]
        with self.in_words(), one_thread():
            pipelines.set_requested(options.get("pipeline_names") or None)
            self.load_context()
            plan = run_context.current().segments
            chosen = check_selection(pipelines, plan, options)
            if by_tags(options, plan):
                options |= {"tags": options["namespaces"], "namespaces": None}
            options.setdefault("runner", SteadyRunner())
            with self._alone(chosen), self._ending(options):
                return super().run(**options)

    @contextmanager
    def _alone(self, pipeline: Pipeline) -> Iterator[None]:
        """Hold the regions of the run, and take a version that is later than all of them have."""
        run, version = run_context.current(), str(self.store.get("session_id"))
        if run.data_root is None:
            yield
            return
        with hold(run.data_root, regions_of(pipeline), version, run.patience) as held:
            self._store["session_id"] = held
            yield

    @contextmanager
    def _ending(self, options: Mapping[str, Any]) -> Iterator[None]:
        """Let a run that failed in places name what repeats it; close one that is ended."""
        env, names = self.store.get("env"), options.get("pipeline_names")
        try:
            yield
        except KeyboardInterrupt:
            forget_run("KILLED")  # MLflow would say that it has finished
            raise
        except Exception as error:
            if failed := RunFailedError.within(error):
                failed.options = [f"--env={env}"] if env else []
                failed.options += [f"--pipelines={','.join(names)}"] if names else []
            raise

    def load_context(self) -> KedroContext:
        """The project's context, made once per session.

        Raises:
            ConfigurationError: If there is no such environment, or a file of it is no text.
        """
        if self._context is None:
            check_environment(self._conf_source, str(self.store.get("env") or "local"))
            self._configure_logging()
            self._context = self._load()
        return self._context

    def _load(self) -> KedroContext:
        env = str(self.store.get("env") or "local")
        try:
            return super().load_context()
        except (UnicodeDecodeError, RecursionError) as error:
            file = find_unreadable(self._conf_source, env)
            if file is None:
                raise
            raise ConfigurationError(f"{file}: {explained(error)}") from error

    @classmethod
    @contextmanager
    def for_command(cls, project_path: Path, env: str | None) -> Iterator[Self]:
        """A session for a command that runs no pipeline, open and with errors :meth:`in_words`.

        Args:
            project_path: The project's folder.
            env: Kedro environment.
        """
        session = cast("Self", cls.create(project_path, env=env))
        with session, session.in_words():
            yield session

    @classmethod
    def join(cls, run: RunContext) -> Self:
        """Boot the project for a run in another process, which may be on another machine.

        Args:
            run: The run, as the process that started it knows it.

        Returns:
            A session with the configuration of the run; see :meth:`run_nodes`.
        """
        configure_project(PACKAGE)
        session = cls.create(
            project_path=run.project_path,
            save_on_close=False,
            env=run.env,
            runtime_params=dict(run.runtime_params),
            conf_source=run.conf_source,
        )
        session.load_context()
        if run.tracking_uri:
            use_server(run.tracking_uri)
        run_context.enter(run)
        joined = cast("Self", session)
        return joined

    def run_nodes(self, names: Iterable[str], lacking: Mapping[str, NotMade]) -> Outcome:
        """Run some nodes of the run that this session has joined, one after the other.

        What another worker that died has saved of them is removed first.

        Args:
            names: Names of the nodes.
            lacking: Datasets that other nodes of the run should have made and have not, and why.
        """
        run = run_context.current()
        part = pipelines[DEFAULT].filter(node_names=list(names))
        catalog = self._catalog_of(run)
        for name in part.datasets():  # as Kedro's runners do: some are in memory only
            catalog.get(name, fallback_to_runtime_pattern=True)
        log_below(run.parent, part, catalog)
        with one_thread():
            forget_saved(part, catalog)
            work = Work(catalog, self._hook_manager, run.save_version, SteadyRunner())
            return work.run(part, lacking)

    def _catalog_of(self, run: RunContext) -> CatalogProtocol[Any, Any]:
        """The catalog of the run that this session has joined, made once."""
        if self._catalog is None:
            # Kedro's own sessions make theirs so: only here can its save version be given.
            self._catalog = self.load_context()._get_catalog(
                save_version=run.save_version, load_versions=dict(run.load_versions)
            )
        return self._catalog

    @contextmanager
    def in_words(self) -> Iterator[None]:
        """On the command line, say in one line what goes wrong inside.

        Raises:
            ClickException: In place of an error that its message explains.
        """
        try:
            yield
        except Exception as error:
            message = self._explained(error)
            if message is None or click.get_current_context(silent=True) is None:
                raise
            failed = RunFailedError.within(error)
            if failed is not None and failed is not error:  # a hook has failed after the nodes
                message = f"{failed}\n{message}"
            # On the command line the message is what counts: it names the culprit and the way out.
            raise click.ClickException(message) from error

    def _explained(self, error: Exception) -> str | None:
        """One line for errors that are not faults of the code; None for those that may be."""
        own = own_error(error)
        if said := explained(error):
            place = place_of(error) or (own and place_of(own))
            return f"{place}: {said}" if place else said
        if isinstance(error, InterpolationResolutionError):
            # what the environment wants to be told, such as an environment variable
            _, _, what = str(error).splitlines()[0].rpartition("interpolation: ")
            return f"conf/{self.store.get('env')}, '{error.full_key}': {what}"
        if isinstance(error, MissingConfigException | YAMLError):
            return str(error)
        return None

    def _configure_logging(self) -> None:
        """Kedro looks for it in the working directory, before it knows the configuration."""
        if "KEDRO_LOGGING_CONFIG" in os.environ or Path("conf/logging.yml").exists():
            return
        if config := read_yaml(self._conf_source, "logging.yml"):
            configure_logging(config)

"""The Kedro session of this project: ``--namespaces`` brings a segment's raw data along."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from kedro.framework.session import KedroSession
from omegaconf.errors import InterpolationResolutionError

from demand_forecast.exceptions import ConfigurationError, DemandForecastError, did_you_mean
from demand_forecast.framework import segments


class SegmentSession(KedroSession):
    """A session in which a slice by namespace starts from raw files, like every job.

    A segment's raw files are read by nodes of its *region*, which a plain namespace filter would
    leave out. Those nodes carry their segments' names as tags, so the slice is made by tag.
    """

    def run(  # type: ignore[override]
        self,
        pipeline_name: str | None = None,
        *,
        tags: Iterable[str] | None = None,
        namespaces: Iterable[str] | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Run a pipeline; see :meth:`kedro.framework.session.KedroSession.run`.

        Raises:
            ConfigurationError: If there is no such environment, or a namespace is no region or
                segment of it.
        """
        wanted = list(namespaces or [])
        with self.in_words():
            if wanted and not tags:
                self._check_namespaces(wanted)
                tags, wanted = wanted, []
            return super().run(pipeline_name, tags=tags, namespaces=wanted or None, **kwargs)

    @contextmanager
    def in_words(self) -> Iterator[None]:
        """Check the environment; on the command line say in one line what goes wrong inside.

        Raises:
            ConfigurationError: If there is no such environment.
        """
        try:
            self._check_environment()
            yield
        except Exception as error:
            message = _own_message(error) or self._unresolved(error)
            if message is None or click.get_current_context(silent=True) is None:
                raise
            # On the command line the message is what counts: it names the culprit and the way out.
            raise click.ClickException(message) from error

    def _check_environment(self) -> None:
        env, conf = str(self.store.get("env") or "base"), Path(self._conf_source)
        valid = [p.name for p in conf.iterdir() if p.is_dir()] if conf.is_dir() else [env]
        if env not in valid:
            raise ConfigurationError(
                f"--env: there is no environment '{env}' in {conf}. {did_you_mean(env, valid)}"
            )

    def _unresolved(self, error: BaseException) -> str | None:
        """What the environment wants to be told, such as an environment variable."""
        if not isinstance(error, InterpolationResolutionError):
            return None
        _, _, what = str(error).splitlines()[0].rpartition("interpolation: ")
        return f"conf/{self.store.get('env')}, '{error.full_key}': {what}"

    def _check_namespaces(self, wanted: list[str]) -> None:
        self.load_context()  # configures the segments of the environment
        plan = segments.current()
        valid = plan.namespaces
        for name in wanted:
            if name not in valid:
                raise ConfigurationError(
                    f"--namespaces: there is no region or segment '{name}' in this environment. "
                    f"{did_you_mean(name, valid)}"
                )


def _own_message(error: BaseException | None) -> str | None:
    """The project's own error among an error and its causes, with the dataset that met it."""
    dataset = ""
    while error is not None:
        if isinstance(error, DemandForecastError):
            return f"{dataset}{error}"
        if name := getattr(error, "dataset_name", None):
            dataset = f"'{name}': "
        error = error.__cause__
    return None

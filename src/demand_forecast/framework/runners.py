"""Runners by name, as ``--runner`` takes them."""

from __future__ import annotations

import inspect
from typing import Any

from kedro.runner import AbstractRunner, ParallelRunner, ThreadRunner
from kedro.utils import load_obj

from demand_forecast.exceptions import ConfigurationError, did_you_mean
from demand_forecast.framework.dask_runner import DaskRunner
from demand_forecast.framework.runner import SegmentRunner, SteadyRunner

DEFAULT = "SequentialRunner"
# One node after the other is Kedro's default; here it goes on after a failure.
RUNNERS: dict[str, type[AbstractRunner]] = {
    DEFAULT: SteadyRunner,
    **{r.__name__: r for r in (SegmentRunner, DaskRunner, ParallelRunner, ThreadRunner)},
}


def runner_path(name: str | None, parameters: dict[str, Any]) -> str:
    """Dotted path of a runner, so that Kedro can load it.

    Args:
        name: Short name or dotted path; None for the sequential one.
        parameters: What ``--runner-params`` says.

    Raises:
        ConfigurationError: If there is no such runner, or it has no such parameter.
    """
    runner = _imported(name) if name and name not in RUNNERS else RUNNERS[name or DEFAULT]
    valid = [p for p in inspect.signature(runner).parameters if p != "self"]
    for parameter in parameters:
        if parameter not in valid:
            raise ConfigurationError(
                f"--runner-params: {runner.__name__} has no parameter '{parameter}'. "
                f"{did_you_mean(parameter, valid)}"
            )
    return f"{runner.__module__}.{runner.__name__}"


def _imported(path: str) -> type[AbstractRunner]:
    """A runner of somebody else's, by its dotted path."""
    try:
        runner = load_obj(path, "kedro.runner")
    except (ImportError, AttributeError, ValueError):
        runner = None
    if not (inspect.isclass(runner) and issubclass(runner, AbstractRunner)):
        hint = did_you_mean(path.rpartition(".")[2], RUNNERS)
        raise ConfigurationError(f"--runner: there is no runner '{path}'. {hint}")
    return runner

"""``kedro run``: Kedro's own command, with the project's runners."""

from __future__ import annotations

from copy import copy
from typing import Any

import click
from kedro.framework.cli.project import run as kedro_run

from demand_forecast.commands.common import InWords

_RUN_HELP = """Run stages (conditioning, training, validation, ...) or jobs (train, score, monitor).

\b
  kedro run                                          everything, from raw files on
  kedro run --pipelines=score --env=prod             the weekly forecasts
  kedro run --pipelines=training,validation          two stages
  kedro run --namespaces=north_texas.large,florida   a segment and a region
  kedro run --runner=SegmentRunner                   segments side by side
  kedro run --runner=DaskRunner                      the same, on a Dask cluster

`kedro registry list` names all pipelines.
"""
_OPTION_HELP = {
    "pipelines": "Stages or jobs, separated by commas. Default: everything, in order.",
    "namespaces": "Regions or segments, separated by commas, such as florida,north_texas.large. "
    "Their raw data are read as far as they have changed.",
    "runner": "SequentialRunner (default), SegmentRunner (segments side by side in worker "
    "processes), DaskRunner (the same on a Dask cluster), ThreadRunner, ParallelRunner, or the "
    "dotted path of another.",
    "runner_params": "Arguments of the runner, such as max_workers=4.",
    "params": "Parameters for all segments, such as forecast.horizon=6, or for one, such as "
    "north_texas.large.forecast.horizon=6; separated by commas.",
    "tags": "Nodes with any of these tags: a stage, a region or a segment.",
}


def _option(option: click.Parameter) -> click.Parameter:
    """One of Kedro's own options, with the project's help."""
    ours = copy(option)
    if isinstance(ours, click.Option):
        ours.help = _OPTION_HELP.get(str(option.name), ours.help)
    return ours


@click.command(
    name="run", cls=InWords, help=_RUN_HELP, params=[_option(option) for option in kedro_run.params]
)
def run(runner: str | None, runner_params: dict[str, Any], **options: Any) -> Any:
    """Kedro's own command, with the project's runners by name."""
    from demand_forecast.framework.runners import runner_path

    assert kedro_run.callback is not None  # noqa: S101 - it is a command
    path = runner_path(runner, runner_params)
    return kedro_run.callback(runner=path, runner_params=runner_params, **options)

"""Commands about how good models are: leaderboard, tune."""

from __future__ import annotations

from pathlib import Path

import click
from kedro.framework.startup import ProjectMetadata

from demand_forecast.commands.common import (
    InWords,
    env_option,
    loaded,
    namespace_option,
    table_option,
)


@click.command(name="leaderboard", cls=InWords)
@namespace_option
@table_option("table", ".csv", ".json")
@env_option
@click.pass_obj
def leaderboard(
    project: ProjectMetadata, namespace: str | None, output: Path | None, env: str | None
) -> None:
    """Rank ensembles, their members and the simple rules by the last backtest of each segment."""
    from demand_forecast.reporting import leaderboard as ranking

    ranking.check_output(output)
    with loaded(project, env) as context:
        table = ranking.load_leaderboard(context.catalog, namespace, env)
    ranking.print_leaderboard(table)
    if output is not None:
        ranking.write_leaderboard(table, output)


@click.command(name="tune", cls=InWords)
@namespace_option
@click.option(
    "--trials",
    default=30,
    show_default=True,
    help="Sets of parameters to try; the first are those in force.",
)
@click.option(
    "--metric",
    type=click.Choice(["wape", "mape"]),
    default="wape",
    show_default=True,
    help="What is to be least: WAPE of the median, or MAPE of the point for it.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=None,
    help="Seconds after which no further trial begins; default: none.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="New file for the parameters to paste; default: they are printed only.",
)
@env_option
@click.pass_obj
def tune(
    project: ProjectMetadata,
    namespace: str | None,
    trials: int,
    metric: str,
    timeout: float | None,
    output: Path | None,
    env: str | None,
) -> None:
    """Search better hyperparameters on the weeks before the validation.

    Nothing is changed: it prints what the best parameters gain over those in force, and the lines
    of YAML that set them. All trials are runs in MLflow. It needs the extra `tune`.
    """
    from demand_forecast.reporting import tuning

    tuning.check_request(trials, output)
    with loaded(project, env) as context:
        targets = tuning.load_targets(context, namespace)
        tuned = tuning.search(targets, namespace, trials, metric, timeout)
        tuning.show(tuned, namespace, metric, output)

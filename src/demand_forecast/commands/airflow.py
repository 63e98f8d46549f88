"""``kedro airflow-dag``: the weekly run as a DAG of Airflow."""

from __future__ import annotations

from pathlib import Path

import click
from kedro.framework.startup import ProjectMetadata

from demand_forecast.commands.common import InWords, loaded


@click.command(name="airflow-dag", cls=InWords)
@click.option("--env", "-e", required=True, help="Kedro environment.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="File to write; default: dags/demand_forecast_ENV.py of the project.",
)
@click.option("--schedule", default="0 4 * * 1", show_default=True, help="When, as cron says it.")
@click.option(
    "--pipelines", default="train,score", show_default=True, help="Jobs that each region does."
)
@click.option(
    "--at-once", default=4, show_default=True, help="Regions that are worked on at the same time."
)
@click.option(
    "--project", "folder", default=None, help="The project's folder on the workers; default: here."
)
@click.option(
    "--kedro", default="kedro", show_default=True, help="The program on the workers, or its path."
)
@click.pass_obj
def airflow_dag(
    project: ProjectMetadata,
    env: str,
    output: Path | None,
    schedule: str,
    pipelines: str,
    at_once: int,
    folder: str | None,
    kedro: str,
) -> None:
    """Write the weekly run as a DAG for Airflow 3.

    A task per region reads, trains and forecasts; then follow what is over all regions, monitoring
    and publishing. Regions that fail keep no other from their forecasts, and the run is failed.
    """
    from kedro.framework.project import pipelines as registered

    from demand_forecast.datasets.atomic import write_text
    from demand_forecast.framework import airflow

    root = project.project_path
    with loaded(project, env):
        text = airflow.airflow_dag(
            registered,
            env,
            folder or str(root),
            jobs=tuple(pipelines.split(",")),
            schedule=schedule,
            at_once=at_once,
            kedro=kedro,
        )
    file = output or root / "dags" / f"demand_forecast_{env}.py"
    write_text(file, text)
    click.echo(file)

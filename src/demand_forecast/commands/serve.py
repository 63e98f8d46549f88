"""``kedro serve``: forecasts, what-ifs and runs over HTTP."""

from __future__ import annotations

import click
from kedro.framework.startup import ProjectMetadata

from demand_forecast.commands.common import (
    InWords,
    env_option,
    host_option,
    loaded,
    port_option,
)


@click.command(name="serve", cls=InWords)
@port_option(8000)
@host_option
@click.option(
    "--run-env",
    "others",
    multiple=True,
    help="Another environment in which runs may be started; may be repeated.",
)
@env_option
@click.pass_obj
def serve(
    project: ProjectMetadata, port: int, host: str, others: tuple[str, ...], env: str | None
) -> None:
    """Answer other systems over HTTP, until Ctrl-C: forecasts, what-ifs, runs.

    It only reads, unless the environment variable DEMAND_FORECAST_TOKEN holds a token: who sends it
    may start the jobs train, score, monitor and publish. It needs the extra `serve`.
    """
    from demand_forecast.serving import launch

    launch.check_installed()
    with loaded(project, env) as context:
        database = context.catalog["published_totals"].database
        click.echo(f"results store {database.shown}, service http://{host}:{port}/docs")
        launch.serve(
            context.catalog, database, project.project_path, (env, *others), host=host, port=port
        )

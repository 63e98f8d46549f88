"""``kedro experiment``: what is tried beside the champions, what it has shown, and stopping it."""

from __future__ import annotations

import click
from kedro.framework.startup import ProjectMetadata

from demand_forecast.commands.common import CommandGroup, env_option, loaded


@click.group(name="experiment", cls=CommandGroup)
def experiment() -> None:
    """Challengers that are tried beside the champions: list them, look at one, stop one."""


@experiment.command(name="list")
@env_option
@click.pass_obj
def show_all(project: ProjectMetadata, env: str | None) -> None:
    """List the experiments of experiments.yml, and how each stands."""
    from demand_forecast.reporting import experiments

    with loaded(project, env) as context:
        experiments.print_experiments(experiments.load_status(context))


@experiment.command(name="show")
@click.argument("name")
@env_option
@click.pass_obj
def show_one(project: ProjectMetadata, name: str, env: str | None) -> None:
    """What the experiment NAME has shown so far, by the last monitoring."""
    from demand_forecast.reporting import experiments

    with loaded(project, env) as context:
        experiments.print_experiment(context, name)


@experiment.command(name="stop")
@click.argument("name")
@click.option("--why", required=True, help="The reason, for people.")
@env_option
@click.pass_obj
def stop(project: ProjectMetadata, name: str, why: str, env: str | None) -> None:
    """Stop the experiment NAME: from the next scoring on, champions serve everything."""
    from demand_forecast.reporting import experiments

    with loaded(project, env) as context:
        experiments.stop_experiment(context, name, why)
    click.echo(f"Stopped {name}: from the next scoring on, champions serve everything.")

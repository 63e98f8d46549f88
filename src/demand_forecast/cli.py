"""The project's commands for ``kedro``."""

from __future__ import annotations

import click

from demand_forecast.commands.accuracy import leaderboard, tune
from demand_forecast.commands.airflow import airflow_dag
from demand_forecast.commands.common import CommandGroup
from demand_forecast.commands.experiment import experiment
from demand_forecast.commands.gate import gate
from demand_forecast.commands.layout import layout
from demand_forecast.commands.models import models
from demand_forecast.commands.override import override
from demand_forecast.commands.planning import dashboard, exceptions, orders, value, what_if
from demand_forecast.commands.provenance import explain, trace
from demand_forecast.commands.run import run
from demand_forecast.commands.sample_data import sample_data
from demand_forecast.commands.serve import serve
from demand_forecast.commands.upkeep import prune, retrain

__all__ = ["cli", "run"]  # the names that Kedro looks for


@click.group(name="demand-forecast", cls=CommandGroup)
def cli() -> None:
    """Commands of the demand-forecast project."""


for _command in (
    run,
    retrain,
    prune,
    sample_data,
    tune,
    explain,
    trace,
    leaderboard,
    dashboard,
    gate,
    orders,
    exceptions,
    value,
    what_if,
    serve,
    models,
    override,
    experiment,
    layout,
    airflow_dag,
):
    cli.add_command(_command)

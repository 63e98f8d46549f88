"""``kedro override``: corrections of forecasts and orders by people."""

from __future__ import annotations

from typing import Any

import click
from kedro.framework.startup import ProjectMetadata

from demand_forecast.commands.common import CommandGroup, env_option, loaded, namespace_option


@click.group(name="override", cls=CommandGroup)
def override() -> None:
    """Correct forecasts or orders: add a correction, list them, end one."""


@override.command(name="add")
@click.option("--namespace", "segment", required=True, help="Segment, such as north_texas.large.")
@click.option("--store", "store_id", default=None, help="Store; default: all.")
@click.option("--product", "product_id", default=None, help="Product; default: all.")
@click.option("--first-week", required=True, help="Last day of the first week, as 2020-01-04.")
@click.option("--last-week", default=None, help="Last day of the last week; default: the first.")
@click.option("--factor", default=None, help="What units are multiplied by.")
@click.option("--amount", default=None, help="Units to add per store, product and week.")
@click.option(
    "--target",
    type=click.Choice(["forecast", "order"]),
    default="forecast",
    show_default=True,
    help="What is corrected.",
)
@click.option("--owner", required=True, help="Who answers for it.")
@click.option("--reason", required=True, help="One of those in scoring: overrides: reasons.")
@click.option("--note", default=None, help="The reason in free words.")
@click.option(
    "--expires",
    "expires_on",
    default=None,
    help="Forecasts that know data beyond that day do without it; default: its last week.",
)
@env_option
@click.pass_obj
def add(project: ProjectMetadata, /, env: str | None, **values: Any) -> None:
    """Correct the forecasts or orders of some weeks; the next scoring applies it."""
    from demand_forecast.reporting import overrides

    values["last_week"] = values["last_week"] or values["first_week"]
    with loaded(project, env) as context:
        made, told = overrides.add_override(context, values)
    click.echo(f"{overrides.what_it_does(made)}.\n{told}")


@override.command(name="list")
@namespace_option
@click.option("--all", "everything", is_flag=True, help="Also those that are over.")
@env_option
@click.pass_obj
def show(
    project: ProjectMetadata, namespace: str | None, everything: bool, env: str | None
) -> None:
    """List corrections with what became of each: in force or refused, and why."""
    from demand_forecast.reporting import overrides

    with loaded(project, env) as context:
        table = overrides.load_overrides(context, namespace)
    overrides.print_overrides(table, everything)


@override.command(name="end")
@click.argument("override_id", metavar="ID")
@env_option
@click.pass_obj
def end(project: ProjectMetadata, override_id: str, env: str | None) -> None:
    """End the correction ID, from the next scoring on."""
    from demand_forecast.reporting import overrides

    with loaded(project, env) as context:
        ended = overrides.end_override(context, override_id)
    click.echo(f"Ended {overrides.what_it_does(ended)}.")

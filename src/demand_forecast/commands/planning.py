"""Commands for planners: orders, value, the dashboard."""

from __future__ import annotations

from pathlib import Path

import click
from kedro.framework.startup import ProjectMetadata

from demand_forecast.commands.common import (
    InWords,
    env_option,
    host_option,
    loaded,
    namespace_option,
    port_option,
    table_option,
)


@click.command(name="orders", cls=InWords)
@click.option("--store", required=True, help="The store, such as NTX001.")
@click.option("--namespace", default=None, help="Its region or segment; default: it is looked for.")
@click.option(
    "--week",
    default="next",
    show_default=True,
    help="Last day of the week that is delivered for, as 2020-01-04.",
)
@table_option("sheet", ".xlsx", ".csv")
@env_option
@click.pass_obj
def orders(
    project: ProjectMetadata,
    store: str,
    namespace: str | None,
    week: str,
    output: Path | None,
    env: str | None,
) -> None:
    """Print what to deliver to a store, first what deserves a look."""
    from demand_forecast.reporting import orders as sheet

    sheet.check_output(output)
    with loaded(project, env) as context:
        table = sheet.load_orders(context.catalog, store, namespace, week)
        deliveries = sheet.plan_deliveries(context.params, table)
    sheet.print_orders(table, deliveries)
    if output is not None:
        sheet.write_orders(table, deliveries, output)


@click.command(name="exceptions", cls=InWords)
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    default=30,
    show_default=True,
    help="How long you have; a look takes `scoring: review: seconds_per_look`.",
)
@click.option("--namespace", default=None, help="A region or a segment; default: all.")
@table_option("list", ".csv", ".xlsx")
@env_option
@click.pass_obj
def exceptions(
    project: ProjectMetadata,
    minutes: float,
    namespace: str | None,
    output: Path | None,
    env: str | None,
) -> None:
    """Print the next orders that deserve a look, those with most money at risk first."""
    from demand_forecast.reporting import review

    review.check_output(output)
    with loaded(project, env) as context:
        listed = review.load_exceptions(context, namespace, minutes)
    review.print_exceptions(listed)
    if output is not None:
        review.write_exceptions(listed, output)


@click.command(name="value", cls=InWords)
@namespace_option
@click.option(
    "--truth",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=None,
    help="Folder with the demand behind simulated raw files (kedro sample-data --truth).",
)
@click.option(
    "--lead",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Weeks between an order and the week that it is for.",
)
@table_option("table", ".csv", ".json")
@env_option
@click.pass_obj
def value(
    project: ProjectMetadata,
    namespace: str | None,
    truth: Path | None,
    lead: int,
    output: Path | None,
    env: str | None,
) -> None:
    """Say what the orders are worth in money against the deliveries that were made.

    The weeks of the last validation are delivered again: as they were, by the historical average,
    by the point with the least MAPE, by our orders, and with --truth by one who knows the demand.
    """
    from demand_forecast.reporting import value as worth

    worth.check_output(output)
    with loaded(project, env) as context:
        table = worth.load_value(context, namespace, truth, lead)
    worth.print_value(table)
    if output is not None:
        worth.write_value(table, output)


@click.command(name="what-if", cls=InWords)
@click.option("--namespace", required=True, help="The segment, such as north_texas.large.")
@click.option("--store", default=None, help="A store; default: all.")
@click.option("--product", default=None, help="A product; default: all.")
@click.option("--price", default=None, help="The plan's column `price`: -10%, +5% or 3.49.")
@click.option(
    "--promotion", default=None, help="Its column `promotion`: on (as deep as usual), off or 20%."
)
@click.option(
    "--set",
    "others",
    multiple=True,
    metavar="COLUMN=VALUE",
    help="Any column of the plan, such as feature=on or price=-10%; may be repeated.",
)
@click.option("--weeks", default=1, show_default=True, help="How many of the next weeks change.")
@table_option("rows", ".csv", ".json")
@env_option
@click.pass_obj
def what_if(
    project: ProjectMetadata,
    *,
    namespace: str,
    store: str | None,
    product: str | None,
    price: str | None,
    promotion: str | None,
    others: tuple[str, ...],
    weeks: int,
    output: Path | None,
    env: str | None,
) -> None:
    """Ask the models in use what another plan would do to forecast, order and margin."""
    from demand_forecast.framework.question import Question
    from demand_forecast.reporting import what_if as asking

    asking.check_output(output)
    changes = asking.read_changes(price, promotion, others)
    question = Question(changes, weeks, store, product)
    with loaded(project, env) as context:
        scoring, told = asking.ask(context.catalog, namespace, question)
        other = asking.published_differs(context.catalog, namespace, told)
    asking.print_answer(scoring, question, told, other)
    if output is not None:
        asking.write_answer(told, output)


@click.command(name="dashboard", cls=InWords)
@port_option(8501)
@host_option
@env_option
@click.pass_obj
def dashboard(project: ProjectMetadata, port: int, host: str, env: str | None) -> None:
    """Serve the dashboard over the results store, until Ctrl-C.

    It reads what runs have published, and changes nothing. It needs the extra `dashboard`.
    """
    from demand_forecast.dashboard.server import launch

    with loaded(project, env) as context:
        published = context.catalog["published_totals"]
        database = published.database
        click.echo(f"results store {database.shown}, dashboard http://{host}:{port}")
        launch.serve(database.address, port, host)

"""Commands that say where a forecast comes from: explain, trace."""

from __future__ import annotations

import click
from kedro.framework.startup import ProjectMetadata

from demand_forecast.commands.common import InWords, env_option, loaded
from demand_forecast.exceptions import DemandForecastError


@click.command(name="explain", cls=InWords)
@click.option("--namespace", required=True, help="The segment, such as north_texas.large.")
@click.option("--store", default=None, help="A store; default: the sum over all.")
@click.option("--product", default=None, help="A product; default: the sum over all.")
@click.option("--week", default=None, help="A week, as 2019-12-28; default: all that are forecast.")
@env_option
@click.pass_obj
def explain(
    project: ProjectMetadata,
    namespace: str,
    store: str | None,
    product: str | None,
    week: str | None,
    env: str | None,
) -> None:
    """Say what a forecast is made of, and what changed since the one before."""
    import pandas as pd

    from demand_forecast.reporting import explanation

    explanation.check_segment(namespace)
    with loaded(project, env) as context:
        catalog = context.catalog
        parts = explanation.load_explanations(catalog, namespace)
        parts = explanation.choose(parts, store_id=store, product_id=product, week=week)
        changed: pd.DataFrame | str
        try:
            changed = explanation.load_changes(catalog, namespace)
            changed = changed.merge(parts[["store_id", "product_id", "week"]])
        except DemandForecastError as error:
            changed = str(error)
    names = [namespace, *(f"{k} {v}" for k, v in {"store": store, "product": product}.items() if v)]
    explanation.print_explanation(parts, changed, ", ".join(names))


@click.command(name="trace", cls=InWords)
@click.option("--namespace", required=True, help="The segment, such as north_texas.large.")
@click.option("--store", required=True, help="The store, such as NTX001.")
@click.option("--product", required=True, help="The product, such as 10103.")
@click.option("--week", default=None, help="A week, as 2019-12-28; default: the first forecast.")
@click.option("--replay", is_flag=True, help="Train its model again and compare it, bit by bit.")
@env_option
@click.pass_obj
def trace(
    project: ProjectMetadata,
    namespace: str,
    store: str,
    product: str,
    week: str | None,
    replay: bool,
    env: str | None,
) -> None:
    """Follow a number of the newest forecast back to raw files, and check every digest.

    The exit code is 1 where anything is missing or was changed without a run that tells of it; the
    last lines name the place.
    """
    from demand_forecast.reporting import trace as tracing

    with loaded(project, env) as context:
        catalog = context.catalog
        traced = tracing.trace_stored(catalog, namespace, store, product, week)
        if replay:
            from demand_forecast.reporting.replay import replay_traced

            traced.steps.append(replay_traced(catalog, namespace, traced))
    tracing.print_trace(traced)
    if not traced.is_good:
        raise click.exceptions.Exit(1)

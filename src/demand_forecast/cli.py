"""Project commands for ``kedro``: making sample data, explaining a forecast."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import click
from kedro.framework.startup import ProjectMetadata


@click.group(name="demand-forecast")
def cli() -> None:
    """Commands of the demand-forecast project."""


@cli.command(name="sample-data")
@click.option("--stores", default=8, show_default=True, help="Stores per region.")
@click.option("--products", default=10, show_default=True, help="Products of the company.")
@click.option("--weeks", default=156, show_default=True, help="Weeks of history from January 2017.")
@click.option("--seed", default=2017, show_default=True, help="Other seeds give other data.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("data/01_raw"),
    show_default=True,
    help="Folder for the raw files, one folder per region in it.",
)
@click.option("--regions", default=None, help="Regions, separated by commas; default: all.")
@click.option(
    "--truth",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Folder for the latent demand behind the files; default: not written.",
)
def sample_data(
    stores: int,
    products: int,
    weeks: int,
    seed: int,
    output: Path,
    regions: str | None,
    truth: Path | None,
) -> None:
    """Simulate the company and write its raw files, region by region."""
    from demand_forecast.exceptions import DemandForecastError
    from demand_forecast.simulator import Company, choose_layouts, simulate_regions

    names = None if regions is None else [name.strip() for name in regions.split(",")]
    try:
        company = Company(stores, products, weeks, seed)
        layouts = choose_layouts(names)
        for done in simulate_regions(company, layouts, output, truth):
            click.echo(
                f"{done.region:22s} {done.layout:14s} {done.rows.total():>12,} rows, "
                f"{done.bad_rows.total():,} of them bad"
            )
    except DemandForecastError as error:
        raise click.ClickException(str(error)) from error


@cli.command(name="explain")
@click.option("--namespace", required=True, help="The segment, such as north_texas.large.")
@click.option("--store", default=None, help="A store; default: the sum over all.")
@click.option("--product", default=None, help="A product; default: the sum over all.")
@click.option("--week", default=None, help="A week, as 2019-12-28; default: all that are forecast.")
@click.option("--env", "-e", default=None, help="Kedro environment.")
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

    from demand_forecast.exceptions import DemandForecastError
    from demand_forecast.framework.session import SegmentSession
    from demand_forecast.reporting import explanation

    session = cast("SegmentSession", SegmentSession.create(project.project_path, env=env))
    with session, session.in_words():
        catalog = session.load_context().catalog
        explanation.check_segment(namespace)
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

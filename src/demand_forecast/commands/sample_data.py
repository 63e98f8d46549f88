"""``kedro sample-data``: raw files of a simulated company."""

from __future__ import annotations

from pathlib import Path

import click
from kedro.framework.startup import ProjectMetadata

from demand_forecast.commands.common import InWords


@click.command(name="sample-data", cls=InWords)
@click.option("--stores", default=8, show_default=True, help="Stores per region.")
@click.option("--products", default=10, show_default=True, help="Products of the company.")
@click.option("--weeks", default=156, show_default=True, help="Weeks of history from January 2017.")
@click.option("--seed", default=2017, show_default=True, help="Other seeds give other data.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Folder for the raw files, one per region in it; default: the project's data/01_raw.",
)
@click.option("--regions", default=None, help="Regions, separated by commas; default: all.")
@click.option(
    "--truth",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Folder for the latent demand behind the files; default: not written.",
)
@click.pass_obj
def sample_data(
    project: ProjectMetadata,
    stores: int,
    products: int,
    weeks: int,
    seed: int,
    output: Path | None,
    regions: str | None,
    truth: Path | None,
) -> None:
    """Simulate the company and write its raw files, region by region."""
    from demand_forecast.simulator import Company, choose_layouts, simulate_regions

    names = None if regions is None else [name.strip() for name in regions.split(",")]
    company = Company(stores, products, weeks, seed)
    layouts = choose_layouts(names)
    folder = output or project.project_path / "data" / "01_raw"
    for done in simulate_regions(company, layouts, folder, truth):
        click.echo(
            f"{done.region:22s} {done.layout:14s} {done.rows.total():>12,} rows, "
            f"{done.bad_rows.total():,} of them bad"
        )

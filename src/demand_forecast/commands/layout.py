"""``kedro layout``: how raw files look."""

from __future__ import annotations

from pathlib import Path

import click
from kedro.framework.startup import ProjectMetadata

from demand_forecast.commands.common import CommandGroup, env_option


@click.group(name="layout", cls=CommandGroup)
def layout() -> None:
    """How raw files look: draft a layout, check it, show it to a supplier."""


@layout.command(name="draft")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--name", default="acme", show_default=True, help="Environment and layout.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Folder to write into; default: conf/NAME of the project.",
)
@click.option("--force", is_flag=True, help="Replace files that are there.")
@click.pass_obj
def layout_draft(
    project: ProjectMetadata | None, folder: Path, name: str, output: Path | None, force: bool
) -> None:
    """Look at the raw files in FOLDER and write the configuration that reads them.

    FOLDER holds the files of one region, or a folder per region. What the files leave open is
    written as `decide`, with the question beside it.
    """
    from demand_forecast.reporting.layouts import write_draft

    root = project.project_path if project is not None else Path.cwd()
    write_draft(folder, name, output or root / "conf" / name, force, root)


@layout.command(name="check")
@env_option
@click.option("--region", "regions", multiple=True, help="A region; may be repeated. Default: all.")
@click.option(
    "--rows",
    default=500_000,
    show_default=True,
    help="Of a source with more rows, only so many are looked at.",
)
@click.pass_obj
def layout_check(
    project: ProjectMetadata, env: str | None, regions: tuple[str, ...], rows: int
) -> None:
    """Show what a layout makes of the raw files; nothing is written.

    How each column is read, rows before and after, dates, rejected rows, joins, and what a model
    will do with each covariate. The exit code is 1 if something would stop a run.

    Raises:
        ClickException: If something would stop a run.
    """
    from demand_forecast.reporting.layouts import check_layouts

    passed = check_layouts(project.project_path, env, list(regions), rows)
    if not passed:
        raise click.ClickException("something would stop a run, see 'stops a run' above.")


@layout.command(name="contract")
@env_option
@click.option("--source", default=None, help="A source, such as shipments; default: all.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Folder for one file per layout and source; default: all are printed.",
)
@click.pass_obj
def layout_contract(
    project: ProjectMetadata, env: str | None, source: str | None, output: Path | None
) -> None:
    """Write data contracts that a supplier can be shown, from layouts and expectations.

    They are YAML of the Open Data Contract Standard, one for each layout in use and source.
    """
    from demand_forecast.reporting.layouts import write_contracts

    write_contracts(project.project_path, env, source, output)

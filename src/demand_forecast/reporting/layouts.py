"""What ``kedro layout`` writes and prints."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click
import yaml
from kedro.io import CatalogProtocol
from rich.console import Console

from demand_forecast.conditioning.drafting import DraftedFile, draft_environment
from demand_forecast.conditioning.drafting.checking import RegionCheck, check_region
from demand_forecast.conditioning.drafting.contract import source_contract
from demand_forecast.conditioning.layout import DECIDE, parse_layout
from demand_forecast.conditioning.parameters import ConditioningParameters
from demand_forecast.datasets.atomic import write_text
from demand_forecast.exceptions import ConfigurationError, did_you_mean
from demand_forecast.framework import run_context
from demand_forecast.framework.segments import Segments
from demand_forecast.framework.session import SegmentSession
from demand_forecast.reporting.layout_check import print_check

_QUESTION: Final = f"# {DECIDE}: "


def write_draft(
    folder: Path, name: str, output: Path, force: bool = False, project: Path | None = None
) -> None:
    """Write an environment drafted from raw files, and print what it leaves open.

    Args:
        folder: Raw files of one region, or a folder per region.
        name: Name of the environment and of its layout.
        output: Folder to write into.
        force: Whether to replace files that are there.
        project: The project's folder, if there is one.

    Raises:
        SourceError: If no file can be read.
        ConfigurationError: If a file to write is there.
    """
    files = draft_environment(folder, name, project)
    there = [f.path for f in files if (output / f.path).exists()]
    if there and not force:
        raise ConfigurationError(
            f"{output}: {', '.join(there)} would be replaced. Choose another --name or --output, "
            "or say --force."
        )
    console = Console(soft_wrap=True, highlight=False)
    for file in files:
        path = output / file.path
        write_text(path, file.text)
        console.print(f"written: {path}", markup=False)
    _print_questions(console, files)
    console.print(f"next: kedro layout check --env={name}", markup=False)


def _print_questions(console: Console, files: list[DraftedFile]) -> None:
    questions = [q for file in files for q in open_questions(file)]
    if not questions:
        console.print("nothing is left to decide; read the lines that are a guess")
    for question in questions:
        console.print(f"to decide in {question}", markup=False)


def open_questions(file: DraftedFile) -> list[str]:
    """Lines of a file that hold ``decide``, with the question beside it; each question once.

    Args:
        file: A file of an environment.
    """
    asked = {
        line.partition(_QUESTION)[2]: f"{file.path}, line {number}: {line.partition(_QUESTION)[2]}"
        for number, line in reversed(list(enumerate(file.text.split("\n"), 1)))
        if _QUESTION in line and DECIDE in line.partition("#")[0]
    }
    return list(reversed(asked.values()))


def questions_of(conf: Path) -> list[str]:
    """Open questions in all YAML files of an environment, by file and line.

    Args:
        conf: The folder of the environment.
    """
    files = [
        DraftedFile(str(path.relative_to(conf)), path.read_text(encoding="utf-8"))
        for path in sorted(conf.rglob("*.yml"))
    ]
    return [question for file in files for question in open_questions(file)]


def check_layouts(project: Path, env: str | None, regions: list[str], max_rows: int) -> bool:
    """Read regions by their layouts and print what is made of them.

    Args:
        project: The project's folder.
        env: Kedro environment.
        regions: Regions to check; none for all.
        max_rows: Rows of a source from which on only a sample is looked at.

    Returns:
        Whether a run would go through.

    Raises:
        ConfigurationError: If something is still to be decided, or a region is unknown.
    """
    asked = questions_of(project / "conf" / (env or "base"))
    if asked:
        lines = "".join(f"\n  {question}" for question in asked)
        raise ConfigurationError(f"conf/{env or 'base'}: still to be decided:{lines}")
    with SegmentSession.for_command(project, env) as session:
        catalog = session.load_context().catalog
        plan = run_context.current().segments
        for region in regions:
            if region not in plan.regions:
                hint = did_you_mean(region, plan.regions)
                raise ConfigurationError(f"--region: there is no region '{region}'. {hint}")
        checks = [_check(catalog, plan, r, max_rows) for r in regions or list(plan.regions)]
    for check in checks:
        print_check(check)
    return not any(check.errors for check in checks)


def _check(
    catalog: CatalogProtocol[Any, Any], plan: Segments, region: str, max_rows: int
) -> RegionCheck:
    layout = parse_layout(plan.regions[region].layout, catalog.load(f"params:{region}.layout"))
    parameters = catalog.load(f"params:{region}.conditioning")
    if not isinstance(parameters, ConditioningParameters):
        parameters = ConditioningParameters.model_validate(parameters)
    raw = {source: catalog.load(f"{region}.raw_{source}") for source in layout.sources}
    return check_region(raw, layout, region, plan.formats(region), parameters, max_rows)


def write_contracts(
    project: Path, env: str | None, source: str | None, output: Path | None
) -> None:
    """Write or print the contract of each layout in use and source.

    Args:
        project: The project's folder.
        env: Kedro environment.
        source: A source; None for all.
        output: Folder for the files; None prints them.

    Raises:
        ConfigurationError: If no layout in use has the source.
    """
    with SegmentSession.for_command(project, env) as session:
        session.load_context()
        plan = run_context.current().segments
    used = dict.fromkeys(region.layout for region in plan.regions.values())
    layouts = [parse_layout(name, plan.layouts[name]) for name in used]
    pairs = [(x, s) for x in layouts for s in x.sources if source in (None, s)]
    if not pairs:
        sources = {s for x in layouts for s in x.sources}
        raise ConfigurationError(
            f"--source: no layout has the source '{source}'. {did_you_mean(str(source), sources)}"
        )
    for layout, name in pairs:
        suite = _expectations(project / "conf", env or "local", name)
        text = yaml.safe_dump(
            source_contract(layout, name, suite), sort_keys=False, allow_unicode=True, width=100
        )
        if output is None:
            click.echo(f"---\n{text}", nl=False)
        else:
            path = output / f"{layout.name}.{name}.odcs.yaml"
            write_text(path, text)
            click.echo(f"written: {path}")


def _expectations(conf: Path, env: str, source: str) -> list[dict[str, Any]]:
    """What the environment, or the base, expects of the raw files of a source."""
    for folder in (conf / env, conf / "base"):
        path = folder / "expectations" / f"raw_{source}.yml"
        if path.exists():
            return list(yaml.safe_load(path.read_text(encoding="utf-8"))["expectations"])
    return []

"""Project commands for ``kedro``: running, making sample data, explaining a forecast."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Any

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.startup import ProjectMetadata

from demand_forecast.exceptions import DemandForecastError

_RUN_HELP = """Run stages (conditioning, training, validation, ...) or jobs (train, score, monitor).

\b
  kedro run                                          everything, from raw files on
  kedro run --pipelines=score --env=prod             the weekly forecasts
  kedro run --pipelines=training,validation          two stages
  kedro run --namespaces=north_texas.large,florida   a segment and a region
  kedro run --runner=SegmentRunner                   segments side by side

`kedro registry list` names all pipelines.
"""
_OPTION_HELP = {
    "pipelines": "Stages or jobs, separated by commas. Default: everything, in order.",
    "namespaces": "Regions or segments, separated by commas, such as florida,north_texas.large. "
    "Their raw data are read as far as they have changed.",
    "runner": "SequentialRunner (default), SegmentRunner (segments side by side in worker "
    "processes), ThreadRunner, ParallelRunner, or the dotted path of another.",
    "runner_params": "Arguments of the runner, such as max_workers=4.",
    "params": "Parameters for all segments, such as forecast.horizon=6, or for one, such as "
    "north_texas.large.forecast.horizon=6; separated by commas.",
    "tags": "Nodes with any of these tags: a stage, a region or a segment.",
}


class _InWords(click.Command):
    """A command that says in one line what goes wrong, where it is no fault of the code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            if isinstance(error, click.ClickException | click.exceptions.Exit | click.Abort):
                raise
            from demand_forecast.framework.failures import explained

            message = explained(error)
            if message is None:
                raise
            raise click.ClickException(message) from error


class _Group(click.Group):
    """Commands of the project."""

    command_class = _InWords
    group_class = type


@click.group(name="demand-forecast", cls=_Group)
def cli() -> None:
    """Commands of the demand-forecast project."""


def _option(option: click.Parameter) -> click.Parameter:
    """One of Kedro's own options, with the project's help."""
    ours = copy(option)
    if isinstance(ours, click.Option):
        ours.help = _OPTION_HELP.get(str(option.name), ours.help)
    return ours


@cli.command(name="run", help=_RUN_HELP, params=[_option(option) for option in kedro_run.params])
def run(runner: str | None, runner_params: dict[str, Any], **options: Any) -> Any:
    """Kedro's own command, with the project's runners by name and errors in one line.

    Raises:
        ClickException: If an argument is wrong.
    """
    from demand_forecast.framework.runners import runner_path

    assert kedro_run.callback is not None  # noqa: S101 - it is a command
    try:
        path = runner_path(runner, runner_params)
        return kedro_run.callback(runner=path, runner_params=runner_params, **options)
    except DemandForecastError as error:
        raise click.ClickException(str(error)) from error


@cli.command(name="retrain")
@click.option("--dry-run", is_flag=True, help="Only say which models would be trained, and why.")
@click.option(
    "--namespace",
    "namespaces",
    multiple=True,
    help="A region, segment or velocity, such as north_texas.large.fast; may be repeated. "
    "Default: all.",
)
@click.option("--env", "-e", default=None, help="Kedro environment.")
@click.pass_obj
def retrain(
    project: ProjectMetadata, dry_run: bool, namespaces: tuple[str, ...], env: str | None
) -> None:
    """Train, validate and release the models that need it, and no others.

    Raw files are read first, as far as they have changed. The exit code is 0 also where nothing was
    to be done.
    """
    from demand_forecast.reporting import retraining

    plan = retraining.make_plan(project.project_path, env, namespaces)
    due = retraining.print_due(plan)
    if due and not dry_run:
        retraining.train(project.project_path, env, due)


@cli.command(name="prune")
@click.option("--keep", required=True, help="What is younger stays: weeks or days, as 8w or 60d.")
@click.option(
    "--models",
    "registry",
    is_flag=True,
    help="Also delete versions in the model registry; their runs stay.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("--env", "-e", default=None, help="Kedro environment.")
@click.pass_obj
def prune(
    project: ProjectMetadata, keep: str, registry: bool, dry_run: bool, env: str | None
) -> None:
    """Remove old versions of datasets that no release and no monitoring needs.

    The newest version of each dataset stays, and all that the models of the releases since then
    were trained and judged on. It waits for runs of the environment to end.
    """
    from demand_forecast.framework.session import SegmentSession
    from demand_forecast.reporting import pruning

    with SegmentSession.for_command(project.project_path, env) as session:
        age = pruning.parse_age(keep)
        inventory = pruning.prune(session.load_context(), age, dry_run, registry)
    pruning.print_inventory(inventory, dry_run)


@cli.command(name="sample-data")
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
    """Simulate the company and write its raw files, region by region.

    Raises:
        ClickException: If a region has no layout, or a number is impossible.
    """
    from demand_forecast.simulator import Company, choose_layouts, simulate_regions

    names = None if regions is None else [name.strip() for name in regions.split(",")]
    try:
        company = Company(stores, products, weeks, seed)
        layouts = choose_layouts(names)
        folder = output or project.project_path / "data" / "01_raw"
        for done in simulate_regions(company, layouts, folder, truth):
            click.echo(
                f"{done.region:22s} {done.layout:14s} {done.rows.total():>12,} rows, "
                f"{done.bad_rows.total():,} of them bad"
            )
    except DemandForecastError as error:
        raise click.ClickException(str(error)) from error


@cli.command(name="tune")
@click.option(
    "--namespace",
    default=None,
    help="A region, segment or velocity, such as north_texas.large.fast; default: all segments.",
)
@click.option(
    "--trials",
    default=30,
    show_default=True,
    help="Sets of parameters to try; the first are those in force.",
)
@click.option(
    "--metric",
    type=click.Choice(["wape", "mape"]),
    default="wape",
    show_default=True,
    help="What is to be least: WAPE of the median, or MAPE of the point for it.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=None,
    help="Seconds after which no further trial begins; default: none.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="New file for the parameters to paste; default: they are printed only.",
)
@click.option("--env", "-e", default=None, help="Kedro environment.")
@click.pass_obj
def tune(
    project: ProjectMetadata,
    namespace: str | None,
    trials: int,
    metric: str,
    timeout: float | None,
    output: Path | None,
    env: str | None,
) -> None:
    """Search better hyperparameters on the weeks before the validation.

    Nothing is changed: it prints what the best parameters gain over those in force, and the lines
    of YAML that set them. All trials are runs in MLflow. It needs the extra `tune`.
    """
    from demand_forecast.framework.session import SegmentSession
    from demand_forecast.reporting import tuning

    with SegmentSession.for_command(project.project_path, env) as session:
        tuning.check_request(trials, output)
        context = session.load_context()
        targets = tuning.load_targets(context, namespace)
        tuned = tuning.search(targets, namespace, trials, metric, timeout)
        tuning.show(tuned, namespace, metric, output)


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

    from demand_forecast.framework.session import SegmentSession
    from demand_forecast.reporting import explanation

    with SegmentSession.for_command(project.project_path, env) as session:
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


@cli.command(name="trace")
@click.option("--namespace", required=True, help="The segment, such as north_texas.large.")
@click.option("--store", required=True, help="The store, such as NTX001.")
@click.option("--product", required=True, help="The product, such as 10103.")
@click.option("--week", default=None, help="A week, as 2019-12-28; default: the first forecast.")
@click.option("--replay", is_flag=True, help="Train its model again and compare it, bit by bit.")
@click.option("--env", "-e", default=None, help="Kedro environment.")
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
    from demand_forecast.framework.session import SegmentSession
    from demand_forecast.reporting import trace as tracing

    with SegmentSession.for_command(project.project_path, env) as session:
        catalog = session.load_context().catalog
        traced = tracing.trace_stored(catalog, namespace, store, product, week)
        if replay:
            from demand_forecast.reporting.replay import replay_traced

            traced.steps.append(replay_traced(catalog, namespace, traced))
    tracing.print_trace(traced)
    if not traced.is_good:
        raise click.exceptions.Exit(1)


@cli.command(name="leaderboard")
@click.option(
    "--namespace",
    default=None,
    help="A region, a segment or a velocity of one, such as north_texas.large; default: all.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="File to write the table into as well; its name ends in .csv or .json.",
)
@click.option("--env", "-e", default=None, help="Kedro environment.")
@click.pass_obj
def leaderboard(
    project: ProjectMetadata, namespace: str | None, output: Path | None, env: str | None
) -> None:
    """Rank ensembles, their members and the simple rules by the last backtest of each segment."""
    from demand_forecast.framework.session import SegmentSession
    from demand_forecast.reporting import leaderboard as ranking

    with SegmentSession.for_command(project.project_path, env) as session:
        ranking.check_output(output)
        table = ranking.load_leaderboard(session.load_context().catalog, namespace, env)
    ranking.print_leaderboard(table)
    if output is not None:
        ranking.write_leaderboard(table, output)


@cli.command(name="dashboard")
@click.option("--port", default=8501, show_default=True, help="Where it listens.")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address that it listens on; the default can be reached from this machine only.",
)
@click.option("--env", "-e", default=None, help="Kedro environment.")
@click.pass_obj
def dashboard(project: ProjectMetadata, port: int, host: str, env: str | None) -> None:
    """Serve the dashboard over the results store, until Ctrl-C.

    It reads what runs have published, and changes nothing. It needs the extra `dashboard`.
    """
    from demand_forecast.dashboard.server import launch
    from demand_forecast.framework.session import SegmentSession

    with SegmentSession.for_command(project.project_path, env) as session:
        published = session.load_context().catalog["published_totals"]
        database = published.database
        click.echo(f"results store {database.shown}, dashboard http://{host}:{port}")
        launch.serve(database.address, port, host)


@cli.group(name="gate")
def gate() -> None:
    """What may be promoted: look at verdicts, and how often the gate is wrong."""


@gate.command(name="show")
@click.option(
    "--namespace",
    default=None,
    help="A region, a segment or a velocity of one, such as north_texas.large.fast; default: all.",
)
@click.option("--env", "-e", default=None, help="Kedro environment.")
@click.pass_obj
def gate_show(project: ProjectMetadata, namespace: str | None, env: str | None) -> None:
    """Show the last verdicts: each rule with its figure, limit and outcome."""
    from demand_forecast.framework.session import SegmentSession
    from demand_forecast.reporting import verdicts

    with SegmentSession.for_command(project.project_path, env) as session:
        stored = verdicts.load_verdicts(session.load_context().catalog, namespace, env)
    verdicts.print_verdicts(stored)


@gate.command(name="simulate")
@click.option(
    "--effect",
    default="0.1,0.05,0.02,0,-0.02,-0.1",
    show_default=True,
    help="How much lower the true MAPE of the challenger is, as a share; separated by commas.",
)
@click.option(
    "--namespace",
    default=None,
    help="A region, a segment or a velocity of one, such as north_texas.large; default: all.",
)
@click.option(
    "--series",
    type=click.IntRange(min=1),
    default=None,
    help="Series of a segment; default: the fewest, the median and the most of the last backtests.",
)
@click.option(
    "--origins",
    type=click.IntRange(min=1),
    default=None,
    help="Rolling origins; default: those of the parameters.",
)
@click.option(
    "--trials",
    type=click.IntRange(min=1),
    default=400,
    show_default=True,
    help="Simulated backtests of each size.",
)
@click.option("--env", "-e", default=None, help="Kedro environment.")
@click.pass_obj
def gate_simulate(
    project: ProjectMetadata,
    effect: str,
    namespace: str | None,
    series: int | None,
    origins: int | None,
    trials: int,
    env: str | None,
) -> None:
    """Simulate how often a challenger is promoted, by how good it truly is.

    The errors of challenger and incumbent hang together as those of two models do in the last
    backtests. Nothing is changed.
    """
    from demand_forecast.framework.session import SegmentSession
    from demand_forecast.reporting import gate_errors

    with SegmentSession.for_command(project.project_path, env) as session:
        effects = gate_errors.read_effects(effect)
        context = session.load_context()
        errors, settings = gate_errors.load_settings(context, namespace, series, origins)
    gate_errors.print_rates(errors, settings, effects, trials)


@cli.command(name="orders")
@click.option("--store", required=True, help="The store, such as NTX001.")
@click.option("--namespace", default=None, help="Its region or segment; default: it is looked for.")
@click.option(
    "--week",
    default="next",
    show_default=True,
    help="Last day of the week that is delivered for, as 2020-01-04.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="File to write the sheet into as well; its name ends in .xlsx or .csv.",
)
@click.option("--env", "-e", default=None, help="Kedro environment.")
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
    from demand_forecast.framework.session import SegmentSession
    from demand_forecast.reporting import orders as sheet

    with SegmentSession.for_command(project.project_path, env) as session:
        sheet.check_output(output)
        table = sheet.load_orders(session.load_context().catalog, store, namespace, week)
    sheet.print_orders(table)
    if output is not None:
        sheet.write_orders(table, output)


@cli.command(name="value")
@click.option(
    "--namespace",
    default=None,
    help="A region, a segment or a velocity of one, such as north_texas.large; default: all.",
)
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
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="File to write the table into as well; its name ends in .csv or .json.",
)
@click.option("--env", "-e", default=None, help="Kedro environment.")
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
    from demand_forecast.framework.session import SegmentSession
    from demand_forecast.reporting import value as worth

    with SegmentSession.for_command(project.project_path, env) as session:
        worth.check_output(output)
        table = worth.load_value(session.load_context(), namespace, truth, lead)
    worth.print_value(table)
    if output is not None:
        worth.write_value(table, output)


@cli.group(name="models")
def models() -> None:
    """Which models serve: list, history, promote, roll back, approve.

    SEGMENT is a velocity of a segment or its baseline: north_texas.large.fast,
    north_texas.large.baseline.
    """


_env = click.option("--env", "-e", default=None, help="Kedro environment.")
_why = click.option("--why", required=True, help="The reason; it is kept in the release.")


@contextmanager
def _models(project: ProjectMetadata, env: str | None) -> Iterator[Any]:
    """The registered models of an environment, with errors in one line."""
    from demand_forecast.framework.session import SegmentSession
    from demand_forecast.reporting.model_releases import load_models

    with SegmentSession.for_command(project.project_path, env) as session:
        yield load_models(session.load_context().catalog)


@models.command(name="list")
@click.option("--on", default=None, help="A day, as 2019-12-28; default: now.")
@_env
@click.pass_obj
def models_list(project: ProjectMetadata, on: str | None, env: str | None) -> None:
    """All champions, now or on an earlier day."""
    from demand_forecast.reporting import model_releases

    with _models(project, env) as found:
        model_releases.print_release(found, model_releases.in_force(found, on))


@models.command(name="at")
@click.argument("date")
@click.argument("segment", required=False)
@_env
@click.pass_obj
def models_at(project: ProjectMetadata, date: str, segment: str | None, env: str | None) -> None:
    """What answered on DATE, at its end (UTC): for SEGMENT, or for all."""
    from demand_forecast.reporting import model_releases

    with _models(project, env) as found:
        model_releases.print_release(found, model_releases.in_force(found, date), segment)


@models.command(name="show")
@click.argument("segment")
@_env
@click.pass_obj
def models_show(project: ProjectMetadata, segment: str, env: str | None) -> None:
    """All that is known of the champion of SEGMENT."""
    from demand_forecast.reporting import model_releases

    with _models(project, env) as found:
        model_releases.print_version(found, segment)


@models.command(name="history")
@click.argument("segment")
@_env
@click.pass_obj
def models_history(project: ProjectMetadata, segment: str, env: str | None) -> None:
    """Every change of the champion of SEGMENT: when, who, why."""
    from demand_forecast.reporting import model_releases

    with _models(project, env) as found:
        model_releases.print_history(found, segment)


@models.command(name="promote")
@click.argument("segment")
@click.argument("version")
@_why
@click.option("--force", is_flag=True, help="Even if the gate refused it; it stays marked.")
@_env
@click.pass_obj
def models_promote(
    project: ProjectMetadata, segment: str, version: str, why: str, force: bool, env: str | None
) -> None:
    """Make VERSION the champion of SEGMENT."""
    from demand_forecast.reporting import model_releases

    with _models(project, env) as found:
        release = model_releases.promote(found, segment, version, why, force)
        model_releases.print_change(found, release)


@models.command(name="rollback")
@click.option("--to", default=None, help="A release; default: the one before that in force.")
@_why
@_env
@click.pass_obj
def models_rollback(project: ProjectMetadata, to: str | None, why: str, env: str | None) -> None:
    """Go back to an earlier release, with all champions or none."""
    from demand_forecast.reporting import model_releases

    with _models(project, env) as found:
        release = model_releases.roll_back(found, to, why)
        model_releases.print_change(found, release)


@models.command(name="approve")
@click.argument("release", required=False)
@_why
@_env
@click.pass_obj
def models_approve(
    project: ProjectMetadata, release: str | None, why: str, env: str | None
) -> None:
    """Put RELEASE in force, which waits for approval; default: the newest that does."""
    from demand_forecast.reporting import model_releases

    with _models(project, env) as found:
        model_releases.print_change(found, model_releases.approve(found, release, why))


@cli.group(name="layout")
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

    Raises:
        ClickException: If no file can be read, or a file to write is there.
    """
    from demand_forecast.reporting.layouts import write_draft

    root = project.project_path if project is not None else Path.cwd()
    try:
        write_draft(folder, name, output or root / "conf" / name, force, root)
    except DemandForecastError as error:
        raise click.ClickException(str(error)) from error


@layout.command(name="check")
@click.option("--env", "-e", default=None, help="Kedro environment.")
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
        ClickException: If something is still to be decided, or would stop a run.
    """
    from demand_forecast.reporting.layouts import check_layouts

    try:
        passed = check_layouts(project.project_path, env, list(regions), rows)
    except DemandForecastError as error:
        raise click.ClickException(str(error)) from error
    if not passed:
        raise click.ClickException("something would stop a run, see 'stops a run' above.")


@layout.command(name="contract")
@click.option("--env", "-e", default=None, help="Kedro environment.")
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

    Raises:
        ClickException: If no layout has the source, or a layout is not valid.
    """
    from demand_forecast.reporting.layouts import write_contracts

    try:
        write_contracts(project.project_path, env, source, output)
    except DemandForecastError as error:
        raise click.ClickException(str(error)) from error

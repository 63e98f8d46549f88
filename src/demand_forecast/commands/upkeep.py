"""Commands that keep models and their store in order: retrain, prune."""

from __future__ import annotations

import click
from kedro.framework.startup import ProjectMetadata

from demand_forecast.commands.common import InWords, env_option, loaded


@click.command(name="retrain", cls=InWords)
@click.option("--dry-run", is_flag=True, help="Only say which models would be trained, and why.")
@click.option(
    "--namespace",
    "namespaces",
    multiple=True,
    help="A region, segment or velocity, such as north_texas.large.fast; may be repeated. "
    "Default: all.",
)
@env_option
@click.pass_obj
def retrain(
    project: ProjectMetadata, dry_run: bool, namespaces: tuple[str, ...], env: str | None
) -> None:
    """Train, validate and release the models that need it, and no others.

    Raw files are read first, as far as they have changed. The exit code is 0 also where nothing was
    to be done. A region that cannot be read holds no other up: theirs are trained, then the exit
    code is 1.
    """
    from demand_forecast.reporting import retraining

    plan = retraining.make_plan(project.project_path, env, namespaces)
    due = retraining.print_due(plan.models)
    if due and not dry_run:
        retraining.train(project.project_path, env, due)
    if plan.failure is not None:
        raise plan.failure


@click.command(name="prune", cls=InWords)
@click.option("--keep", required=True, help="What is younger stays: weeks or days, as 8w or 60d.")
@click.option(
    "--models",
    "registry",
    is_flag=True,
    help="Also delete versions in the model registry; their runs stay.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@env_option
@click.pass_obj
def prune(
    project: ProjectMetadata, keep: str, registry: bool, dry_run: bool, env: str | None
) -> None:
    """Remove old versions of datasets that no release and no monitoring needs.

    The newest version of each dataset stays, and all that the models of the releases since then
    were trained and judged on. It waits for runs of the environment to end.
    """
    from demand_forecast.reporting import pruning

    age = pruning.parse_age(keep)
    with loaded(project, env) as context:
        inventory = pruning.prune(context, age, dry_run, registry)
    pruning.print_inventory(inventory, dry_run)

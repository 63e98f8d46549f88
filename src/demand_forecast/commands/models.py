"""``kedro models``: which models serve."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from kedro.framework.startup import ProjectMetadata

from demand_forecast.commands.common import CommandGroup, env_option, loaded


@click.group(name="models", cls=CommandGroup)
def models() -> None:
    """Which models serve: list, history, promote, roll back, approve.

    SEGMENT is a velocity of a segment or its baseline: north_texas.large.fast,
    north_texas.large.baseline.
    """


_why = click.option("--why", required=True, help="The reason; it is kept in the release.")


@contextmanager
def _models(project: ProjectMetadata, env: str | None) -> Iterator[Any]:
    """The registered models of an environment."""
    from demand_forecast.reporting.model_releases import load_models

    with loaded(project, env) as context:
        yield load_models(context.catalog)


@models.command(name="list")
@click.option("--on", default=None, help="A day, as 2019-12-28; default: now.")
@env_option
@click.pass_obj
def models_list(project: ProjectMetadata, on: str | None, env: str | None) -> None:
    """All champions, now or on an earlier day."""
    from demand_forecast.reporting import model_releases

    with _models(project, env) as registry:
        model_releases.print_release(registry, model_releases.in_force(registry, on))


@models.command(name="at")
@click.argument("date")
@click.argument("segment", required=False)
@env_option
@click.pass_obj
def models_at(project: ProjectMetadata, date: str, segment: str | None, env: str | None) -> None:
    """What answered on DATE, at its end (UTC): for SEGMENT, or for all."""
    from demand_forecast.reporting import model_releases

    with _models(project, env) as registry:
        model_releases.print_release(registry, model_releases.in_force(registry, date), segment)


@models.command(name="show")
@click.argument("segment")
@env_option
@click.pass_obj
def models_show(project: ProjectMetadata, segment: str, env: str | None) -> None:
    """All that is known of the champion of SEGMENT."""
    from demand_forecast.reporting import model_releases

    with _models(project, env) as registry:
        model_releases.print_version(registry, segment)


@models.command(name="history")
@click.argument("segment")
@env_option
@click.pass_obj
def models_history(project: ProjectMetadata, segment: str, env: str | None) -> None:
    """Every change of the champion of SEGMENT: when, who, why."""
    from demand_forecast.reporting import model_releases

    with _models(project, env) as registry:
        model_releases.print_history(registry, segment)


@models.command(name="promote")
@click.argument("segment")
@click.argument("version")
@_why
@click.option("--force", is_flag=True, help="Even if the gate refused it; it stays marked.")
@env_option
@click.pass_obj
def models_promote(
    project: ProjectMetadata, segment: str, version: str, why: str, force: bool, env: str | None
) -> None:
    """Make VERSION the champion of SEGMENT."""
    from demand_forecast.reporting import model_releases

    with _models(project, env) as registry:
        release = model_releases.promote(registry, segment, version, why, force)
        model_releases.print_change(registry, release)


@models.command(name="rollback")
@click.option("--to", default=None, help="A release; default: the one before that in force.")
@_why
@env_option
@click.pass_obj
def models_rollback(project: ProjectMetadata, to: str | None, why: str, env: str | None) -> None:
    """Go back to an earlier release, with all champions or none."""
    from demand_forecast.reporting import model_releases

    with _models(project, env) as registry:
        release = model_releases.roll_back(registry, to, why)
        model_releases.print_change(registry, release)


@models.command(name="approve")
@click.argument("release", required=False)
@_why
@env_option
@click.pass_obj
def models_approve(
    project: ProjectMetadata, release: str | None, why: str, env: str | None
) -> None:
    """Put RELEASE in force, which waits for approval; default: the newest that does."""
    from demand_forecast.reporting import model_releases

    with _models(project, env) as registry:
        model_releases.print_change(registry, model_releases.approve(registry, release, why))

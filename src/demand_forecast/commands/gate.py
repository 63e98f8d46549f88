"""``kedro gate``: verdicts, and how often the gate is wrong."""

from __future__ import annotations

import click
from kedro.framework.startup import ProjectMetadata

from demand_forecast.commands.common import CommandGroup, env_option, loaded, namespace_option


@click.group(name="gate", cls=CommandGroup)
def gate() -> None:
    """What may be promoted: look at verdicts, and how often the gate is wrong."""


@gate.command(name="show")
@namespace_option
@env_option
@click.pass_obj
def gate_show(project: ProjectMetadata, namespace: str | None, env: str | None) -> None:
    """Show the last verdicts: each rule with its figure, limit and outcome."""
    from demand_forecast.reporting import verdicts

    with loaded(project, env) as context:
        stored = verdicts.load_verdicts(context.catalog, namespace, env)
    verdicts.print_verdicts(stored)


@gate.command(name="simulate")
@click.option(
    "--effect",
    default="0.1,0.05,0.02,0,-0.02,-0.1",
    show_default=True,
    help="How much lower the true MAPE of the challenger is, as a share; separated by commas.",
)
@namespace_option
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
@env_option
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
    from demand_forecast.reporting import gate_errors

    effects = gate_errors.read_effects(effect)
    with loaded(project, env) as context:
        errors, settings = gate_errors.load_settings(context, namespace, series, origins)
    gate_errors.print_rates(errors, settings, effects, trials)

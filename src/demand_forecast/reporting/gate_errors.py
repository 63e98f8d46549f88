"""How often the gate is wrong, for ``kedro gate simulate``: a table by size of segment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from kedro.framework.context import KedroContext

from demand_forecast.exceptions import ConfigurationError
from demand_forecast.framework import run_context
from demand_forecast.framework.segments import Branch
from demand_forecast.modelling.evaluation.splits import ForecastParameters
from demand_forecast.modelling.lifecycle.gate import GateParameters
from demand_forecast.modelling.lifecycle.gate_simulation import (
    USUAL,
    Errors,
    Size,
    release_rates,
    usual_errors,
)
from demand_forecast.modelling.panel import KEY
from demand_forecast.reporting import terminal

_SERIES: Final = (20, 100, 500)  # where nothing was trained yet


class Setting(NamedTuple):
    """One line of the table: whose rules, and how much they are asked of."""

    name: str
    size: Size
    rules: GateParameters


def read_effects(text: str) -> list[float]:
    """Effects from the command line, ``0.1,0,-0.05``.

    Raises:
        ConfigurationError: If one is no number below 1.
    """
    try:
        effects = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise ConfigurationError(f"--effect: '{text}' is no list of numbers as 0.1,0") from error
    if wrong := [effect for effect in effects if not effect < 1]:
        raise ConfigurationError(f"--effect: {wrong[0]:g} is not possible; valid: below 1")
    return effects


def load_settings(
    context: KedroContext, namespace: str | None, series: int | None, origins: int | None
) -> tuple[Errors, list[Setting]]:
    """How errors hang together in the last backtests, and what to simulate.

    Args:
        context: Of the session.
        namespace: A region, a segment or a velocity of one; all if not given.
        series: Series of a segment; if not given the fewest, the median and the most there are.
        origins: Rolling origins; those of the parameters if not given.

    Returns:
        What is usual on the sample where no backtest is stored.

    Raises:
        ConfigurationError: If there is no such namespace.
    """
    branches, catalog = run_context.current().segments.within(namespace), context.catalog
    names = {branch: f"{branch.namespace}.backtest" for branch in branches}
    stored = {b: catalog.load(name) for b, name in names.items() if catalog.exists(name)}
    counts = {b: len(frame[KEY].drop_duplicates()) for b, frame in stored.items() if len(frame)}
    chosen = [(branches[0], n) for n in ([series] if series else _SERIES)]
    if counts and series is None:
        chosen = _spread(counts)
    settings = [_setting(context.params, branch, n, origins) for branch, n in chosen]
    return (usual_errors(stored.values()) if counts else USUAL), settings


def _spread(counts: Mapping[Branch, int]) -> list[tuple[Branch, int]]:
    """The places with the fewest series, the median number and the most; each number once."""
    ranked = sorted(counts.items(), key=lambda item: item[1])
    three = [ranked[0], ranked[len(ranked) // 2], ranked[-1]]
    return list({n: (branch, n) for branch, n in reversed(three)}.values())[::-1]


def _setting(
    parameters: Mapping[str, Any], branch: Branch, series: int, origins: int | None
) -> Setting:
    of_segment = parameters[branch.region][branch.segment.store_format]
    forecast = ForecastParameters.model_validate(of_segment["forecast"])
    rules = GateParameters.model_validate(of_segment[branch.velocity]["validation"])
    size = Size.of(series, forecast)
    return Setting(branch.namespace, size._replace(origins=origins or size.origins), rules)


def print_rates(
    errors: Errors, settings: Sequence[Setting], effects: Sequence[float], trials: int
) -> None:
    """Simulate each setting and print the share of challengers that is promoted.

    Args:
        errors: How errors hang together.
        settings: Lines of the table.
        effects: Its columns: how much lower the true MAPE of the challenger is, as a share.
        trials: Simulated backtests of each.
    """
    console = terminal.console()
    table = terminal.table()
    table.add_column("rules of", no_wrap=True)
    for title in ("series", "weeks", "margin", *map(_title, effects)):
        table.add_column(title, justify="right")
    for name, size, rules in settings:
        margin = "off" if rules.margin is None else f"{rules.margin:g} %"
        rates = release_rates(errors, size, effects, rules, trials=trials)
        cells = (f"{100 * rate:.1f}" for rate in rates)
        table.add_row(name, str(size.series), str(size.weeks), margin, *cells)
    console.print(table)
    console.print(
        f"Share of {trials} simulated challengers that the rules about the incumbent let pass, per "
        "cent, by how much lower or higher their true MAPE is. The other rules are not asked."
    )


def _title(effect: float) -> str:
    if effect == 0:
        return "as\ngood"
    return f"{100 * abs(effect):g} %\n{'better' if effect > 0 else 'worse'}"

"""Hyperparameters of stored panels, for ``kedro tune``: what is searched, shown and logged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import click
import yaml
from kedro.framework.context import KedroContext
from kedro.io import CatalogProtocol
from rich.console import Console
from rich.table import Table

from demand_forecast.datasets.atomic import write_text
from demand_forecast.exceptions import (
    ConfigurationError,
    MissingInputError,
    NotEnoughHistoryError,
    extra_needed,
)
from demand_forecast.framework import run_context
from demand_forecast.framework.segments import Branch, Segment
from demand_forecast.framework.threads import one_thread
from demand_forecast.modelling.evaluation.splits import ForecastParameters
from demand_forecast.modelling.lifecycle.search_space import as_yaml_values, in_force
from demand_forecast.modelling.lifecycle.training import TrainingParameters
from demand_forecast.modelling.lifecycle.tuning import (
    FEWEST_TRIALS,
    Target,
    Trial,
    Tuning,
    make_target,
    tune,
)
from demand_forecast.modelling.panel import Panel
from demand_forecast.modelling.velocity import VelocityParameters
from demand_forecast.registry.tracking import log_child, log_result, open_run

Catalog = CatalogProtocol[Any, Any]
_ALL: Final = "all segments"


def check_request(trials: int, output: Path | None) -> None:
    """Refuse, before anything is read, what cannot be done.

    Args:
        trials: How many are wanted.
        output: File to write, if any.

    Raises:
        ConfigurationError: If Optuna is missing, there are too few trials, or the file is there.
    """
    try:
        import optuna  # noqa: F401
    except ModuleNotFoundError as error:
        raise ConfigurationError(extra_needed(error, "tune", "`kedro tune` needs it")) from error
    if trials < FEWEST_TRIALS:
        raise ConfigurationError(
            f"--trials is {trials}; valid: {FEWEST_TRIALS} or more, as the first are the "
            "parameters in force."
        )
    if output is not None and output.exists():
        raise ConfigurationError(f"--output: {output} is there already; name a new file.")


def load_targets(context: KedroContext, namespace: str | None) -> list[Target]:
    """The ensembles of a namespace with the weeks to try parameters on.

    Args:
        context: Of the session.
        namespace: A region, segment or velocity; all segments if not given.

    Raises:
        ConfigurationError: If there is no such namespace.
        MissingInputError: If the panel of a segment has not been made yet.
        NotEnoughHistoryError: If no ensemble has enough weeks; of several, those that have not are
            named and left out.
    """
    branches = run_context.current().segments.within(namespace)
    _check_panels(context, branches)
    targets, reasons = [], []
    for branch, panel in _with_panels(context.catalog, branches):
        try:
            targets.append(_target(context.params, branch, panel))
        except NotEnoughHistoryError as error:
            reasons.append(f"{branch.namespace}: {error}")
            click.echo(f"left out: {reasons[-1]}")
    if not targets:
        raise NotEnoughHistoryError(f"nothing to tune: {reasons[0]}")
    return targets


def _panel_name(segment: Segment) -> str:
    return f"{segment.namespace}.panel"


def _check_panels(context: KedroContext, branches: list[Branch]) -> None:
    names = dict.fromkeys(_panel_name(branch.segment) for branch in branches)
    missing = [name for name in names if not context.catalog.exists(name)]
    if missing:
        raise MissingInputError.of(missing, "conditioning", run_context.current().env)


def _with_panels(catalog: Catalog, branches: list[Branch]) -> Iterator[tuple[Branch, Panel]]:
    """Each velocity with the newest panel of its segment, which is read once."""
    segments = dict.fromkeys(branch.segment for branch in branches)
    for segment in segments:
        panel: Panel = catalog.load(_panel_name(segment))
        yield from ((branch, panel) for branch in branches if branch.segment == segment)


def _target(parameters: Mapping[str, Any], branch: Branch, panel: Panel) -> Target:
    of_segment = parameters[branch.region][branch.store_format]
    return make_target(
        branch.namespace,
        panel,
        branch.velocity,
        ForecastParameters.model_validate(of_segment["forecast"]),
        VelocityParameters.model_validate(of_segment["velocity"]),
        TrainingParameters.model_validate(of_segment[branch.velocity]["training"]),
    )


def search(
    targets: list[Target],
    namespace: str | None,
    trials: int,
    metric: str,
    timeout: float | None = None,
) -> Tuning:
    """Try parameters, with a line and an MLflow run for each trial below one for the search.

    Args:
        targets: See :func:`load_targets`.
        namespace: What they are, for people.
        trials: How many sets of parameters are tried.
        metric: ``wape`` or ``mape``.
        timeout: Seconds after which no further trial begins.
    """
    before = in_force([target.parameters for target in targets])
    now = {name: _listed(values) for name, values in before.items()}
    settings = {"namespace": namespace or _ALL, "trials": trials, "metric": metric}
    with one_thread(), open_run(f"tune {namespace or _ALL}", settings) as parent:

        def note(trial: Trial) -> None:
            click.echo(_progress(trial, trials, metric))
            values = trial.values or now
            tags = {"pruned": str(trial.pruned).lower()}
            log_child(parent, f"trial {trial.number}", values, _metrics(trial, metric), tags)

        tuned = tune(targets, trials, metric, timeout=timeout, on_trial=note)
        gain, error = tuned.gain
        figures = {metric: tuned.best.value, f"{metric}_in_force": tuned.current.value}
        figures |= {"gain": gain, "gain_error": error, "best_trial": tuned.best.number}
        log_result(figures, {"parameters.yml": as_yaml(tuned, namespace)})
    return tuned


def _progress(trial: Trial, trials: int, metric: str) -> str:
    values = ", ".join(f"{name} {value:g}" for name, value in trial.values.items())
    what = values or "the parameters in force"
    end = " in the first weeks, given up" if trial.pruned else ""
    figure = f"{metric.upper()} {trial.value:.2f} %{end}"
    return f"trial {trial.number} of {trials}: {figure}, {trial.seconds:.0f} s ({what})"


def _metrics(trial: Trial, metric: str) -> dict[str, float]:
    """Figures of a trial; the one over all weeks only where all were tried."""
    blocks = {f"{metric}_block_{number}": value for number, value in trial.by_block.items()}
    whole = {} if trial.pruned else {metric: trial.value}
    return {"seconds": trial.seconds, **blocks, **whole}


def as_yaml(tuned: Tuning, namespace: str | None) -> str:
    """What sets the best parameters, as it stands in a parameters file; see :func:`place_of`."""
    values: dict[str, Any] = {"training": as_yaml_values(tuned.changed)}
    for part in reversed(namespace.split(".") if namespace else []):
        values = {part: values}
    return yaml.safe_dump(values, sort_keys=False)


def place_of(namespace: str | None) -> str:
    """The parameters file that the YAML belongs to, below the folder of an environment."""
    if namespace is None:
        return "parameters/training.yml"
    return f"parameters/segments/{namespace.split('.')[0]}.yml"


def show(tuned: Tuning, namespace: str | None, metric: str, output: Path | None = None) -> None:
    """Print what the search gained and the parameters to paste, and write them if wanted.

    Args:
        tuned: From :func:`search`.
        namespace: What was tuned.
        metric: What was to be least.
        output: New file for the parameters; written whole or not at all.
    """
    console = Console(width=110, highlight=False)
    console.print(f"{namespace or _ALL}: {metric.upper()} on the weeks before the validation")
    console.print(_figures(tuned))
    console.print(_verdict(tuned), markup=False)
    if not tuned.changed:
        return
    console.print(_changes(tuned))
    text = as_yaml(tuned, namespace)
    env = run_context.current().env or "base"
    console.print(f"For conf/{env}/{place_of(namespace)}:\n\n{text}", markup=False, soft_wrap=True)
    if output is not None:
        write_text(output, text)
        console.print(f"written: {output}", markup=False, soft_wrap=True)


def _figures(tuned: Tuning) -> Table:
    table = Table()
    for name in ("%", "in force", "best"):
        table.add_column(name, justify="right" if name != "%" else "left")
    best = tuned.best.by_block
    for number, value in tuned.current.by_block.items():
        table.add_row(_weeks(tuned, number), f"{value:.2f}", f"{best[number]:.2f}")
    pair = (tuned.current.value, tuned.best.value)
    table.add_row("all weeks", *(f"{value:.2f}" for value in pair), style="bold")
    gain, error = tuned.gain
    table.add_row("gain", "", f"{gain:.2f}")
    table.add_row("its standard error", "", f"{error:.2f}")
    return table


def _weeks(tuned: Tuning, block: int) -> str:
    errors = tuned.current.errors
    weeks = errors.loc[errors["block"] == block, "week"]
    return f"{weeks.min():%Y-%m-%d} to {weeks.max():%Y-%m-%d}"


def _verdict(tuned: Tuning) -> str:
    """What to do, in words."""
    if not tuned.changed:
        return "Nothing was better than the parameters in force: keep them."
    gain, error = tuned.gain
    if not tuned.is_clear:
        return (
            f"The gain of {gain:.2f} points is within two standard errors ({error:.2f} each): keep "
            "the parameters in force. The defaults need no tuning."
        )
    return (
        f"The gain of {gain:.2f} points is more than two standard errors ({error:.2f} each). It is "
        "that of the best of many, so expect less: train with the parameters below, the gate "
        "judges them on the weeks of the validation."
    )


def _changes(tuned: Tuning) -> Table:
    table, before = Table(), tuned.in_force
    for name in ("parameter", "in force", "best"):
        table.add_column(name)
    for name, value in tuned.changed.items():
        table.add_row(name, _listed(before[name]), f"{value:g}")
    return table


def _listed(values: Iterable[float | None]) -> str:
    """The different values of a parameter, as YAML has them."""
    return " or ".join("null" if value is None else f"{value:g}" for value in values)

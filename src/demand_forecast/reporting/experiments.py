"""Experiments, for ``kedro experiment``: how they stand, what they have shown, stopping one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pandas as pd
from kedro.framework.context import KedroContext
from rich.markup import escape

from demand_forecast.exceptions import ConfigurationError, did_you_mean
from demand_forecast.framework import run_context
from demand_forecast.modelling.experiments.parameters import AB, ExperimentParameters
from demand_forecast.modelling.experiments.readout import MEASURES
from demand_forecast.modelling.experiments.status import PLANNED, stand
from demand_forecast.registry.experiment_stops import ExperimentStopsDataset
from demand_forecast.reporting import terminal

_EMPTY: Final = "No experiment is planned: experiments.yml has none."


def load_status(context: KedroContext) -> pd.DataFrame:
    """How every experiment of the configuration stands.

    Args:
        context: Of the session.

    Returns:
        :data:`demand_forecast.modelling.experiments.status.STATUS_COLUMNS`.
    """
    catalog, segments = context.catalog, run_context.current().segments.segments
    loaded = {
        kind: [
            catalog.load(f"{segment.namespace}.{kind}")
            for segment in segments
            if catalog.exists(f"{segment.namespace}.{kind}")
        ]
        for kind in ("arm_sums", "arms")
    }
    rules = _rules(context)
    return stand(rules, loaded["arm_sums"], loaded["arms"], _stops(context).load()).status


def print_experiments(status: pd.DataFrame) -> None:
    """Print how experiments stand, a row for each.

    Args:
        status: From :func:`load_status`.
    """
    console = terminal.console()
    if status.empty:
        console.print(_EMPTY)
        return
    table = terminal.table()
    table.add_column("experiment", overflow="fold")
    for title in ("status", "kind", "weeks", "stores", "models", "owner"):
        table.add_column(title, overflow="fold")
    for row in status.to_dict("records"):
        models = str(row["models"]).replace(", ", "\n")
        cells = [row["experiment"], row["status"], row["kind"], _weeks(row), _stores(row), models]
        table.add_row(*(escape(str(cell)) for cell in (*cells, row["owner"])))
    console.print(table)
    for row in status.to_dict("records"):
        for word in ("why", "problem"):
            if row[word]:
                console.print(f"{row['experiment']}: {row[word]}", markup=False)


def print_experiment(context: KedroContext, name: str) -> None:
    """Print what one experiment has shown.

    Args:
        context: Of the session.
        name: Its name.

    Raises:
        ConfigurationError: If there is none of that name.
    """
    _plan(context, name)
    status = load_status(context)
    print_experiments(status[status["experiment"] == name])
    console = terminal.console()
    stored = context.catalog.load("experiment_readouts")
    mine = pd.DataFrame() if stored is None else stored[stored["experiment"] == name]
    if mine.empty:
        console.print("No week of it has come, or monitoring has not run: kedro run", markup=False)
        return
    newest = mine[mine["week"] == mine["week"].max()].set_index("measure").loc[list(MEASURES)]
    confidence = f"{100 * _rules(context).confidence:g} %"
    table = terminal.table(
        f"Until the week of {mine['week'].max():%Y-%m-%d}",
        f"All intervals, of every week, hold together with a probability of {confidence}.",
    )
    table.add_column("measure")
    for title in ("control", "challenger", "difference", "interval"):
        table.add_column(title, justify="right")
    for title in ("unit", "verdict"):
        table.add_column(title)
    for measure, row in newest.iterrows():
        figures = [_figure(row[name], ",.1f") for name in ("control", "challenger")]
        figures += [_figure(row["difference"], "+,.1f"), _interval(row.to_dict())]
        table.add_row(str(measure), *figures, row["unit"], row["verdict"])
    console.print(table)


def stop_experiment(context: KedroContext, name: str, why: str) -> None:
    """Stop an experiment from the next scoring on.

    Args:
        context: Of the session.
        name: Its name.
        why: The reason, for people.

    Raises:
        ConfigurationError: If there is none of that name, or it was stopped before.
    """
    _plan(context, name)
    _stops(context).records.stop(name, why)


def _plan(context: KedroContext, name: str) -> None:
    plans = _rules(context).plans
    if name not in plans:
        hint = did_you_mean(name, plans) if plans else _EMPTY
        raise ConfigurationError(f"there is no experiment '{name}'. {hint}")


def _rules(context: KedroContext) -> ExperimentParameters:
    return ExperimentParameters.model_validate(context.params["experiments"])


def _stops(context: KedroContext) -> ExperimentStopsDataset:
    dataset = context.catalog["experiment_stops"]
    assert isinstance(dataset, ExperimentStopsDataset)  # noqa: S101 - the catalog says so
    return dataset


def _weeks(row: Mapping[Any, Any]) -> str:
    end = "" if pd.isna(row["end_week"]) else f" to {row['end_week']:%Y-%m-%d}"
    return f"{row['weeks']} since {row['start_week']:%Y-%m-%d}{end}"


def _stores(row: Mapping[Any, Any]) -> str:
    if row["status"] == PLANNED:
        return ""
    chosen = f"{row['stores_chosen']} of " if row["kind"] == AB else ""
    return f"{chosen}{row['stores']}"


def _figure(value: float, form: str) -> str:
    return "-" if pd.isna(value) else f"{value:{form}}"


def _interval(row: Mapping[Any, Any]) -> str:
    if pd.isna(row["lower"]):
        return "too early"
    return f"{row['lower']:+,.1f} to {row['upper']:+,.1f}"
